"""Asking the router until its answer breaks no promise, and conceding what must be conceded on the way.

Comes in: a day. Goes out: `Draft`: the answer, how the day stood when it was asked, and the plan it goes on from. The
first question is the day as it stands; then late stops are stretched and who waits in a van that cannot go on comes
first, then the day is planned afresh, and at last what the checker refused is left out.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import dropwhile
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from hub_backend.dispatching.day.concessions import Concessions
from hub_backend.dispatching.day.standing import Standing, read_standing
from hub_backend.dispatching.plans import LOADING, PlanBody, body_of, depart_times, fetched_at, newest_plan
from hub_backend.dispatching.router.problem import Broken, DayProblem, PlanAnswer, PlannedRoute, PlanRequest
from hub_backend.dispatching.router.sense import ADDRESSES
from hub_backend.dispatching.router.solver import never
from hub_backend.kit import Kit
from hub_backend.record import PlanRow
from hub_backend.spoken import Words, said
from hub_backend.stop_ref import DROPOFF, PICKUP, stop_of_ref

log = logging.getLogger(__name__)

HOURS_AHEAD = 3
"""One matrix serves a plan: the mean of these hours' traffic, since later ones will be planned again."""

MOST_ROUNDS = 2
"""Of one search; a day without rides and timed goods takes one."""

SAID = frozenset({"window", "shift", "range", "capacity"})
"""Rules of the checker that have a saying of their own."""


class Planner(Protocol):
    """Answers a plan request, or raises `SolverError` or `OvertakenError`: `solver.Solver`."""

    def plan(self, request: PlanRequest, *, overtaken: Callable[[], bool] = never) -> PlanAnswer: ...


@dataclass(frozen=True)
class Draft:
    """An answer that is not adopted yet."""

    standing: Standing
    previous: PlanBody | None
    request: PlanRequest
    answer: PlanAnswer


@dataclass
class Drafting:
    """The questions about one day until one is answered well; what it has learned stays for the next.

    `seconds`: for the search from the plan that holds, 0 for none. `accepted`: the proposal to go on from, in place of
    the plan that holds.
    """

    kit: Kit
    planner: Planner
    day: str
    seconds: float
    accepted: str | None = None
    overtaken: Callable[[], bool] = never
    broken: Sequence[Broken] = ()
    """What the checker found in the newest answer."""
    _late: set[str] = field(default_factory=set)
    _without: dict[str, Words] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)
    _afresh: bool = False

    def draft(self, *, seed: int) -> Draft | None:
        """One question: a draft that breaks nothing, or None when the next question concedes more.

        Raises `SolverError`, `OvertakenError`.
        """
        standing, told, previous = self._read()
        request = self._request(standing, told, None if self._afresh else previous, seed=seed)
        answer = self.planner.plan(request, overtaken=self.overtaken)
        self.broken = answer.broken
        if answer.broken:
            self._learn_from_broken(standing, answer.broken)
            return None
        if self._learn_from_unserved(standing, answer) or self._learn_who_waits(standing, answer):
            return None
        return Draft(standing, told, request, answer)

    def _read(self) -> tuple[Standing, PlanBody | None, PlanBody | None]:
        """How the day stands, the plan that people were told, and the plan to go on from."""
        with self.kit.store.read() as session:
            row = newest_plan(session, self.day)
            told = None if row is None else body_of(row)
            wanted = None if self.accepted is None else session.get(PlanRow, self.accepted)
            standing = read_standing(
                session,
                self.day,
                now_s=self.kit.clock.now_s(),
                zone=self.kit.settings.zone,
                depart_s=depart_times(told),
                fetches=fetched_at(told),
                concessions=Concessions(frozenset(self._late), dict(self._without), dict(self._first)),
                outside_c=self.kit.settings.outside_c,
            )
        return standing, told, told if wanted is None else body_of(wanted)

    def _request(
        self, standing: Standing, told: PlanBody | None, previous: PlanBody | None, *, seed: int
    ) -> PlanRequest:
        compared = told is not None and told is not previous
        tries = self.kit.settings.solve_iterations
        return PlanRequest(
            problem=standing.problem,
            previous=None if previous is None else still_meant(previous, standing),
            previous_left=() if told is None else tuple(left.task for left in told.unserved),
            told=still_meant(told, standing) if told is not None and compared else None,
            names=dict(standing.names),
            names_en=dict(standing.names_en),
            hours=hours_ahead(standing.problem, self.kit.settings.zone),
            seconds=self.kit.settings.solve_morning_s if previous is None else self.seconds,
            seed=seed,
            iterations=None if tries is None else (tries,) * MOST_ROUNDS,
        )

    def _learn_from_broken(self, standing: Standing, broken: Sequence[Broken]) -> None:
        """First plan afresh, then without the stops that the checker named: they become unserved, and said so."""
        log.warning("plan_refused_by_check broken=%s", "; ".join(f"{one.rule}:{one.task}" for one in broken[:5]))
        if not self._afresh:
            self._afresh = True
            return
        committed = {task for van in standing.problem.vans for task in van.committed}
        for one in broken:
            task = stop_of_ref(one.task or "")
            if task in standing.stops and task not in committed:
                self._without[task] = said(one.rule) if one.rule in SAID else said("not_planned", rule=one.rule)

    def _learn_from_unserved(self, standing: Standing, answer: PlanAnswer) -> bool:
        """Whether stops that were left out may still fit when they may be late: then ask once more."""
        optional = {task.id for task in standing.problem.tasks if task.value is not None}
        left = {stop_of_ref(one.task) for one in answer.unserved} - optional - self._late
        left = {task for task in left if task in standing.stops}
        self._late |= left
        return bool(left)

    def _learn_who_waits(self, standing: Standing, answer: PlanAnswer) -> bool:
        """Whether somebody in a van that cannot go on would wait for others: the van that comes goes there first."""
        stuck = {id_ for id_, stop in standing.stops.items() if standing.facts.stuck_in(stop) is not None}
        theirs = {f"{id_}{end}" for id_ in stuck for end in (PICKUP, DROPOFF)}
        committed = {van.id: set(van.committed) for van in standing.problem.vans}
        later: dict[str, str] = {}
        for route in answer.routes if stuck else ():
            names = [step.task for step in route.steps if step.kind in ADDRESSES]
            after_others = set(dropwhile((theirs | committed[route.van]).__contains__, names))
            later |= {id_: route.van for id_ in stuck if f"{id_}{PICKUP}" in after_others}
        self._first |= later
        return bool(later)


def still_meant(previous: PlanBody, standing: Standing) -> tuple[PlannedRoute, ...]:
    """The previous routes without what is finished, cancelled or not to be planned: what the router can go on with."""
    problem = standing.problem
    meant = {task.id for task in problem.tasks}
    meant |= {f"{task.id}/fetch" for task in problem.tasks if task.fetch is not None}
    for ride in problem.rides:
        meant |= {f"{ride.id}{end}" for end in ((DROPOFF,) if ride.aboard is not None else (PICKUP, DROPOFF))}
    rests = {(van.id, rest.id) for van in problem.vans for rest in van.rests}
    here = {van: step.ref for van, step in standing.current.items()}
    routes = []
    for route in previous.routes:
        tour = standing.tour(route.van)
        begun = {*tour.depot_stops, LOADING} if tour.left_hub else set(tour.depot_stops)
        steps = tuple(
            step
            for step in route.steps
            if step.ref != here.get(route.van) and step.ref not in begun
            if step.kind in ("reload", "charge") or step.task in meant or (route.van, step.task) in rests
        )
        routes.append(msgspec.structs.replace(route, steps=steps, geometry=()))
    return tuple(routes)


def hours_ahead(problem: DayProblem, zone: ZoneInfo) -> tuple[int, ...]:
    """The local hours whose traffic a plan is made for, from when the first van can leave."""
    begin_s = max([problem.now_s, *([min(van.ready_s for van in problem.vans)] if problem.vans else [])])
    begin = datetime.fromtimestamp(begin_s, zone)
    return tuple((begin.hour + ahead) % 24 for ahead in range(HOURS_AHEAD))
