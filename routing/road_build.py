"""A road graph made from an OpenStreetMap extract: ways cut at junctions, joined by turns.

Comes in: an `osm.Extract`. Goes out: a `roads.RoadGraph` of the largest part in which every place reaches every other,
and counts of what was left out.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, degrees, radians
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from routing.osm import Extract, Way
from routing.places import MapError, Point
from routing.road_net import Edges, Turns
from routing.road_rules import SIGNAL_S, SPEED_KM_H, TURN_S, blocks, directions, drivable, speed_km_h
from routing.roads import RoadGraph, metres_between


@dataclass(frozen=True)
class Built:
    """A graph from an extract, and what was counted on the way."""

    graph: RoadGraph
    road_nodes: int  # places on roads open for vans
    connected_nodes: int  # of which in the graph
    cut_nodes: int  # on such roads, but outside the extract: they have no place


def build(extract: Extract) -> Built:
    """Make the graph of an extract's roads and keep its largest part in which every place reaches every other.

    Raises:
        MapError: no road that vans may use.
    """
    runs = [run for way in extract.ways if drivable(way.tags) for run in _runs(way)]
    used: defaultdict[int, int] = defaultdict(int)
    for _, nodes, _ in runs:
        for position, node in enumerate(nodes):
            used[node] += 1 if 0 < position < len(nodes) - 1 else 2  # an end of a way ends an edge
    shut = {node for node in used if blocks(extract.node_tags.get(node, {}))}
    signals = {n for n in used if extract.node_tags.get(n, {}).get("highway") == "traffic_signals"}
    builder = _Builder(shut, signals)
    for way, nodes, points in runs:
        cuts = [i for i, node in enumerate(nodes) if used[node] > 1 or node in shut or node in signals]
        for first, last in pairwise(cuts):
            builder.add(way, nodes[first : last + 1], points[first : last + 1])
    if not builder.stretches:
        raise MapError("the map holds no road that vans may use")
    graph, kept_nodes = builder.graph()
    cut = {
        node
        for way in extract.ways
        if drivable(way.tags)
        for node, point in zip(way.nodes, way.points, strict=True)
        if point is None
    }
    return Built(graph, road_nodes=len(used), connected_nodes=kept_nodes, cut_nodes=len(cut))


def _runs(way: Way) -> list[tuple[Way, list[int], list[Point]]]:
    """The parts of a way whose nodes have places."""
    runs: list[tuple[Way, list[int], list[Point]]] = []
    nodes: list[int] = []
    points: list[Point] = []
    for node, point in [*zip(way.nodes, way.points, strict=True), (0, None)]:
        if point is not None:
            if not points or node != nodes[-1]:
                nodes.append(node)
                points.append(point)
            continue
        if len(nodes) > 1:
            runs.append((way, nodes, points))
        nodes, points = [], []
    return runs


class _Stretch(NamedTuple):
    """A directed edge before it has its place in the columns."""

    way: Way
    nodes: list[int]
    points: list[Point]
    reverse: int


class _Builder:
    """Collects directed edges, joins them by turns, and keeps the largest connected part."""

    def __init__(self, shut: set[int], signals: set[int]) -> None:
        self.stretches: list[_Stretch] = []
        self._shut = shut
        self._signals = signals

    def add(self, way: Way, nodes: list[int], points: list[Point]) -> None:
        along, against = directions(way.tags)
        index = len(self.stretches)
        if along:
            self.stretches.append(_Stretch(way, nodes, points, index + 1 if against else -1))
        if against:
            self.stretches.append(_Stretch(way, nodes[::-1], points[::-1], index if along else -1))

    def graph(self) -> tuple[RoadGraph, int]:
        turns = self._turns()
        size = len(self.stretches)
        arcs = csr_array(
            (np.ones(len(turns)), ([a for a, _, _ in turns], [b for _, b, _ in turns])), shape=(size, size)
        )
        _, part = connected_components(arcs, directed=True, connection="strong")
        largest = int(np.bincount(part).argmax())
        kept = [index for index in range(size) if part[index] == largest]
        place = {old: new for new, old in enumerate(kept)}
        nodes = {node for old in kept for node in self.stretches[old].nodes}
        names = sorted({_name(self.stretches[old].way) for old in kept})
        edges = self._columns(kept, place, names)
        inside = [(place[a], place[b], ms) for a, b, ms in turns if a in place and b in place]
        column = np.array(inside, dtype=np.int64).reshape(-1, 3)
        return RoadGraph(edges, Turns(column[:, 0], column[:, 1], column[:, 2]), names), len(nodes)

    def _turns(self) -> list[tuple[int, int, int]]:
        leaving: defaultdict[int, list[int]] = defaultdict(list)
        for index, stretch in enumerate(self.stretches):
            leaving[stretch.nodes[0]].append(index)
        turns: list[tuple[int, int, int]] = []
        for index, stretch in enumerate(self.stretches):
            node = stretch.nodes[-1]
            onward = leaving[node]
            for other in onward:
                back = other == stretch.reverse
                if node in self._shut and not back:
                    continue
                seconds = self._turn_s(stretch, self.stretches[other], back=back, roads=len(onward))
                turns.append((index, other, round(seconds * 1000)))
        return turns

    def _turn_s(self, a: _Stretch, b: _Stretch, *, back: bool, roads: int) -> float:
        node = a.nodes[-1]
        if back:
            return TURN_S["dead_end"] if roads == 1 or node in self._shut else TURN_S["back"]
        wait = SIGNAL_S if node in self._signals else 0.0
        if roads < 3:
            return wait
        angle = (_bearing(b.points[0], b.points[1]) - _bearing(a.points[-2], a.points[-1]) + 180.0) % 360.0 - 180.0
        return wait + TURN_S["straight" if abs(angle) < 40.0 else "right" if angle > 0 else "left"]

    def _columns(self, kept: list[int], place: dict[int, int], names: list[str]) -> Edges:
        stretches = [self.stretches[old] for old in kept]
        classes = {name: index for index, name in enumerate(sorted(SPEED_KM_H))}
        name_of = {name: index for index, name in enumerate(names)}
        metres = [sum(metres_between(a, b) for a, b in pairwise(s.points)) for s in stretches]
        seconds = [m / speed_km_h(s.way.tags) * 3.6 for m, s in zip(metres, stretches, strict=True)]

        def whole(values: list[int]) -> NDArray[np.int64]:
            return np.array(values, dtype=np.int64)

        return Edges(
            start_node=whole([s.nodes[0] for s in stretches]),
            end_node=whole([s.nodes[-1] for s in stretches]),
            way=whole([s.way.id for s in stretches]),
            road_class=whole([classes[s.way.tags["highway"]] for s in stretches]),
            name=whole([name_of[_name(s.way)] for s in stretches]),
            milliseconds=whole([max(1, round(value * 1000)) for value in seconds]),
            decimetres=whole([round(value * 10) for value in metres]),
            reverse=whole([place.get(s.reverse, -1) for s in stretches]),
            shape_start=whole([0, *np.cumsum([len(s.points) for s in stretches]).tolist()]),
            lat=np.array([point.lat for s in stretches for point in s.points]),
            lon=np.array([point.lon for s in stretches for point in s.points]),
        )


def _name(way: Way) -> str:
    return way.tags.get("name", "")


def _bearing(a: Point, b: Point) -> float:
    return degrees(atan2((b.lon - a.lon) * cos(radians(a.lat)), b.lat - a.lat))
