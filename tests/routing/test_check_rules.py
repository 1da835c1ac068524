"""Each rule of the checker is broken by hand, one at a time, in a plan that breaks nothing; the checker names it."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from routing import Fetch, Plan, Problem, Rest, Ride, Route, Step, StepKind, Window, check
from routing.battery import flat
from tests.routing.days import HOUR, NOW, day, parcel, task, van, window

Broken = tuple[Problem, Plan]


def step(kind: StepKind, name: str, place: int, at: int, lasts: int, *, talk_s: int = 0) -> Step:
    """Times in seconds from now; service starts on arrival."""
    return Step(kind, name, place, NOW + at, NOW + at, NOW + at + lasts, talk_s)


def whole() -> Broken:
    """One van does a bit of everything, the other waits; drawn up by hand, so that no search has a part in it."""
    lunch = Rest("lunch", Window(NOW, NOW + 5000), 1800)
    problem = day(
        [
            parcel("meal", 2, deliver={"hot": 1}, max_aboard_s=2 * HOUR, release_s=NOW, depot="hub"),
            parcel("lying", 4, fetch=Fetch(3, Window(NOW, NOW + HOUR), 60), max_aboard_s=HOUR),
            task("talk", 5, talk_max_s=600, skills=frozenset({"roll"}), windows=window(0, 2 * HOUR)),
            task("bag", 6, collect={"laundry": 1}),
        ],
        [
            van(rests=(lunch,), skills=frozenset({"roll"}), soc_percent=80.0, battery_kwh=10.0, energy=flat(0.2)),
            van("van-2"),
        ],
        [Ride("r", 7, 9, Window(NOW, NOW + 3 * HOUR), Window(NOW, NOW + 3 * HOUR), max_ride_s=900)],
    )
    steps = (
        step(StepKind.RELOAD, "hub", 0, 0, 300),
        step(StepKind.TASK, "meal", 2, 420, 300),
        step(StepKind.FETCH, "lying/fetch", 3, 780, 60),
        step(StepKind.TASK, "lying", 4, 900, 300),
        step(StepKind.REST, "lunch", 4, 1200, 1800),
        step(StepKind.TASK, "talk", 5, 3060, 900, talk_s=600),
        step(StepKind.TASK, "bag", 6, 4020, 300),
        step(StepKind.PICKUP, "r/pickup", 7, 4380, 180),
        step(StepKind.DROPOFF, "r/dropoff", 9, 4680, 180),
    )
    first = Route("van-1", NOW, steps, NOW + 4860 + 540, 9000, 1080, 62.0)
    return problem, Plan((first, Route("van-2", NOW, (), NOW, 0, 0)), (), 1080, "hand", 0)


def of_step(name: str, **fields: Any) -> Callable[[Broken], Broken]:
    """The plan with one step changed; times are seconds from now."""

    def change(whole: Broken) -> Broken:
        problem, plan = whole
        told = {key: NOW + value if key.endswith("_s") and key != "talk_s" else value for key, value in fields.items()}
        steps = tuple(replace(one, **told) if one.task == name else one for one in plan.routes[0].steps)
        return problem, with_steps(plan, steps)

    return change


def with_steps(plan: Plan, steps: tuple[Step, ...]) -> Plan:
    return replace(plan, routes=(replace(plan.routes[0], steps=steps), *plan.routes[1:]))


def without_step(name: str) -> Callable[[Broken], Broken]:
    return lambda whole: (
        whole[0],
        with_steps(whole[1], tuple(one for one in whole[1].routes[0].steps if one.task != name)),
    )


def of_task(name: str, **fields: Any) -> Callable[[Broken], Broken]:
    def change(whole: Broken) -> Broken:
        tasks = [replace(one, **fields) if one.id == name else one for one in whole[0].tasks]
        return replace(whole[0], tasks=tasks), whole[1]

    return change


def of_van(number: int, **fields: Any) -> Callable[[Broken], Broken]:
    def change(whole: Broken) -> Broken:
        vans = [replace(one, **fields) if index == number else one for index, one in enumerate(whole[0].vans)]
        return replace(whole[0], vans=vans), whole[1]

    return change


def of_ride(**fields: Any) -> Callable[[Broken], Broken]:
    return lambda whole: (replace(whole[0], rides=[replace(whole[0].rides[0], **fields)]), whole[1])


def of_hub(**fields: Any) -> Callable[[Broken], Broken]:
    return lambda whole: (
        replace(whole[0], depots=[replace(whole[0].depots[0], **fields), *whole[0].depots[1:]]),
        whole[1],
    )


def of_route(**fields: Any) -> Callable[[Broken], Broken]:
    return lambda whole: (
        whole[0],
        replace(whole[1], routes=(replace(whole[1].routes[0], **fields), *whole[1].routes[1:])),
    )


def loads_midway(whole: Broken) -> Broken:
    """A loading between pickup and drop-off."""
    steps = list(whole[1].routes[0].steps)
    steps.insert(8, step(StepKind.RELOAD, "hub", 0, 4980, 300))
    return whole[0], with_steps(whole[1], tuple(steps))


def rests_with_passenger(whole: Broken) -> Broken:
    steps = [one for one in whole[1].routes[0].steps if one.task != "lunch"]
    steps.insert(7, step(StepKind.REST, "lunch", 7, 4560, 1800))
    return whole[0], with_steps(whole[1], tuple(steps))


def meal_beside_passenger(whole: Broken) -> Broken:
    """In a van without a wall, food that stays aboard until after the passenger."""
    problem, plan = of_van(0, partition=False)(whole)
    steps = [one for one in plan.routes[0].steps if one.task != "meal"]
    steps.append(step(StepKind.TASK, "meal", 2, 5280, 300))
    return problem, with_steps(plan, tuple(steps))


LATE_LUNCH = (Rest("lunch", Window(NOW, NOW + 600), 1800),)

MUTATIONS: list[tuple[str, Callable[[Broken], Broken]]] = [
    ("known", of_step("talk", task="ghost")),
    ("known", of_step("talk", start_s=3050)),
    ("known", of_step("lunch", task="tea")),
    ("known", of_step("lying/fetch", task="meal/fetch")),
    ("known", of_step("talk", kind=StepKind.FETCH)),
    ("known", of_van(1, in_service=False)),
    ("once", without_step("bag")),
    ("once", without_step("r/pickup")),
    ("place", of_step("talk", place=6)),
    ("place", of_step("lunch", place=0)),
    ("place", of_step("lying/fetch", place=5)),
    ("travel", of_step("bag", arrive_s=4019, start_s=4020)),
    ("travel", of_route(end_s=NOW + 5000)),
    ("travel", of_van(0, ready_s=NOW + 60)),
    ("service", of_step("bag", depart_s=4319)),
    ("service", of_step("talk", depart_s=3900)),
    ("service", of_step("hub", depart_s=299)),
    ("service", of_step("lunch", depart_s=2999)),
    ("service", of_step("lying/fetch", depart_s=839)),
    ("service", of_step("r/pickup", depart_s=4559)),
    ("talk", of_task("talk", talk_max_s=540)),
    ("talk", of_step("bag", talk_s=60)),
    ("talk", of_step("bag", talk_s=-60)),
    ("committed", of_van(0, committed=("bag",))),
    ("committed", of_van(1, committed=("bag",))),
    ("on_board", of_van(1, on_board=frozenset({"meal"}))),
    ("locked", of_task("bag", locked_van="van-2")),
    ("locked", of_ride(locked_van="van-2")),
    ("depot", of_task("meal", depot="other")),
    ("depot", of_step("hub", task="other", place=11)),
    ("skills", of_task("talk", skills=frozenset({"roll", "piano"}))),
    ("window", of_task("bag", windows=window(0, 4019))),
    ("window", of_task("bag", windows=window(4021, 5000))),
    ("window", of_task("lying", fetch=Fetch(3, Window(NOW, NOW + 700), 60))),
    ("window", of_ride(pickup=Window(NOW, NOW + 4000))),
    ("window", of_ride(dropoff=Window(NOW, NOW + 4000))),
    ("loaded", without_step("hub")),
    ("loaded", without_step("lying/fetch")),
    ("release", of_task("meal", release_s=NOW + 1)),
    ("capacity", of_task("meal", deliver={"hot": 5})),
    ("capacity", of_task("lying", deliver={"parcels": 5})),
    ("capacity", of_task("bag", collect={"laundry": 5})),
    ("capacity", of_ride(seats=3)),
    ("apart", of_van(0, partition=False)),  # the bag of laundry is aboard when the passenger gets in
    ("apart", meal_beside_passenger),
    ("aboard", of_task("meal", max_aboard_s=119)),
    ("aboard", of_task("lying", max_aboard_s=59)),
    ("aboard", of_task("lying", aboard_since_s=NOW - HOUR)),
    ("ride", of_ride(max_ride_s=119)),
    ("ride", of_ride(aboard="van-2")),
    ("seated", loads_midway),
    ("seated", rests_with_passenger),
    ("rest", of_van(0, rests=LATE_LUNCH)),
    ("rest", without_step("lunch")),
    ("open", of_hub(open=Window(NOW - HOUR, NOW + 299))),
    ("open", of_hub(open=Window(NOW + 1, NOW + HOUR))),
    ("shift", of_van(0, shift=Window(NOW, NOW + 5399))),
    ("shift", of_van(0, shift=Window(NOW + 1, NOW + 8 * HOUR))),
    ("range", of_van(0, min_soc_percent=63.0)),
    ("range", of_van(0, soc_percent=30.0)),
    ("figures", of_route(distance_m=8999)),
    ("figures", of_route(drive_s=1079)),
    ("figures", of_route(soc_end_percent=61.8)),
    ("figures", of_route(soc_end_percent=None)),
    ("figures", lambda whole: (whole[0], replace(whole[1], cost_s=1))),
]


def test_the_plan_by_hand_breaks_nothing() -> None:
    assert check(*whole()) == []


@pytest.mark.parametrize(("rule", "mutation"), MUTATIONS, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(MUTATIONS)])
def test_a_broken_rule_is_named(rule: str, mutation: Callable[[Broken], Broken]) -> None:
    assert rule in {violation.rule for violation in check(*mutation(whole()))}


def test_every_rule_of_the_table_is_broken_here() -> None:
    import sys

    table = sys.modules["routing.check"].__doc__ or ""
    assert {rule for rule, _ in MUTATIONS} == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


@pytest.mark.parametrize(
    "harmless", [of_hub(open=Window(NOW, NOW + 300)), of_task("talk", talk_max_s=600), of_ride(max_ride_s=120)]
)
def test_what_is_just_allowed_is_allowed(harmless: Callable[[Broken], Broken]) -> None:
    assert check(*harmless(whole())) == []
