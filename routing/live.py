"""The quick tier: put a task into a plan, complete a plan, turn an old plan into a start for today's problem.

Comes in: a `Timetable` of the problem and drafts. Goes out: drafts that break nothing, in milliseconds. A `Draft` is
each van's sequence of visits; its times follow from the timetable. Charging blocks are put in last, where needed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from routing.cargo import ride_of
from routing.model import Plan, Route, StepKind, Unserved, Van
from routing.reasons import Fault
from routing.timetable import NEVER, Stop, Timed, Timetable, Visit, charge_needed_s
from routing.unserved import why_not

FAMILIAR_S = 120
"""What a visit by an unknown concierge costs, in seconds of driving."""

CHANGE_S = 120
"""What moving a stop to another van costs in a new plan, in seconds of driving (60-180 gave 0 moves at < 2.8 %)."""

Visits = tuple[Visit, ...]


@dataclass(frozen=True)
class Draft:
    """Each active van's visits, all of them feasible."""

    visits: Mapping[str, Visits]

    def names(self) -> set[str]:
        """Tasks and ends of rides that somebody comes for."""
        depot = (StepKind.RELOAD, StepKind.CHARGE)
        return {visit.id for visits in self.visits.values() for visit in visits if visit.kind not in depot}

    def with_van(self, van: str, visits: Visits) -> "Draft":
        return Draft({**self.visits, van: visits})


class Measure(NamedTuple):
    """What a draft is worth; the smaller the better. Seconds of driving, values left out, and surcharges."""

    missing: int
    cost_s: int


class _Candidate(NamedTuple):
    cost_s: int
    van: str
    build: Callable[[], Visits]


class Live:
    """Insertion over one problem. `previous_van` says in which van each task was told to come."""

    def __init__(self, table: Timetable, previous_van: Mapping[str, str] | None = None) -> None:
        self.table = table
        self._previous_van = dict(previous_van or {})
        self._frame_of: dict[str, tuple[Visits, _Frame]] = {}

    # ------------------------------------------------------------ what it is worth

    def surcharge_s(self, name: str, van: str) -> int:
        """For an unknown face, and for coming with another van than was said."""
        cost = 0
        task = self.table.tasks.get(name)
        if task is not None and task.familiar and van not in task.familiar:
            cost += FAMILIAR_S
        if name.endswith("/dropoff"):
            return cost  # counted at its pickup
        before = self._previous_van.get(name)
        if before is not None and before != van:
            cost += CHANGE_S
        return cost

    def measure(self, draft: Draft) -> Measure:
        served = draft.names()
        missing = left_out = 0
        for task in self.table.problem.tasks:
            if task.id not in served:
                missing += task.value is None
                left_out += task.value or 0
        missing += sum(f"{ride.id}/dropoff" not in served for ride in self.table.problem.rides)
        cost = left_out
        for van, visits in draft.visits.items():
            cost += self.table.run(self.table.vans[van], visits).drive_s
            cost += sum(self.surcharge_s(visit.id, van) for visit in visits)
        return Measure(missing, cost)

    # ------------------------------------------------------------ drafts

    def base(self) -> Draft:
        """Only what is committed or owed to a passenger already aboard."""
        return Draft({van.id: self._tidy(van, self._bound(van)) for van in self.table.active.values()})

    def _bound(self, van: Van) -> Visits:
        names = [*van.committed, *self.table.obliged[van.id]]
        return tuple(Visit(self._kind(name), name) for name in names)

    def _kind(self, name: str) -> StepKind:
        if name in self.table.tasks:
            return StepKind.TASK
        return StepKind.PICKUP if name.endswith("/pickup") else StepKind.DROPOFF

    def from_plan(self, plan: Plan) -> Draft:
        """What is left of an older plan, in its order and vans; what does not fit any more is left out."""
        draft = self.base()
        bound = {name for van in self.table.vans.values() for name in van.committed}
        for route in plan.routes:
            van = self.table.active.get(route.van)
            if van is None:
                continue
            visits = [Visit(self._kind(name), name) for name in van.committed]
            owed = list(self.table.obliged[van.id])
            for step in route.steps:
                known = step.task in self.table.stops and step.task not in bound
                if step.kind is StepKind.RELOAD or (known and self._belongs(step.task, van)):
                    visits.append(Visit(step.kind, step.task))
                    if step.task in owed:
                        owed.remove(step.task)
            at = len(van.committed)
            visits[at:at] = [Visit(StepKind.DROPOFF, name) for name in owed]
            draft = draft.with_van(van.id, self.settle(van, tuple(visits)))
        return draft

    def _belongs(self, name: str, van: Van) -> bool:
        """Whether a step of an older plan still makes sense in this van."""
        if self.table.forbidden(name, van) is not None:
            return False
        return not name.endswith("/pickup") or self.table.rides[ride_of(name)].aboard is None

    # ------------------------------------------------------------ making a sequence hold

    def fit(self, van: Van, visits: Visits) -> tuple[Visits, Timed] | None:
        """The sequence with the charging it needs, or None where it cannot be."""
        plain = tuple(visit for visit in visits if visit.kind is not StepKind.CHARGE)
        timed = self.table.run(van, plain)
        if timed.fault is None:
            return plain, timed
        if timed.fault is not Fault.RANGE:
            return None
        return self._charged(van, plain)

    def _charged(self, van: Van, visits: Visits) -> tuple[Visits, Timed] | None:
        best: tuple[Visits, Timed] | None = None
        home = self.table.depots[van.depot].place
        for index in range(self.table.frozen(van, visits), len(visits) + 1):
            place = van.place if index == 0 else self.table.place(visits[index - 1], van)
            if self.table.distance[place][home] < 0:
                continue
            charge = Visit(StepKind.CHARGE, van.depot, 0)
            trial = self._with_enough(van, (*visits[:index], charge, *visits[index:]), index)
            timed = self.table.run(van, trial)
            if timed.fault is None and (best is None or timed.drive_s < best[1].drive_s):
                best = trial, timed
        return best

    def _with_enough(self, van: Van, visits: Visits, index: int) -> Visits:
        places = [van.place, *(self.table.place(visit, van) for visit in visits), self.table.depots[van.depot].place]
        metres = sum(max(0, self.table.distance[a][b]) for a, b in pairwise(places))
        charge = Visit(StepKind.CHARGE, van.depot, charge_needed_s(van, metres))
        return (*visits[:index], charge, *visits[index + 1 :])

    def settle(self, van: Van, visits: Visits) -> Visits:
        """Make a sequence hold by leaving out what cannot be; what is committed always stays."""
        whole = tuple(visit for visit in visits if visit.kind is not StepKind.CHARGE)
        while True:
            for trial in (self._tidy(van, whole), whole):
                fitted = self.fit(van, trial)
                if fitted is not None:
                    return fitted[0]
            tidy = self._tidy(van, whole)
            shorter = self._without_culprit(van, tidy)
            if shorter is None:
                return self._tidy(van, self._bound(van))
            whole = shorter

    def _without_culprit(self, van: Van, visits: Visits) -> Visits | None:
        """One task or ride less: the one at fault, or the last of those that could give way."""
        frozen = self.table.frozen(van, visits)
        owed = set(self.table.obliged[van.id])
        free = [i for i in range(frozen, len(visits)) if visits[i].kind is not StepKind.RELOAD]
        free = [i for i in free if visits[i].id not in owed]
        if not free:
            return None
        timed = self.table.run(van, visits)
        if timed.fault in (Fault.SHIFT, Fault.RANGE):
            culprit = min(free, key=lambda i: self._drive_without(van, visits, i))
        elif timed.at in free:
            culprit = timed.at
        else:  # a loading that cannot be: the last task of its trip gives way
            after = range(timed.at + 1, len(visits))
            end = next((i for i in after if visits[i].kind is StepKind.RELOAD), len(visits))
            culprit = max((i for i in free if timed.at < i < end), default=free[-1])
        names = {visits[culprit].id}
        if visits[culprit].kind in (StepKind.PICKUP, StepKind.DROPOFF):
            ride = ride_of(visits[culprit].id)
            names = {f"{ride}/pickup", f"{ride}/dropoff"}
        return tuple(visit for visit in visits if visit.id not in names)

    def _drive_without(self, van: Van, visits: Visits, index: int) -> int:
        places = [van.place, *(self.table.place(visit, van) for visit in visits), self.table.depots[van.depot].place]
        a, b, c = places[index : index + 3]
        return self.table.drive_s(a, c) - self.table.drive_s(a, b) - self.table.drive_s(b, c)

    def _tidy(self, van: Van, visits: Visits) -> Visits:
        """Without loadings that load nothing, with one before the first goods that need it."""
        kept: list[Visit] = []
        for index, visit in enumerate(visits):
            if visit.kind is not StepKind.RELOAD or self._loads_something(van, visits[index + 1 :]):
                kept.append(visit)
        for index, visit in enumerate(kept):
            if visit.kind is StepKind.RELOAD:
                break
            if self.table.needs_loading(visit.id, van.id):
                kept.insert(0 if van.at_depot else self._nobody_aboard(kept, index), Visit(StepKind.RELOAD, van.depot))
                break
        return tuple(kept)

    def _nobody_aboard(self, visits: Sequence[Visit], index: int) -> int:
        """The last place up to `index` where no passenger sits in the van."""
        riding: set[str] = set()
        empty = 0
        for at, visit in enumerate(visits[: index + 1]):
            if not riding:
                empty = at
            if visit.kind is StepKind.PICKUP:
                riding.add(ride_of(visit.id))
            elif visit.kind is StepKind.DROPOFF:
                riding.discard(ride_of(visit.id))
        return empty

    def _loads_something(self, van: Van, after: Sequence[Visit]) -> bool:
        for visit in after:
            if visit.kind is StepKind.RELOAD:
                return False
            if self.table.needs_loading(visit.id, van.id):
                return True
        return False

    # ------------------------------------------------------------ insertion

    def units(self) -> list[str]:
        """Tasks and rides, those with the least room first: musts by the end of their window, then chores by value."""
        problem = self.table.problem
        musts = [(max(w.to_s for w in task.windows), task.id) for task in problem.tasks if task.value is None]
        musts += [(ride.dropoff.to_s - ride.max_ride_s, ride.id) for ride in problem.rides]
        chores = sorted((-task.value, task.id) for task in problem.tasks if task.value is not None)
        return [name for _, name in sorted(musts)] + [name for _, name in chores]

    def complete(self, draft: Draft) -> Draft:
        """Put in all that is missing and fits, at the cheapest place."""
        for _ in range(2):  # a second round for what waited for another
            served = draft.names()
            missing = [name for name in self.units() if self._end(name) not in served]
            for name in missing:
                draft = self.insert(draft, name) or draft
        return draft

    def _end(self, name: str) -> str:
        """The step with which a task or ride is done."""
        return name if name in self.table.tasks else f"{name}/dropoff"

    def insert(self, draft: Draft, name: str) -> Draft | None:
        """The draft with one more task or ride at the cheapest place that breaks nothing, or None."""
        task = self.table.tasks.get(name)
        for stage in (self._simple, self._with_loading):
            found = sorted(stage(draft, name), key=lambda candidate: candidate.cost_s)
            for candidate in found:
                if task is not None and task.value is not None and candidate.cost_s > task.value:
                    return None
                fitted = self.fit(self.table.vans[candidate.van], candidate.build())
                if fitted is not None:
                    return draft.with_van(candidate.van, fitted[0])
        return None

    def _simple(self, draft: Draft, name: str) -> Iterator[_Candidate]:
        """Without another loading."""
        for van, visits, frame in self._frames(draft, name):
            if name in self.table.rides:
                yield from self._ride_places(van, visits, frame, name)
            elif self.table.needs_loading(name, van.id):
                first = next((i for i, v in enumerate(visits) if v.kind is StepKind.RELOAD), len(visits))
                yield from self._task_places(van, visits, frame, name, max(frame.frozen, first + 1))
            else:
                yield from self._task_places(van, visits, frame, name, frame.frozen)

    def _with_loading(self, draft: Draft, name: str) -> Iterator[_Candidate]:
        """With a loading of its own before it."""
        if name in self.table.rides:
            return
        for van, visits, frame in self._frames(draft, name):
            if not self.table.needs_loading(name, van.id):
                continue
            home, place = self.table.depots[van.depot].place, self.table.stops[name].place
            extra = self.surcharge_s(name, van.id)
            added = Visit(StepKind.TASK, name)
            loading = Visit(StepKind.RELOAD, van.depot)
            for r in range(frame.frozen, len(visits) + 1):
                together = frame.drive(frame.places[r], home) + frame.drive(home, place)
                cost = together + frame.drive(place, frame.places[r + 1]) - frame.leg(r) + extra
                yield _Candidate(cost, van.id, _joined(visits[:r], (loading, added), visits[r:]))
                to_depot = frame.detour(r, home)
                for q in range(r + 1, len(visits) + 1):
                    if frame.in_time(q, self.table.stops[name]):
                        cost = to_depot + frame.detour(q, place) + extra
                        parts = (visits[:r], (loading,), visits[r:q], (added,), visits[q:])
                        yield _Candidate(cost, van.id, _joined(*parts))

    def _frames(self, draft: Draft, name: str) -> Iterator[tuple[Van, Visits, "_Frame"]]:
        end = self._end(name)
        for van in self.table.active.values():
            if self.table.forbidden(end, van) is None:
                visits = tuple(v for v in draft.visits[van.id] if v.kind is not StepKind.CHARGE)
                yield van, visits, self._frame(van, visits)

    def _frame(self, van: Van, visits: Visits) -> "_Frame":
        """A van's frame, kept while its sequence stays the same."""
        known = self._frame_of.get(van.id)
        if known is None or known[0] != visits:
            known = self._frame_of[van.id] = visits, _Frame(self.table, van, visits)
        return known[1]

    def _task_places(self, van: Van, visits: Visits, frame: "_Frame", name: str, first: int) -> Iterator[_Candidate]:
        stop = self.table.stops[name]
        extra = self.surcharge_s(name, van.id)
        for index in range(first, len(visits) + 1):
            if frame.in_time(index, stop):
                cost = frame.detour(index, stop.place) + extra
                yield _Candidate(cost, van.id, _joined(visits[:index], (Visit(StepKind.TASK, name),), visits[index:]))

    def _ride_places(self, van: Van, visits: Visits, frame: "_Frame", name: str) -> Iterator[_Candidate]:
        up, down = self.table.stops[f"{name}/pickup"], self.table.stops[f"{name}/dropoff"]
        pickup = Visit(StepKind.PICKUP, f"{name}/pickup")
        dropoff = Visit(StepKind.DROPOFF, f"{name}/dropoff")
        extra = self.surcharge_s(pickup.id, van.id)
        for p in range(frame.frozen, len(visits) + 1):
            if not frame.in_time(p, up):
                continue
            way = frame.drive(frame.places[p], up.place) + frame.drive(up.place, down.place)
            cost = way + frame.drive(down.place, frame.places[p + 1]) - frame.leg(p) + extra
            yield _Candidate(cost, van.id, _joined(visits[:p], (pickup, dropoff), visits[p:]))
            for q in range(p + 1, len(visits) + 1):
                if visits[q - 1].kind is StepKind.RELOAD:
                    break
                cost = frame.detour(p, up.place) + frame.detour(q, down.place) + extra
                yield _Candidate(cost, van.id, _joined(visits[:p], (pickup,), visits[p:q], (dropoff,), visits[q:]))

    # ------------------------------------------------------------ as a plan

    def plan(self, draft: Draft, *, engine: str, seed: int) -> Plan:
        """The draft with its times, and the reason for each task that nobody comes for."""
        routes: list[Route] = [self.table.route(self.table.vans[van], draft.visits[van]) for van in draft.visits]
        served = draft.names()
        missing = [name for name in self.units() if self._end(name) not in served]
        bound = self.base().visits if missing else {}
        left: list[Unserved] = [why_not(self.table, bound, name) for name in missing]
        value = sum(task.value or 0 for task in self.table.problem.tasks if task.id not in served)
        cost = sum(route.drive_s for route in routes) + value
        return Plan(tuple(routes), tuple(left), cost, engine, seed)


class _Frame:
    """A van's sequence seen for insertion: the places, when it is where, and how late it may be."""

    def __init__(self, table: Timetable, van: Van, visits: Visits) -> None:
        home = table.depots[van.depot].place
        self.places = [van.place, *(table.place(visit, van) for visit in visits), home]
        self.frozen = table.frozen(van, visits)
        self._table = table
        timed = table.run(van, visits)
        start = max(van.ready_s, van.shift.from_s)
        known = timed.depart if timed.fault is None else []
        self._leave = [start, *known] + [-NEVER] * (len(visits) - len(known))
        self._latest = table.latest(van, visits)

    def drive(self, a: int, b: int) -> int:
        return self._table.drive_s(a, b)

    def leg(self, index: int) -> int:
        return self.drive(self.places[index], self.places[index + 1])

    def detour(self, index: int, place: int) -> int:
        """Extra seconds for passing by `place` before visit `index`."""
        return self.drive(self.places[index], place) + self.drive(place, self.places[index + 1]) - self.leg(index)

    def in_time(self, index: int, stop: Stop) -> bool:
        """Whether the van can do this before visit `index` and then still be in time for the rest, as far as seen."""
        arrive = self._leave[index] + self.drive(self.places[index], stop.place)
        start = next((max(arrive, from_s) for from_s, to_s in stop.windows if arrive <= to_s), None)
        if start is None:
            return False
        onward = start + stop.service_s + self.drive(stop.place, self.places[index + 1])
        return onward <= self._latest[index]


def _joined(*parts: Iterable[Visit]) -> Callable[[], Visits]:
    return lambda: tuple(visit for part in parts for visit in part)
