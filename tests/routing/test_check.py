"""The checker finds each kind of broken promise; plans are broken by hand."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import routing
from routing import Plan, Problem, Ride, Step, StepKind, Unserved, Window, check, plan
from tests.routing.days import HOUR, NOW, day, parcel, task, van, window

MEDICATION = frozenset({"medication"})


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Two vans, goods, a passenger and a battery: all rules have something to hold."""
    whole = Window(NOW, NOW + 8 * HOUR)
    return day(
        [
            parcel("meal", 3, max_aboard_s=2 * HOUR, windows=window(0, 2 * HOUR)),
            parcel("roll", 4, skills=MEDICATION),
            parcel("late", 6, release_s=NOW + 600),
            task("visit", 8, locked_van="van-1"),
            task("bag", 5, collect={"laundry": 2}),
        ],
        [van(skills=MEDICATION, soc_percent=80.0), van("van-2", soc_percent=80.0)],
        [Ride("r", 7, 9, whole, whole, max_ride_s=900)],
    )


@pytest.fixture(scope="module")
def good(problem: Problem) -> Plan:
    found = plan(problem, iterations=200)
    assert check(problem, found) == []
    assert not found.unserved
    return found


def rules(problem: Problem, broken: Plan) -> set[str]:
    return {violation.rule for violation in check(problem, broken)}


def with_steps(good: Plan, steps: tuple[Step, ...], name: str = "van-1") -> Plan:
    """The plan with other steps in one van's route."""
    routes = tuple(replace(route, steps=steps) if route.van == name else route for route in good.routes)
    return replace(good, routes=routes)


def steps_of(good: Plan, name: str = "van-1") -> tuple[Step, ...]:
    return next(route.steps for route in good.routes if route.van == name)


def shifted(step: Step, seconds: int) -> Step:
    return replace(
        step, arrive_s=step.arrive_s + seconds, start_s=step.start_s + seconds, depart_s=step.depart_s + seconds
    )


def changed(good: Plan, name: str, **fields: object) -> Plan:
    steps = tuple(
        replace(step, **fields) if step.task == name else step  # type: ignore[arg-type]
        for step in steps_of(good)
    )
    return with_steps(good, steps)


def test_all_work_is_in_one_van_here(good: Plan) -> None:
    names = {step.task for step in steps_of(good)}
    assert {"meal", "roll", "late", "visit", "bag", "r/pickup", "r/dropoff"} <= names


def test_route_of_unknown_or_missing_van(problem: Problem, good: Plan) -> None:
    assert "known" in rules(problem, replace(good, routes=good.routes[:1]))
    stranger = replace(good.routes[0], van="van-9")
    assert "known" in rules(problem, replace(good, routes=(*good.routes, stranger)))
    assert "known" in rules(problem, replace(good, routes=(*good.routes, good.routes[0])))
    assert "known" in rules(problem, changed(good, "visit", task="ghost"))


def test_times_out_of_order(problem: Problem, good: Plan) -> None:
    step = next(step for step in steps_of(good) if step.task == "visit")
    assert "known" in rules(problem, changed(good, "visit", start_s=step.arrive_s - 10))


def test_task_forgotten_done_twice_or_left_out_without_reason(problem: Problem, good: Plan) -> None:
    forgotten = tuple(step for step in steps_of(good) if step.task != "bag")
    assert "once" in rules(problem, with_steps(good, forgotten))
    both = replace(good, unserved=(Unserved("bag", "vol"),))
    assert "once" in rules(problem, both)
    silent = replace(with_steps(good, forgotten), unserved=(Unserved("bag", ""),))
    assert "once" in rules(problem, silent)
    assert "once" in rules(problem, replace(good, unserved=(Unserved("ghost", "weg"),)))


def test_step_somewhere_else(problem: Problem, good: Plan) -> None:
    assert "place" in rules(problem, changed(good, "visit", place=2))


def test_sooner_than_the_roads_allow(problem: Problem, good: Plan) -> None:
    first = steps_of(good)[1]
    assert "travel" in rules(problem, changed(good, first.task, arrive_s=first.arrive_s - 1))
    early = replace(good, routes=tuple(replace(route, start_s=route.start_s - 60) for route in good.routes))
    assert "travel" in rules(problem, early)
    home = replace(good, routes=tuple(replace(route, end_s=route.end_s - 60) for route in good.routes))
    assert "travel" in rules(problem, home)


def test_no_way(problem: Problem, good: Plan) -> None:
    travel = problem.travel
    duration = travel.duration_s.copy()
    first, second = steps_of(good)[1].place, steps_of(good)[2].place
    duration[first, second] = -1
    assert "travel" in rules(replace(problem, travel=replace(travel, duration_s=duration)), good)


def test_visit_too_short(problem: Problem, good: Plan) -> None:
    step = next(step for step in steps_of(good) if step.task == "visit")
    assert "service" in rules(problem, changed(good, "visit", depart_s=step.depart_s - 1))
    loading = steps_of(good)[0]
    assert loading.kind is StepKind.RELOAD
    assert "service" in rules(problem, changed(good, "hub", depart_s=loading.depart_s - 1))


def test_committed_is_not_first_or_elsewhere(problem: Problem, good: Plan) -> None:
    last = next(step.task for step in reversed(steps_of(good)) if step.kind is StepKind.TASK)
    tied = [replace(problem.vans[0], committed=(last,)), problem.vans[1]]
    assert "committed" in rules(replace(problem, vans=tied), good)
    elsewhere = [problem.vans[0], replace(problem.vans[1], committed=(last,))]
    assert "committed" in rules(replace(problem, vans=elsewhere), good)


def test_goods_of_another_van(problem: Problem, good: Plan) -> None:
    other = [problem.vans[0], replace(problem.vans[1], on_board=frozenset({"meal"}))]
    assert "on_board" in rules(replace(problem, vans=other), good)


def with_task(problem: Problem, name: str, **fields: object) -> Problem:
    tasks = [replace(t, **fields) if t.id == name else t for t in problem.tasks]  # type: ignore[arg-type]
    return replace(problem, tasks=tasks)


@pytest.mark.parametrize(
    ("name", "fields", "rule"),
    [
        ("visit", {"locked_van": "van-2"}, "locked"),
        ("meal", {"depot": "other"}, "depot"),
        ("meal", {"skills": frozenset({"piano"})}, "skills"),
        ("visit", {"windows": window(0, 1)}, "window"),
        ("late", {"release_s": NOW + 5 * HOUR}, "release"),
        ("meal", {"deliver": {"parcels": 9}}, "capacity"),
        ("bag", {"collect": {"laundry": 9}}, "capacity"),
        ("meal", {"max_aboard_s": 1}, "aboard"),
    ],
)
def test_task_that_asks_for_more(problem: Problem, good: Plan, name: str, fields: dict[str, object], rule: str) -> None:
    assert rule in rules(with_task(problem, name, **fields), good)


def test_aboard_since_before_the_plan(problem: Problem, good: Plan) -> None:
    vans = [replace(problem.vans[0], on_board=frozenset({"meal"})), problem.vans[1]]
    known = with_task(replace(problem, vans=vans), "meal", aboard_since_s=NOW - 3 * HOUR)
    assert "aboard" in rules(known, good)
    assert "aboard" not in rules(with_task(known, "meal", aboard_since_s=None), good)


def test_handed_over_without_loading(problem: Problem, good: Plan) -> None:
    assert "loaded" in rules(problem, with_steps(good, steps_of(good)[1:]))


def test_ride_too_long_or_the_wrong_way_round(problem: Problem, good: Plan) -> None:
    short = replace(problem, rides=[replace(problem.rides[0], max_ride_s=1)])
    assert "ride" in rules(short, good)
    steps = list(steps_of(good))
    up = next(i for i, step in enumerate(steps) if step.task == "r/pickup")
    down = next(i for i, step in enumerate(steps) if step.task == "r/dropoff")
    steps[up], steps[down] = steps[down], steps[up]
    assert "ride" in rules(problem, with_steps(good, tuple(steps)))
    seated = replace(problem, rides=[replace(problem.rides[0], aboard="van-2")])
    assert "ride" in rules(seated, good)
    assert "locked" in rules(replace(problem, rides=[replace(problem.rides[0], locked_van="van-2")]), good)


def test_passenger_aboard_while_loading(problem: Problem, good: Plan) -> None:
    steps = list(steps_of(good))
    up = next(i for i, step in enumerate(steps) if step.task == "r/pickup")
    steps.insert(up + 1, Step(StepKind.RELOAD, "hub", 0, *[steps[up].depart_s] * 2, steps[up].depart_s + 300))
    assert "seated" in rules(problem, with_steps(good, tuple(steps)))


def test_too_many_passengers(problem: Problem, good: Plan) -> None:
    assert "capacity" in rules(replace(problem, rides=[replace(problem.rides[0], seats=3)]), good)


def test_loading_at_a_closed_hub(problem: Problem, good: Plan) -> None:
    shut = replace(problem.depots[0], open=Window(NOW + 3 * HOUR, NOW + 4 * HOUR))
    assert "open" in rules(replace(problem, depots=[shut, problem.depots[1]]), good)


def test_loading_at_another_hub(problem: Problem, good: Plan) -> None:
    assert "depot" in rules(problem, changed(good, "hub", task="other"))


def test_shift_too_short(problem: Problem, good: Plan) -> None:
    vans = [replace(problem.vans[0], shift=Window(NOW, NOW + 600)), problem.vans[1]]
    assert "shift" in rules(replace(problem, vans=vans), good)
    later = [replace(problem.vans[0], shift=Window(NOW + HOUR, NOW + 9 * HOUR)), problem.vans[1]]
    assert "shift" in rules(replace(problem, vans=later), good)


def test_battery_too_low(problem: Problem, good: Plan) -> None:
    vans = [replace(problem.vans[0], battery_kwh=2.0), problem.vans[1]]
    assert "range" in rules(replace(problem, vans=vans), good)


def test_figures_that_are_not_what_the_steps_say(problem: Problem, good: Plan) -> None:
    assert rules(problem, replace(good, cost_s=good.cost_s + 1)) == {"figures"}
    first, second = good.routes
    assert rules(problem, replace(good, routes=(replace(first, distance_m=1), second))) == {"figures"}
    assert rules(problem, replace(good, routes=(replace(first, soc_end_percent=99.0), second))) == {"figures"}


def test_committed_may_be_late(problem: Problem) -> None:
    late = day([task("a", 5, windows=window(-3600, -60))], [van(committed=("a",))])
    assert check(late, plan(late, iterations=10)) == []


def test_checker_shares_no_code_with_the_search() -> None:
    own = {"routing.check_route", "routing.check_hold", "routing.check_range"}
    for module in ("routing.check", *own):
        source = (Path(routing.__file__).parent / f"{module.partition('.')[2]}.py").read_text(encoding="utf-8")
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        imported = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in nodes}
        assert {name for name in imported if name and name.startswith("routing")} <= {"routing.model", *own}, module
