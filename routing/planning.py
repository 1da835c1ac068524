"""The four questions: a plan for the day, a plan after an event, can we take this one, what did the solver break.

Comes in: a `Problem`. Goes out: a `Plan` that `check` passes, always; what cannot be done is in `unserved` with its
reason. The quick tier makes a complete plan in milliseconds; PyVRP starts from it and its answer is taken only where it
is better by the same measure, after it was held against the exact rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

from routing.cargo import ride_of
from routing.live import Draft, Live
from routing.model import Offer, Plan, Problem, RoutingError, StepKind
from routing.reasons import Fault
from routing.timetable import Timetable, Visit
from routing.validity import require_valid


def plan(
    problem: Problem, *, seconds: float = 3.0, seed: int = 1, iterations: int | Sequence[int] | None = None
) -> Plan:
    """A plan from nothing. With `iterations` the answer depends on nothing but the problem and the seed.

    `iterations` as a plan has them: that plan is made again, with the same seed and seconds.

    Raises:
        ProblemError: a record that cannot be meant.
    """
    require_valid(problem)
    live = Live(Timetable(problem))
    start = live.complete(live.base())
    best, taken = improve(live, start, seconds=seconds, iterations=iterations, seed=seed)
    return replace(live.plan(best, engine=f"pyvrp {version('pyvrp')}", seed=seed), iterations=taken)


def replan(
    problem: Problem,
    previous: Plan,
    *,
    seconds: float = 0.4,
    seed: int = 1,
    iterations: int | Sequence[int] | None = None,
) -> Plan:
    """A plan after an event: the previous one completed by insertion, then bettered, at a price for each moved stop.

    It is never worse than the completed previous plan, counted with that price. Whoever was told a time is visited
    within half an hour of it, where the event leaves that possible.

    Raises:
        ProblemError: a record that cannot be meant.
    """
    require_valid(problem)
    live = Live(Timetable(problem), previous_vans(previous))
    start = live.complete(live.from_plan(previous))
    held = _held(live, start, previous)
    best, taken = improve(live, start, seconds=seconds, iterations=iterations, seed=seed, held=held)
    return replace(live.plan(best, engine=f"pyvrp {version('pyvrp')}", seed=seed), iterations=taken)


def insert(problem: Problem, previous: Plan, task_id: str) -> Offer:
    """Can we take this task or ride, and when: everything else keeps its van and its order. Some milliseconds.

    Raises:
        ProblemError: a record that cannot be meant.
        RoutingError: the problem has no such task.
    """
    require_valid(problem)
    live = Live(Timetable(problem), previous_vans(previous))
    if task_id not in live.table.tasks and task_id not in live.table.rides:
        raise RoutingError(f"task {task_id!r}: the problem has no such task or ride")
    before = live.from_plan(previous)
    after = live.insert(before, task_id)
    answer = live.plan(after or before, engine="insertion", seed=0)
    first = task_id if task_id in live.table.tasks else f"{task_id}/pickup"
    for route in answer.routes:
        for step in route.steps:
            if step.task == first:
                return Offer(answer, route.van, step.start_s)
    reason = next((row.reason for row in answer.unserved if row.task == task_id), "")
    return Offer(answer, None, None, reason)


def previous_vans(previous: Plan) -> Mapping[str, str]:
    """In which van each task was planned."""
    depot = (StepKind.RELOAD, StepKind.CHARGE)
    return {step.task: route.van for route in previous.routes for step in route.steps if step.kind not in depot}


HOLD_S = 1800
"""A new plan comes within half an hour of what the previous one said, unless the event itself makes that impossible."""


def _held(live: Live, start: Draft, previous: Plan) -> dict[str, tuple[int, int]]:
    """From when to when each start may move in the search: what was said, what insertion made of it, and some room."""
    said = {step.task: step.start_s for route in previous.routes for step in route.steps}
    held: dict[str, tuple[int, int]] = {}
    for van, visits in start.visits.items():
        timed = live.table.run(live.table.vans[van], visits)
        for visit, begins in zip(visits, timed.start, strict=True):
            if visit.id in said and visit.id in live.table.stops:
                earlier, later = sorted((said[visit.id], begins))
                held[visit.id] = earlier - HOLD_S, later + HOLD_S
    return held


def improve(
    live: Live,
    start: Draft,
    *,
    seconds: float,
    iterations: int | Sequence[int] | None,
    seed: int,
    held: Mapping[str, tuple[int, int]] | None = None,
) -> tuple[Draft, tuple[int, ...]]:
    """The better of the start and what the search finds, and the iterations that each round took.

    Two rounds where something has a longest time aboard. `held` bounds when each start may be, absolute seconds.
    """
    if seconds <= 0 or iterations == 0 or not live.table.active:
        return start, ()
    from routing.solve import Budget, Search, Tightening  # the engine is loaded only where it is used

    problem = live.table.problem
    timed_goods = any(task.max_aboard_s is not None for task in problem.tasks)
    rounds = 2 if problem.rides or timed_goods else 1
    best, tightening = start, Tightening(held=held or {})
    taken: list[int] = []
    for number in range(rounds):
        search = Search(live, best, tightening)
        budget = Budget.of_round(number, rounds, seconds=seconds, iterations=iterations)
        found = search.run(budget, seed + number)
        taken.append(search.iterations)
        tightening = Tightening({**tightening.latest_s, **_broken(live, found)}, tightening.held)
        settled = Draft({van: live.settle(live.table.vans[van], visits) for van, visits in found.items()})
        candidate = live.complete(settled)
        if live.measure(candidate) < live.measure(best):
            best = candidate
    return best, tuple(taken)


def _broken(live: Live, found: Mapping[str, tuple[Visit, ...]]) -> dict[str, int]:
    """Latest starts for what a sequence would keep aboard too long, so that the next round knows."""
    latest: dict[str, int] = {}
    for van_id, visits in found.items():
        timed = live.table.run(live.table.vans[van_id], visits)
        if timed.fault not in (Fault.ABOARD, Fault.RIDE) or timed.at >= len(timed.start):
            continue
        name = visits[timed.at].id
        excess = timed.late_s
        if timed.fault is Fault.RIDE and ride_of(name) not in live.table.rides:
            continue
        latest[name] = timed.start[timed.at] - max(1, excess)
    return latest
