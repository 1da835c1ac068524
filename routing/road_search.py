"""The fastest ways through the road graph: Dijkstra over edge ends, by SciPy.

A search's weight carries time and distance together, `milliseconds * 2**26 + decimetres`: an exact whole number in a
float64 up to 37 hours and 6,700 km, so the fastest way's length comes with it and equal times are broken by length.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.road_net import RoadNet, Snap

SHIFT = 26
_SCALE = float(1 << SHIFT)


class Search:
    """Dijkstra over edge ends, with a node of its own for each origin and each destination."""

    def __init__(self, graph: RoadNet, origins: Sequence[Snap], destinations: Sequence[Snap]) -> None:
        self._graph = graph
        self._origins, self._destinations = list(origins), list(destinations)
        self._first_origin = graph.size
        self._first_destination = graph.size + len(origins)
        self._arcs = self._build()

    def _build(self) -> csr_array:
        edges, turns = self._graph.edges, self._graph.turns
        edge_weight = edges.milliseconds.astype(np.float64) * _SCALE + edges.decimetres
        rows = [turns.from_edge]
        columns = [turns.to_edge]
        weights = [turns.milliseconds * _SCALE + edge_weight[turns.to_edge]]
        extra = self._origin_arcs() + self._destination_arcs() + self._direct_arcs()
        # scipy takes an explicit zero for "no arc"; half a millimetre keeps a zero-length way a way.
        rows.append(np.array([row for row, _, _ in extra], dtype=np.int64))
        columns.append(np.array([column for _, column, _ in extra], dtype=np.int64))
        weights.append(np.array([max(weight, 1.0) for _, _, weight in extra], dtype=np.float64))
        size = self._first_destination + len(self._destinations)
        return _sparse(np.concatenate(rows), np.concatenate(columns), np.concatenate(weights), size)

    def _part(self, edge: int, fraction: float, turn_ms: int = 0) -> float:
        edges = self._graph.edges
        milliseconds = round(float(edges.milliseconds[edge]) * fraction) + turn_ms
        return milliseconds * _SCALE + round(float(edges.decimetres[edge]) * fraction)

    def _origin_arcs(self) -> list[tuple[int, int, float]]:
        return [
            (self._first_origin + index, edge, self._part(edge, 1.0 - fraction))
            for index, snap in enumerate(self._origins)
            for edge, fraction in self._graph.sides(snap)
        ]

    def _destination_arcs(self) -> list[tuple[int, int, float]]:
        graph = self._graph
        return [
            (
                int(graph.turns.from_edge[turn]),
                self._first_destination + index,
                self._part(edge, fraction, int(graph.turns.milliseconds[turn])),
            )
            for index, snap in enumerate(self._destinations)
            for edge, fraction in graph.sides(snap)
            for turn in graph.turns_into[edge]
        ]

    def _direct_arcs(self) -> list[tuple[int, int, float]]:
        """Between places on one stretch, without passing a junction."""
        on_edge: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for index, snap in enumerate(self._destinations):
            for edge, fraction in self._graph.sides(snap):
                on_edge[edge].append((index, fraction))
        best: dict[tuple[int, int], float] = {}
        for origin, snap in enumerate(self._origins):
            for edge, fraction in self._graph.sides(snap):
                for destination, ahead in on_edge.get(edge, ()):
                    if ahead >= fraction:
                        key = (self._first_origin + origin, self._first_destination + destination)
                        weight = self._part(edge, ahead - fraction)
                        best[key] = min(weight, best.get(key, weight))
        return [(row, column, weight) for (row, column), weight in best.items()]

    def weights(self) -> NDArray[np.float64]:
        origins = np.arange(self._first_origin, self._first_destination)
        destinations = np.arange(self._first_destination, self._first_destination + len(self._destinations))
        if not len(origins) or not len(destinations):
            return np.zeros((len(origins), len(destinations)))
        if len(origins) <= len(destinations):
            found: NDArray[np.float64] = dijkstra(self._arcs, indices=origins)
            return found[:, destinations]
        backward: NDArray[np.float64] = dijkstra(self._arcs.T.tocsr(), indices=destinations)
        return backward[:, origins].T

    def edges_to_destination(self) -> list[int] | None:
        """The edges of the way from the first origin to the first destination, or None."""
        weight, before = dijkstra(self._arcs, indices=np.array([self._first_origin]), return_predecessors=True)
        if not np.isfinite(weight[0, self._first_destination]):
            return None
        edges: list[int] = []
        state = int(before[0, self._first_destination])
        while state != self._first_origin:
            edges.append(state)
            state = int(before[0, state])
        edges.reverse()
        return self._with_last(edges)

    def _with_last(self, edges: list[int]) -> list[int]:
        """Add the edge on which the destination lies: the one the destination's arc stood for."""
        graph = self._graph
        sides = graph.sides(self._destinations[0])
        if not edges:  # a direct arc
            ahead = {
                edge: fraction - at
                for edge, at in graph.sides(self._origins[0])
                for other, fraction in sides
                if other == edge and fraction >= at
            }
            return [min(ahead, key=lambda edge: ahead[edge])]
        costs = {
            edge: self._part(edge, fraction, int(graph.turns.milliseconds[turn]))
            for edge, fraction in sides
            for turn in graph.turns_into[edge]
            if graph.turns.from_edge[turn] == edges[-1]
        }
        return [*edges, min(costs, key=lambda edge: costs[edge])]


def _sparse(rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64], size: int) -> csr_array:
    """A sparse matrix that keeps the smallest of parallel arcs (scipy would add them up)."""
    order = np.lexsort((weights, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return csr_array((weights[first], (rows[first], columns[first])), shape=(size, size))
