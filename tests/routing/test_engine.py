"""The engine: its answers hold by an independent count, and the same seed gives the same answer."""

import subprocess
import sys
from array import array
from random import Random

import pytest

from routing.answer import answer, rounds_of
from routing.crossing import crossed, vehicles_of
from routing.engine import Budget, EngineError, Rounds, available
from routing.instances import Instance, parse
from routing.recount import recount
from routing.searches import search
from tests.routing.test_instances import MATRIX, SOLOMON, VRPLIB


def day(seed: int, *, customers: int = 30, trips: bool = False) -> Instance:
    """A made-up day in VRPLIB's format, which can always be served."""
    random = Random(seed)
    nodes = range(1, customers + 2)
    rows: dict[str, list[str]] = {
        "NODE_COORD_SECTION": [f"{random.randint(0, 60)} {random.randint(0, 60)}" for _ in nodes],
        "DEMAND_SECTION": ["0", *(str(random.randint(1, 9)) for _ in nodes[1:])],
        "TIME_WINDOW_SECTION": ["0 400"],
        "RELEASE_TIME_SECTION": ["0"],
    }
    for _ in nodes[1:]:
        early = random.randint(0, 200)
        rows["TIME_WINDOW_SECTION"].append(f"{early} {early + random.randint(100, 110)}")
        rows["RELEASE_TIME_SECTION"].append(str(random.choice([0, early // 2])) if trips else "0")
    heads = [f"DIMENSION: {customers + 1}", f"VEHICLES: {customers}", "CAPACITY: 30", "SERVICE_TIME: 3"]
    lines = ["NAME: day", "EDGE_WEIGHT_TYPE: EUC_2D", *heads]
    for section, values in rows.items():
        lines += [section, *(f"{node} {value}" for node, value in zip(nodes, values, strict=True))]
    if trips:
        lines += ["VEHICLES_RELOAD_DEPOT_SECTION", *(f"{vehicle} 1" for vehicle in range(1, customers + 1))]
    return parse("\n".join([*lines, "EOF"]), "day")


def test_library_was_built_with_the_package() -> None:
    assert available()


@pytest.mark.parametrize("trips", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_answers_hold_by_an_independent_count(seed: int, trips: bool) -> None:
    instance = day(seed, trips=trips)
    found = search(rounds_of(instance), Budget(iterations=400), seed)
    routes = [sum(((*trip, 0) for trip in route), ())[:-1] for route in found.routes]
    count = recount(instance, routes)
    assert count.faults == ()
    assert count.cost == found.cost


LONG_ENOUGH_TO_BREED = 30_000
"""Tries with which a search of twelve customers cools several times and crosses what it found."""


@pytest.mark.whole
@pytest.mark.parametrize("trips", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_answers_that_were_bred_hold_and_are_the_same_again(seed: int, trips: bool) -> None:
    rounds = rounds_of(instance := day(seed, customers=12, trips=trips))
    found, again = (search(rounds, Budget(iterations=LONG_ENOUGH_TO_BREED), seed) for _ in range(2))
    count = recount(instance, [sum(((*trip, 0) for trip in route), ())[:-1] for route in found.routes])
    assert (count.faults, count.cost) == ((), found.cost)
    assert found == again
    assert found.iterations == 2 * LONG_ENOUGH_TO_BREED


@pytest.mark.parametrize("seed", range(20))
def test_a_crossing_visits_nobody_twice_and_keeps_trips_whole(seed: int) -> None:
    rounds = rounds_of(day(seed, customers=12, trips=True))
    mother, father = (array("i", code) for code in ((1, 2, 0, 3, -1, 4, 5, 6, -1, 7, -1), (2, 5, -1, 1, 0, 7, 6, -1)))
    child = crossed(mother, father, rounds, Random(seed))
    visited = [place for place in child if place > 0]
    assert len(visited) == len(set(visited))
    trips = [trip for vehicle in vehicles_of(child) for trip in " ".join(map(str, vehicle)).split(" 0 ")]
    assert all(trip and not trip.startswith("0") and not trip.endswith(" 0") for trip in trips)
    assert any(vehicle in vehicles_of(child) for vehicle in vehicles_of(father))


@pytest.mark.parametrize("trips", [False, True])
def test_same_seed_and_iterations_give_the_same_answer(trips: bool) -> None:
    instance = day(3, trips=trips)
    first, again, other = (answer(instance, Budget(iterations=300), seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert other.routes != first.routes


def test_smallest_instances_are_answered_at_their_best() -> None:
    assert answer(parse(MATRIX, "three"), Budget(iterations=50), seed=1).cost == 5 + 8 + 9
    assert answer(parse(SOLOMON, "made-up"), Budget(iterations=50), seed=1).cost == 14 + 36 + 50 + 200
    assert answer(parse(VRPLIB, "made-up"), Budget(iterations=50), seed=1).cost == 14 + 36 + 50 + 200


def test_customers_beyond_the_fleet_are_named_not_dropped() -> None:
    far = ((0, 9, 9), (9, 0, 9), (9, 9, 0))
    rounds = Rounds(far, far, (0, 1, 1), (0, 0, 0), (99, 9, 9), (0, 0, 0), (0, 0, 0), capacity=5, vehicles=1)
    found = search(rounds, Budget(iterations=50), 1)
    assert len(found.missing) == 1
    assert {c for route in found.routes for trip in route for c in trip} | found.missing == {1, 2}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("cost", ((0, 1, 1), (1, 0), (1, 1, 0)), "cost: must be 3 rows of 3"),
        ("duration", ((0, -1, 1), (1, 0, 1), (1, 1, 0)), "duration: must be between"),
        ("demand", (0, 1), "demand: has 2 values, must have 3"),
        ("early", (0, 0, -5), "early: must be between"),
        ("vehicles", 0, "vehicles"),
    ],
)
def test_numbers_beyond_the_engine_are_refused(field: str, value: object, said: str) -> None:
    near = ((0, 1, 1), (1, 0, 1), (1, 1, 0))
    values: dict[str, object] = {
        "cost": near,
        "duration": near,
        "demand": (0, 1, 1),
        "early": (0, 0, 0),
        "late": (9, 9, 9),
        "service": (0, 0, 0),
        "release": (0, 0, 0),
        "capacity": 5,
        "vehicles": 2,
    }
    with pytest.raises(EngineError, match=said):
        search(Rounds(**(values | {field: value})), Budget(iterations=1), 1)  # type: ignore[arg-type]


WITHOUT_MEMORY = """
import resource
from pathlib import Path
from routing.engine import Budget, EngineError, Rounds
from routing.searches import search
size = 601
rows, zeros, ones = ((1,) * size,) * size, (0,) * size, (1,) * size
rounds = Rounds(rows, rows, ones, zeros, (9,) * size, zeros, zeros, capacity=9, vehicles=9)
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 24 * 2**20,) * 2)  # the engine wants some 34 MB for this
try:
    search(rounds, Budget(iterations=1), 1, searches=1)
except EngineError as error:
    print(error)
"""


def test_engine_without_memory_says_so() -> None:
    said = subprocess.run([sys.executable, "-c", WITHOUT_MEMORY], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "no memory for 600 customers"
