"""A van's fixes cut into trips: what it drove from one standstill to the next.

Comes in: fixes in the order of their times, gaps and all. Goes out: trips; what stands between them (a visit, a lost
signal) is no driving and teaches nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from routing.geometry import metres_between
from routing.places import Point

STANDS_S = 45.0
"""Longer than this on one spot is a stop; a red light is shorter, and belongs to the road."""
SPOT_M = 25.0
GAP_S = 90.0
"""Longer without a fix, and the way between is a guess."""
STEP_M = 20.0
"""Fixes nearer to each other say more about the receiver than about the road."""
SHORTEST_M = 200.0
FASTEST_M_S = 45.0


class Fix(NamedTuple):
    """Where a van was at a moment: UTC seconds, WGS84 degrees."""

    t_s: float
    lat: float
    lon: float


@dataclass(frozen=True)
class Trip:
    """Fixes at least `STEP_M` apart, of one drive."""

    van: str
    fixes: tuple[Fix, ...]

    @property
    def seconds(self) -> float:
        return self.fixes[-1].t_s - self.fixes[0].t_s


def trips_of(van: str, fixes: Iterable[Fix]) -> list[Trip]:
    """The trips in a van's track, first and last fixes where it stood left out."""
    trips: list[Trip] = []
    drive: list[Fix] = []
    still: Fix | None = None  # since when and where it has not moved on
    for fix in sorted(set(fixes)):
        if drive and (fix.t_s - drive[-1].t_s > GAP_S + STANDS_S or _too_fast(drive[-1], fix)):
            trips += _whole(van, drive)
            drive, still = [], None
        if still is None or _apart_m(still, fix) > SPOT_M:
            still = fix
        elif fix.t_s - still.t_s > STANDS_S:
            trips += _whole(van, [one for one in drive if one.t_s <= still.t_s])
            drive = []
            continue
        if not drive or _apart_m(drive[-1], fix) >= STEP_M:
            drive.append(fix)
    return [*trips, *_whole(van, drive)]


def _whole(van: str, drive: Sequence[Fix]) -> list[Trip]:
    """The drive without its ends, where a van sets off and parks; nothing when it is too short to teach anything."""
    middle = tuple(drive[1:-1])
    if len(middle) < 3 or sum(_apart_m(a, b) for a, b in pairwise(middle)) < SHORTEST_M:
        return []
    return [Trip(van, middle)]


def _apart_m(a: Fix, b: Fix) -> float:
    return metres_between(Point(a.lat, a.lon), Point(b.lat, b.lon))


def _too_fast(a: Fix, b: Fix) -> bool:
    seconds = b.t_s - a.t_s
    return _apart_m(a, b) > FASTEST_M_S * max(seconds, 0.1) + SPOT_M
