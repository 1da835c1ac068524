"""The roads a van may use, as a graph of directed edges: snap a place, times between places, the way from A to B.

Comes in: `roads.npz` of a map, made by `road_build`. Goes out: places on the road, a `Travel` matrix, paths with
seconds. The search goes over edges, not junctions: a turn from edge to edge has its own cost and can be missing
(bollards, turn restrictions).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from routing.geometry import fractions
from routing.model import RoutingError, Travel
from routing.places import MapError
from routing.road_net import SHIFT, Edges, RoadNet, Snap, Turns
from routing.road_search import Search
from routing.segments import Segments


class OffMapError(RoutingError):
    """A place too far from any road that vans can reach: the message names the place and the distance."""


Place = Snap | tuple[float, float]
"""Either already on the road, or `(lat, lon)` in WGS84 degrees."""


class PathPoint(NamedTuple):
    """A point of a path and the seconds from its start."""

    lat: float
    lon: float
    t_s: float


class Leg(NamedTuple):
    """A part of an edge that a path uses, from fraction `low` to `high`; `seconds` with the turn before it."""

    edge: int
    low: float
    high: float
    seconds: float


@dataclass(frozen=True)
class RoadPath:
    """The fastest way between two places: points with growing seconds, at least two, and the legs they come from."""

    points: tuple[PathPoint, ...]
    seconds: float
    metres: float
    legs: tuple[Leg, ...]


class RoadGraph(RoadNet):
    """The road network with its questions: where is a place, how long, which way."""

    def __init__(self, edges: Edges, turns: Turns, names: Sequence[str]) -> None:
        super().__init__(edges, turns, names)
        self._segments = Segments(edges)

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

    def paced(self, factor: Sequence[float]) -> "RoadGraph":
        """The same roads with the time on each class of road, its turns included, times `factor` (by `CLASSES`)."""
        of_edge = np.asarray(factor, dtype=np.float64)[self.edges.road_class]
        of_turn = of_edge[self.turns.edge_of[self.turns.to_state]]
        slowed = np.maximum(np.rint(self.edges.milliseconds * of_edge), 1).astype(np.int64)
        turned = np.rint(self.turns.milliseconds * of_turn).astype(np.int64)
        return RoadGraph(replace(self.edges, milliseconds=slowed), replace(self.turns, milliseconds=turned), self.names)

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
        places = [self._on_road(p) for p in origins], [self._on_road(p) for p in destinations]
        return _travel(Search(self, *places).weights())

    def path(self, origin: Place, destination: Place) -> RoadPath | None:
        """The fastest way with its geometry, or None where there is no way."""
        start, end = self._on_road(origin), self._on_road(destination)
        states = Search(self, [start], [end]).states_to_destination()
        return None if states is None else self._trace(start, end, states)

    def ways_between(self, origins: Sequence[Snap], destinations: Sequence[Snap], *, limit_s: float) -> Travel:
        """As `between`, but along each snap's own edge alone and never longer than `limit_s`: for following a track."""
        return _travel(Search(self, origins, destinations, directed=True, limit_ms=round(limit_s * 1000)).weights())

    def way(self, origin: Snap, destination: Snap) -> RoadPath | None:
        """As `path`, but along each snap's own edge alone."""
        states = Search(self, [origin], [destination], directed=True).states_to_destination()
        return None if states is None else self._trace(origin, destination, states)

    def near(self, lat: float, lon: float, *, radius_m: float, most: int = 8) -> list[Snap]:
        """The nearest place on each stretch of road within `radius_m` metres, nearest first, at most `most`."""
        return self._segments.within(lat, lon, radius_m, most=most)

    def _on_road(self, place: Place) -> Snap:
        return place if isinstance(place, Snap) else self.snap(*place)

    def _trace(self, start: Snap, end: Snap, states: list[int]) -> RoadPath:
        """Points along `states`, of which the first is left at `start` and the last entered until `end`."""
        points: list[PathPoint] = []
        legs: list[Leg] = []
        seconds = metres = 0.0
        for position, state in enumerate(states):
            edge = int(self.turns.edge_of[state])
            low = self._fraction_on(start, edge) if position == 0 else 0.0
            high = self._fraction_on(end, edge) if position == len(states) - 1 else 1.0
            turn_s = self._turn_ms(states[position - 1], state) / 1000.0 if position else 0.0
            seconds += turn_s
            edge_s = float(self.edges.milliseconds[edge]) / 1000.0
            for fraction, lat, lon in self._shape(edge, low, high):
                point = PathPoint(lat, lon, seconds + (fraction - low) * edge_s)
                if points and points[-1][:2] == point[:2]:
                    points[-1] = point  # the junction, left after the turn
                else:
                    points.append(point)
            seconds += (high - low) * edge_s
            metres += (high - low) * float(self.edges.decimetres[edge]) / 10.0
            legs.append(Leg(edge, low, high, turn_s + (high - low) * edge_s))
        if len(points) == 1:
            points.append(points[0])
        return RoadPath(tuple(points), seconds, metres, tuple(legs))

    def _fraction_on(self, snap: Snap, edge: int) -> float:
        return snap.fraction if snap.edge == edge else 1.0 - snap.fraction

    def _turn_ms(self, before: int, after: int) -> int:
        for turn in self.turns_into(int(self.turns.edge_of[after])):
            if self.turns.from_state[turn] == before and self.turns.to_state[turn] == after:
                return int(self.turns.milliseconds[turn])
        raise AssertionError("a found path uses only turns of the graph")

    def _shape(self, edge: int, low: float, high: float) -> list[tuple[float, float, float]]:
        """`(fraction, lat, lon)` from fraction `low` to `high` of an edge, both ends included."""
        span = slice(int(self.edges.shape_start[edge]), int(self.edges.shape_start[edge + 1]))
        lat, lon = self.edges.lat[span], self.edges.lon[span]
        fraction = fractions(lat, lon)
        inner = (fraction > low) & (fraction < high)
        at = np.concatenate(([low], fraction[inner], [high]))
        lats, lons = np.interp(at, fraction, lat), np.interp(at, fraction, lon)
        return list(zip(at.tolist(), lats.tolist(), lons.tolist(), strict=True))


def _travel(weight: NDArray[np.float64]) -> Travel:
    reached = np.isfinite(weight)
    whole = np.where(reached, weight, 0.0).astype(np.int64)
    milliseconds, decimetres = whole >> SHIFT, whole & ((1 << SHIFT) - 1)
    duration = np.where(reached, (milliseconds + 500) // 1000, -1)
    distance = np.where(reached, (decimetres + 5) // 10, -1)
    return Travel(duration_s=duration, distance_m=distance)
