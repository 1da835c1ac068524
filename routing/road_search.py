"""The fastest ways through the road network: Dijkstra over its states, by SciPy.

The network's arcs stay as they are; a search adds a row of its own for each place it starts from and looks up what it
found at the states from which each other place is reached. So nothing is sorted or built anew for one more address.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from routing.graph_search import csr_array, dijkstra
from routing.road_net import SHIFT, Arcs, RoadNet, Snap, StateArc

AT_ONCE = 64
"""Places searched from at a time: each needs eight bytes for every state."""


class _Ends:
    """For each place, the states it touches and the weight between: columns, the arcs of place i `[start[i], ...)`."""

    def __init__(self, arcs: Sequence[Sequence[StateArc]]) -> None:
        flat = list(chain.from_iterable(arcs))
        self.start = np.cumsum([0, *map(len, arcs)])
        self.state = np.array([arc.state for arc in flat], dtype=np.int64)
        # scipy takes an explicit zero for "no arc"; a tenth of a metre keeps a zero-length way a way.
        self.weight = np.maximum(np.array([arc.weight for arc in flat], dtype=np.float64), 1.0)


class Search:
    """From each of `origins` to each of `destinations`.

    `directed`: along each snap's own edge and not its reverse. Ways of more than `limit_ms` are not looked for.
    """

    def __init__(
        self,
        net: RoadNet,
        origins: Sequence[Snap],
        destinations: Sequence[Snap],
        *,
        directed: bool = False,
        limit_ms: int | None = None,
    ) -> None:
        self._net = net
        self._directed = directed
        self._limit = np.inf if limit_ms is None else float(limit_ms << SHIFT)
        self._origins, self._destinations = list(origins), list(destinations)
        self._leaving = _Ends([self._own(net.leaving(snap), snap) for snap in self._origins])
        self._entering = _Ends([self._own(net.entering(snap), snap) for snap in self._destinations])

    def _own(self, arcs: Sequence[StateArc], snap: Snap) -> Sequence[StateArc]:
        if not self._directed:
            return arcs
        return [arc for arc in arcs if self._net.turns.edge_of[arc.on] == snap.edge]

    def _sides(self, snap: Snap) -> list[tuple[int, float]]:
        return [(snap.edge, snap.fraction)] if self._directed else self._net.sides(snap)

    def weights(self) -> NDArray[np.float64]:
        """`(len(origins), len(destinations))`, infinite where there is no way."""
        if not self._origins or not self._destinations:
            return np.zeros((len(self._origins), len(self._destinations)))
        if len(self._origins) <= len(self._destinations):
            found = _through(self._net.onward, self._leaving, self._entering, self._limit)
        else:
            found = _through(self._net.backward, self._entering, self._leaving, self._limit).T
        for origin, destination, _, weight in self._direct():
            found[origin, destination] = min(found[origin, destination], weight)
        return found

    def _direct(self) -> list[tuple[int, int, int, float]]:
        """Ways on one stretch, without passing a junction: origin, destination, edge, weight."""
        on_stretch: dict[int, list[int]] = defaultdict(list)
        for index, snap in enumerate(self._destinations):
            on_stretch[self._stretch(snap)].append(index)
        return [
            (origin, destination, edge, self._net.weight(edge, ahead - fraction))
            for origin, snap in enumerate(self._origins)
            for destination in on_stretch.get(self._stretch(snap), ())
            for edge, fraction in self._sides(snap)
            for other, ahead in self._sides(self._destinations[destination])
            if other == edge and ahead >= fraction
        ]

    def _stretch(self, snap: Snap) -> int:
        """The same number for both directions of a stretch."""
        return max(snap.edge, int(self._net.edges.reverse[snap.edge]))

    def states_to_destination(self) -> list[int] | None:
        """States from the first origin to the first destination, the last one on the destination's edge; or None.

        A way on one stretch is one state.
        """
        net = self._net
        distances, before = dijkstra(_matrix(net.onward, self._leaving), indices=[net.states], return_predecessors=True)
        through = distances[0, self._entering.state] + self._entering.weight
        direct = min(self._direct(), key=lambda way: way[3], default=None)
        best = int(np.argmin(through)) if len(through) else -1
        if direct is not None and (best < 0 or direct[3] <= through[best]):
            return [direct[2]]
        if best < 0 or not np.isfinite(through[best]):
            return None
        states = [self._own(net.entering(self._destinations[0]), self._destinations[0])[best].on]
        state = int(self._entering.state[best])
        while state != net.states:
            states.append(state)
            state = int(before[0, state])
        return states[::-1]


def _matrix(arcs: Arcs, ends: _Ends) -> csr_array:
    """The network's arcs with a row more for each place."""
    start = np.concatenate((arcs.start, arcs.start[-1] + ends.start[1:]))
    columns = np.concatenate((arcs.column, ends.state))
    size = len(start) - 1
    return csr_array((np.concatenate((arcs.weight, ends.weight)), columns, start), shape=(size, size))


def _through(arcs: Arcs, starts: _Ends, goals: _Ends, limit: float) -> NDArray[np.float64]:
    """Weights over the network from each place of `starts` to each of `goals`."""
    states, places = len(arcs.start) - 1, len(starts.start) - 1
    matrix = _matrix(arcs, starts)
    found = np.full((places, len(goals.start) - 1), np.inf)
    some = np.flatnonzero(np.diff(goals.start))  # reduceat knows no empty group
    if not len(some):
        return found
    for first in range(0, places, AT_ONCE):
        rows = np.arange(first, min(first + AT_ONCE, places))
        reached: NDArray[np.float64] = (
            dijkstra(matrix, indices=states + rows, limit=limit)[:, goals.state] + goals.weight
        )
        found[np.ix_(rows, some)] = np.minimum.reduceat(reached, goals.start[some], axis=1)
    return found
