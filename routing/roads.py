"""The roads a van may use, as a graph of directed edges: snap a place, times between places, the way from A to B.

Comes in: `roads.npz` of a map, made by `road_build`. Goes out: places on the road, a `Travel` matrix, paths with
seconds. The states of the search are edges, not junctions: a turn from edge to edge has its own cost and can be missing
(bollards now, turn restrictions later), so a restriction is one turn left out and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, radians
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from routing.model import RoutingError, Travel
from routing.places import MapError, Point
from routing.road_net import Edges, RoadNet, Snap, Turns
from routing.road_search import SHIFT, Search

_EARTH_M_PER_DEGREE = 111_195.0


class OffMapError(RoutingError):
    """A place too far from any road that vans can reach: the message names the place and the distance."""


Place = Snap | tuple[float, float]
"""Either already on the road, or `(lat, lon)` in WGS84 degrees."""


class PathPoint(NamedTuple):
    """A point of a path and the seconds from its start."""

    lat: float
    lon: float
    t_s: float


@dataclass(frozen=True)
class RoadPath:
    """The fastest way between two places: points with growing seconds, at least two."""

    points: tuple[PathPoint, ...]
    seconds: float
    metres: float


class RoadGraph(RoadNet):
    """The road network with its questions: where is a place, how long, which way."""

    def __init__(self, edges: Edges, turns: Turns, names: Sequence[str]) -> None:
        super().__init__(edges, turns, names)
        self._segments = _Segments(edges)

    # ------------------------------------------------------------ kept as a file

    def save(self, path: Path) -> None:
        """Write `roads.npz`."""
        arrays = {f"edge_{key}": value for key, value in vars(self.edges).items()}
        arrays |= {f"turn_{key}": value for key, value in vars(self.turns).items()}
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, names=np.array(self.names, dtype=np.str_), **arrays)

    @classmethod
    def load(cls, map_dir: Path) -> "RoadGraph":
        """Read `roads.npz` of a map directory.

        Raises:
            MapError: absent, damaged, or of another version.
        """
        path = map_dir / "roads.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                edges = Edges(**{key: file[f"edge_{key}"] for key in Edges.__dataclass_fields__})
                turns = Turns(**{key: file[f"turn_{key}"] for key in Turns.__dataclass_fields__})
                return cls(edges, turns, [str(name) for name in file["names"]])
        except (OSError, EOFError, BadZipFile, KeyError, ValueError) as error:
            raise MapError(f"{path}: no readable road graph: {error}") from error

    # ------------------------------------------------------------ questions

    def snap(self, lat: float, lon: float, *, street: str | None = None, max_m: float = 400.0) -> Snap:
        """Put a place on the nearest road, or on the nearest stretch of `street` if that is within 100 m of it.

        Raises:
            OffMapError: no road within `max_m` metres, or a coordinate that is no place.
        """
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise OffMapError(f"lat {lat}, lon {lon}: no place on earth")
        name = self.names.index(street) if street in self.names else None
        found = self._segments.nearest(lat, lon, name)
        if found.distance_m > max_m:
            raise OffMapError(
                f"lat {lat:.5f}, lon {lon:.5f}: {found.distance_m:.0f} m from the nearest road of this map, "
                f"more than {max_m:.0f} m"
            )
        return found

    def matrix(self, places: Sequence[Place]) -> Travel:
        """Seconds and metres between all places, `(n, n)`; negative where there is no way."""
        return self.between(places, places)

    def between(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Travel:
        """Seconds and metres, `(len(origins), len(destinations))`; negative where there is no way.

        The search starts at whichever side has fewer places, so one new address costs one row and one column.
        """
        search = Search(self, [self._on_road(p) for p in origins], [self._on_road(p) for p in destinations])
        weight = search.weights()
        reached = np.isfinite(weight)
        whole = np.where(reached, weight, 0.0).astype(np.int64)
        milliseconds, decimetres = whole >> SHIFT, whole & ((1 << SHIFT) - 1)
        duration = np.where(reached, (milliseconds + 500) // 1000, -1)
        distance = np.where(reached, (decimetres + 5) // 10, -1)
        return Travel(duration_s=duration, distance_m=distance)

    def path(self, origin: Place, destination: Place) -> RoadPath | None:
        """The fastest way with its geometry, or None where there is no way."""
        start, end = self._on_road(origin), self._on_road(destination)
        search = Search(self, [start], [end])
        edges = search.edges_to_destination()
        return None if edges is None else self._trace(start, end, edges)

    def _on_road(self, place: Place) -> Snap:
        return place if isinstance(place, Snap) else self.snap(*place)

    def _trace(self, start: Snap, end: Snap, edges: list[int]) -> RoadPath:
        """Points along `edges`, of which the first is left at `start` and the last entered until `end`."""
        points: list[PathPoint] = []
        seconds = metres = 0.0
        for position, edge in enumerate(edges):
            low = self._fraction_on(start, edge) if position == 0 else 0.0
            high = self._fraction_on(end, edge) if position == len(edges) - 1 else 1.0
            if position:
                seconds += self._turn_ms(edges[position - 1], edge) / 1000.0
            edge_s = float(self.edges.milliseconds[edge]) / 1000.0
            for fraction, lat, lon in self._shape(edge, low, high):
                point = PathPoint(lat, lon, seconds + (fraction - low) * edge_s)
                if points and points[-1][:2] == point[:2]:
                    points[-1] = point  # the junction, left after the turn
                else:
                    points.append(point)
            seconds += (high - low) * edge_s
            metres += (high - low) * float(self.edges.decimetres[edge]) / 10.0
        if len(points) == 1:
            points.append(points[0])
        return RoadPath(tuple(points), seconds, metres)

    def _fraction_on(self, snap: Snap, edge: int) -> float:
        return snap.fraction if snap.edge == edge else 1.0 - snap.fraction

    def _turn_ms(self, from_edge: int, to_edge: int) -> int:
        for turn in self.turns_into[to_edge]:
            if self.turns.from_edge[turn] == from_edge:
                return int(self.turns.milliseconds[turn])
        raise AssertionError("a found path uses only turns of the graph")

    def _shape(self, edge: int, low: float, high: float) -> list[tuple[float, float, float]]:
        """`(fraction, lat, lon)` from fraction `low` to `high` of an edge, both ends included."""
        span = slice(int(self.edges.shape_start[edge]), int(self.edges.shape_start[edge + 1]))
        lat, lon = self.edges.lat[span], self.edges.lon[span]
        fraction = _fractions(lat, lon)
        inner = (fraction > low) & (fraction < high)
        at = np.concatenate(([low], fraction[inner], [high]))
        lats, lons = np.interp(at, fraction, lat), np.interp(at, fraction, lon)
        return list(zip(at.tolist(), lats.tolist(), lons.tolist(), strict=True))


class _Segments:
    """All straight pieces of road, for finding the nearest; one direction of each stretch is enough."""

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
        edges = self._edges
        east = cos(radians(lat)) * _EARTH_M_PER_DEGREE
        x, y = (edges.lon - lon) * east, (edges.lat - lat) * _EARTH_M_PER_DEGREE
        ax, ay = x[self._start], y[self._start]
        dx, dy = x[self._start + 1] - ax, y[self._start + 1] - ay
        length2 = dx * dx + dy * dy
        along = np.clip(-(ax * dx + ay * dy) / np.where(length2 > 0, length2, 1.0), 0.0, 1.0)
        away = np.hypot(ax + along * dx, ay + along * dy)
        best = int(np.argmin(away))
        if name is not None:
            named = np.where(edges.name[self._edge] == name, away, np.inf)
            in_street = int(np.argmin(named))
            if named[in_street] <= away[best] + 100.0:
                best = in_street
        return self._place(best, float(along[best]), float(away[best]))

    def _place(self, segment: int, along: float, distance_m: float) -> Snap:
        edges, edge = self._edges, int(self._edge[segment])
        first = int(edges.shape_start[edge])
        span = slice(first, int(edges.shape_start[edge + 1]))
        fractions = _fractions(edges.lat[span], edges.lon[span])
        at = int(self._start[segment]) - first
        fraction = float(fractions[at] + along * (fractions[at + 1] - fractions[at]))
        start = int(self._start[segment])
        lat = float(edges.lat[start] + along * (edges.lat[start + 1] - edges.lat[start]))
        lon = float(edges.lon[start] + along * (edges.lon[start + 1] - edges.lon[start]))
        return Snap(edge, fraction, lat, lon, distance_m)


def _fractions(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the length at each point of a line, 0 at its first and 1 at its last point."""
    pieces = np.hypot(np.diff(lon) * cos(radians(float(lat[0]))), np.diff(lat))
    total = float(pieces.sum())
    if total == 0.0:
        return np.linspace(0.0, 1.0, len(lat))
    fractions = np.concatenate(([0.0], np.cumsum(pieces) / total))
    fractions[-1] = 1.0
    return fractions


def metres_between(a: Point, b: Point) -> float:
    """Distance over the ground, flat earth: good to 0.1 % within a town."""
    east = (b.lon - a.lon) * cos(radians((a.lat + b.lat) / 2.0))
    return hypot(east, b.lat - a.lat) * _EARTH_M_PER_DEGREE
