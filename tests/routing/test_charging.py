"""Where a van charges and for how long: by the exact model, and never only when it is back."""

from dataclasses import replace

import pytest

from routing import Depot, Plan, Rest, Route, Step, StepKind, Window, check, plan
from routing.battery import flat
from routing.live import Live
from routing.talk import hand_out
from routing.timetable import Timetable
from tests.routing.days import HOUR, NOW, day, order, parcel, route, start_s, task, van, window
from tests.routing.full_day import full_day

LOW = {"battery_kwh": 10.0, "energy": flat(0.2)}
"""A place further is 500 m and 1 % of the pack."""


def test_a_van_charges_where_it_is_at_the_hub_anyhow_and_makes_nobody_wait_for_it() -> None:
    early, late = task("early", 10, windows=window(0, HOUR)), parcel("late", 10, release_s=NOW + 2 * HOUR)
    problem = day([early, late], [van(soc_percent=55.0, **LOW)])
    found = plan(problem, seconds=0)
    assert check(problem, found) == []
    assert order(found) in (["early", "charge", "load", "late"], ["early", "load", "charge", "late"])
    assert start_s(found, "early") == 600
    (charge,) = [step for step in route(found).steps if step.kind is StepKind.CHARGE]
    assert charge.depart_s - charge.start_s == 900
    assert route(found).soc_end_percent == pytest.approx(33.5)
    without = plan(problem, seconds=0, talk=False)
    assert order(without) == ["charge", "early", "load", "late"], "as insertion places it"


def test_charging_leaves_the_lunch_and_the_time_to_talk() -> None:
    lunch = Rest("lunch", Window(NOW + HOUR, NOW + 3 * HOUR), 1800)
    early = task("early", 10, windows=window(0, HOUR), talk_max_s=900)
    late = parcel("late", 10, release_s=NOW + 2 * HOUR, talk_max_s=900)
    problem = day([early, late], [van(soc_percent=55.0, rests=(lunch,), **LOW)])
    found = plan(problem, seconds=0)
    assert check(problem, found) == []
    assert {"charge", "lunch"} < set(order(found))
    assert found.talk_s == 1800


def test_nobody_charges_where_a_hub_stands_without_a_charger() -> None:
    early, late = task("early", 4, windows=window(0, HOUR)), parcel("late", 4, windows=window(2 * HOUR, 3 * HOUR))
    problem = day([early, late], [van(soc_percent=22.0, place=2, depot="home", **LOW)])
    market = Depot("market", 2, Window(NOW - HOUR, NOW + 8 * HOUR), hub="home", charges=False)
    problem = replace(problem, depots=[Depot("home", 0, Window(NOW, NOW + 1), hub="home"), market])
    found = plan(problem, seconds=0)
    assert check(problem, found) == []
    assert {
        (step.kind, step.task) for step in route(found).steps if step.kind in (StepKind.CHARGE, StepKind.RELOAD)
    } == {
        (StepKind.CHARGE, "home"),
        (StepKind.RELOAD, "market"),
    }
    steps = tuple(
        replace(step, task="market", place=2) if step.kind is StepKind.CHARGE else step for step in route(found).steps
    )
    elsewhere = replace(found, routes=(replace(route(found), steps=steps),))
    assert "depot" in {one.rule for one in check(problem, elsewhere)}


def test_what_is_charged_on_return_was_not_there_on_the_way() -> None:
    problem = day([task("far", 10)], [van(soc_percent=30.0, place=5, at_depot=False, **LOW)])
    found = plan(problem, seconds=0)
    assert check(problem, found) == []
    assert order(found) == ["charge", "far"]
    far = Step(StepKind.TASK, "far", 10, NOW + 300, NOW + 300, NOW + 600)
    charge = Step(StepKind.CHARGE, "hub", 0, NOW + 1200, NOW + 1200, NOW + 2100)
    by_hand = Route("van-1", NOW, (far, charge), NOW + 2100, 7500, 900, 33.5)
    assert [one.rule for one in check(problem, Plan((by_hand,), (), 900, "hand", 0))] == ["range"]


def test_a_charging_that_moved_is_worth_more_and_holds() -> None:
    problem = full_day(2, tasks=24, vans=2, rides=1)
    low = [replace(one, soc_percent=30.0, battery_kwh=20.0) for one in problem.vans]
    live = Live(Timetable(replace(problem, vans=low)))
    draft = live.complete(live.base())
    assert any(visit.kind is StepKind.CHARGE for visits in draft.visits.values() for visit in visits)
    handed = hand_out(live.table, draft, live.worth, seed=1)
    after = draft
    for name, one in handed.items():
        after = after.with_van(name, one.visits)
    assert live.measure(after) < live.measure(draft)
    found = live.plan(after, engine="", seed=1, talk_s={name: one.talk_s for name, one in handed.items()})
    assert check(live.table.problem, found) == []
