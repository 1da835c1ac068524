"""A road graph made from an OpenStreetMap extract: ways cut at junctions, joined by turns, less what is forbidden.

Comes in: an `osm.Extract`. Goes out: a `roads.RoadGraph` of the largest part in which every place reaches every other,
counts, and the roads that were left out with the reason. A street for destinations only is no way through: it is driven
by who has to be there, or behind it.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, degrees, radians
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing.geometry import length_m
from routing.osm import Extract, Way
from routing.places import MapError, Point
from routing.restrictions import Restriction
from routing.road_net import Edges, Turns
from routing.road_rules import (
    CLASSES,
    FERRY,
    FERRY_WAIT_S,
    SIGNAL_S,
    TURN_S,
    Passage,
    blocks,
    directions,
    drivable,
    duration_s,
    passage,
    road_class,
    speed_km_h,
)
from routing.roads import RoadGraph
from routing.turn_states import TurnStates
from routing.unreached import LeftOut


@dataclass(frozen=True)
class Built:
    """A graph from an extract, and what was counted on the way."""

    graph: RoadGraph
    road_nodes: int  # places on roads that vans may use
    connected_nodes: int  # of which in the graph
    cut_nodes: int  # on such roads, but outside the extract: they have no place
    restrictions: int  # turn restrictions that were followed
    odd_restrictions: int  # and those that fit no road here: cut off by the extract's border, or drawn wrong
    left_out: tuple[LeftOut, ...]


def build(extract: Extract) -> Built:
    """Make the graph of an extract's roads and keep its largest part in which every place reaches every other.

    Raises:
        MapError: no road that vans may use.
    """
    runs = [run for way in extract.ways if drivable(way.tags) for run in _runs(way)]
    used: Counter[int] = Counter()
    for _, nodes, _ in runs:
        for position, node in enumerate(nodes):
            used[node] += 1 if 0 < position < len(nodes) - 1 else 2  # an end of a way ends an edge
    shut = {node for node in used if blocks(extract.node_tags.get(node, {}))}
    signals = {n for n in used if extract.node_tags.get(n, {}).get("highway") == "traffic_signals"}
    vias = {rule.via_node for rule in extract.restrictions} & used.keys()
    builder = _Builder(shut, signals)
    for way, nodes, points in runs:
        cuts = [i for i, n in enumerate(nodes) if used[n] > 1 or n in shut or n in signals or n in vias]
        for first, last in pairwise(cuts):
            builder.add(way, nodes[first : last + 1], points[first : last + 1])
    if not builder.stretches:
        raise MapError("the map holds no road that vans may use")
    builder.join()
    followed = sum(builder.restrict(rule) for rule in extract.restrictions)
    graph, kept_nodes, apart = builder.graph()
    return Built(
        graph,
        road_nodes=len(used),
        connected_nodes=kept_nodes,
        cut_nodes=_cut_nodes(extract),
        restrictions=followed,
        odd_restrictions=len(extract.restrictions) - followed,
        left_out=(*_closed(extract), *apart),
    )


def _cut_nodes(extract: Extract) -> int:
    ways = [way for way in extract.ways if drivable(way.tags)]
    return len({n for way in ways for n, point in zip(way.nodes, way.points, strict=True) if point is None})


def _closed(extract: Extract) -> list[LeftOut]:
    ways = [way for way in extract.ways if road_class(way.tags) is not None and not drivable(way.tags)]
    return [
        LeftOut(way.id, _name(way), "is closed for vans", tuple(points)) for w in ways for way, _, points in _runs(w)
    ]


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
        self._of_way: defaultdict[int, list[int]] = defaultdict(list)
        self._states = TurnStates(0)

    def add(self, way: Way, nodes: list[int], points: list[Point]) -> None:
        along, against = directions(way.tags)
        index = len(self.stretches)
        if along:
            self.stretches.append(_Stretch(way, nodes, points, index + 1 if against else -1))
        if against:
            self.stretches.append(_Stretch(way, nodes[::-1], points[::-1], index if along else -1))
        self._of_way[way.id].extend(range(index, len(self.stretches)))

    def join(self) -> None:
        """Allow every turn that no shut node forbids."""
        self._states = TurnStates(len(self.stretches))
        leaving: defaultdict[int, list[int]] = defaultdict(list)
        for index, stretch in enumerate(self.stretches):
            leaving[stretch.nodes[0]].append(index)
        for index, stretch in enumerate(self.stretches):
            node = stretch.nodes[-1]
            onward = leaving[node]
            for other in onward:
                back = other == stretch.reverse
                if node in self._shut and not back:
                    continue
                seconds = self._turn_s(stretch, self.stretches[other], back=back, roads=len(onward))
                self._states.join(index, other, round(seconds * 1000))

    def _turn_s(self, a: _Stretch, b: _Stretch, *, back: bool, roads: int) -> float:
        node = a.nodes[-1]
        if back:
            return TURN_S["dead_end"] if roads == 1 or node in self._shut else TURN_S["back"]
        wait = SIGNAL_S if node in self._signals else 0.0
        if road_class(b.way.tags) == FERRY != road_class(a.way.tags):
            wait += FERRY_WAIT_S
        if roads < 3:
            return wait
        angle = (_bearing(b.points[0], b.points[1]) - _bearing(a.points[-2], a.points[-1]) + 180.0) % 360.0 - 180.0
        return wait + TURN_S["straight" if abs(angle) < 40.0 else "right" if angle > 0 else "left"]

    # ------------------------------------------------------------ restrictions

    def restrict(self, rule: Restriction) -> bool:
        """Follow a turn restriction; False where it fits no road of this map, and nothing is changed."""
        ways = [self._via(rule, source, target) for source in rule.sources for target in rule.targets]
        targets: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
        for way in ways:
            if way is not None:
                targets[way[:-1]].add(way[-1])
        for (source, *over), into in targets.items():
            for state in self._states.of_edge(source):
                self._restrict_state(rule, state, over, into)
        return bool(targets)

    def _restrict_state(self, rule: Restriction, state: int, over: list[int], into: set[int]) -> None:
        here: int | None = state
        for edge in over:
            assert here is not None
            here = self._states.follow(here, edge)
            if here is None:
                return  # another restriction forbids this turn already
        assert here is not None
        if rule.is_only:
            self._states.command(here, into)
        else:
            self._states.forbid(here, into)

    def _via(self, rule: Restriction, source: int, target: int) -> tuple[int, ...] | None:
        """The edges from one way over the rule's via into another; None unless there is exactly one such row."""
        if rule.via_node is not None:
            before, after = self._arriving(source, rule.via_node), self._leaving(target, rule.via_node)
            return (before[0], after[0]) if len(before) == len(after) == 1 else None
        rows = [
            (before, *over, after)
            for before in self._of_way[source]
            for over in self._over(before, rule.via_ways)
            for after in self._leaving(target, self.stretches[over[-1]].nodes[-1])
            if after != self.stretches[over[-1]].reverse
        ]
        return min(rows, key=len) if rows else None

    def _over(self, before: int, ways: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Every row of edges that begins where `before` ends and goes along all of `ways`, in order, and no other."""
        rows: list[tuple[int, ...]] = []
        waiting: list[tuple[tuple[int, ...], int]] = [((before,), -1)]
        while waiting:
            row, at = waiting.pop()
            if at == len(ways) - 1:
                rows.append(row[1:])
            for place in {max(at, 0), at + 1} & set(range(len(ways))):
                for edge in self._leaving(ways[place], self.stretches[row[-1]].nodes[-1]):
                    if edge not in row and edge != self.stretches[row[-1]].reverse:
                        waiting.append(((*row, edge), place))
        return rows

    def _arriving(self, way: int, node: int) -> list[int]:
        return [edge for edge in self._of_way.get(way, ()) if self.stretches[edge].nodes[-1] == node]

    def _leaving(self, way: int, node: int) -> list[int]:
        return [edge for edge in self._of_way.get(way, ()) if self.stretches[edge].nodes[0] == node]

    # ------------------------------------------------------------ columns

    def graph(self) -> tuple[RoadGraph, int, list[LeftOut]]:
        """The graph, the number of its nodes, and the stretches that are not in it."""
        states = self._states
        through = [passage(stretch.way.tags) is Passage.OPEN for stretch in self.stretches]
        everything = range(len(states.edge_of))
        main = states.largest_part(s for s in everything if through[states.edge_of[s]])
        # a map of nothing but streets for destinations: then they are ways through
        kept = states.split(main or states.largest_part(everything))
        edges = sorted(state for state in kept if states.edge_of[state] == state)
        order = [*edges, *sorted(state for state in kept if states.edge_of[state] != state)]
        place = {old: new for new, old in enumerate(order)}
        names = sorted({_name(self.stretches[old].way) for old in edges})
        nodes = {node for old in edges for node in self.stretches[old].nodes}
        inside = [(place[a], place[b], ms) for a in order for b, ms in states.onward[a].items() if b in place]
        turn = np.array(inside, dtype=np.int64).reshape(-1, 3)
        edge_of = np.array([place[states.edge_of[old]] for old in order], dtype=np.int64)
        turns = Turns(turn[:, 0], turn[:, 1], turn[:, 2], edge_of)
        apart = [
            LeftOut(s.way.id, _name(s.way), "is not connected to the other roads of the map", tuple(s.points))
            for index, s in enumerate(self.stretches)
            if index not in kept and s.reverse not in kept
        ]
        return RoadGraph(self._columns(edges, place, names), turns, names), len(nodes), apart

    def _columns(self, kept: list[int], place: dict[int, int], names: list[str]) -> Edges:
        stretches = [self.stretches[old] for old in kept]
        number = {name: index for index, name in enumerate(CLASSES)}
        name_of = {name: index for index, name in enumerate(names)}
        metres = [length_m(s.points) for s in stretches]
        seconds = [_drive_s(s, m) for s, m in zip(stretches, metres, strict=True)]

        def whole(values: list[int]) -> NDArray[np.int64]:
            return np.array(values, dtype=np.int64)

        return Edges(
            start_node=whole([s.nodes[0] for s in stretches]),
            end_node=whole([s.nodes[-1] for s in stretches]),
            way=whole([s.way.id for s in stretches]),
            road_class=whole([number[road_class(s.way.tags) or ""] for s in stretches]),
            name=whole([name_of[_name(s.way)] for s in stretches]),
            milliseconds=whole([max(1, round(value * 1000)) for value in seconds]),
            decimetres=whole([round(value * 10) for value in metres]),
            reverse=whole([place.get(s.reverse, -1) for s in stretches]),
            shape_start=whole([0, *np.cumsum([len(s.points) for s in stretches]).tolist()]),
            lat=np.array([point.lat for s in stretches for point in s.points]),
            lon=np.array([point.lon for s in stretches for point in s.points]),
        )


def _drive_s(stretch: _Stretch, metres: float) -> float:
    whole_s = duration_s(stretch.way.tags)
    if whole_s is None:
        return metres / speed_km_h(stretch.way.tags) * 3.6
    known = [point for point in stretch.way.points if point is not None]
    return whole_s * metres / max(length_m(known), metres)


def _name(way: Way) -> str:
    return way.tags.get("name", "")


def _bearing(a: Point, b: Point) -> float:
    return degrees(atan2((b.lon - a.lon) * cos(radians(a.lat)), b.lat - a.lat))
