"""The questions of the day: a plan from nothing, a plan after an event, can we take this one.

Comes in: a `Problem`. Goes out: a `Plan` that `check` passes; what cannot be done is in `unserved` with its reason.
The quick tier makes a complete plan in milliseconds; PyVRP starts from it and its answer is taken only where it is
better by the same measure and `check` finds nothing. A tier that fails leaves what the tier below it made.
"""

from collections.abc import Sequence
from dataclasses import replace

from routing.budget import Tightening
from routing.check import check
from routing.draft import Draft
from routing.events import Event, after
from routing.improver import QUICK, Improver, SolverFailure
from routing.live import Live
from routing.model import Offer, Plan, Problem, RoutingError, StepKind
from routing.said import HOLD_S, Said
from routing.stops import NOBODY
from routing.timetable import Timetable
from routing.validity import require_valid


def plan(
    problem: Problem,
    *,
    seconds: float = 3.0,
    seed: int = 1,
    iterations: int | Sequence[int] | None = None,
    talk: bool = True,
) -> Plan:
    """A plan from nothing. With `iterations` the answer depends on nothing but the problem and the seed.

    `iterations` as a plan has them: that plan is made again, with the same seed and seconds.

    Raises:
        ProblemError: a record that cannot be meant.
    """
    require_valid(problem)
    live = Live(Timetable(problem))
    start = live.complete(live.base())
    improver = Improver(live, seconds=seconds, iterations=iterations, seed=seed)
    found = improver.better(start, free=True)
    return _finished(live, improver, found, start, talk=talk)


def replan(
    problem: Problem,
    previous: Plan,
    events: Sequence[Event] = (),
    *,
    seconds: float = 0.4,
    seed: int = 1,
    iterations: int | Sequence[int] | None = None,
    talk: bool = True,
) -> Plan:
    """A plan after events: the previous one completed by insertion, then bettered, at a price for each moved stop.

    `events` are worked into the problem first; they may have been already, and then there are none. The plan is never
    worse than the completed previous plan, counted with that price. Whoever was told a time is visited within half an
    hour of it, where the events leave that possible.

    Raises:
        ProblemError: a record that cannot be meant, or an event of what the problem does not know.
    """
    require_valid(problem)
    if events:
        problem = after(problem, events)
        require_valid(problem)
    live = Live(Timetable(problem), Said.by(previous, problem))
    start = live.complete(live.from_plan(previous))
    tightening = Tightening(held=_held(live, start))
    improver = Improver(live, seconds=seconds, iterations=iterations, seed=seed, tightening=tightening)
    found = improver.better(start, free=False)
    return _finished(live, improver, found, start, talk=talk)


def _held(live: Live, start: Draft) -> dict[str, tuple[int, int]]:
    """From when to when each start may move in the search: what was said, what insertion made of it, and some room."""
    held: dict[str, tuple[int, int]] = {}
    said = live.worth.said.start_s
    for van, visits in start.visits.items():
        timed = live.table.run(live.table.vans[van], visits)
        for visit, begins in zip(visits, timed.start, strict=True):
            if visit.id in said and visit.id in live.table.stops:
                earlier, later = sorted((said[visit.id], begins))
                held[visit.id] = earlier - HOLD_S, later + HOLD_S
    return held


def insert(problem: Problem, previous: Plan, task_id: str) -> Offer:
    """Can we take this task or ride, and when: everything else keeps its van and its order. Some milliseconds.

    Raises:
        ProblemError: a record that cannot be meant.
        RoutingError: the problem has no such task.
    """
    require_valid(problem)
    live = Live(Timetable(problem), Said.by(previous, problem))
    if task_id not in live.table.tasks and task_id not in live.table.rides:
        raise RoutingError(f"task {task_id!r}: the problem has no such task or ride")
    before = live.from_plan(previous)
    with_it = live.insert(before, task_id)
    known = {row.task: row for row in previous.unserved if row.task != task_id and row.reason}
    answer = live.plan(with_it or before, engine=QUICK, seed=0, left_before=known)
    first = live.table.ends(task_id)[0].id
    for route in answer.routes:
        for step in route.steps:
            if step.task in (first, task_id) and step.kind not in NOBODY:
                return Offer(answer, route.van, step.start_s if step.kind is not StepKind.FETCH else None)
    reason = next((row.reason for row in answer.unserved if row.task == task_id), "")
    return Offer(answer, None, None, reason)


# ---------------------------------------------------------------- the last hand


def _finished(live: Live, improver: Improver, found: Draft, start: Draft, *, talk: bool) -> Plan:
    """The best plan that the checker passes: with spare minutes handed out, without, or the quick tier's."""
    problem, seed = live.table.problem, improver.seed
    searched = improver.engine
    engine = f"{searched}; the search failed: {improver.failure}" if improver.failure else searched
    found = _rested(live, found)
    charges = any(visit.kind is StepKind.CHARGE for visits in found.visits.values() for visit in visits)
    if talk and (charges or any(task.talk_max_s for task in problem.tasks)):
        answer = _with_talk(live, found, engine, seed)
        if answer is not None and not check(problem, answer):
            return replace(answer, iterations=improver.taken)
    answer = live.plan(found, engine=engine, seed=seed)
    if improver.taken and check(problem, answer):
        answer = live.plan(start, engine=f"{QUICK}; the search broke a rule", seed=seed)
    return replace(answer, iterations=improver.taken)


def _rested(live: Live, draft: Draft) -> Draft:
    vans = live.table.vans
    return Draft({van: live.settler.rested_at_home(vans[van], visits) for van, visits in draft.visits.items()})


def _with_talk(live: Live, draft: Draft, engine: str, seed: int) -> Plan | None:
    """With spare minutes handed out; None where that failed."""
    from routing.talk import hand_out  # the exact model is loaded only where there is something to hand out

    try:
        handed = hand_out(live.table, draft, live.worth, seed)
    except SolverFailure:
        return None
    visits = {van: handed[van].visits if van in handed else whole for van, whole in draft.visits.items()}
    return live.plan(Draft(visits), engine=engine, seed=seed, talk_s={van: one.talk_s for van, one in handed.items()})
