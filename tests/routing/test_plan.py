"""What a plan keeps to, each rule on a day small enough to see it; and that every plan passes the checker."""

import gc
import weakref
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from routing import (
    Offer,
    Plan,
    Problem,
    ProblemError,
    Ride,
    RoutingError,
    Task,
    Van,
    Window,
    check,
    insert,
    plan,
    replan,
)
from routing.battery import flat
from routing.live import Live
from routing.said import Said
from routing.timetable import Timetable
from tests.routing.days import (
    HOUR,
    NOW,
    day,
    left_out,
    order,
    parcel,
    route,
    start_s,
    task,
    van,
    window,
)
from tests.routing.worlds import random_problem

ITERATIONS = 150


def solved(problem: Problem) -> Plan:
    """A plan that breaks nothing."""
    found = plan(problem, seconds=1.0, iterations=ITERATIONS)
    assert check(problem, found) == []
    return found


def again(problem: Problem, previous: Plan) -> Plan:
    found = replan(problem, previous, seconds=0.4, iterations=ITERATIONS)
    assert check(problem, found) == []
    return found


# ---------------------------------------------------------------- windows, loads, trips


def test_goods_are_loaded_before_they_are_handed_over() -> None:
    found = solved(day([parcel("a", 3), parcel("b", 5)]))
    assert order(found)[0] == "load"
    assert sorted(order(found)[1:]) == ["a", "b"]
    assert route(found).drive_s == 600


def test_visit_without_goods_needs_no_loading() -> None:
    assert order(solved(day([task("a", 3)]))) == ["a"]


def test_windows_decide_the_order() -> None:
    found = solved(day([task("near", 1, windows=window(3 * HOUR, 4 * HOUR)), task("far", 9)]))
    assert order(found) == ["far", "near"]
    assert start_s(found, "near") >= 3 * HOUR


def test_second_window_serves_when_the_first_cannot() -> None:
    two = window(0, 60) + window(2 * HOUR, 3 * HOUR)
    found = solved(day([task("a", 5, windows=two)]))
    assert start_s(found, "a") == 2 * HOUR


def test_more_than_fits_is_brought_in_two_trips() -> None:
    found = solved(day([parcel(f"p{number}", 2 + number % 3) for number in range(6)]))
    assert order(found).count("load") == 2
    assert left_out(found) == {}


def test_goods_wait_for_their_release() -> None:
    found = solved(day([parcel("early", 4), parcel("late", 4, release_s=NOW + HOUR)]))
    loadings = [step.start_s - NOW for step in route(found).steps if step.kind.value == "reload"]
    assert max(loadings) >= HOUR
    assert left_out(found) == {}


def test_driving_van_fetches_new_goods_first() -> None:
    on_the_road = van(at_depot=False, place=6, on_board=frozenset({"aboard"}))
    found = solved(day([parcel("aboard", 7), parcel("fresh", 8)], [on_the_road]))
    assert order(found).index("load") < order(found).index("fresh")
    assert left_out(found) == {}


def test_collected_laundry_counts_towards_the_room() -> None:
    bags = [task(f"bag{number}", 2, collect={"laundry": 2}) for number in range(3)]
    found = solved(day(bags))
    assert left_out(found) == {"bag2": "full"} or order(found).count("load") >= 1


def test_goods_are_not_aboard_for_longer_than_they_may() -> None:
    meal = parcel("meal", 8, deliver={"hot": 1}, windows=window(3 * HOUR, 4 * HOUR), max_aboard_s=1800)
    found = solved(day([meal, parcel("parcel", 2)]))
    loading = [step for step in route(found).steps if step.kind.value == "reload"][-1]
    assert start_s(found, "meal") - (loading.depart_s - NOW) <= 1800


# ---------------------------------------------------------------- who may come


def test_goods_on_board_stay_in_their_van() -> None:
    vans = [van(at_depot=False, place=9, on_board=frozenset({"a"})), van("van-2", place=1)]
    found = solved(day([parcel("a", 1)], vans))
    assert order(found, "van-1") == ["a"]


def test_locked_task_comes_with_its_van() -> None:
    vans = [van(), van("van-2", at_depot=False, place=4)]
    assert order(solved(day([task("a", 4, locked_van="van-1")], vans)), "van-1") == ["a"]


def test_medication_needs_the_skill() -> None:
    vans = [van(), van("van-2", skills=frozenset({"medication"}))]
    found = solved(day([parcel("roll", 2, skills=frozenset({"medication"}))], vans))
    assert "roll" in order(found, "van-2")


def test_familiar_face_comes_when_it_costs_little() -> None:
    vans = [van(), van("van-2")]
    both = [task("a", 3, familiar=frozenset({"van-2"})), task("b", 3, familiar=frozenset({"van-2"}))]
    assert sorted(order(solved(day(both, vans)), "van-2")) == ["a", "b"]


def test_goods_of_another_hub_come_from_there() -> None:
    vans = [van(), van("van-2", depot="other", place=11)]
    found = solved(day([parcel("a", 1, depot="other")], vans))
    assert "a" in order(found, "van-2")


def test_committed_comes_first_whatever_it_costs() -> None:
    tied = van(at_depot=False, place=5, committed=("far", "missed"))
    tasks = [task("far", 10), task("missed", 1, windows=window(0, 60)), task("near", 5)]
    assert order(solved(day(tasks, [tied]))) == ["far", "missed", "near"]


def test_committed_goods_are_loaded_first() -> None:
    found = solved(day([parcel("a", 4), parcel("b", 2)], [van(committed=("a",))]))
    assert order(found)[:2] == ["load", "a"]


# ---------------------------------------------------------------- passengers


def trip(**fields: object) -> Ride:
    whole = Window(NOW, NOW + 8 * HOUR)
    return replace(Ride("r", 3, 9, whole, whole), **fields)  # type: ignore[arg-type]


def test_passenger_is_picked_up_and_brought() -> None:
    assert order(solved(day([], rides=[trip()]))) == ["r/pickup", "r/dropoff"]


def test_ride_is_not_longer_than_it_may_be() -> None:
    tasks = [task(f"t{number}", 4 + number) for number in range(4)]
    found = solved(day(tasks, rides=[trip(max_ride_s=400)]))
    assert start_s(found, "r/dropoff") - (start_s(found, "r/pickup") + 180) <= 400
    assert left_out(found) == {}


def test_nobody_sits_in_the_van_while_it_is_loaded() -> None:
    ride = trip(pickup=Window(NOW, NOW + HOUR), dropoff=Window(NOW, NOW + 3 * HOUR))
    tied = van(at_depot=False, place=2)
    found = solved(day([parcel("p", 1, windows=window(0, 2 * HOUR))], [tied], [ride]))
    assert left_out(found) == {}


def test_passenger_aboard_is_brought_even_when_late() -> None:
    late = trip(aboard="van-1", dropoff=Window(NOW - HOUR, NOW))
    found = solved(day([task("a", 2)], [van(at_depot=False, place=5)], [late]))
    assert order(found)[0] == "r/dropoff"
    assert "r/pickup" not in order(found)


# ---------------------------------------------------------------- battery, shift, service


def test_van_charges_when_it_would_come_home_too_empty() -> None:
    low = van(battery_kwh=10.0, soc_percent=35.0, energy=flat(0.2))  # 10 km is 20 %
    found = solved(
        day([task("a", 10, windows=window(0, HOUR)), task("b", 10, windows=window(4 * HOUR, 5 * HOUR))], [low])
    )
    assert "charge" in order(found)
    assert (route(found).soc_end_percent or 0) >= 20.0


def test_unknown_charge_is_not_a_full_or_an_empty_battery() -> None:
    found = solved(day([task("a", 10)], [van(soc_percent=None, battery_kwh=1.0)]))
    assert route(found).soc_end_percent is None
    assert order(found) == ["a"]


def test_battery_too_low_for_an_address_says_so() -> None:
    short = van(soc_percent=21.0, battery_kwh=1.0, charge_kw=0.1)
    assert left_out(solved(day([task("a", 10)], [short]))) == {"a": "range"}


def test_van_out_of_service_drives_nowhere_and_its_goods_are_named() -> None:
    vans = [van(in_service=False, at_depot=False, place=5, on_board=frozenset({"a"})), van("van-2")]
    found = solved(day([parcel("a", 5), task("b", 2)], vans))
    assert [route.van for route in found.routes] == ["van-2"]
    assert left_out(found) == {"a": "on_board"}
    assert "van-1" in found.unserved[0].reason


def test_no_van_at_all_is_still_a_plan() -> None:
    found = solved(day([task("a", 2)], [van(in_service=False)]))
    assert left_out(found) == {"a": "no_van"}


def test_empty_day_is_a_plan() -> None:
    assert solved(day([])).cost_s == 0


# ---------------------------------------------------------------- what cannot be, and why


@pytest.mark.parametrize(
    ("impossible", "code"),
    [
        (task("x", 5, windows=window(0, 60)), "window"),
        (task("x", 5, windows=window(-7200, -3600)), "window"),
        (parcel("x", 5, deliver={"parcels": 9}), "capacity"),
        (task("x", 5, skills=frozenset({"medication"})), "skill"),
        (parcel("x", 5, depot="other"), "depot"),
        (parcel("x", 5, windows=window(0, HOUR), release_s=NOW + 2 * HOUR), "window"),
        (parcel("x", 9, max_aboard_s=60), "aboard"),
        (task("x", 5, service_s=9 * HOUR), "shift"),
        (task("x", 10, value=100), "not_worth"),
    ],
)
def test_impossible_order_is_left_out_with_its_tightest_reason(impossible: Task, code: str) -> None:
    found = solved(day([impossible, task("fine", 1)]))
    assert left_out(found) == {"x": code}
    assert found.unserved[0].reason
    assert order(found) == ["fine"]


def test_reason_says_when_a_van_could_be_there() -> None:
    found = solved(day([task("x", 5, windows=window(0, 60))]))
    assert found.unserved[0].earliest_s == NOW + 300
    assert "4 min" in found.unserved[0].reason


def test_unreachable_address_is_named() -> None:
    problem = day([task("island", 7), task("fine", 1)])
    problem.travel.duration_s[:, 7] = -1
    problem.travel.distance_m[:, 7] = -1
    problem.travel.duration_s[7, 7] = problem.travel.distance_m[7, 7] = 0
    assert left_out(solved(problem)) == {"island": "unreachable"}


def test_chore_late_in_its_window_is_worth_as_much_as_early() -> None:
    found = solved(day([task("chore", 1, value=300)], [van(ready_s=NOW + 4 * HOUR)]))
    assert order(found) == ["chore"]


def test_what_may_be_done_now_is_not_put_off_to_a_later_trip() -> None:
    later = parcel("later", 4, release_s=NOW + 4 * HOUR)
    found = solved(day([later, *(parcel(f"now{n}", 3) for n in range(3))]))
    assert all(start_s(found, f"now{n}") < 2 * HOUR for n in range(3))


def test_chore_is_done_when_it_is_worth_the_way() -> None:
    found = solved(day([task("musts", 5), task("chore", 6, value=500), task("poor", 11, value=30)]))
    assert left_out(found) == {"poor": "not_worth"}
    assert found.cost_s == route(found).drive_s + 30


# ---------------------------------------------------------------- problems that cannot be meant


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (day([task("a", 2), task("a", 3)]), "task a: id occurs twice"),
        (day([task("a", 99)]), "task a: place is 99"),
        (day([task("a", -1)]), "task a: place is -1"),
        (day([task("a", 2, windows=(Window(NOW + 9, NOW),))]), r"task a: windows\[0\] ends"),
        (day([task("a", 2, windows=())]), "task a: windows is empty"),
        (day([task("a", 2, service_s=-5)]), "task a: service_s is -5"),
        (day([task("a", 2, service_s=float("nan"))]), "task a: service_s is nan"),
        (day([task("a", 2, release_s=float("nan"))]), "task a: release_s is nan"),
        (day([task("a", 2, deliver={"parcels": -1})]), r"task a: deliver\[parcels\] is -1"),
        (day([task("a", 2, deliver={"boxes": 1})]), "unknown compartment 'boxes'"),
        (day([task("a", 2, depot="nowhere")]), "task a: depot 'nowhere' is unknown"),
        (day([task("a", 2, locked_van="van-9")]), "task a: locked_van 'van-9' is unknown"),
        (day([], [van(), van()]), "van van-1: id occurs twice"),
        (day([], [van(battery_kwh=float("nan"))]), "van van-1: battery_kwh is nan"),
        (day([], [van(soc_percent=130.0)]), "van van-1: soc_percent is 130.0"),
        (day([], [van(shift=Window(NOW, NOW - 1))]), "van van-1: shift ends"),
        (day([], [van(committed=("ghost",))]), "van van-1: committed names 'ghost'"),
        (
            day([task("a", 2)], [van(on_board=frozenset("a")), van("van-2", on_board=frozenset("a"))]),
            "as van van-1 does",
        ),
        (
            day([], rides=[Ride("r", 2, 3, Window(NOW, NOW), Window(NOW, NOW), max_ride_s=-1)]),
            "ride r: max_ride_s is -1",
        ),
    ],
)
def test_problem_that_cannot_be_meant_names_record_and_field(problem: Problem, words: str) -> None:
    with pytest.raises(ProblemError, match=words):
        plan(problem)


# ---------------------------------------------------------------- planning again


def test_new_order_is_inserted_and_nobody_changes_van() -> None:
    vans = [van(), van("van-2")]
    tasks = [task(f"t{number}", 1 + number) for number in range(8)]
    before = solved(day(tasks, vans))
    problem = day([*tasks, task("new", 6)], vans)
    after = again(problem, before)
    told = Said.by(before).vans
    assert left_out(after) == {}
    assert all(told[name] == now for name, now in Said.by(after).vans.items() if name in told)


def test_cancelled_task_disappears() -> None:
    tasks = [task("a", 2), task("b", 4)]
    before = solved(day(tasks))
    assert order(again(day(tasks[:1]), before)) == ["a"]


def test_told_times_hold_within_half_an_hour() -> None:
    tasks = [task(f"t{number}", 1 + number) for number in range(9)]
    before = solved(day(tasks))
    after = again(day([*tasks, task("new", 10)]), before)
    shifts = [abs(start_s(after, name.id) - start_s(before, name.id)) for name in tasks]
    assert max(shifts) <= 1800 + 360


@pytest.mark.whole
@pytest.mark.parametrize("seed", range(6))
def test_new_plan_is_never_worse_than_the_completed_old_one(seed: int) -> None:
    problem = random_problem(seed)
    before = plan(problem, seconds=1.0, iterations=30, seed=seed)
    fewer = replace(
        problem, tasks=[t for t in problem.tasks if t.id not in ("t3", "t5")], vans=_without(problem, "t3", "t5")
    )
    live = Live(Timetable(fewer), Said.by(before))
    completed = live.complete(live.from_plan(before))
    after = again(fewer, before)
    assert live.measure(live.from_plan(after)) <= live.measure(completed)


def _without(problem: Problem, *gone: str) -> list[Van]:
    return [
        replace(
            one,
            committed=tuple(name for name in one.committed if name not in gone),
            on_board=one.on_board - set(gone),
        )
        for one in problem.vans
    ]


def test_van_that_drops_out_hands_its_tasks_to_the_others() -> None:
    vans = [van(), van("van-2")]
    tasks = [task(f"t{number}", 1 + number, familiar=frozenset({f"van-{1 + number % 2}"})) for number in range(6)]
    before = solved(day(tasks, vans))
    after = again(day(tasks, [replace(vans[0], in_service=False), vans[1]]), before)
    assert left_out(after) == {}
    assert len(order(after, "van-2")) == 6


def test_insert_answers_when_and_leaves_the_rest_in_order() -> None:
    tasks = [task(f"t{number}", 1 + 2 * number) for number in range(5)]
    before = solved(day(tasks))
    problem = day([*tasks, task("new", 6)])
    offer = insert(problem, before, "new")
    assert isinstance(offer, Offer)
    assert offer.van == "van-1"
    assert offer.start_s == start_s(offer.plan, "new") + NOW
    assert check(problem, offer.plan) == []
    assert [name for name in order(offer.plan) if name != "new"] == order(before)


def promised(*, vans: list[Van] | None = None, more: list[Task]) -> tuple[Plan, Problem]:
    """Eight residents in a row, told their times; and the day with more to do."""
    told = [task(f"t{n}", 2 + n, service_s=600, locked_van="van-1") for n in range(8)]
    return solved(day(told, vans)), day([*told, *more], vans)


def furthest_s(told: Plan, now: Plan) -> int:
    """By how much the start moves that moves most."""
    before = Said.by(told).start_s
    return max(abs(at - before[name]) for name, at in Said.by(now).start_s.items() if name in before)


LONG = {"service_s": 3000, "windows": window(0, HOUR)}
"""Nearly an hour, and soon: whoever comes later today hears of it."""


def test_insert_moves_nobody_beyond_half_an_hour_where_another_van_can_come() -> None:
    vans = [van("van-1"), van("van-2", depot="other", place=11)]
    told, later = promised(vans=vans, more=[task("new", 1, **LONG)])
    offer = insert(later, told, "new")
    assert check(later, offer.plan) == []
    assert offer.van == "van-2"
    assert furthest_s(told, offer.plan) <= 1800


def test_small_delays_do_not_add_up_beyond_what_people_were_told() -> None:
    vans = [van("van-1"), van("van-2", depot="other", place=11)]
    told, _ = promised(vans=vans, more=[])
    soon = {"service_s": 1200, "windows": window(0, HOUR)}
    first = day([*_tasks_told(told), task("first", 1, **soon)], vans)
    once = insert(first, told, "first")
    assert once.van == "van-1"
    second = replace(first, tasks=[*first.tasks, task("second", 1, **soon)])
    assert insert(second, once.plan, "second").van == "van-2"


def _tasks_told(told: Plan) -> list[Task]:
    """The residents in a row, who know when somebody comes whatever a later plan says."""
    at = Said.by(told).start_s
    return [task(f"t{n}", 2 + n, service_s=600, locked_van="van-1", told_s=at[f"t{n}"]) for n in range(8)]


def test_insert_still_takes_a_must_that_moves_others_but_no_chore() -> None:
    told, later = promised(more=[task("must", 1, **LONG), task("chore", 1, value=900, **LONG)])
    offer = insert(later, told, "must")
    assert offer.van == "van-1"
    assert furthest_s(told, offer.plan) > 1800
    assert insert(later, told, "chore").van is None


def test_a_timetable_is_let_go_of_at_once() -> None:
    """One that waits for the garbage collector is a megabyte an insertion, and now and then twenty milliseconds."""
    gc.disable()
    try:
        live = Live(Timetable(day([task("a", 2), parcel("b", 4)])))
        live.complete(live.base())
        kept = weakref.ref(live.table)
        del live
        assert kept() is None
    finally:
        gc.enable()


def test_insert_says_why_not() -> None:
    problem = day([task("new", 6, windows=window(0, 30))])
    offer = insert(problem, plan(day([])), "new")
    assert (offer.van, offer.start_s) == (None, None)
    assert "tijdvak" in offer.reason
    with pytest.raises(RoutingError, match="ghost"):
        insert(problem, plan(day([])), "ghost")


# ---------------------------------------------------------------- always


@pytest.mark.whole
def test_same_seed_and_iterations_give_the_same_plan() -> None:
    problem = random_problem(7, tasks=20)
    first = plan(problem, iterations=300, seed=5)
    assert plan(problem, iterations=300, seed=5) == first
    assert replan(problem, first, iterations=200, seed=5) == replan(problem, first, iterations=200, seed=5)


@pytest.mark.whole
@pytest.mark.parametrize("rides", [0, 2])
def test_a_plan_that_was_stopped_by_the_clock_is_made_again_from_its_iterations(rides: int) -> None:
    """Seconds bound the search in service; what it took is in the plan, and that can be repeated anywhere."""
    problem = random_problem(8, tasks=25, rides=rides)
    first = plan(problem, seconds=0.15, seed=5)
    assert first.iterations and all(taken > 0 for taken in first.iterations)
    assert plan(problem, seconds=0.15, seed=5, iterations=first.iterations) == first
    second = replan(problem, first, seconds=0.1, seed=6)
    assert replan(problem, first, seconds=0.1, seed=6, iterations=second.iterations) == second


@pytest.mark.whole
def test_search_betters_the_insertion() -> None:
    problem = random_problem(11, tasks=40, vans=4)
    quick = plan(problem, seconds=0)
    live = Live(Timetable(problem))
    searched = plan(problem, iterations=400)
    assert live.measure(live.from_plan(searched)) < live.measure(live.from_plan(quick))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), tasks=st.integers(0, 14), vans=st.integers(1, 4), rides=st.integers(0, 3))
@example(seed=205, tasks=11, vans=1, rides=2)  # goods were loaded beside passengers whom a van had at the hub
def test_every_plan_passes_the_checker(seed: int, tasks: int, vans: int, rides: int) -> None:
    problem = random_problem(seed, tasks=tasks, vans=vans, rides=rides)
    first = plan(problem, seconds=0.2, iterations=40, seed=seed % 1000)
    assert check(problem, first) == []
    random = Random(seed)
    gone = {t.id for t in problem.tasks if random.random() < 0.2}
    later = replace(problem, tasks=[t for t in problem.tasks if t.id not in gone], vans=_without(problem, *gone))
    second = replan(later, first, seconds=0.2, iterations=40, seed=seed % 1000)
    assert check(later, second) == []
    for row in second.unserved[:2]:
        assert check(later, insert(later, second, row.task).plan) == []
