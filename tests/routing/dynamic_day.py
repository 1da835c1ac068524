"""A day as it comes, played in quarters of an hour, whoever plans it.

Two orders in five are known at eight, the others come in; visits are shorter and longer than planned, one in twenty
finds nobody at home and comes again, and about noon a van breaks down. All of it is drawn once (`story`), so that every
way of planning meets the same day. What a day costs: seconds of driving, half an hour for each must nobody came for,
and the value of each chore nobody did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from routing import NotAtHome, Plan, Problem, Route, Stranded, Task, Window, after, check, plan, replan
from tests.routing.full_day import full_day, played
from tests.routing.worlds import DAY, HOUR, HUB, OTHER_HUB

QUARTER_S = 900
MISSED_S = 1800
"""What a must that nobody came for costs, in seconds of driving."""


@dataclass(frozen=True)
class Story:
    """What happens, whoever plans: `lasts` is a visit's length as a part of what was planned."""

    whole: Problem
    coming_s: Mapping[str, int]
    lasts: Mapping[str, float]
    away: frozenset[str]
    broken_van: str
    broken_s: int


@dataclass(frozen=True)
class Outcome:
    """What a day came to. `refused`: answers that broke a rule, of `answers`."""

    cost_s: int
    missed: int
    refused: int
    answers: int


def story(seed: int) -> Story:
    """Three vans, 60 tasks, two rides."""
    random = Random(seed)
    whole = full_day(seed, tasks=60, vans=3, rides=2)
    whole = replace(whole, tasks=[replace(task, talk_max_s=0) for task in whole.tasks])
    coming = {}
    for task in whole.tasks:
        latest = max(whole.now_s, _end_s(task) - 2 * HOUR)
        coming[task.id] = whole.now_s if random.random() < 0.4 else random.randint(whole.now_s, latest)
    lasts = {task.id: random.choice([0.6, 0.9, 1.0, 1.0, 1.2, 2.0]) for task in whole.tasks}
    away = frozenset(task.id for task in whole.tasks if not task.collect and random.random() < 0.05)
    broken = random.choice([van.id for van in whole.vans if van.depot == "noord"])  # the south has one van alone
    return Story(whole, coming, lasts, away, broken, DAY + random.randint(11, 13) * HOUR)


def lived(story: Story, seconds: float, seed: int) -> Outcome:
    """The day with this much search after each quarter of an hour; with 0 by greedy insertion alone."""
    whole, refused, answers, cost_s, missed = story.whole, 0, 0, 0, 0
    waiting = [task for task in whole.tasks if story.coming_s[task.id] > whole.now_s]
    problem = replace(whole, tasks=[task for task in whole.tasks if story.coming_s[task.id] <= whole.now_s])
    current = plan(problem, seconds=seconds * 4, seed=seed, talk=False)
    away = set(story.away)
    for t in range(whole.now_s + QUARTER_S, DAY + 17 * HOUR, QUARTER_S):
        before = problem
        problem, driven_s = played(problem, current, t, dict(story.lasts))
        problem = _again(before, problem, current, away)
        cost_s += driven_s
        if story.broken_s <= t < story.broken_s + QUARTER_S:
            problem = after(problem, [Stranded(story.broken_van, t + 3 * HOUR)])
        late = [task for task in problem.tasks if _end_s(task) < t]
        missed, cost_s = missed + _musts(late), cost_s + _penalty_s(late)
        problem = _without(problem, {task.id for task in late})
        problem = replace(problem, tasks=[*problem.tasks, *(task for task in waiting if story.coming_s[task.id] <= t)])
        waiting = [task for task in waiting if story.coming_s[task.id] > t]
        current = replan(problem, current, seconds=seconds, seed=seed, talk=False)
        answers += 1
        refused += bool(check(problem, current))
    for van in problem.vans:
        if van.in_service:
            cost_s += int(problem.travel.duration_s[van.place, HUB if van.depot == "noord" else OTHER_HUB])
    missed += _musts(problem.tasks) + len(problem.rides)
    return Outcome(cost_s + _penalty_s(problem.tasks) + MISSED_S * len(problem.rides), missed, refused, answers)


def in_hindsight(story: Story, seconds: float, seed: int) -> Outcome:
    """The day planned at eight by somebody who knows every order, how long each visit lasts and which van breaks down.

    He need not wait for an order, and visits nobody twice: a bound that no live planning can reach.
    """
    vans = [
        replace(van, shift=Window(van.shift.from_s, story.broken_s)) if van.id == story.broken_van else van
        for van in story.whole.vans
    ]
    tasks = [replace(task, service_s=int(task.service_s * story.lasts[task.id])) for task in story.whole.tasks]
    problem = replace(story.whole, vans=vans, tasks=tasks)
    found = plan(problem, seconds=seconds, seed=seed, talk=False)
    left = {row.task for row in found.unserved}
    tasks = [task for task in tasks if task.id in left]
    rides = sum(ride.id in left for ride in problem.rides)
    cost_s = sum(route.drive_s for route in found.routes) + _penalty_s(tasks) + MISSED_S * rides
    return Outcome(cost_s, _musts(tasks) + rides, int(bool(check(problem, found))), 1)


def _end_s(task: Task) -> int:
    return max(window.to_s for window in task.windows)


def _musts(tasks: Sequence[Task]) -> int:
    return sum(task.value is None for task in tasks)


def _penalty_s(tasks: Sequence[Task]) -> int:
    return sum(MISSED_S if task.value is None else task.value for task in tasks)


def _again(before: Problem, now: Problem, current: Plan, away: set[str]) -> Problem:
    """Whoever was not at home is visited again within two hours; hot and chilled food is not brought twice."""
    left = {task.id for task in now.tasks}
    for task in before.tasks:
        if task.id in left or task.id not in away:
            continue
        away.discard(task.id)
        if task.max_aboard_s is None:
            by = next(route.van for route in current.routes if _visits(route, task.id))
            again = Window(now.now_s, max(_end_s(task), now.now_s + 2 * HOUR))
            now = after(replace(now, tasks=[*now.tasks, replace(task, fetch=None)]), [NotAtHome(task.id, by, again)])
    return now


def _visits(route: Route, name: str) -> bool:
    return any(step.task == name for step in route.steps)


def _without(problem: Problem, names: set[str]) -> Problem:
    vans = [replace(van, on_board=van.on_board - names) for van in problem.vans]
    return replace(problem, vans=vans, tasks=[task for task in problem.tasks if task.id not in names])
