"""The road network as columns: directed edges, the states a van can be in, the turns between them, a place on an edge.

A state is "at the end of this edge". Nearly every edge has one state. It has more where what may follow depends on what
came before: after a turn restriction over a way, and in streets that are open only for who has to be there (one state
for leaving, one for arriving). See docs/decisions/0011.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHIFT = 26
"""A weight is `milliseconds * 2**26 + decimetres`: an exact whole number in a float64 up to 37 hours and 6,700 km, so
the fastest way's length comes with it and equal times are broken by length."""


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
    road_class: NDArray[np.int64]  # index into road_rules.CLASSES
    name: NDArray[np.int64]  # index into RoadNet.names
    milliseconds: NDArray[np.int64]
    decimetres: NDArray[np.int64]
    reverse: NDArray[np.int64]  # the same stretch the other way, -1 in a one-way street
    shape_start: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]


@dataclass(frozen=True)
class Turns:
    """Columns of the allowed turns from state to state, and `edge_of` each state.

    State i is edge i for all edges; a drive begins there. Further states are entered by turns alone.
    """

    from_state: NDArray[np.int64]
    to_state: NDArray[np.int64]
    milliseconds: NDArray[np.int64]
    edge_of: NDArray[np.int64]


@dataclass(frozen=True)
class Arcs:
    """Turns as a sparse matrix: of row i the arcs `[start[i], start[i+1])`, to `column`, with `weight`."""

    start: NDArray[np.int64]
    column: NDArray[np.int64]
    weight: NDArray[np.float64]


class StateArc(NamedTuple):
    """Between a place and `state`; `on` is the state on the place's own edge."""

    state: int
    on: int
    weight: float


MOST_REMEMBERED = 20_000
"""Places whose arcs are kept."""


class RoadNet:
    """Roads that vans can use, all reachable from each other; `names` is what `Edges.name` points into."""

    def __init__(self, edges: Edges, turns: Turns, names: Sequence[str]) -> None:
        self.edges = edges
        self.turns = turns
        self.names = tuple(names)
        self._leaving: dict[Snap, tuple[StateArc, ...]] = {}
        self._entering: dict[Snap, tuple[StateArc, ...]] = {}

    @property
    def size(self) -> int:
        """Number of directed edges."""
        return len(self.edges.milliseconds)

    @property
    def states(self) -> int:
        """Number of states, at least `size`."""
        return len(self.turns.edge_of)

    def sides(self, snap: Snap) -> list[tuple[int, float]]:
        """The directed edges a snapped place lies on, each with its fraction: both directions unless one-way."""
        reverse = int(self.edges.reverse[snap.edge])
        return [(snap.edge, snap.fraction)] + ([(reverse, 1.0 - snap.fraction)] if reverse >= 0 else [])

    def turns_into(self, edge: int) -> NDArray[np.int64]:
        """Indices of the turns that end in an edge, in whichever of its states."""
        order, start = self._by_target_edge
        return order[start[edge] : start[edge + 1]]

    def weight(self, edge: int, fraction: float, turn_ms: int = 0) -> float:
        """The weight of a part of an edge and the turn before it."""
        milliseconds = round(float(self.edges.milliseconds[edge]) * fraction) + turn_ms
        return float((milliseconds << SHIFT) + round(float(self.edges.decimetres[edge]) * fraction))

    def leaving(self, snap: Snap) -> tuple[StateArc, ...]:
        """From a place to the end of each edge on which a drive from there begins. Remembered: it is asked often."""
        if snap not in self._leaving:
            arcs = tuple(StateArc(edge, edge, self.weight(edge, 1.0 - at)) for edge, at in self.sides(snap))
            _remember(self._leaving, snap, arcs)
        return self._leaving[snap]

    def entering(self, snap: Snap) -> tuple[StateArc, ...]:
        """To a place from the states before each edge on which a drive there ends; the turns' own order. Remembered."""
        if snap not in self._entering:
            turns = self.turns
            arcs = tuple(
                StateArc(
                    int(turns.from_state[turn]),
                    int(turns.to_state[turn]),
                    self.weight(edge, fraction, int(turns.milliseconds[turn])),
                )
                for edge, fraction in self.sides(snap)
                for turn in self.turns_into(edge)
            )
            _remember(self._entering, snap, arcs)
        return self._entering[snap]

    @cached_property
    def _by_target_edge(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        target = self.turns.edge_of[self.turns.to_state]
        order = np.argsort(target, kind="stable")
        return order, np.searchsorted(target[order], np.arange(self.size + 1))

    @cached_property
    def onward(self) -> Arcs:
        """From each state, by turn and along the next edge to its end."""
        return self._arcs(self.turns.from_state, self.turns.to_state)

    @cached_property
    def backward(self) -> Arcs:
        """The same arcs the other way round."""
        return self._arcs(self.turns.to_state, self.turns.from_state)

    def _arcs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Arcs:
        turns, edges = self.turns, self.edges
        into = turns.edge_of[turns.to_state]
        milliseconds = turns.milliseconds + edges.milliseconds[into]
        weight = milliseconds.astype(np.float64) * float(1 << SHIFT) + edges.decimetres[into]
        order = np.lexsort((columns, rows))
        start = np.searchsorted(rows[order], np.arange(self.states + 1))
        return Arcs(start, columns[order], weight[order])


def _remember(held: dict[Snap, tuple[StateArc, ...]], snap: Snap, arcs: tuple[StateArc, ...]) -> None:
    if len(held) >= MOST_REMEMBERED:
        held.clear()
    held[snap] = arcs
