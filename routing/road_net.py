"""The road network as columns: directed edges, the allowed turns between them, and a place on an edge."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Snap(NamedTuple):
    """A place on the road: `fraction` (0..1) of `edge`, and how far the given place was from it, in metres."""

    edge: int
    fraction: float
    lat: float
    lon: float
    distance_m: float


@dataclass(frozen=True)
class Edges:
    """Columns of the directed edges; `shape_start` has one more entry, edge i's points are `[start[i], start[i+1])`."""

    start_node: NDArray[np.int64]  # OpenStreetMap node ids
    end_node: NDArray[np.int64]
    way: NDArray[np.int64]
    road_class: NDArray[np.int64]  # index into sorted(SPEED_KM_H)
    name: NDArray[np.int64]  # index into RoadNet.names
    milliseconds: NDArray[np.int64]
    decimetres: NDArray[np.int64]
    reverse: NDArray[np.int64]  # the same stretch the other way, -1 in a one-way street
    shape_start: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]


@dataclass(frozen=True)
class Turns:
    """Columns of the allowed turns from the end of one edge into another."""

    from_edge: NDArray[np.int64]
    to_edge: NDArray[np.int64]
    milliseconds: NDArray[np.int64]


class RoadNet:
    """Roads that vans can use, all reachable from each other; `names` is what `Edges.name` points into."""

    def __init__(self, edges: Edges, turns: Turns, names: Sequence[str]) -> None:
        self.edges = edges
        self.turns = turns
        self.names = tuple(names)
        self.turns_into: dict[int, list[int]] = defaultdict(list)  # edge -> indices of turns that end in it
        for index, edge in enumerate(turns.to_edge.tolist()):
            self.turns_into[edge].append(index)

    @property
    def size(self) -> int:
        """Number of directed edges."""
        return len(self.edges.milliseconds)

    def sides(self, snap: Snap) -> list[tuple[int, float]]:
        """The directed edges a snapped place lies on, each with its fraction: both directions unless one-way."""
        reverse = int(self.edges.reverse[snap.edge])
        return [(snap.edge, snap.fraction)] + ([(reverse, 1.0 - snap.fraction)] if reverse >= 0 else [])
