"""A van's track laid on the roads: the likeliest way through its fixes, by a hidden Markov model.

Comes in: a trip's fixes and the roads. Goes out: for each stretch of the track, the way that was driven and how long it
took. After Newson and Krumm (2009): a fix lies near its road by a normal distribution, and the way between two fixes is
about as long as the line between them, its excess exponentially distributed; Viterbi finds the likeliest row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.geometry import metres_between
from routing.places import Point
from routing.road_net import Snap
from routing.roads import RoadGraph, RoadPath
from routing.trips import Fix, Trip

FIX_M = 8.0
"""Standard deviation of a fix across the road: a receiver's error and half a street."""
EXCESS_M = 12.0
"""Mean of what the way is longer or shorter than the line between two fixes."""
RADIUS_M = 50.0
CANDIDATES = 6
SLOWEST = 4.0
"""Ways that would take this much longer than the clock says, by the roads' usual times, are not looked for."""


@dataclass(frozen=True)
class Driven:
    """A way between two fixes of a trip, and the seconds it took by the van's own clock."""

    start_s: float
    seconds: float
    path: RoadPath


def match(roads: RoadGraph, trip: Trip) -> list[Driven]:
    """The ways of a trip, in order; where the track leaves the roads there is a gap, and the rest goes on."""
    driven: list[Driven] = []
    for fixes, snaps in _rows(roads, trip.fixes):
        for index in range(1, len(fixes)):
            path = roads.way(snaps[index - 1], snaps[index])
            if path is not None:
                driven.append(Driven(fixes[index - 1].t_s, fixes[index].t_s - fixes[index - 1].t_s, path))
    return driven


def _rows(roads: RoadGraph, fixes: Sequence[Fix]) -> list[tuple[list[Fix], list[Snap]]]:
    """Parts of the track that can be followed without a break, each with the place of every fix on the roads."""
    rows: list[tuple[list[Fix], list[Snap]]] = []
    held: list[Fix] = []
    places: list[list[Snap]] = []
    score: NDArray[np.float64] = np.zeros(0)
    back: list[NDArray[np.int64]] = []
    for fix in fixes:
        near = _candidates(roads, fix)
        if held and near:
            reach = _transitions(roads, held[-1], fix, places[-1], near)
            total = score[:, None] + reach
            best = total.max(axis=0)
            if np.isfinite(best).any():
                back.append(np.argmax(total, axis=0))
                score = best + _emissions(near)
                held.append(fix)
                places.append(near)
                continue
        if len(held) > 1:
            rows.append((held, _traced(places, score, back)))
        held, places, back = ([fix], [near], []) if near else ([], [], [])
        score = _emissions(near)
    if len(held) > 1:
        rows.append((held, _traced(places, score, back)))
    return rows


def _traced(places: list[list[Snap]], score: NDArray[np.float64], back: list[NDArray[np.int64]]) -> list[Snap]:
    at = int(np.argmax(score))
    row = [places[-1][at]]
    for candidates, before in zip(places[-2::-1], reversed(back), strict=True):
        at = int(before[at])
        row.append(candidates[at])
    return row[::-1]


def _candidates(roads: RoadGraph, fix: Fix) -> list[Snap]:
    """Places near the fix, one for each direction of a road."""
    found = []
    for snap in roads.near(fix.lat, fix.lon, radius_m=RADIUS_M, most=CANDIDATES):
        found += [snap._replace(edge=edge, fraction=fraction) for edge, fraction in roads.sides(snap)]
    return found


def _emissions(near: Sequence[Snap]) -> NDArray[np.float64]:
    away = np.array([snap.distance_m for snap in near])
    return -0.5 * (away / FIX_M) ** 2


def _transitions(
    roads: RoadGraph, before: Fix, after: Fix, origins: Sequence[Snap], destinations: Sequence[Snap]
) -> NDArray[np.float64]:
    """Log likelihood of going from each origin to each destination; minus infinity where no way is short enough."""
    line_m = metres_between(Point(before.lat, before.lon), Point(after.lat, after.lon))
    limit_s = 30.0 + SLOWEST * (after.t_s - before.t_s)
    travel = roads.ways_between(origins, destinations, limit_s=limit_s)
    excess = np.abs(travel.distance_m - line_m)
    return np.where(travel.distance_m >= 0, -excess / EXCESS_M, -np.inf)
