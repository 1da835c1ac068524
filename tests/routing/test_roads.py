"""The road graph: what vans may use, how long it takes, and the way itself."""

from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from routing.geometry import metres_between
from routing.osm import Extract
from routing.places import MapError, Point
from routing.road_build import build
from routing.road_rules import SPEED_KM_H, TURN_S
from routing.roads import OffMapError, RoadGraph
from tests.routing.towns import at, square, street, town


def graph(extract: Extract) -> RoadGraph:
    return build(extract).graph


def seconds(roads: RoadGraph, a: tuple[float, float], b: tuple[float, float]) -> int:
    return int(roads.matrix([a, b]).duration_s[0, 1])


def metres(roads: RoadGraph, a: tuple[float, float], b: tuple[float, float]) -> int:
    return int(roads.matrix([a, b]).distance_m[0, 1])


NEAR_A, NEAR_C = at(20, 0), at(180, 0)


def test_time_and_distance_along_one_street() -> None:
    roads = graph(square())
    assert metres(roads, NEAR_A, NEAR_C) == 160
    expected = 160 / SPEED_KM_H["residential"] * 3.6 + TURN_S["straight"]  # straight on at B
    assert abs(seconds(roads, NEAR_A, NEAR_C) - expected) <= 1


def test_one_way_street_is_one_way() -> None:
    roads = graph(square(oneway="yes"))
    assert metres(roads, NEAR_A, NEAR_C) == 160
    assert metres(roads, NEAR_C, NEAR_A) == 20 + 100 + 200 + 100 + 20


def test_one_way_against_the_order_of_its_nodes() -> None:
    roads = graph(square(oneway="-1"))
    assert metres(roads, NEAR_C, NEAR_A) == 160
    assert metres(roads, NEAR_A, NEAR_C) > 160


@pytest.mark.parametrize(
    "closed",
    [{"access": "private"}, {"motor_vehicle": "no"}, {"highway": "cycleway"}, {"highway": "footway"}],
)
def test_closed_way_is_not_driven(closed: dict[str, str]) -> None:
    roads = graph(square(**closed))
    assert roads.snap(*NEAR_A).distance_m > 15  # put on the street AD instead
    assert metres(roads, at(0, -10), at(200, -10)) == 90 + 200 + 90


@pytest.mark.parametrize("opened", [{"access": "private", "motor_vehicle": "destination"}, {"access": "permissive"}])
def test_most_particular_access_counts(opened: dict[str, str]) -> None:
    assert metres(graph(square(**opened)), NEAR_A, NEAR_C) == 160


def test_bollard_stops_vans_but_both_sides_stay_reachable() -> None:
    whole = square()
    shut = town(*whole.ways, nodes={"B": {"barrier": "bollard"}})
    assert metres(graph(whole), NEAR_A, NEAR_C) == 160
    assert metres(graph(shut), NEAR_A, NEAR_C) == 20 + 100 + 200 + 100 + 20


@pytest.mark.parametrize(
    ("tags", "passes"),
    [
        ({"barrier": "gate"}, True),
        ({"barrier": "gate", "access": "private"}, False),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, True),
        ({"barrier": "block"}, False),
        ({"barrier": "cycle_barrier"}, False),
    ],
)
def test_barriers(tags: dict[str, str], passes: bool) -> None:
    found = metres(graph(town(*square().ways, nodes={"B": tags})), NEAR_A, NEAR_C)
    assert (found == 160) is passes


def test_living_street_is_avoided_for_through_traffic() -> None:
    roads = graph(square(highway="living_street"))
    around = roads.path(at(0, -10), at(200, -10))
    assert around is not None
    assert min(point.lat for point in around.points) < at(0, -99).lat  # by D-E-F, not over A-B-C


def test_left_turn_costs_more_than_right() -> None:
    roads = graph(square())
    to_the_left = seconds(roads, at(100, -50), at(50, 0))  # northwards on BE, left at B
    to_the_right = seconds(roads, at(100, -50), at(150, 0))
    assert to_the_left > to_the_right


def test_signed_limit_counts() -> None:
    assert seconds(graph(square(maxspeed="15")), NEAR_A, NEAR_C) > seconds(graph(square()), NEAR_A, NEAR_C)


def test_places_on_one_stretch_need_no_junction() -> None:
    roads = graph(square())
    assert metres(roads, at(20, 0), at(70, 0)) == 50
    assert metres(roads, at(70, 0), at(20, 0)) == 50
    assert metres(roads, at(70, 0), at(70, 0)) == 0


def test_on_a_one_way_stretch_the_place_behind_is_far() -> None:
    roads = graph(square(oneway="yes"))
    assert metres(roads, at(20, 0), at(70, 0)) == 50
    assert metres(roads, at(70, 0), at(20, 0)) == 30 + 100 + 100 + 100 + 20


def test_unconnected_part_is_left_out_and_counted() -> None:
    built = build(town(street(1, "ABC"), street(2, "EF")))
    assert (built.road_nodes, built.connected_nodes) == (5, 3)
    assert built.graph.snap(*at(150, -100)).distance_m == pytest.approx(100, abs=1)


def test_node_outside_the_extract_ends_the_way() -> None:
    way = street(1, "ABC")
    cut = type(way)(way.id, way.tags, (*way.nodes, 99), (*way.points, None))
    built = build(town(cut, street(2, "AD")))
    assert (built.cut_nodes, built.connected_nodes) == (1, 4)


def test_snap_prefers_the_street_of_the_address() -> None:
    roads = graph(square())
    garden = at(60, -45)  # nearer to BE (40 m) than to ABC (45 m)
    assert roads.names[int(roads.edges.name[roads.snap(*garden).edge])] == "BE"
    assert roads.names[int(roads.edges.name[roads.snap(*garden, street="ABC").edge])] == "ABC"
    far = roads.snap(*at(195, -95), street="AD")  # 195 m away: a wrong street helps nobody
    assert roads.names[int(roads.edges.name[far.edge])] in ("CF", "DEF")


def test_place_off_the_map_is_refused_with_its_distance() -> None:
    roads = graph(square())
    with pytest.raises(OffMapError, match=r"\d+ m from the nearest road"):
        roads.snap(*at(5000, 0))
    with pytest.raises(OffMapError, match="no place on earth"):
        roads.snap(float("nan"), 6.0)


def test_no_road_for_vans_is_no_map() -> None:
    with pytest.raises(MapError, match="no road that vans may use"):
        build(town(street(1, "ABC", highway="footway")))


def test_path_says_what_the_matrix_says() -> None:
    roads = graph(square(oneway="yes"))
    random = Random(5)
    places = [at(random.uniform(-10, 210), random.uniform(-110, 10)) for _ in range(9)]
    travel = roads.matrix(places)
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            path = roads.path(a, b)
            assert path is not None
            assert abs(path.seconds - travel.duration_s[i, j]) <= 0.51
            assert abs(path.metres - travel.distance_m[i, j]) <= 0.6
            spots = [Point(point.lat, point.lon) for point in path.points]
            drawn = sum(metres_between(p, q) for p, q in pairwise(spots))
            assert abs(drawn - path.metres) < 0.5
            times = [point.t_s for point in path.points]
            assert times == sorted(times)
            assert abs(times[-1] - path.seconds) < 1e-6


def test_rows_and_columns_equal_the_matrix() -> None:
    roads = graph(square(oneway="yes"))
    random = Random(6)
    places = [at(random.uniform(0, 200), random.uniform(-100, 0)) for _ in range(12)]
    travel = roads.matrix(places)
    row = roads.between(places[:1], places)
    column = roads.between(places, places[:1])
    assert np.array_equal(row.duration_s[0], travel.duration_s[0])
    assert np.array_equal(column.duration_s[:, 0], travel.duration_s[:, 0])
    assert np.array_equal(column.distance_m[:, 0], travel.distance_m[:, 0])


def test_graph_survives_its_file(tmp_path: Path) -> None:
    roads = graph(square(oneway="yes"))
    roads.save(tmp_path / "roads.npz")
    again = RoadGraph.load(tmp_path)
    assert again.names == roads.names
    places = [at(20, 0), at(150, -100), at(0, -60)]
    assert np.array_equal(again.matrix(places).duration_s, roads.matrix(places).duration_s)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"no archive at all"])
def test_damaged_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "roads.npz").write_bytes(content)
    with pytest.raises(MapError, match=r"roads\.npz"):
        RoadGraph.load(tmp_path)


def test_absent_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapError, match=r"roads\.npz"):
        RoadGraph.load(tmp_path)
