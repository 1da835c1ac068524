"""The way along the roads from stop to stop, as the screens draw it; legs that were asked before are remembered."""

from collections.abc import Sequence
from itertools import pairwise

from routing.road_net import Snap
from routing.roads import RoadGraph

MOST_LEGS = 20_000
"""Legs whose geometry is kept; a hub's day has some hundreds."""


class Lines:
    """Lines over one map."""

    def __init__(self, graph: RoadGraph) -> None:
        self._graph = graph
        self._legs: dict[tuple[Snap, Snap], tuple[tuple[float, float], ...]] = {}

    def along(self, snaps: Sequence[Snap]) -> tuple[tuple[float, float], ...]:
        """[lon, lat] along the roads; a leg without a way is a straight line, which the checker has refused anyway."""
        line: list[tuple[float, float]] = []
        for origin, destination in pairwise(snaps):
            for point in self._leg(origin, destination):
                if not line or line[-1] != point:
                    line.append(point)
        return tuple(line)

    def _leg(self, origin: Snap, destination: Snap) -> tuple[tuple[float, float], ...]:
        key = (origin, destination)
        if key not in self._legs:
            if len(self._legs) > MOST_LEGS:
                self._legs.clear()
            path = self._graph.path(origin, destination)
            ends = ((origin.lat, origin.lon), (destination.lat, destination.lon))
            points = ends if path is None else tuple((point.lat, point.lon) for point in path.points)
            self._legs[key] = tuple((round(lon, 6), round(lat, 6)) for lat, lon in points)
        return self._legs[key]
