"""All straight pieces of road, for finding those near a place; one direction of each stretch is enough."""

from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from routing.geometry import M_PER_DEGREE, fractions, to_segments
from routing.road_net import Edges, Snap

STREET_M = 100.0
"""A stretch of the address's own street may be this much further away than the nearest road."""


class Segments:
    """The pieces of a network's edges."""

    def __init__(self, edges: Edges) -> None:
        both = np.arange(len(edges.reverse))
        kept = (edges.reverse < 0) | (both < edges.reverse)
        starts: list[int] = []
        owners: list[int] = []
        for edge in np.flatnonzero(kept).tolist():
            first, last = int(edges.shape_start[edge]), int(edges.shape_start[edge + 1])
            starts.extend(range(first, last - 1))
            owners.extend([edge] * (last - 1 - first))
        self._edges = edges
        self._start = np.array(starts, dtype=np.int64)
        self._edge = np.array(owners, dtype=np.int64)

    def nearest(self, lat: float, lon: float, name: int | None) -> Snap:
        """The nearest place on a road; on one of this name if that is hardly further."""
        along, away = self._away(lat, lon)
        best = int(np.argmin(away))
        if name is not None:
            named = np.where(self._edges.name[self._edge] == name, away, np.inf)
            in_street = int(np.argmin(named))
            if named[in_street] <= away[best] + STREET_M:
                best = in_street
        return self._place(best, float(along[best]), float(away[best]))

    def within(self, lat: float, lon: float, radius_m: float, *, most: int) -> list[Snap]:
        """The nearest place on each stretch of road within `radius_m`, nearest first, at most `most`."""
        along, away = self._away(lat, lon)
        found: dict[int, Snap] = {}
        for index in np.flatnonzero(away <= radius_m)[np.argsort(away[away <= radius_m])].tolist():
            edge = int(self._edge[index])
            if edge not in found:
                found[edge] = self._place(index, float(along[index]), float(away[index]))
            if len(found) == most:
                break
        return list(found.values())

    def _away(self, lat: float, lon: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        edges = self._edges
        x = (edges.lon - lon) * (cos(radians(lat)) * M_PER_DEGREE)
        y = (edges.lat - lat) * M_PER_DEGREE
        return to_segments(x[self._start], y[self._start], x[self._start + 1], y[self._start + 1])

    def _place(self, segment: int, along: float, distance_m: float) -> Snap:
        edges, edge = self._edges, int(self._edge[segment])
        first = int(edges.shape_start[edge])
        span = slice(first, int(edges.shape_start[edge + 1]))
        shares = fractions(edges.lat[span], edges.lon[span])
        at = int(self._start[segment]) - first
        fraction = float(shares[at] + along * (shares[at + 1] - shares[at]))
        start = int(self._start[segment])
        lat = float(edges.lat[start] + along * (edges.lat[start + 1] - edges.lat[start]))
        lon = float(edges.lon[start] + along * (edges.lon[start + 1] - edges.lon[start]))
        return Snap(edge, fraction, lat, lon, distance_m)
