"""Dispatch: something happened, so plan again.

A thread waits for triggers, gathers those that come together, reads how the day stands, asks the router, has the
answer checked, and adopts it: a plan's row, each stop's van and promise, and a message for each gateway. What is under
way and what a planner locked stays, whatever the router says. Without a good answer the last plan stands, and that is
shown.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub_backend import shown
from hub_backend.dispatching.downlink import Downlinks
from hub_backend.dispatching.plans import (
    LOADING,
    RENEWED_PROMISE_S,
    PlanBody,
    body_of,
    depart_times,
    named,
    newest_plan,
    next_revision,
    stops_in,
    to_json,
)
from hub_backend.dispatching.problem import Broken, Changed, Left, PlanAnswer, PlannedRoute, PlanRequest
from hub_backend.dispatching.retry import reopen_missed
from hub_backend.dispatching.solver import SolverError
from hub_backend.dispatching.standing import Standing, VanTour, read_standing, stop_of_ref
from hub_backend.kit import Kit
from hub_backend.ordering.refs import RandomBelow, new_ref
from hub_backend.record import OrderRow, PlanRow, ResidentRow, StopRow, TriggerRow, VanRow
from hub_backend.trigger import pull
from hub_backend.workday import at, day_of, is_day

log = logging.getLogger(__name__)

SOON_S = 0.05  # machine: how often to look for triggers
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # machine: after a router that gave no plan
ATTEMPTS = 4
"""How often one plan is asked: as it stands, with late stops stretched, without what the checker refused, afresh."""

URGENT = frozenset({"morning", "manual", "van_out", "warm_cooler"})
"""What a person waits for, or goods: answered at once, with whatever else is waiting."""

MORNING_S = 3600
"""A day that nobody asked a plan for is planned this long before its first shift begins."""

LOOK_S = 1.0  # machine: how often to look whether a morning is due

RULES_NL = {
    "window": "past niet meer in het tijdvak",
    "shift": "past niet meer in de dienst",
    "range": "past niet meer in de accu",
    "capacity": "past niet meer in het busje",
}


class Planner(Protocol):
    """Answers a plan request, or raises `SolverError`: `solver.Solver`."""

    def plan(self, request: PlanRequest) -> PlanAnswer: ...


@dataclass
class DispatchState:
    """What the health page shows."""

    solving: bool = False
    plans: int = 0
    failed: int = 0
    last_error: str = ""
    last_solve_s: float | None = None


@dataclass(frozen=True)
class Waiting:
    """Triggers that are answered together, all of one day."""

    day: str
    ids: tuple[int, ...]
    kinds: frozenset[str]
    reason: str
    missed: tuple[str, ...]
    """Stops where nobody opened."""


@dataclass
class _Attempt:
    """What one plan has learned while it was asked for."""

    late: set[str] = field(default_factory=set)
    without: dict[str, str] = field(default_factory=dict)
    fresh: bool = False


class Dispatch:
    """The dispatch thread."""

    def __init__(self, kit: Kit, planner: Planner, downlinks: Downlinks, *, random_below: RandomBelow) -> None:
        self._kit = kit
        self._planner = planner
        self._downlinks = downlinks
        self._random_below = random_below
        self.state = DispatchState()
        self._seen: dict[int, tuple[float, float]] = {}  # trigger -> world and machine time when first seen
        self._failures = 0
        self._not_before = 0.0
        self._sent_all = False
        self._look_at = 0.0
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)

    # ------------------------------------------------------------ the part

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._bell.set()
        self._thread.join(timeout=2)

    def wake(self) -> None:
        """There may be new triggers, or a broker that has forgotten what it retained."""
        self._bell.set()

    def waiting(self) -> int:
        """How many triggers no plan has answered yet."""
        with self._kit.store.read() as session:
            query = select(func.count()).select_from(TriggerRow).where(TriggerRow.plan.is_(None))
            return session.scalar(query) or 0

    def send_again(self) -> None:
        """Send every gateway its plan anew, for instance because the broker is another."""
        self._sent_all = False
        self._bell.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._bell.wait(SOON_S)
            self._bell.clear()
            try:
                self.step()
            except OperationalError as error:
                log.error("dispatch_wait error=%s", error)
                self._stop.wait(1.0)

    def step(self) -> bool:
        """Do what is due now: send what is unsent, answer triggers that have gathered. Says whether it planned."""
        self._downlinks.send(everything=not self._sent_all)
        self._sent_all = True
        self._ask_for_morning()
        waiting = self._due()
        if waiting is None or time.monotonic() < self._not_before:
            return False
        self.state.solving = True
        try:
            return self._answer(waiting)
        finally:
            self.state.solving = False

    # ------------------------------------------------------------ triggers

    def _ask_for_morning(self) -> None:
        """Ask for today's first plan when its time has come and there is something to plan."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        now_s, zone = self._kit.clock.now_s(), self._kit.settings.zone
        day = day_of(now_s, zone=zone)
        with self._kit.store.read() as session:
            shifts = session.scalars(select(VanRow.shift_from).where(VanRow.in_service)).all()
            if not shifts or now_s < at(day, min(shifts), zone=zone) - MORNING_S:
                return
            stop = session.scalars(
                select(StopRow.id).where(StopRow.day == day, StopRow.state == "open").limit(1)
            ).first()
            if stop is None or newest_plan(session, day) is not None:
                return
            asked = select(TriggerRow.id).where(TriggerRow.plan.is_(None), TriggerRow.subject == day).limit(1)
            if session.scalars(asked).first() is not None:
                return
        with self._kit.store.write() as session:
            pull(session, kind="morning", subject=day, words="Ochtendplan", t_s=now_s, cause=f"morning:{day}")

    def _due(self) -> Waiting | None:
        """The triggers to answer now: those of the earliest day, once they have gathered for the settings' time."""
        with self._kit.store.read() as session:
            rows = session.scalars(select(TriggerRow).where(TriggerRow.plan.is_(None)).order_by(TriggerRow.id)).all()
            if not rows:
                self._seen.clear()
                return None
            days = {row.id: self._day_of(session, row) for row in rows}
            worded = {row.id: _with_address(session, row) for row in rows}
        day = min(days.values())
        mine = [row for row in rows if days[row.id] == day]
        if not self._gathered(mine):
            return None
        words = list(dict.fromkeys(worded[row.id] for row in mine))
        return Waiting(
            day=day,
            ids=tuple(row.id for row in mine),
            kinds=frozenset(row.kind for row in mine),
            reason=shortened(words, 300),
            missed=tuple(row.subject for row in mine if row.kind == "no_answer"),
        )

    def _gathered(self, rows: Sequence[TriggerRow]) -> bool:
        """Whether the first of these was seen long enough ago: in the world, or on the machine if the world stands."""
        now_s, machine_s = self._kit.clock.now_s(), time.monotonic()
        for row in rows:
            self._seen.setdefault(row.id, (now_s, machine_s))
        first_s, first_machine_s = self._seen[rows[0].id]
        wait_s = 0.0 if any(row.kind in URGENT for row in rows) else self._kit.settings.debounce_s
        return now_s - first_s >= wait_s or machine_s - first_machine_s >= wait_s

    def _day_of(self, session: Session, row: TriggerRow) -> str:
        """The day a trigger is about: its subject's, else that of its time."""
        if is_day(row.subject):
            return row.subject
        if row.subject:
            stop = session.get(StopRow, stop_of_ref(row.subject))
            if stop is not None:
                return stop.day
            order = session.get(OrderRow, row.subject)
            if order is not None:
                return order.day
        return day_of(row.t_s, zone=self._kit.settings.zone)

    # ------------------------------------------------------------ one plan

    def _answer(self, waiting: Waiting) -> bool:
        try:
            row_id = self._plan(waiting)
        except SolverError as error:
            self._failed(str(error))
            return False
        except LookupError as error:
            # The record misses something that a plan needs, such as a van's hub: planning again will not mend it.
            log.exception("dispatch_record_incomplete day=%s", waiting.day)
            self._failed(f"{type(error).__name__}: {error}")
            return False
        self._failures = 0
        if row_id is None:
            return False
        self._downlinks.send()
        shown.tell(self._kit, [("plan", row_id)])
        return True

    def _failed(self, words: str) -> None:
        self.state.failed += 1
        self.state.last_error = words
        wait_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._not_before = time.monotonic() + wait_s
        log.error("plan_failed again_in_s=%.0f error=%s", wait_s, words)

    def _plan(self, waiting: Waiting) -> str | None:
        """Ask until there is a plan that breaks nothing and still fits the day; adopt it. Gives the plan's id."""
        if waiting.missed:
            with self._kit.store.write() as session:
                reopen_missed(session, waiting.missed, now_s=self._kit.clock.now_s(), zone=self._kit.settings.zone)
        attempt = _Attempt()
        broken: Sequence[Broken] = ()
        for number in range(ATTEMPTS):
            standing, previous = self._standing(waiting.day, attempt)
            answer = self._ask(standing, None if attempt.fresh else previous, seed=number + 1)
            broken = answer.broken
            if broken:
                self._learn_from_broken(attempt, standing, broken)
                continue
            if self._learn_from_unserved(attempt, standing, answer):
                continue
            row_id = self._adopt(waiting, standing, answer, previous)
            if row_id is not None:
                return row_id
        words = (
            "; ".join(sorted({f"{one.rule} {one.van or ''} {one.task or ''}" for one in broken})) or "de dag liep door"
        )
        self.state.last_error = f"geen plan aangenomen: {words}"
        log.error("plan_not_adopted day=%s broken=%s", waiting.day, words)
        self._close(waiting)
        return None

    def _standing(self, day: str, attempt: _Attempt) -> tuple[Standing, PlanBody | None]:
        with self._kit.store.read() as session:
            row = newest_plan(session, day)
            body = None if row is None else body_of(row)
            standing = read_standing(
                session,
                day,
                now_s=self._kit.clock.now_s(),
                zone=self._kit.settings.zone,
                depart_s=depart_times(body),
                late=frozenset(attempt.late),
                without=attempt.without,
            )
        return standing, body

    def _ask(self, standing: Standing, previous: PlanBody | None, *, seed: int) -> PlanAnswer:
        settings = self._kit.settings
        answer = self._planner.plan(
            PlanRequest(
                problem=standing.problem,
                previous=None if previous is None else still_meant(previous, standing),
                previous_left=() if previous is None else tuple(left.task for left in previous.unserved),
                names=dict(standing.names),
                seconds=settings.solve_morning_s if previous is None else settings.solve_live_s,
                seed=seed,
            )
        )
        self.state.last_solve_s = answer.solve_s
        return answer

    def _learn_from_broken(self, attempt: _Attempt, standing: Standing, broken: Sequence[Broken]) -> None:
        """First plan afresh, then without the stops that the checker named: they become unserved, and said so."""
        log.warning("plan_refused_by_check broken=%s", "; ".join(f"{one.rule}:{one.task}" for one in broken[:5]))
        if not attempt.fresh:
            attempt.fresh = True
            return
        committed = {task for van in standing.problem.vans for task in van.committed}
        for one in broken:
            task = stop_of_ref(one.task or "")
            if task in standing.stops and task not in committed:
                attempt.without[task] = RULES_NL.get(one.rule, f"niet in te plannen ({one.rule})")

    def _learn_from_unserved(self, attempt: _Attempt, standing: Standing, answer: PlanAnswer) -> bool:
        """Whether stops that were left out may still fit when they may be late: then ask once more."""
        optional = {task.id for task in standing.problem.tasks if task.value is not None}
        left = {stop_of_ref(one.task) for one in answer.unserved} - optional - attempt.late
        left = {task for task in left if task in standing.stops}
        attempt.late |= left
        return bool(left)

    # ------------------------------------------------------------ adopting

    def _adopt(self, waiting: Waiting, standing: Standing, answer: PlanAnswer, previous: PlanBody | None) -> str | None:
        """Write the plan, unless the day has moved on in a way it does not fit: then None, and ask again."""
        with self._kit.store.write() as session:
            now_s = self._kit.clock.now_s()
            today = read_standing(session, waiting.day, now_s=now_s, zone=self._kit.settings.zone)
            if not still_fits(answer, standing, today):
                log.info("plan_overtaken day=%s", waiting.day)
                return None
            body = body_with(answer, standing)
            row = PlanRow(
                id=new_ref(self._random_below),
                day=waiting.day,
                revision=next_revision(session, waiting.day),
                made_s=now_s,
                reason=waiting.reason,
                engine=answer.engine,
                seed=answer.seed,
                problem_hash=standing.problem.digest(),
                solve_s=answer.solve_s,
                body=to_json(body),
                changes=msgspec.to_builtins([*gone(previous, standing), *answer.changes]),
            )
            session.add(row)
            assign(today, body)
            session.flush()
            for trigger in session.scalars(select(TriggerRow).where(TriggerRow.id.in_(waiting.ids))):
                trigger.plan = row.id
            self._downlinks.write(session, today, row, body)
            row_id, revision = row.id, row.revision
        self.state.plans += 1
        self.state.last_error = ""
        log.info(
            "plan_adopted day=%s revision=%d stops=%d unserved=%d solve_s=%.2f triggers=%s",
            waiting.day,
            revision,
            stops_in(body),
            len(body.unserved),
            answer.solve_s,
            ",".join(sorted(waiting.kinds)),
        )
        return row_id

    def _close(self, waiting: Waiting) -> None:
        """The triggers are answered with "the old plan stands"; the reason is on the health page."""
        self.state.failed += 1
        with self._kit.store.write() as session:
            row = newest_plan(session, waiting.day)
            for trigger in session.scalars(select(TriggerRow).where(TriggerRow.id.in_(waiting.ids))):
                trigger.plan = row.id if row is not None else "none"


def _with_address(session: Session, row: TriggerRow) -> str:
    """A trigger's words, with the address when it is about a stop: planners know doors, not pseudonyms."""
    words = row.words or row.kind
    stop = session.get(StopRow, stop_of_ref(row.subject)) if row.subject else None
    if stop is None:
        return words
    resident = session.get_one(ResidentRow, stop.resident)
    return f"{words}: {resident.street} {resident.number}"


def shortened(words: Sequence[str], most: int) -> str:
    """The words joined, and how many more there are when they do not fit in `most` characters."""
    text = ""
    for number, word in enumerate(words):
        longer = f"{text}; {word}" if text else word
        rest = len(words) - number
        if len(longer) > most - 20:
            return f"{text} en nog {rest}" if text else longer[:most]
        text = longer
    return text


def still_meant(previous: PlanBody, standing: Standing) -> tuple[PlannedRoute, ...]:
    """The previous routes without what is finished, cancelled or not to be planned: what the router can go on with."""
    problem = standing.problem
    meant = {task.id for task in problem.tasks}
    for ride in problem.rides:
        meant |= {f"{ride.id}/dropoff"} if ride.aboard is not None else {f"{ride.id}/pickup", f"{ride.id}/dropoff"}
    here = {van: step.ref for van, step in standing.current.items()}
    routes = []
    for route in previous.routes:
        tour = standing.tours.get(route.van, VanTour())
        begun = {*tour.depot_stops, LOADING} if tour.left_hub else set(tour.depot_stops)
        steps = tuple(
            step
            for step in route.steps
            if step.ref != here.get(route.van) and step.ref not in begun
            if step.kind in ("reload", "charge") or step.task in meant
        )
        routes.append(msgspec.structs.replace(route, steps=steps, geometry=()))
    return tuple(routes)


def gone(previous: PlanBody | None, standing: Standing) -> list[Changed]:
    """What the previous plan had and the router was not asked: cancelled, or not to be planned any more."""
    if previous is None:
        return []
    reasons = {left.task: left.reason for left in standing.unplannable}
    reasons |= {id_: "opdracht vervallen" for id_, stop in standing.stops.items() if stop.row.state == "cancelled"}
    return [
        Changed(
            task=step.task,
            kind="dropped",
            van_before=route.van,
            van_after=None,
            shift_s=None,
            words=f"{standing.names.get(step.task, step.task)} vervalt: {reasons[stop_of_ref(step.task)]}.",
        )
        for route in previous.routes
        for step in route.steps
        if stop_of_ref(step.task) in reasons and not step.task.endswith("/dropoff")
    ]


def body_with(answer: PlanAnswer, standing: Standing) -> PlanBody:
    """The plan's body: refs as the vans know them, the stop where each van stands first, all who are left out."""
    routes = tuple(
        named(
            route,
            begun=standing.tours.get(route.van, VanTour()).depot_stops,
            current=standing.current.get(route.van),
            at_hub=not standing.tours.get(route.van, VanTour()).left_hub,
        )
        for route in answer.routes
    )
    routes += tuple(
        PlannedRoute(
            van=van,
            start_s=step.arrive_s,
            end_s=step.depart_s,
            distance_m=0,
            drive_s=0,
            soc_end_percent=None,
            steps=(step,),
        )
        # A van that was taken out of service at a door still finishes there.
        for van, step in standing.current.items()
        if van not in {route.van for route in answer.routes}
    )
    unserved = {stop_of_ref(left.task): left.reason for left in answer.unserved}
    unserved |= {left.task: left.reason for left in standing.unplannable}
    return PlanBody(
        now_s=standing.now_s,
        routes=routes,
        unserved=tuple(Left(task=task, reason=reason) for task, reason in sorted(unserved.items())),
        notes=tuple(standing.notes),
        cost_s=answer.cost_s,
    )


def still_fits(answer: PlanAnswer, asked: Standing, today: Standing) -> bool:
    """Whether what is under way, locked, loaded or out of service now is as the router was told."""
    routes = {route.van: [step.task for step in route.steps] for route in answer.routes}
    for van, ref in today.under_way.items():
        current = asked.current.get(van)
        if current is not None and current.ref == ref:
            continue
        if routes.get(van, [""])[:1] not in ([ref], [stop_of_ref(ref)]):
            return False
    if {van.id for van in asked.problem.vans} != {van.id for van in today.problem.vans}:
        return False
    planned = {stop_of_ref(task): van for van, tasks in routes.items() for task in tasks}
    for id_, stop in today.stops.items():
        if id_ not in planned or stop.row.state == "done":
            continue
        if stop.row.state == "cancelled" or (stop.row.locked and stop.row.van not in (None, planned[id_])):
            return False
        if stop.aboard and stop.aboard != {planned[id_]}:
            return False
    return True


def assign(today: Standing, body: PlanBody) -> None:
    """Give each planned stop its van and its promise; a promise moves only by a quarter of an hour or more."""
    for route in body.routes:
        for step in route.steps:
            stop = today.stops.get(stop_of_ref(step.ref))
            if stop is None:
                continue
            stop.row.van = route.van
            if step.ref.endswith("/dropoff") or stop.row.state != "open":
                continue
            promised_s = stop.row.promised_s
            if promised_s is None or abs(step.start_s - promised_s) > RENEWED_PROMISE_S:
                stop.row.promised_s = float(step.start_s)
    for left in body.unserved:
        stop = today.stops.get(left.task)
        if stop is not None and not stop.row.locked and not stop.aboard and stop.row.state == "open":
            stop.row.van = None
            stop.row.promised_s = None
