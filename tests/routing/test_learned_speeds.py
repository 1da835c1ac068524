"""From fixes to factors: tracks cut into trips, laid on the roads, and what is learned from them."""

import json
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from routing import speed_file
from routing.geometry import M_PER_DEGREE
from routing.learned_speeds import UNKNOWN, DrivenTrip, SpeedFactors, error_of, learn
from routing.map_matching import Driven, match
from routing.places import MapError, Point
from routing.road_build import build
from routing.road_rules import CLASSES
from routing.roads import PathPoint, RoadGraph
from routing.trips import Fix, Trip, trips_of
from tests.routing.towns import LAT, LON, METRE_LAT, METRE_LON, at, square, street, town


def hour_of(t_s: float) -> int:
    return int(t_s % 86400 // 3600)


def driving(
    points: tuple[PathPoint, ...], *, start_s: float = 0.0, slower: float = 1.0, each_s: float = 5.0
) -> list[Fix]:
    """Fixes of a van that drives along a path."""
    times = [start_s + point.t_s * slower for point in points]
    fixes = []
    moment = start_s
    while moment <= times[-1]:
        after = min(max(1, bisect_left(times, moment)), len(times) - 1)
        span = times[after] - times[after - 1]
        share = (moment - times[after - 1]) / span if span else 0.0
        a, b = points[after - 1], points[after]
        fixes.append(Fix(moment, a.lat + share * (b.lat - a.lat), a.lon + share * (b.lon - a.lon)))
        moment += each_s
    return fixes


def noisy(fixes: list[Fix], random: Random, metres: float) -> list[Fix]:
    def off() -> float:
        return random.gauss(0.0, metres) / M_PER_DEGREE

    return [Fix(fix.t_s, fix.lat + off(), fix.lon + off() / 0.6157) for fix in fixes]


def standing(place: Point, start_s: float, seconds: float) -> list[Fix]:
    return [Fix(start_s + n * 5.0, place.lat, place.lon) for n in range(int(seconds // 5))]


# ---------------------------------------------------------------- a town with room to drive

SIDE = 6
STREET_M = 250.0


@pytest.fixture(scope="module")
def roads() -> RoadGraph:
    """A grid: every third street is a wide one (tertiary), the others are residential."""
    ways = []
    for line in range(SIDE):
        for across in (True, False):
            corners = [(line, n) if across else (n, line) for n in range(SIDE)]
            points = tuple(at(STREET_M * x, STREET_M * y) for x, y in corners)
            nodes = tuple(1 + x * SIDE + y for x, y in corners)
            kind = "tertiary" if line % 3 == 0 else "residential"
            made = street(10 * line + across + 1, "AB", highway=kind)
            ways.append(type(made)(made.id, made.tags, nodes, points))
    return build(town(*ways)).graph


def rides(roads: RoadGraph, number: int, truth: Callable[[str, int], float], *, seed: int) -> list[DrivenTrip]:
    """Trips as matching would give them, at 8 or 14 o'clock, each a little faster or slower than the truth."""
    random = Random(seed)
    spots = [roads.snap(*at(random.uniform(0, 1250), random.uniform(0, 1250))) for _ in range(30)]
    trips = []
    for trip in range(number):
        hour = 8 if trip % 2 else 14
        path = roads.path(*random.sample(spots, 2))
        assert path is not None
        seconds = sum(leg.seconds * truth(CLASSES[int(roads.edges.road_class[leg.edge])], hour) for leg in path.legs)
        trips.append(DrivenTrip("van-1", (Driven(hour * 3600.0, seconds * random.lognormvariate(0, 0.1), path),)))
    return trips


TRUTH = {("residential", 8): 1.5, ("residential", 14): 1.1, ("tertiary", 8): 1.3, ("tertiary", 14): 1.0}


def truth(road_class: str, hour: int) -> float:
    return TRUTH[road_class, hour]


# ---------------------------------------------------------------- trips


def test_track_is_cut_where_the_van_stands(roads: RoadGraph) -> None:
    a, b, c = at(0, 0), at(750, 250), at(1250, 1250)
    there, back = roads.path(a, b), roads.path(b, c)
    assert there is not None and back is not None
    drive = driving(there.points)
    fixes = drive + standing(b, drive[-1].t_s + 5, 600)
    fixes += driving(back.points, start_s=fixes[-1].t_s + 5)
    one, two = trips_of("van-1", fixes)
    assert one.seconds < there.seconds
    assert two.seconds < back.seconds
    assert two.fixes[0].t_s > drive[-1].t_s + 590


def test_red_light_belongs_to_the_road(roads: RoadGraph) -> None:
    path = roads.path(at(0, 0), at(1250, 500))
    assert path is not None
    drive = driving(path.points)
    half = len(drive) // 2
    waiting = standing(Point(drive[half].lat, drive[half].lon), drive[half].t_s + 5, 30)
    later = [Fix(fix.t_s + 35, fix.lat, fix.lon) for fix in drive[half + 1 :]]
    (trip,) = trips_of("van-1", drive[: half + 1] + waiting + later)
    assert trip.seconds > path.seconds


def test_lost_signal_and_a_leap_end_a_trip(roads: RoadGraph) -> None:
    path = roads.path(at(0, 0), at(1250, 1250))
    assert path is not None
    drive = driving(path.points)
    third = len(drive) // 3
    late = [Fix(fix.t_s + 600, fix.lat, fix.lon) for fix in drive[third:]]
    assert len(trips_of("van-1", drive[:third] + late)) == 2
    leapt = [Fix(fix.t_s, fix.lat + 0.1, fix.lon) for fix in drive[third:]]
    assert len(trips_of("van-1", drive[:third] + leapt)) == 2


def test_standing_van_teaches_nothing() -> None:
    assert trips_of("van-1", standing(at(0, 0), 0, 3600)) == []
    assert trips_of("van-1", []) == []


# ---------------------------------------------------------------- matching


@pytest.mark.parametrize("seed", range(4))
def test_way_is_found_again_through_noise(roads: RoadGraph, seed: int) -> None:
    random = Random(seed)
    path = roads.path(at(*(random.uniform(0, 300) for _ in "xy")), at(*(random.uniform(900, 1250) for _ in "xy")))
    assert path is not None
    (trip,) = trips_of("van-1", noisy(driving(path.points), random, 6.0))
    driven = match(roads, trip)
    assert sum(way.seconds for way in driven) == pytest.approx(trip.seconds)
    way = [edge for edge, _ in unique(leg.edge for one in driven for leg in one.path.legs)]
    true = [leg.edge for leg in path.legs]
    assert set(way) <= set(true)
    assert len(way) >= len(true) - 2  # its ends are left out
    assert sum(one.path.seconds for one in driven) == pytest.approx(trip.seconds, rel=0.12)


def unique(edges: object) -> list[tuple[int, int]]:
    row: list[tuple[int, int]] = []
    for edge in edges:  # type: ignore[attr-defined]
        if not row or row[-1][0] != edge:
            row.append((edge, 0))
    return row


def test_one_way_street_is_not_followed_the_wrong_way() -> None:
    roads = build(square(oneway="yes")).graph
    backwards = tuple(PathPoint(*at(200 - 20 * n, 0), n * 3.0) for n in range(11))
    driven = match(roads, Trip("van-1", tuple(driving(backwards))))
    edges = {leg.edge for way in driven for leg in way.path.legs}
    along = [int(edge) for edge in range(roads.size) if roads.names[int(roads.edges.name[edge])] == "ABC"]
    assert all(roads.edges.reverse[edge] == -1 for edge in along)
    for way in driven:
        points = way.path.points
        on_top = [(a, b) for a, b in pairwise(points) if abs(a.lat - LAT) < 1e-6 and abs(b.lat - LAT) < 1e-6]
        assert all(b.lon >= a.lon - 1e-9 for a, b in on_top)
    assert edges


def test_track_off_the_roads_leaves_a_gap(roads: RoadGraph) -> None:
    path = roads.path(at(0, 0), at(1250, 0))
    assert path is not None
    fixes = [
        Fix(fix.t_s, fix.lat - 300 * METRE_LAT * (500 < (fix.lon - LON) / METRE_LON < 700), fix.lon)
        for fix in driving(path.points)
    ]
    driven = match(roads, Trip("van-1", tuple(fixes)))
    assert driven
    assert sum(way.path.metres for way in driven) < 1100
    assert match(roads, Trip("van-1", tuple(Fix(n * 5.0, LAT + 1, LON) for n in range(9)))) == []


# ---------------------------------------------------------------- learning


def test_known_factors_are_recovered_and_the_error_falls(roads: RoadGraph) -> None:
    learned = learn(roads, rides(roads, 120, truth, seed=1), hour_of, seed=1)
    for (road_class, hour), factor in TRUTH.items():
        assert learned.factors.factor(road_class, hour) == pytest.approx(factor, rel=0.06)
    assert learned.after.mean_percent < 0.6 * learned.before.mean_percent
    assert abs(learned.after.bias_percent) < abs(learned.before.bias_percent) / 3


def test_what_nobody_drove_stays_as_it_was(roads: RoadGraph) -> None:
    factors = learn(roads, rides(roads, 60, truth, seed=2), hour_of, seed=1).factors
    assert factors.factor("motorway", 8) == 1.0
    assert factors.factor("residential", 20) == factors.of_class["residential"]
    assert UNKNOWN.column([8, 9]) == [1.0] * len(CLASSES)


def test_few_trips_say_little(roads: RoadGraph) -> None:
    few, many = (
        learn(roads, rides(roads, number, lambda *_: 1.6, seed=3), hour_of, seed=1).factors.of_class["residential"]
        for number in (8, 80)
    )
    assert 1.1 < few < many < 1.62


def test_a_chat_at_the_kerb_does_not_count_as_traffic(roads: RoadGraph) -> None:
    trips = rides(roads, 80, lambda *_: 1.0, seed=4)
    late = [DrivenTrip(t.van, tuple(Driven(w.start_s, w.seconds * 2.5, w.path) for w in t.ways)) for t in trips[:8]]
    factors = learn(roads, late + trips[8:], hour_of, seed=1).factors
    assert factors.of_class["residential"] == pytest.approx(1.0, abs=0.06)


def test_streets_as_expected_teach_nothing_false(roads: RoadGraph) -> None:
    learned = learn(roads, rides(roads, 60, lambda *_: 1.0, seed=5), hour_of, seed=1)
    assert all(abs(factor - 1) < 0.05 for factor in learned.factors.of_class.values())


def test_too_few_trips_are_refused(roads: RoadGraph) -> None:
    with pytest.raises(ValueError, match="7 trips"):
        learn(roads, rides(roads, 7, truth, seed=1), hour_of, seed=1)


@pytest.mark.whole
def test_whole_row_from_fixes_to_factors(roads: RoadGraph) -> None:
    random = Random(8)
    slow = roads.paced(SpeedFactors({"residential": 1.4}, {}).column([8]))
    trips = []
    for number in range(16):
        spots = [slow.snap(*at(random.uniform(0, 1250), random.uniform(0, 1250))) for _ in range(2)]
        path = slow.path(*spots)
        assert path is not None
        fixes = noisy(driving(path.points, start_s=8 * 3600 + number * 86400), random, 4.0)
        trips += [DrivenTrip("van-1", tuple(match(roads, trip))) for trip in trips_of("van-1", fixes)]
    before = error_of(roads, trips, UNKNOWN, hour_of)
    learned = learn(roads, trips, hour_of, seed=1)
    assert learned.factors.factor("residential", 8) == pytest.approx(1.4, abs=0.12)
    assert learned.factors.factor("tertiary", 8) == pytest.approx(1.0, abs=0.1)
    assert error_of(roads, trips, learned.factors, hour_of).mean_percent < before.mean_percent / 2


def test_paced_roads_take_as_long_as_the_factors_say(roads: RoadGraph) -> None:
    a, b = at(10, 250), at(1200, 250)  # one residential street
    twice = roads.paced(SpeedFactors({"residential": 2.0}, {}).column([9]))
    assert int(twice.matrix([a, b]).distance_m[0, 1]) >= int(roads.matrix([a, b]).distance_m[0, 1])
    around = roads.path(a, b)
    assert around is not None
    assert twice.matrix([a, b]).duration_s[0, 1] <= 2 * around.seconds + 1


# ---------------------------------------------------------------- the file


def test_newest_file_counts_and_says_what_was_learned(roads: RoadGraph, tmp_path: Path) -> None:
    assert speed_file.load(speed_file.newest(tmp_path)) is UNKNOWN
    learned = learn(roads, rides(roads, 40, truth, seed=6), hour_of, seed=1)
    speed_file.save(learned, tmp_path, "2026-03-01")
    newest = speed_file.save(learned, tmp_path, "2026-11-23")
    assert speed_file.newest(tmp_path) == newest
    again = speed_file.load(newest)
    assert again.factor("residential", 8) == learned.factors.factor("residential", 8)
    assert json.loads(newest.read_text())["after"]["mean_percent"] == learned.after.mean_percent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 2}',
        '{"format": 1, "factors": {"of_class": {"residential": 0}, "of_hour": {}}}',
        '{"format": 1, "factors": {"of_class": {}, "of_hour": {"residential": {"8": NaN}}}}',
    ],
)
def test_damaged_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speeds-2026-01-01.json"
    path.write_text(text)
    with pytest.raises(MapError, match="speeds-2026-01-01"):
        speed_file.load(path)
