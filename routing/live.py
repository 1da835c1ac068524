"""The quick tier: put a task into a plan, complete a plan, turn an old plan into a start for today's problem.

Comes in: a `Timetable` of the problem and drafts. Goes out: drafts that break nothing, in milliseconds. A `Draft` is
each van's sequence of visits; its times follow from the timetable. Charging blocks and rests are put in last, where
they are needed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

from routing.cargo import ride_of
from routing.draft import Draft, Measure, Visits, Worth
from routing.frame import Candidate, Frame, cheapest_first
from routing.model import Plan, Route, StepKind, Unserved, Van
from routing.said import Said
from routing.settle import Settler
from routing.stops import NOBODY, Visit
from routing.timetable import Timetable
from routing.timing import Timed
from routing.unserved import why_not

__all__ = ["Draft", "Live", "Measure"]


WORTH_A_TRIP_S = 600
"""What is put off or surprises others for more than this, in seconds of driving, may be worth going to the hub for."""

MOST_MENDED = 3
MOST_REFUSED = 40
"""In so many places of one van an insertion looks for room for a rest or a charging, and in so many at all."""


class Live:
    """Insertion over one problem, held against what people were told."""

    def __init__(self, table: Timetable, said: Said | None = None) -> None:
        self.table = table
        self.settler = Settler(table)
        self.worth = Worth(table, said or Said())
        self._frame_of: dict[str, Frame] = {}

    def surcharge_s(self, name: str, van: str) -> int:
        return self.worth.surcharge_s(name, van)

    def measure(self, draft: Draft) -> Measure:
        return self.worth.of(draft)

    def fit(self, van: Van, visits: Visits, *, mend: bool = True) -> tuple[Visits, Timed] | None:
        return self.settler.fit(van, visits, mend=mend)

    def starts_s(self, draft: Draft, van: Van) -> dict[str, int]:
        """When the draft starts each visit of a van, by name."""
        visits = draft.visits[van.id]
        timed = self.table.run(van, visits)
        return dict(zip((visit.id for visit in visits), timed.start, strict=False))

    def settle(self, van: Van, visits: Visits) -> Visits:
        return self.settler.settle(van, visits)

    # ------------------------------------------------------------ drafts

    def base(self) -> Draft:
        """Only what is committed or owed to a passenger already aboard."""
        return Draft({van.id: self.settler.bound(van) for van in self.table.active.values()})

    def from_plan(self, plan: Plan) -> Draft:
        """What is left of an older plan, in its order and vans; what does not fit any more is left out."""
        draft = self.base()
        bound = {name for van in self.table.vans.values() for name in van.committed}
        for route in plan.routes:
            van = self.table.active.get(route.van)
            if van is not None:
                visits = self._still(van, route, bound)
                draft = draft.with_van(van.id, self.settle(van, visits))
        return draft

    def _still(self, van: Van, route: Route, bound: set[str]) -> Visits:
        """A route's steps that are still to be done, what is committed in front."""
        visits = [Visit(self.table.kind(name), name) for name in van.committed]
        owed = list(self.table.obliged[van.id])
        rests = {rest.id for rest in van.rests}
        for step in route.steps:
            known = step.task in self.table.stops and step.task not in bound
            if step.kind is StepKind.RELOAD:
                keep = step.task in self.table.own_depots[van.id]
            elif step.kind is StepKind.REST:
                keep = step.task in rests
            else:
                keep = known and self._belongs(step.task, van)
            if keep:
                visits.append(Visit(step.kind, step.task))
                if step.task in owed:
                    owed.remove(step.task)
        at = len(van.committed)
        visits[at:at] = [Visit(StepKind.DROPOFF, name) for name in owed]
        return tuple(visits)

    def _belongs(self, name: str, van: Van) -> bool:
        """Whether a step of an older plan still makes sense in this van."""
        if self.table.forbidden(name, van) is not None:
            return False
        if name.endswith("/fetch"):
            return self.table.needs_fetch(ride_of(name), van.id)
        return not name.endswith("/pickup") or self.table.rides[ride_of(name)].aboard is None

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
        refused: dict[str, Draft] = {}
        for _ in range(2):  # a second round for what waited for another
            served = draft.names()
            missing = [name for name in self.units() if self.last_of(name) not in served]
            for name in missing:
                if refused.get(name) is not draft:
                    refused[name], draft = draft, self.insert(draft, name) or draft
        return draft

    def last_of(self, name: str) -> str:
        """The step with which a task or ride is done."""
        return name if name in self.table.tasks else f"{name}/dropoff"

    def insert(self, draft: Draft, name: str, only: str | None = None) -> Draft | None:
        """The draft with one more task or ride at the cheapest place that breaks nothing, or None.

        `only`: in this van and no other.
        """
        task = self.table.tasks.get(name)
        for candidates in self._stages(draft, name, only):
            refused: Counter[str] = Counter()
            for cost_s, candidate in cheapest_first(candidates):
                if task is not None and task.value is not None and cost_s > task.value:
                    return None
                if refused[candidate.van] >= MOST_REFUSED:
                    continue
                mend = refused[candidate.van] < MOST_MENDED
                fitted = self.fit(self.table.vans[candidate.van], candidate.build(), mend=mend)
                if fitted is not None:
                    return draft.with_van(candidate.van, fitted[0])
                refused[candidate.van] += 1
        return None

    def _stages(self, draft: Draft, name: str, only: str | None) -> Iterator[list[Candidate]]:
        """Places without another loading first, unless the cheapest of them costs as much as a trip of its own."""
        simple = list(self._simple(draft, name, only))
        if next((cost_s for cost_s, _ in cheapest_first(simple)), 0) > WORTH_A_TRIP_S:
            yield [*simple, *self._with_loading(draft, name, only)]
            return
        yield simple
        yield list(self._with_loading(draft, name, only))

    def _simple(self, draft: Draft, name: str, only: str | None) -> Iterator[Candidate]:
        """Without another loading."""
        for frame in self._frames(draft, name, only):
            visits, van = frame.visits, frame.van
            if name in self.table.rides or self._to_fetch(name, van):
                yield from self._two_places(frame, name)
            elif self.table.needs_loading(name, van.id):
                first = next((i for i, v in enumerate(visits) if v.kind is StepKind.RELOAD), len(visits))
                yield from self._one_place(frame, name, max(frame.frozen, first + 1))
            else:
                yield from self._one_place(frame, name, frame.frozen)

    def _to_fetch(self, name: str, van: Van) -> bool:
        return self.table.needs_fetch(name, van.id) and f"{name}/fetch" not in van.committed

    def _with_loading(self, draft: Draft, name: str, only: str | None) -> Iterator[Candidate]:
        """With a loading of its own before it, at each place where the hub is in the course of the day."""
        for frame in self._frames(draft, name, only):
            if self.table.needs_loading(name, frame.van.id):
                for depot in self.table.own_depots[frame.van.id]:
                    yield from self._loaded_at(frame, name, depot)

    def _loaded_at(self, frame: Frame, name: str, depot_id: str) -> Iterator[Candidate]:
        depot, stop, visits = self.table.depots[depot_id], self.table.stops[name], frame.visits
        home, place = depot.place, stop.place
        extra = self.surcharge_s(name, frame.van.id)
        service_s = stop.service_s + depot.reload_s
        added, loading = Visit(StepKind.TASK, name), Visit(StepKind.RELOAD, depot_id)
        ways = [(q, frame.delay_s(q, stop), frame.detour(q, place)) for q in range(frame.frozen + 1, len(visits) + 1)]
        later = [(q, delay_s, drive_s) for q, delay_s, drive_s in ways if delay_s is not None]
        for r in range(frame.frozen, len(visits) + 1):
            together = frame.drive(frame.places[r], home) + frame.drive(home, place)
            drive_s = together + frame.onward(place, r) - frame.leg(r)
            both = frame.joined(visits[:r], (loading, added), visits[r:])
            way_s = together - frame.drive(frame.places[r], place) + depot.reload_s
            others = partial(frame.others_s, name, r, way_s=way_s, delay_s=drive_s + service_s)
            yield Candidate(frame.cost(drive_s, service_s, extra), frame.van.id, both, others)
            to_depot = frame.detour(r, home)
            for q, delay_s, to_place in later:
                if q > r:
                    apart = frame.joined(visits[:r], (loading,), visits[r:q], (added,), visits[q:])
                    others = partial(frame.others_s, name, q, way_s=to_depot + depot.reload_s, delay_s=delay_s, since=r)
                    cost = frame.cost(to_depot + to_place, service_s, extra)
                    yield Candidate(cost, frame.van.id, apart, others)

    def _frames(self, draft: Draft, name: str, only: str | None) -> Iterator[Frame]:
        end = self.last_of(name)
        for van in self.table.active.values():
            if (only is None or van.id == only) and self.table.forbidden(end, van) is None:
                yield self._frame(van, tuple(v for v in draft.visits[van.id] if v.kind is not StepKind.CHARGE))

    def _frame(self, van: Van, visits: Visits) -> Frame:
        """A van's frame, kept while its sequence stays the same."""
        known = self._frame_of.get(van.id)
        if known is None or known.visits != visits:
            known = self._frame_of[van.id] = Frame(self.table, van, visits, self.worth)
        return known

    def _one_place(self, frame: Frame, name: str, first: int) -> Iterator[Candidate]:
        stop, visits = self.table.stops[name], frame.visits
        extra = self.surcharge_s(name, frame.van.id)
        added = (Visit(StepKind.TASK, name),)
        for index in range(first, len(visits) + 1):
            delay_s = frame.delay_s(index, stop)
            if delay_s is not None:
                others = partial(frame.others_s, name, index, delay_s=delay_s)
                cost = frame.cost(frame.detour(index, stop.place), stop.service_s, extra)
                yield Candidate(cost, frame.van.id, frame.joined(visits[:index], added, visits[index:]), others)

    def _two_places(self, frame: Frame, name: str) -> Iterator[Candidate]:
        """A passenger from A to B, goods from where they lie: both in one trip."""
        visits = frame.visits
        first, last = self.table.ends(name)
        up, down = self.table.stops[first.id], self.table.stops[last.id]
        barrier = NOBODY if name in self.table.rides else (StepKind.RELOAD,)
        extra = self.surcharge_s(first.id, frame.van.id) + self.surcharge_s(last.id, frame.van.id)
        service_s = up.service_s + down.service_s
        for p in range(frame.frozen, len(visits) + 1):
            delay_s = frame.delay_s(p, up)
            if delay_s is None:
                continue
            way = frame.drive(frame.places[p], up.place) + frame.drive(up.place, down.place)
            drive_s = way + frame.onward(down.place, p) - frame.leg(p)
            both = frame.joined(visits[:p], (first, last), visits[p:])
            others = partial(frame.surprise_s, p, drive_s + service_s)
            yield Candidate(frame.cost(drive_s, service_s, extra), frame.van.id, both, others)
            for q in range(p + 1, len(visits) + 1):
                if visits[q - 1].kind in barrier:
                    break
                to_drop_off = frame.detour(q, down.place)
                drive_s = frame.detour(p, up.place) + to_drop_off
                others = partial(frame.surprise_s, p, delay_s, q, to_drop_off + down.service_s)
                apart = frame.joined(visits[:p], (first,), visits[p:q], (last,), visits[q:])
                yield Candidate(frame.cost(drive_s, service_s, extra), frame.van.id, apart, others)

    # ------------------------------------------------------------ as a plan

    def plan(
        self,
        draft: Draft,
        *,
        engine: str,
        seed: int,
        talk_s: Mapping[str, tuple[int, ...]] | None = None,
        left_before: Mapping[str, Unserved] | None = None,
    ) -> Plan:
        """The draft with its times, and the reason for each task that nobody comes for.

        `talk_s`: by van, what each visit lasts longer than it must. `left_before`: reasons that are known already.
        """
        known = left_before or {}
        talk = talk_s or {}
        routes = [
            self.table.route(self.table.vans[van], visits, talk.get(van, ())) for van, visits in draft.visits.items()
        ]
        served = draft.names()
        missing = [name for name in self.units() if self.last_of(name) not in served]
        bound = self.base().visits if missing else {}
        left = [known.get(name) or why_not(self.table, bound, name) for name in missing]
        value = sum(task.value or 0 for task in self.table.problem.tasks if task.id not in served)
        cost = sum(route.drive_s for route in routes) + value
        return Plan(tuple(routes), tuple(left), cost, engine, seed)
