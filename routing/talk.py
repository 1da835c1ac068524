"""Times a van's sequence exactly and hands out its spare minutes as contact time (OR-Tools CP-SAT).

Comes in: a sequence that holds. Goes out: how much longer each visit may last, where the van charges and for how long,
and where nobody of it was told a time yet, when the rests are taken. Windows, times aboard, ride times, rests, the
shift and the battery hold as before, and nobody is visited later than they were told. First come residents who had no
real contact lately; the first minutes with one weigh more than the last with another. A charging moves only where the
plan is worth more by that (`draft.Worth`) and leaves no less time to talk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from routing.battery import Draw
from routing.cargo import ride_of
from routing.charging import Charging
from routing.draft import Draft, Visits, Worth
from routing.exact import ExactModel, Expression, Solution, Variable
from routing.model import StepKind, Task, Van
from routing.stops import AT_DEPOT, NEVER, Visit
from routing.timetable import Timetable
from routing.timing import Timed
from routing.workload import FIRST_TALK_S

GRAIN_S = 60
"""Contact time is handed out in whole minutes, the first of them with a resident weighing three times the others."""


DETERMINISTIC_S = 0.2
CHARGING_DETERMINISTIC_S = 0.02
WALL_S = 0.5
"""Per van; the model is solved to its optimum in about a hundredth of a second."""


def weight(contact_days: int | None) -> int:
    """How much a minute with a resident counts, by the days since their last real contact (own choice)."""
    if contact_days is None or contact_days >= 14:
        return 8
    return 4 if contact_days >= 7 else 2 if contact_days >= 3 else 1


@dataclass(frozen=True)
class Handed:
    """A van's sequence with its rests and chargings in their best place, and what each visit lasts longer."""

    visits: Visits
    talk_s: tuple[int, ...]


def hand_out(table: Timetable, draft: Draft, worth: Worth, seed: int) -> dict[str, Handed]:
    """For each van with something to hand out or to charge; nobody is later than `worth` knows they were told."""
    found: dict[str, Handed] = {}
    for van_id, visits in draft.visits.items():
        van, told_s = table.vans[van_id], worth.said.start_s
        handed = _talked(table, van, visits, told_s, seed)
        charged = _charged(table, van, visits, told_s, seed)
        if charged is not None and worth.of_van(van_id, charged) < worth.of_van(van_id, visits):
            then = _talked(table, van, charged, told_s, seed)
            if sum(then.talk_s) >= sum(handed.talk_s):
                handed = then
        if handed.visits != visits or any(handed.talk_s):
            found[van_id] = handed
    return found


def _talked(table: Timetable, van: Van, visits: Visits, told_s: Mapping[str, int], seed: int) -> Handed:
    """As long as each visit may last; no longer than it must where there is nothing to hand out."""
    handed = None
    if any(_most_s(table, visit) for visit in visits[table.frozen(van, visits) :]):
        handed = _VanModel(table, van, visits, told_s).solved(seed)
    return handed if handed is not None and any(handed.talk_s) else Handed(visits, (0,) * len(visits))


def _charged(table: Timetable, van: Van, visits: Visits, told_s: Mapping[str, int], seed: int) -> Visits | None:
    """With its chargings where they cost least; None where it charges nowhere, or nothing was found in time."""
    bare = tuple(visit for visit in visits if visit.kind is not StepKind.CHARGE)
    if bare == visits or len(table.run(van, bare).kg) <= len(bare):  # without charging there is no way, or no room
        return None
    handed = _VanModel(table, van, visits, told_s, charges=True).solved(seed)
    return None if handed is None else handed.visits


def _most_s(table: Timetable, visit: Visit) -> int:
    task = table.tasks.get(visit.id) if visit.kind is StepKind.TASK else None
    return 0 if task is None else task.talk_max_s


class _VanModel:
    """One van's sequence with free times: how long its visits last, or with `charges` where and how long it charges.

    Times are seconds from now.
    """

    def __init__(
        self, table: Timetable, van: Van, visits: Visits, told_s: Mapping[str, int], *, charges: bool = False
    ) -> None:
        self._table, self._van, self._told_s = table, van, told_s
        self._now = table.problem.now_s
        self._all = visits
        self._asap = table.run(van, visits)
        rests = [v for v in visits if v.kind is StepKind.REST and table.rests[van.id, v.id].place is None]
        self._rests = [] if self._late(rests) or self._somebody_was_told() else rests
        placed = {visit for visit in visits if visit.kind is StepKind.CHARGE} if charges else set()
        self._visits = tuple(visit for visit in visits if visit not in self._rests and visit not in placed)
        self._frozen = table.frozen(van, self._visits)
        self._timed: Timed = table.run(van, self._visits)
        self._model = ExactModel()
        self._charging = Charging(table, van, self._visits, self._timed, self._model) if placed else None
        self._horizon = max(van.shift.to_s, self._asap.end_s) - self._now + 1
        self._talk: dict[int, Variable] = {}
        self._before: dict[tuple[str, int], Variable] = {}
        self._worth: list[Expression] = []
        self._start = [self._start_var(index) for index in range(len(self._visits))]
        self._depart = [self._depart_expr(index) for index in range(len(self._visits))]

    def _late(self, rests: Sequence[Visit]) -> bool:
        """A rest whose time is over is taken at once, and is not moved."""
        windows = [self._table.rests[self._van.id, rest.id].window for rest in rests]
        return any(window.to_s < max(self._van.ready_s, self._now) for window in windows)

    def _somebody_was_told(self) -> bool:
        """A rest that moves makes those between its old and its new place come half an hour sooner or later."""
        return any(visit.id in self._told_s for visit in self._all)

    # ------------------------------------------------------------ variables

    def _start_var(self, index: int) -> Variable:
        asap = self._timed.start[index] - self._now
        if index < self._frozen:
            return self._model.constant(asap)
        visit = self._visits[index]
        if visit.kind in AT_DEPOT:
            opens = self._table.depots[visit.id].open.from_s if visit.kind is StepKind.RELOAD else -NEVER
            return self._model.variable([(max(0, opens - self._now), self._horizon)])
        if visit.kind is StepKind.REST:
            window = self._table.rests[self._van.id, visit.id].window
            return self._model.variable(
                [(max(0, min(asap, window.from_s - self._now)), max(asap, window.to_s - self._now))]
            )
        told = self._told_s.get(visit.id, NEVER) - self._now
        said = self._asap.start[self._all.index(visit)] - self._now
        spans = [(max(0, a - self._now), b - self._now) for a, b in self._table.stops[visit.id].windows]
        spans = [(a, min(b, max(told, said))) for a, b in spans if min(b, max(told, said)) >= a]
        return self._model.variable(spans)

    def _depart_expr(self, index: int) -> Expression:
        visit = self._visits[index]
        service_s = self._timed.depart[index] - self._timed.start[index]
        most = _most_s(self._table, visit) // GRAIN_S if index >= self._frozen else 0
        if not most or self._charging is not None:
            return self._start[index] + service_s
        first = self._model.variable([(0, min(most, FIRST_TALK_S // GRAIN_S))])
        more = self._model.variable([(0, max(0, most - FIRST_TALK_S // GRAIN_S))])
        talk = self._model.variable([(0, most)])
        self._model.require(talk == first + more)
        counts = weight(self._table.tasks[visit.id].contact_days)
        self._worth.append(counts * (3 * first + more))
        self._talk[index] = talk
        return self._start[index] + service_s + GRAIN_S * talk

    # ------------------------------------------------------------ constraints

    def _chain(self) -> None:
        table, van, model = self._table, self._van, self._model
        places = [van.place, *table.places(van, self._visits), table.depots[van.depot].place]
        legs = [table.drive_s(a, b) for a, b in pairwise(places)]
        begin = max(van.ready_s, van.shift.from_s) - self._now
        leave: list[Expression] = [begin, *self._depart]
        chosen = len(self._visits) > self._frozen
        latest = van.shift.to_s - self._now if chosen else self._horizon
        end = model.variable([(0, max(self._horizon, latest))])
        model.require(end <= latest)
        arrivals: list[Expression] = [*self._start, end]
        gaps = self._gaps()
        if self._charging is not None:
            self._charging.offer(gaps[:-1])  # once home for good it brings nobody anywhere
        charging_s = [0 if self._charging is None else self._charging.lasts_s(gap) for gap in range(len(legs))]
        resting_s: list[Expression] = [0] * len(legs)
        for rest_visit in self._rests:
            rest = table.rests[van.id, rest_visit.id]
            at = model.variable([(rest.window.from_s - self._now, rest.window.to_s - self._now)])
            choices = []
            for gap in gaps:
                here = model.choice()
                self._before[rest.id, gap] = here
                home_first_s = legs[gap] if gap == len(self._visits) else 0  # when all is done she rests at home
                model.require(at >= leave[gap] + home_first_s, when=here)
                model.require(arrivals[gap] >= at + rest.rest_s + legs[gap] - home_first_s + charging_s[gap], when=here)
                choices.append(here)
                resting_s[gap] += rest.rest_s * here
            model.require(sum(choices) == 1)
        for index in range(self._frozen, len(arrivals)):
            model.require(arrivals[index] >= leave[index] + legs[index] + charging_s[index] + resting_s[index])
        if self._charging is not None:
            self._charging.follow(self._frozen, leave, resting_s, self._asap.soc_end or 0.0)

    def _gaps(self) -> list[int]:
        """Before which visits a rest may be: nobody sits in the van there. The last is before the way home."""
        riding: set[str] = {ride.id for ride in self._table.rides.values() if ride.aboard == self._van.id}
        gaps = []
        for index, visit in enumerate(self._visits):
            if index >= self._frozen and not riding:
                gaps.append(index)
            if visit.kind is StepKind.PICKUP:
                riding.add(ride_of(visit.id))
            elif visit.kind is StepKind.DROPOFF:
                riding.discard(ride_of(visit.id))
        return [*gaps, len(self._visits)]

    def _aboard(self) -> None:
        """How long goods and passengers may be in the van, and when goods are at the hub."""
        begun: dict[str, int] = {}
        loading = -1
        for index, visit in enumerate(self._visits):
            if visit.kind is StepKind.RELOAD:
                loading = index
                if index >= self._frozen:
                    closes = self._table.depots[visit.id].open.to_s - self._now
                    self._model.require(self._depart[index] <= closes)
            elif visit.kind in (StepKind.PICKUP, StepKind.FETCH):
                begun[ride_of(visit.id)] = index
            elif visit.kind is StepKind.DROPOFF and ride_of(visit.id) in begun and index >= self._frozen:
                limit = self._table.rides[ride_of(visit.id)].max_ride_s
                self._model.require(self._start[index] - self._depart[begun[ride_of(visit.id)]] <= limit)
            elif visit.kind is StepKind.TASK and index >= self._frozen:
                self._goods(index, self._table.tasks[visit.id], loading, begun.get(visit.id, -1))

    def _goods(self, index: int, task: Task, loading: int, fetch: int) -> None:
        needs = self._table.needs_loading(task.id, self._van.id)
        if needs and loading >= self._frozen:
            self._model.require(self._start[loading] >= self._table.stops[task.id].release_s - self._now)
        if task.max_aboard_s is None:
            return
        in_a_van = task.id in self._van.on_board or task.fetch is not None
        if in_a_van and task.aboard_since_s is not None:
            self._model.require(self._start[index] <= task.aboard_since_s + task.max_aboard_s - self._now)
        elif (since := loading if needs else fetch) >= 0:
            self._model.require(self._start[index] - self._depart[since] <= task.max_aboard_s)

    def _charge(self) -> None:
        """What the cooler draws in the meantime is left in the battery."""
        van = self._van
        if van.soc_percent is None or self._asap.soc_end is None or not self._talk:
            return
        a_second = Draw.of(van).of_staying_s
        if a_second > 0:
            spare_s = max(0.0, self._asap.soc_end - van.min_soc_percent - 0.1) / a_second
            self._model.require(GRAIN_S * sum(self._talk.values()) <= int(min(spare_s, 86_400)))

    # ------------------------------------------------------------ answer

    def solved(self, seed: int) -> Handed | None:
        """The best, or what was found in time; None where there is nothing."""
        if self._asap.fault is not None or len(self._timed.depart) < len(self._visits):
            return None
        self._chain()
        self._aboard()
        self._charge()
        worth = sum(self._worth) if self._charging is None else -1 * self._charging.cost(self._start)
        self._model.maximize(worth)
        talks = self._charging is None
        limit_s = DETERMINISTIC_S if talks else CHARGING_DETERMINISTIC_S
        solution = self._model.solve(seed=seed, deterministic_s=limit_s, wall_s=WALL_S, presolve=talks)
        return None if solution is None else self._handed(solution)

    def _handed(self, solution: Solution) -> Handed | None:
        visits: list[Visit] = []
        talk: list[int] = []
        for index in range(len(self._visits) + 1):
            for rest in self._rests:
                here = self._before.get((rest.id, index))
                if here is not None and solution.value(here):
                    visits.append(rest)
                    talk.append(0)
            if self._charging is not None:
                chosen = self._charging.chosen(index, solution)
                visits += chosen
                talk += [0] * len(chosen)
            if index < len(self._visits):
                visits.append(self._visits[index])
                talk.append(GRAIN_S * solution.value(self._talk[index]) if index in self._talk else 0)
        handed = Handed(tuple(visits), tuple(talk))
        return handed if self._table.run(self._van, handed.visits, handed.talk_s).fault is None else None
