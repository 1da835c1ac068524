"""Chains of random events: the short form of the bench's 10,000, and every chain that ever failed."""

from collections import Counter

import pytest

from routing import check
from tests.routing.full_day import full_day, played, struck
from tests.routing.happenings import chain

ONCE_FAILED = [1011, 1062]
"""Seeds of chains in which the search failed and insertion stood: goods from elsewhere that crossed a loading, and a
pickup held later than its drop-off may be. PyVRP refuses both."""


@pytest.mark.parametrize("seed", [*ONCE_FAILED, 2, 5, 8])
def test_after_every_event_no_rule_is_broken(seed: int) -> None:
    answers = list(chain(seed, 10 if seed in ONCE_FAILED else 5, iterations=8))
    assert [broken for broken in answers if broken is not None] == []
    assert len(answers) >= 5


def test_the_benchs_day_has_everything_in_it() -> None:
    problem = full_day(1)
    assert len(problem.tasks) + len(problem.rides) == 130
    kinds = Counter(key for task in problem.tasks for key in task.deliver)
    assert set(kinds) == {"hot", "chilled", "ambient", "parcels", "laundry"}
    assert all(van.rests for van in problem.vans) and any(not van.partition for van in problem.vans)
    assert any(task.skills for task in problem.tasks) and any(task.value for task in problem.tasks)


def test_a_played_morning_leaves_a_problem_that_can_be_planned() -> None:
    from routing import after, plan, replan

    problem = full_day(3, tasks=20, vans=2, rides=1)
    standing = plan(problem, seconds=0)
    later, driven = played(problem, standing, problem.now_s + 4 * 3600)
    assert driven > 0
    assert len(later.tasks) < len(problem.tasks)
    struck_day = after(later, struck(3, later)[:5])
    assert check(struck_day, replan(struck_day, standing, seconds=0)) == []
