"""Bettering the plan while nothing happens: when, and when it is worth it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub_backend.dispatching.background import SEEDS, is_worth_it
from hub_backend.dispatching.router.problem import Changed, PlanAnswer
from tests.hub_dispatch.world import HandPlanner, World

ANSWER = PlanAnswer(
    routes=(), unserved=(), cost_s=1000, engine="x", seed=1, solve_s=0.0, broken=(), changes=(), quick_cost_s=1000
)


def moved(times: int, *, kind: str = "moved") -> tuple[Changed, ...]:
    one = Changed(task="a", kind=kind, van_before="van-1", van_after="van-2", shift_s=None, words="")
    return (one,) * times


@given(saved_s=st.integers(-500, 3000), changes=st.integers(0, 12))
def test_the_more_it_changes_the_more_it_must_save(saved_s: int, changes: int) -> None:
    answer = msgspec.structs.replace(ANSWER, cost_s=1000 - saved_s, changes=moved(changes))
    assert is_worth_it(answer) == (saved_s >= 180 and saved_s >= 90 * changes)


def test_nobody_is_dropped_for_the_sake_of_driving() -> None:
    assert not is_worth_it(msgspec.structs.replace(ANSWER, cost_s=0, changes=moved(1, kind="dropped")))


def test_a_saving_that_is_not_known_is_none() -> None:
    assert not is_worth_it(msgspec.structs.replace(ANSWER, cost_s=0, quick_cost_s=None))


def test_a_quiet_day_is_bettered_with_two_seeds_and_only_now_and_then(world: World, planner: HandPlanner) -> None:
    def costs(cost_s: int) -> object:
        return lambda answer: msgspec.structs.replace(answer, cost_s=cost_s, quick_cost_s=1000)

    world.order("k0")
    world.plan()
    assert not world.dispatch.step()
    world.dispatch._background._next_s = 0.0  # machine time has hardly passed
    planner.before = [costs(600), costs(400)]
    assert world.dispatch.step()
    assert [request.seed for request in planner.requests[-2:]] == list(SEEDS)
    assert {request.seconds for request in planner.requests[-2:]} == {world.kit.settings.solve_background_s}
    shown = world.shown()
    assert (shown["revision"], shown["seed"], shown["saving_s"]) == (2, SEEDS[1], 600)
    assert shown["reason"] == "In alle rust beter gepland: 10 minuten minder rijden"
    assert not world.dispatch.step(), "not again for a while"


def test_what_is_not_worth_it_is_not_adopted(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    world.dispatch._background._next_s = 0.0
    assert not world.dispatch.step()
    assert len(planner.requests) == 1 + len(SEEDS)
    assert world.shown()["revision"] == 1
