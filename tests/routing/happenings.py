"""Random events for any problem, and chains of them: plan, event, replan, insertion, each held against `check`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from routing import (
    BatteryLow,
    Cancelled,
    CoolerFailed,
    Delayed,
    Event,
    Ill,
    NotAtHome,
    Ordered,
    Plan,
    Problem,
    RoadsChanged,
    Stranded,
    Task,
    Travel,
    Van,
    Window,
    after,
    check,
    insert,
    plan,
    replan,
)
from tests.routing.worlds import random_problem

HOUR = 3600


def random_event(random: Random, problem: Problem, number: int) -> Event:  # noqa: PLR0911 - one way out a kind
    """Something that can happen in this problem; of a kind that it has no room for, a new order instead."""
    now = problem.now_s
    driving = [van for van in problem.vans if van.in_service]
    van = random.choice(driving) if driving else problem.vans[0]
    kind = random.choice(
        ["order", "order", "cancel", "away", "delay", "longer", "strand", "ill", "warm", "low", "roads"]
    )
    free = [task.id for task in problem.tasks] + [ride.id for ride in problem.rides if ride.aboard is None]
    if kind == "cancel" and free:
        return Cancelled(random.choice(free))
    if kind == "away" and (van.on_board or van.committed):
        tasks = {task.id for task in problem.tasks}
        held = sorted((set(van.on_board) | set(van.committed)) & tasks)
        if held:
            start = now + random.randint(1, 4) * HOUR
            return NotAtHome(held[0], van.id, random.choice([None, Window(start, start + HOUR)]))
    if kind in ("delay", "longer"):
        return Delayed(van.id, max(now, van.ready_s) + random.choice([300, 900, 2400]))
    if kind == "strand" and len(driving) > 1:
        return Stranded(van.id, now + 3 * HOUR)
    if kind == "ill" and len(driving) > 1:
        return Ill(van.id, now + 3 * HOUR)
    if kind == "warm":
        return CoolerFailed(van.id, now - 60, random.choice([1800, 7200]))
    if kind == "low" and van.soc_percent is not None:
        return BatteryLow(van.id, max(5.0, van.soc_percent - random.choice([5.0, 15.0])))
    if kind == "roads":
        return RoadsChanged(_slower(random, problem.travel))
    return Ordered(_order(random, problem, number))


def _slower(random: Random, travel: Travel) -> Travel:
    factor = random.choice([1.1, 1.3])
    column = random.randrange(len(travel.duration_s))
    duration = travel.duration_s.copy()
    away = duration[:, column]
    duration[:, column] = np.where(away > 0, (away * factor).astype(np.int64), away)
    return Travel(duration, travel.distance_m)


def _order(random: Random, problem: Problem, number: int) -> Task:
    start = problem.now_s + random.randint(0, 5) * HOUR
    kind = random.choice(["chilled", "hot", "parcels", None])
    return Task(
        f"new{number}",
        random.randrange(len(problem.travel.duration_s)),
        (Window(start, start + random.choice([1, 2, 4]) * HOUR),),
        random.choice([180, 600]),
        depot=random.choice([None, "noord", "zuid"]),
        deliver={kind: 1} if kind else {},
        release_s=problem.now_s + random.randint(0, 2) * HOUR if kind and random.random() < 0.5 else None,
        max_aboard_s=random.choice([None, 5400, 7200]) if kind else None,
        talk_max_s=random.choice([0, 900]),
    )


@dataclass(frozen=True)
class Broken:
    """Where a chain of events went wrong: the seed and the number of the event make it again."""

    seed: int
    event: int
    what: str


def chain(seed: int, events: int, *, iterations: int = 15) -> Iterator[Broken | None]:
    """One answer an event: what was broken, or None. Time goes on and what is begun is committed."""
    random = Random(seed)
    problem = random_problem(seed, tasks=random.randint(4, 16), vans=random.randint(2, 4), rides=random.randint(0, 3))
    current = plan(problem, iterations=iterations, seconds=1.0, seed=seed % 1000)
    found = check(problem, current)
    if found:
        yield Broken(seed, 0, f"plan: {found[0]}")
    for number in range(1, events + 1):
        event = random_event(random, problem, number)
        problem = after(problem, [event])
        if random.random() < 0.5:
            problem = with_begun(random, problem, current)
        current = replan(problem, current, iterations=iterations, seconds=1.0, seed=seed % 1000)
        found = check(problem, current)
        if not found and current.unserved:
            found = check(problem, insert(problem, current, random.choice(current.unserved).task).plan)
        failed = "failed" in current.engine or "broke" in current.engine
        what = f"{type(event).__name__}: {found[0]}" if found else f"{current.engine}" if failed else ""
        yield Broken(seed, number, what) if what else None


def with_begun(random: Random, problem: Problem, current: Plan) -> Problem:
    """A van's next stop is under way, so that it is committed."""
    routes = [route for route in current.routes if route.steps and route.steps[0].kind.value in ("task", "pickup")]
    if not routes:
        return problem
    route = random.choice(routes)
    name = route.steps[0].task
    known = {task.id for task in problem.tasks if task.fetch is None} | {f"{r.id}/pickup" for r in problem.rides}
    seated = {f"{ride.id}/pickup" for ride in problem.rides if ride.aboard is not None}
    taken = {other for van in problem.vans for other in (*van.committed, *van.on_board)}
    if name not in known - seated or name in taken:
        return problem

    def begun(van: Van) -> Van:
        return replace(van, committed=(*van.committed, name)) if van.id == route.van and van.in_service else van

    return replace(problem, vans=[begun(van) for van in problem.vans])
