"""A van on its way along a path of the road graph: where it is, how fast, which way, how far it came.

Metres, seconds, m/s, degrees; a path's seconds are the road's own and are stretched by the traffic.
"""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

EARTH_M = 6_371_008.8

Place = tuple[float, float]
"""Latitude and longitude, degrees."""


def distance_m(a: Place, b: Place) -> float:
    """On a local plane: within 0.1 % over a neighbourhood."""
    east, north = _plane(a, b)
    return math.hypot(east, north)


def heading_deg(a: Place, b: Place) -> float:
    """Clockwise from north, 0 to 360."""
    east, north = _plane(a, b)
    return math.degrees(math.atan2(east, north)) % 360


def _plane(a: Place, b: Place) -> Place:
    scale = math.radians(1) * EARTH_M
    return (b[1] - a[1]) * scale * math.cos(math.radians((a[0] + b[0]) / 2)), (b[0] - a[0]) * scale


@dataclass(frozen=True)
class Moving:
    """The van at one moment."""

    place: Place
    speed_m_s: float
    heading_deg: float | None
    driven_m: float


class Drive:
    """One drive: from `start_s` along `points`, of which the roads say `seconds` (cumulative, first 0)."""

    def __init__(
        self, points: Sequence[Place], seconds: Sequence[float], *, start_s: float, slower: float = 1.0
    ) -> None:
        if not points or len(points) != len(seconds):
            raise ValueError(f"points: {len(points)} with {len(seconds)} times")
        self._points = tuple(points)
        self._times = tuple(start_s + second * slower for second in seconds)
        steps = [distance_m(a, b) for a, b in itertools.pairwise(points)]
        self._metres = tuple(itertools.accumulate(steps, initial=0.0))
        self.start_s = start_s

    @property
    def end_s(self) -> float:
        return self._times[-1]

    @property
    def length_m(self) -> float:
        return self._metres[-1]

    def at(self, t_s: float) -> Moving:
        """Before its start the van stands at the first point, after its end at the last."""
        if t_s >= self.end_s or len(self._points) == 1:
            return Moving(self._points[-1], 0.0, None, self.length_m)
        if t_s <= self.start_s:
            return Moving(self._points[0], 0.0, None, 0.0)
        after = bisect.bisect_right(self._times, t_s)
        before = after - 1
        a, b = self._points[before], self._points[after]
        whole_s = self._times[after] - self._times[before]
        share = (t_s - self._times[before]) / whole_s
        step_m = self._metres[after] - self._metres[before]
        place = (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
        return Moving(place, step_m / whole_s, heading_deg(a, b), self._metres[before] + step_m * share)
