"""Each rule of the road in a map of a few streets, read from OpenStreetMap XML as any extract is."""

from itertools import pairwise, permutations
from pathlib import Path
from random import Random

import pytest

from routing import osm
from routing.places import Address, Point
from routing.road_build import Built, build
from routing.road_rules import FERRY_WAIT_S, Passage, directions, duration_s, passage
from routing.roads import RoadGraph
from routing.unreached import unreached
from tests.routing.towns import at
from tests.routing.xml_maps import WAY_ID, number_of, restriction, write_map

BLOCKS = """
A B C
D E F
"""
STREETS = ("AB", "BC", "DE", "EF", "AD", "BE", "CF")  # ways 1 to 7
STREET = "highway=residential"

WEST, EAST = at(80, 0), at(120, 0)  # on AB and BC, 20 m from B
SOUTH_WEST, SOUTH_EAST = at(80, -100), at(120, -100)  # on DE and EF, 20 m from E
MIDDLE = at(100, -50)  # on BE


def blocks(
    folder: Path, *, tags: dict[str, str] | None = None, nodes: dict[str, str] | None = None, rule: str = ""
) -> Built:
    """The two blocks; `tags` by street instead of a residential one."""
    ways = [f"{street} {(tags or {}).get(street, STREET)}" for street in STREETS]
    return build(osm.read(write_map(folder / "map.osm", BLOCKS, ways, nodes=nodes, relations=rule)))


def metres(built: Built, a: Point, b: Point) -> int:
    found = int(built.graph.matrix([a, b]).distance_m[0, 1])
    path = built.graph.path(a, b)
    assert path is not None
    assert abs(path.metres - found) <= 1
    return found


# ---------------------------------------------------------------- turn restrictions

LEFT, RIGHT = 70, 70  # from MIDDLE northwards to WEST or EAST
ROUND = 50 + 200 + 80  # by the other end of BE instead


@pytest.mark.parametrize(
    ("tags", "to_the_left"),
    [
        (["restriction=no_left_turn"], ROUND),
        (["restriction=no_left_turn", "except=bicycle;psv"], ROUND),
        (["restriction:motorcar=no_left_turn"], ROUND),
        (["type=restriction:motor_vehicle", "restriction:motor_vehicle=no_left_turn"], ROUND),
        (["restriction=no_left_turn", "except=psv; motorcar"], LEFT),
        (["restriction:hgv=no_left_turn"], LEFT),
        (["restriction:conditional=no_left_turn @ (Mo-Fr 07:00-09:00)"], LEFT),
        (["restriction=give_way"], LEFT),
    ],
)
def test_forbidden_left_turn(tmp_path: Path, tags: list[str], to_the_left: int) -> None:
    rule = restriction("from:6 via:B to:1", *tags)
    assert metres(blocks(tmp_path, rule=rule), MIDDLE, WEST) == to_the_left
    assert metres(blocks(tmp_path, rule=rule), MIDDLE, EAST) == RIGHT


def test_commanded_turn_forbids_the_others(tmp_path: Path) -> None:
    built = blocks(tmp_path, rule=restriction("from:6 via:B to:2", "restriction=only_right_turn"))
    assert metres(built, MIDDLE, EAST) == RIGHT
    assert metres(built, MIDDLE, WEST) == ROUND
    assert (built.restrictions, built.odd_restrictions) == (1, 0)


def test_no_entry_and_no_exit_name_several_ways(tmp_path: Path) -> None:
    entry = blocks(tmp_path, rule=restriction("from:1 from:2 via:B to:6", "restriction=no_entry"))
    assert min(metres(entry, WEST, MIDDLE), metres(entry, EAST, MIDDLE)) > 100
    out = blocks(tmp_path, rule=restriction("from:6 via:B to:1 to:2", "restriction=no_exit"))
    assert min(metres(out, MIDDLE, WEST), metres(out, MIDDLE, EAST)) > 100


@pytest.mark.parametrize("forbidden", [True, False])
def test_no_turning_round(tmp_path: Path, forbidden: bool) -> None:
    rule = restriction("from:1 via:B to:1", "restriction=no_u_turn") if forbidden else ""
    net = blocks(tmp_path, rule=rule).graph
    edge = next(
        e for e in range(net.size) if net.edges.way[e] == WAY_ID + 1 and net.edges.end_node[e] == number_of("B")
    )
    into = {
        int(net.turns.to_state[turn]) for turn in range(len(net.turns.to_state)) if net.turns.from_state[turn] == edge
    }
    assert (int(net.edges.reverse[edge]) not in into) is forbidden
    assert len(into) == (2 if forbidden else 3)


def test_forbidden_over_a_way(tmp_path: Path) -> None:
    built = blocks(tmp_path, rule=restriction("from:1 via:6 to:3", "restriction=no_u_turn"))
    assert metres(built, WEST, SOUTH_WEST) == 80 + 100 + 80  # not over BE
    assert metres(built, EAST, SOUTH_WEST) == 20 + 100 + 20  # who comes from BC may
    assert metres(built, MIDDLE, SOUTH_WEST) == 50 + 20  # and who began on BE
    assert metres(built, WEST, SOUTH_EAST) == 20 + 100 + 20  # another turn from BE
    assert metres(built, WEST, MIDDLE) == 20 + 50  # a place on the via way itself
    assert metres(built, SOUTH_WEST, WEST) == 20 + 100 + 20  # the other way round


def test_commanded_over_a_way(tmp_path: Path) -> None:
    built = blocks(tmp_path, rule=restriction("from:1 via:6 to:4", "restriction=only_left_turn"))
    assert metres(built, WEST, SOUTH_EAST) == 20 + 100 + 20
    assert metres(built, WEST, SOUTH_WEST) == 80 + 100 + 80
    assert metres(built, EAST, SOUTH_WEST) == 20 + 100 + 20
    assert metres(built, WEST, EAST) == 40  # who does not turn into BE is not bound


def test_forbidden_over_several_ways(tmp_path: Path) -> None:
    tags = {"BC": f"{STREET} oneway=-1"}
    near_f = at(200, -90)
    rule = restriction("from:1 via:6 via:4 to:7", "restriction=no_u_turn")
    assert metres(blocks(tmp_path, tags=tags), WEST, near_f) == 20 + 100 + 100 + 10
    built = blocks(tmp_path, tags=tags, rule=rule)
    assert metres(built, WEST, near_f) == 80 + 100 + 100 + 100 + 10
    assert metres(built, MIDDLE, near_f) == 50 + 100 + 10


def test_two_restrictions_over_one_way_both_hold(tmp_path: Path) -> None:
    rules = restriction("from:1 via:6 to:3", "restriction=no_right_turn") + restriction(
        "from:1 via:6 to:4", "restriction=no_left_turn", number=2
    )
    built = blocks(tmp_path, rule=rules)
    assert metres(built, WEST, SOUTH_WEST) == 80 + 100 + 80
    assert metres(built, WEST, SOUTH_EAST) > 20 + 100 + 20
    assert metres(built, EAST, SOUTH_EAST) == 20 + 100 + 20


def test_restriction_over_a_way_and_at_its_end(tmp_path: Path) -> None:
    rules = restriction("from:1 via:6 to:3", "restriction=no_right_turn") + restriction(
        "from:6 via:E to:4", "restriction=no_left_turn", number=2
    )
    for both in (
        rules,
        "".join(reversed([rules[: rules.index("</relation>") + 11], rules[rules.index("</relation>") + 11 :]])),
    ):
        built = blocks(tmp_path, rule=both)
        assert metres(built, WEST, SOUTH_WEST) == 80 + 100 + 80
        assert metres(built, WEST, SOUTH_EAST) > 20 + 100 + 20
        assert metres(built, EAST, SOUTH_WEST) == 20 + 100 + 20
        assert metres(built, EAST, SOUTH_EAST) > 20 + 100 + 20


@pytest.mark.parametrize("members", ["from:6 via:B to:99", "from:6 via:E to:2", "from:6 to:1", "from:6 via:B"])
def test_restriction_that_fits_no_road_changes_nothing(tmp_path: Path, members: str) -> None:
    built = blocks(tmp_path, rule=restriction(members, "restriction=no_left_turn"))
    assert metres(built, MIDDLE, WEST) == LEFT
    assert built.restrictions == 0


def test_restriction_on_a_way_that_goes_on_beyond_the_junction_is_no_guess(tmp_path: Path) -> None:
    ways = ["ABC", "DEF", "AD", "BE", "CF"]
    rule = restriction("from:4 via:B to:1", "restriction=no_left_turn")
    built = build(osm.read(write_map(tmp_path / "m.osm", BLOCKS, [f"{w} {STREET}" for w in ways], relations=rule)))
    assert (built.restrictions, built.odd_restrictions) == (0, 1)
    assert metres(built, MIDDLE, WEST) == LEFT


# ---------------------------------------------------------------- one way


@pytest.mark.parametrize(
    ("tags", "along", "against"),
    [
        ("oneway=yes", True, False),
        ("oneway=yes oneway:bicycle=no", True, False),
        ("oneway=yes cycleway=opposite", True, False),
        ("oneway=no oneway:bicycle=yes", True, True),
        ("oneway=-1", False, True),
        ("oneway=yes oneway:motor_vehicle=no", True, True),
        ("vehicle:backward=no", True, False),
        ("motor_vehicle:forward=private", False, True),
        ("bicycle:backward=no", True, True),
        ("junction=roundabout", True, False),
        ("junction=roundabout oneway=no", True, True),
        ("oneway=alternating", True, True),
    ],
)
def test_one_way(tmp_path: Path, tags: str, along: bool, against: bool) -> None:
    built = blocks(tmp_path, tags={"AB": f"{STREET} {tags}"})
    west, east = at(20, 0), at(70, 0)
    assert (metres(built, west, east) == 50) is along
    assert (metres(built, east, west) == 50) is against


def test_lane_that_changes_its_direction_is_shut() -> None:
    assert directions({"highway": "primary", "oneway": "reversible"}) == (False, False)


def test_roundabout_is_driven_one_way_round(tmp_path: Path) -> None:
    picture = "A B C D\n. E F"
    ways = [f"AB {STREET}", f"CD {STREET}", f"BEFCB {STREET} junction=roundabout"]
    built = build(osm.read(write_map(tmp_path / "m.osm", picture, ways)))
    assert metres(built, at(50, 0), at(250, 0)) == 50 + 300 + 50
    assert metres(built, at(250, 0), at(50, 0)) == 50 + 100 + 50


# ---------------------------------------------------------------- access


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("highway=residential", Passage.OPEN),
        ("highway=service", Passage.OPEN),
        ("highway=service access=private", Passage.CLOSED),
        ("highway=service service=driveway access=customers", Passage.DESTINATION),
        ("highway=living_street", Passage.OPEN),
        ("highway=track", Passage.DESTINATION),
        ("highway=track tracktype=grade1", Passage.OPEN),
        ("highway=track tracktype=grade4 motor_vehicle=yes", Passage.OPEN),
        ("highway=residential access=no", Passage.CLOSED),
        ("highway=residential access=no vehicle=destination", Passage.DESTINATION),
        ("highway=residential vehicle=no motor_vehicle=yes", Passage.OPEN),
        ("highway=residential motor_vehicle=yes motorcar=no", Passage.CLOSED),
        ("highway=residential motorcar=no goods=delivery", Passage.DESTINATION),
        ("highway=residential access=private motor_vehicle=permissive", Passage.OPEN),
        ("highway=residential motor_vehicle=agricultural", Passage.CLOSED),
        ("highway=residential access=permit", Passage.CLOSED),
        ("highway=residential bicycle=no foot=no", Passage.OPEN),
        ("highway=residential hgv=no", Passage.OPEN),
        ("highway=busway", Passage.CLOSED),
        ("highway=pedestrian motor_vehicle=delivery", Passage.CLOSED),
        ("highway=construction", Passage.CLOSED),
        ("highway=service area=yes", Passage.CLOSED),
        ("route=ferry", Passage.CLOSED),
        ("route=ferry foot=yes access=yes", Passage.CLOSED),
        ("route=ferry motor_vehicle=yes", Passage.OPEN),
        ("route=ferry motorcar=yes bicycle=no", Passage.OPEN),
    ],
)
def test_most_particular_access_counts(tags: str, expected: Passage) -> None:
    assert passage(dict(word.split("=") for word in tags.split())) is expected


@pytest.mark.parametrize("tag", ["access=destination", "motor_vehicle=delivery", "vehicle=customers"])
def test_street_for_destinations_is_no_way_through(tmp_path: Path, tag: str) -> None:
    built = blocks(tmp_path, tags={"BE": f"{STREET} {tag}"})
    assert metres(built, WEST, SOUTH_WEST) == 80 + 100 + 80
    assert metres(built, WEST, MIDDLE) == 20 + 50  # but who has to be there drives in
    assert metres(built, MIDDLE, SOUTH_WEST) == 50 + 20  # and out, on either side
    assert metres(built, MIDDLE, EAST) == 50 + 20
    assert metres(built, at(100, -20), at(100, -80)) == 60


def test_what_lies_behind_a_street_for_destinations_is_reached(tmp_path: Path) -> None:
    tags = {"CF": "highway=footway", "BC": f"{STREET} access=destination", "EF": "highway=footway"}
    ways = [*(f"{s} {tags.get(s, STREET)}" for s in STREETS), f"CG {STREET}"]
    built = build(osm.read(write_map(tmp_path / "m.osm", "A B C G\nD E F", ways)))
    assert metres(built, WEST, at(250, 0)) == 20 + 100 + 50
    assert metres(built, at(250, 0), WEST) == 50 + 100 + 20
    assert metres(built, at(250, 0), at(150, 0)) == 100


def test_map_of_nothing_but_streets_for_destinations_can_be_driven(tmp_path: Path) -> None:
    built = blocks(tmp_path, tags=dict.fromkeys(STREETS, f"{STREET} access=destination"))
    assert metres(built, WEST, SOUTH_WEST) == 20 + 100 + 20


@pytest.mark.parametrize(
    ("tags", "passes"),
    [
        ("barrier=bollard", False),
        ("barrier=bollard bollard=rising", False),
        ("barrier=bollard motor_vehicle=permissive", True),
        ("barrier=bus_trap", False),
        ("barrier=gate", True),
        ("barrier=gate locked=yes", False),
        ("barrier=lift_gate access=private", False),
        ("barrier=cattle_grid", True),
        ("highway=crossing", True),
    ],
)
def test_barriers(tmp_path: Path, tags: str, passes: bool) -> None:
    built = blocks(tmp_path, nodes={"B": tags})
    assert (metres(built, WEST, EAST) == 40) is passes


def test_living_street_is_slow(tmp_path: Path) -> None:
    built = blocks(tmp_path, tags={"AB": "highway=living_street"})
    slow, usual = built.graph.matrix([at(10, 0), at(90, 0)]), built.graph.matrix([at(110, 0), at(190, 0)])
    assert slow.duration_s[0, 1] > 1.9 * usual.duration_s[0, 1]


# ---------------------------------------------------------------- ferries

RIVER = "A B . C D"


def test_ferry_takes_vans_at_its_own_pace(tmp_path: Path) -> None:
    ways = [f"AB {STREET}", "BC route=ferry motor_vehicle=yes duration=00:04", f"CD {STREET}"]
    built = build(osm.read(write_map(tmp_path / "m.osm", RIVER, ways)))
    travel = built.graph.matrix([at(50, 0), at(350, 0)])
    assert travel.distance_m[0, 1] == 300
    driving_s = 100 / 25 * 3.6
    assert travel.duration_s[0, 1] == pytest.approx(driving_s + FERRY_WAIT_S + 240, abs=2)


def test_ferry_for_walkers_connects_nothing(tmp_path: Path) -> None:
    ways = [f"AB {STREET}", "BC route=ferry foot=yes", f"CD {STREET}"]
    built = build(osm.read(write_map(tmp_path / "m.osm", RIVER, ways)))
    assert built.connected_nodes == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 300), ("00:05", 300), ("1:00:30", 3630), ("PT5M", None), ("", None)]
)
def test_duration_of_a_ferry(text: str, seconds: float | None) -> None:
    assert duration_s({"route": "ferry", "duration": text}) == seconds


# ---------------------------------------------------------------- what no van reaches


def far(name: str, street: str, east_m: float) -> Address:
    return Address(street, name, "", *at(east_m, 0))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (f"{STREET} access=private", f"the nearest road, CD (way {WAY_ID + 2}), is closed for vans"),
        (STREET, f"the nearest road, CD (way {WAY_ID + 2}), is not connected to the other roads of the map"),
        ("highway=footway", "there is no road on the map"),
    ],
)
def test_unreachable_address_is_named_with_the_reason(tmp_path: Path, tags: str, reason: str) -> None:
    picture = "A B . . . C D\nE"
    built = build(osm.read(write_map(tmp_path / "m.osm", picture, [f"EAB {STREET}", f"CD {tags}"])))
    rows = [far("1", "EAB", 90), far("2", "CD", 550)]
    found = unreached(rows, built.graph, built.left_out)
    assert [(row.address.number, row.reason) for row in found] == [("2", reason)]
    assert found[0].distance_m == pytest.approx(450, abs=1)


def test_far_off_address_has_no_distance(tmp_path: Path) -> None:
    found = unreached([far("1", "", 90_000)], blocks(tmp_path).graph, ())
    assert found[0].distance_m is None


# ---------------------------------------------------------------- all of it at once

GRID = "A B C D\nE F G H\nI J K L"
GRID_STREETS = [*(row[i : i + 2] for row in ("ABCD", "EFGH", "IJKL") for i in range(3))]
GRID_STREETS += [
    f"{a}{b}" for upper, lower in (("ABCD", "EFGH"), ("EFGH", "IJKL")) for a, b in zip(upper, lower, strict=True)
]


def random_rule(random: Random, number: int) -> tuple[str, tuple[int, str, int, bool]]:
    """A restriction over a node between two of its streets, as a relation and as (from, via, to, is_only)."""
    via = random.choice("BCEFGHJK")
    meeting = [place for place, street in enumerate(GRID_STREETS, start=1) if via in street]
    source, target = random.sample(meeting, 2)
    is_only = random.random() < 0.3
    text = restriction(
        f"from:{source} via:{via} to:{target}", f"restriction={'only' if is_only else 'no'}_turn", number=number
    )
    return text, (WAY_ID + source, via, WAY_ID + target, is_only)


@pytest.mark.parametrize("seed", range(8))
def test_no_way_breaks_a_rule_and_no_place_is_out_of_reach(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    tags = random.choices(
        ["", "oneway=yes", "oneway=-1", "access=destination", "access=private"], [12, 2, 2, 2, 1], k=17
    )
    texts, rules = zip(*(random_rule(random, number) for number in range(1, 5)), strict=True)
    ways = [f"{street} {STREET} {tag}" for street, tag in zip(GRID_STREETS, tags, strict=True)]
    built = build(osm.read(write_map(tmp_path / "m.osm", GRID, ways, relations="".join(texts))))
    net = built.graph
    places = [net.snap(*at(random.uniform(0, 300), random.uniform(-200, 0))) for _ in range(8)]
    travel = net.matrix(places)
    assert (travel.duration_s >= 0).all()
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            path = net.path(a, b)
            assert path is not None
            assert abs(path.seconds - travel.duration_s[i, j]) <= 0.51
            edges = [leg.edge for leg in path.legs]
            turns = [
                (int(net.edges.way[e]), int(net.edges.end_node[e]), int(net.edges.way[f])) for e, f in pairwise(edges)
            ]
            for source, via, target, is_only in rules:
                taken = {to for way, node, to in turns if (way, node) == (source, number_of(via))}
                drivable = {WAY_ID + n for n, tag in enumerate(tags, start=1) if "private" not in tag}
                if target in drivable & set(net.edges.way.tolist()):
                    assert (
                        taken <= {target} if is_only and can_leave(net, target, via) else target not in taken or is_only
                    )
            assert not any("private" in tags[int(net.edges.way[edge]) - WAY_ID - 1] for edge in edges)


@pytest.mark.parametrize("seed", range(8))
def test_who_can_do_without_streets_for_destinations_does(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    tags = random.choices(["", "oneway=yes", "access=destination"], [6, 1, 2], k=17)

    def made(closed: str) -> RoadGraph:
        ways = [f"{s} {STREET} {tag.replace('destination', closed)}" for s, tag in zip(GRID_STREETS, tags, strict=True)]
        return build(osm.read(write_map(tmp_path / f"{closed}.osm", GRID, ways))).graph

    whole, without = made("destination"), made("private")
    spots = [whole.snap(*at(random.uniform(0, 300), random.uniform(-200, 0))) for _ in range(12)]
    places = [spot for spot in spots if without.snap(spot.lat, spot.lon).distance_m < 0.01]
    assert len(places) > 1
    for a, b in permutations(places, 2):
        path = whole.path(a, b)
        assert path is not None
        driven = {tags[int(whole.edges.way[leg.edge]) - WAY_ID - 1] for leg in path.legs}
        assert "access=destination" not in driven


def can_leave(net: RoadGraph, way: int, via: str) -> bool:
    """Whether a one-way street does not come the other way."""
    return any(net.edges.way[e] == way and net.edges.start_node[e] == number_of(via) for e in range(net.size))
