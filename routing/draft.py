"""A plan before it has times, and what it is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from routing.cargo import ride_of
from routing.model import StepKind
from routing.said import Said
from routing.stops import NOBODY, Visit
from routing.timetable import Timetable
from routing.workload import PUT_OFF, TALK, burden_s, busy_s, put_off_s, talk_short_s, time_s

FAMILIAR_S = 120
"""What a visit by an unknown concierge costs, in seconds of driving."""

CHANGE_S = 400
"""What moving a stop to another van costs in a new plan, in seconds of driving: with less, more than one event in
twenty moves more than two stops (measured: docs/routing-figures.md)."""

Visits = tuple[Visit, ...]


@dataclass(frozen=True)
class Draft:
    """Each active van's visits, all of them feasible."""

    visits: Mapping[str, Visits]

    def names(self) -> set[str]:
        """Tasks, fetches and ends of rides that somebody comes for."""
        return {visit.id for visits in self.visits.values() for visit in visits if visit.kind not in NOBODY}

    def with_van(self, van: str, visits: Visits) -> "Draft":
        return Draft({**self.visits, van: visits})


def unit_of(visit: Visit) -> str:
    """The task or ride that a visit belongs to."""
    return visit.id if visit.kind is StepKind.TASK else ride_of(visit.id)


class Measure(NamedTuple):
    """What a draft is worth; the smaller the better.

    `cost_s` is seconds of driving, values left out, surcharges, and what uneven work, hurried residents and times that
    are not as told cost.
    """

    missing: int
    cost_s: int


class Worth:
    """Measures drafts, held against what people were told."""

    def __init__(self, table: Timetable, said: Said) -> None:
        self._table, self.said = table, said
        self.time_s = {van.id: time_s(table.problem, van) for van in table.active.values()}
        self._talkers = any(task.talk_max_s for task in table.problem.tasks)
        self._known: dict[str, tuple[Visits, int]] = {}

    def surcharge_s(self, name: str, van: str) -> int:
        """For an unknown face, and for coming with another van than was said."""
        cost = 0
        task = self._table.tasks.get(name)
        if task is not None and task.familiar and van not in task.familiar:
            cost += FAMILIAR_S
        if name.endswith(("/dropoff", "/fetch")):
            return cost  # counted at its other end
        before = self.said.vans.get(name)
        if before is not None and before != van:
            cost += CHANGE_S
        return cost

    def of(self, draft: Draft) -> Measure:
        served = draft.names()
        missing = left_out = 0
        for task in self._table.problem.tasks:
            if task.id not in served:
                missing += task.value is None
                left_out += task.value or 0
        missing += sum(f"{ride.id}/dropoff" not in served for ride in self._table.problem.rides)
        return Measure(missing, left_out + sum(self.of_van(van, visits) for van, visits in draft.visits.items()))

    def of_van(self, van: str, visits: Visits) -> int:
        """One van's part of the cost; kept for the last sequence that was asked."""
        known = self._known.get(van)
        if known is not None and known[0] == visits:
            return known[1]
        timed = self._table.run(self._table.vans[van], visits)
        cost = timed.drive_s + sum(self.surcharge_s(visit.id, van) for visit in visits)
        cost += sum(self.said.surprise_s(visit.id, at) for visit, at in zip(visits, timed.start, strict=False))
        late_s = sum(put_off_s(self._table, visit.id, at) for visit, at in zip(visits, timed.start, strict=False))
        cost += int(PUT_OFF * late_s)
        cost += burden_s(busy_s(visits, timed), self.time_s[van])
        if self._talkers and timed.fault is None:
            cost += int(TALK * talk_short_s(self._table, self._table.vans[van], visits, timed))
        self._known[van] = visits, cost
        return cost
