"""One timing of one van's sequence, to its first fault. Used by `timetable` alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from routing.battery import door_kwh, gained_percent, leg_kwh, percent
from routing.cargo import SEATS, Cargo, CargoFault, Some, ride_of
from routing.model import StepKind, Van
from routing.reasons import Fault
from routing.stops import AT_DEPOT, NEVER, Stop, Visit, start_in

if TYPE_CHECKING:
    from routing.timetable import Timetable


@dataclass(slots=True)
class Timed:
    """A timed sequence. With a `fault`, `at` is the visit it shows at and `late_s` by how much (if a time)."""

    arrive: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    depart: list[int] = field(default_factory=list)
    end_s: int = 0
    drive_s: int = 0
    distance_m: int = 0
    soc_end: float | None = None
    fault: Fault | None = None
    at: int = -1
    late_s: int = 0


class FaultError(Exception):
    """Ends a run at its first fault."""

    def __init__(self, fault: Fault, at: int, late_s: int = 0) -> None:
        super().__init__(fault.code)
        self.fault, self.at, self.late_s = fault, at, late_s


class Run:
    """The earliest times of a sequence; `talk_s` is what each visit lasts longer than it must."""

    def __init__(
        self, table: "Timetable", van: Van, visits: Sequence[Visit], talk_s: Sequence[int] = (), *, ranged: bool = True
    ) -> None:
        self._table, self._van, self._visits = table, van, visits
        self._talk_s, self._ranged = talk_s, ranged
        self._frozen = table.frozen(van, visits)
        self._stops: list[Stop | None] = [table.stops.get(visit.id) for visit in visits]
        self._places = table.places(van, visits)
        self._home = table.depots[van.depot].place
        self._not_before = [-NEVER] * len(visits)
        self._kg: list[float] = []
        self._timed = Timed()

    def timed(self) -> Timed:
        try:
            self._allowed()
            self._forward()
            self._back_in_time()  # what fails most often and costs least comes first
            self._loads()
            self._shorten()
            self._back_in_time()
            self._rested()
            self._charge_left()
        except FaultError as fault:
            self._timed.fault, self._timed.at, self._timed.late_s = fault.fault, fault.at, fault.late_s
        return self._timed

    @cached_property
    def _loaded_at(self) -> dict[int, int]:
        """For each visit that hands over goods from the depot, the loading visit before it."""
        loaded: dict[int, int] = {}
        loading = -1
        for index, visit in enumerate(self._visits):
            if visit.kind is StepKind.RELOAD:
                loading = index
            elif visit.kind is StepKind.TASK and self._table.needs_loading(visit.id, self._van.id):
                loaded[index] = loading
        return loaded

    def _allowed(self) -> None:
        for index in range(self._frozen, len(self._visits)):
            visit = self._visits[index]
            if self._stops[index] is not None:
                fault = self._table.forbidden(visit.id, self._van)
                if fault is not None:
                    raise FaultError(fault, index)
            elif visit.kind in AT_DEPOT and visit.id not in self._table.own_depots[self._van.id]:
                raise FaultError(Fault.DEPOT, index)

    # ------------------------------------------------------------ loads

    def _loads(self) -> None:
        van, table = self._van, self._table
        seated = [ride for ride in table.rides.values() if ride.aboard == van.id]
        cargo = Cargo(van, table.capacity[van.id], self._frozen, seated)
        visited = {visit.id for visit in self._visits}
        goods: dict[bool, list[Some]] = {True: [], False: []}
        for name in van.on_board:
            goods[name in visited].append(table.stops[name].gives)
        cargo.begin(goods[True], goods[False])
        weighed = van.soc_percent is not None and van.energy.kwh_per_km_tonne > 0
        self._kg = [cargo.kg(table.unit_kg)] if weighed else []
        fetched: set[str] = set()
        try:
            for index in range(len(self._visits)):
                self._load_step(cargo, index, fetched)
                if weighed:
                    self._kg.append(cargo.kg(table.unit_kg))
            cargo.end(len(self._visits) - 1)
        except CargoFault as fault:
            raise FaultError(fault.fault, fault.at) from None

    def _load_step(self, cargo: Cargo, index: int, fetched: set[str]) -> None:
        visit, stop = self._visits[index], self._stops[index]
        if stop is None:
            cargo.nobody_rides(index)
            if visit.kind is StepKind.RELOAD:
                if fetched and index >= self._frozen:  # PyVRP knows no goods from elsewhere that cross a loading
                    raise FaultError(Fault.NOT_LOADED, index)
                here = [task for task, loading in self._loaded_at.items() if loading == index]
                loads = [self._table.stops[self._visits[task].id].gives for task in here]
                cargo.load(index, loads, all_frozen=all(task < self._frozen for task in here))
        elif visit.kind is StepKind.PICKUP:
            cargo.pickup(index, ride_of(visit.id), stop.collect[SEATS])
        elif visit.kind is StepKind.DROPOFF:
            cargo.dropoff(index, ride_of(visit.id), stop.deliver[SEATS])
        elif visit.kind is StepKind.FETCH:
            cargo.fetch(index, stop.takes)
            if any(later.id == ride_of(visit.id) for later in self._visits[index + 1 :]):
                fetched.add(ride_of(visit.id))
        else:
            unfetched = self._table.needs_fetch(visit.id, self._van.id) and visit.id not in fetched
            if unfetched or self._loaded_at.get(index, 0) < 0:
                raise FaultError(Fault.NOT_LOADED, index)
            fetched.discard(visit.id)
            cargo.exchange(index, stop.gives, stop.takes)

    # ------------------------------------------------------------ times

    def _forward(self) -> None:
        van, table = self._van, self._table
        timed = self._timed
        timed.arrive, timed.start, timed.depart = [], [], []
        timed.drive_s = timed.distance_m = 0
        t = max(van.ready_s, van.shift.from_s) if self._visits else van.ready_s
        place = van.place
        for index, visit in enumerate(self._visits):
            stop = self._stops[index]
            to = self._places[index]
            seconds = table.duration[place][to]
            if seconds < 0:
                raise FaultError(Fault.UNREACHABLE, index)
            timed.drive_s += seconds
            timed.distance_m += table.distance[place][to]
            t += seconds
            timed.arrive.append(t)
            start = max(t, self._not_before[index])
            if visit.kind is StepKind.REST:
                start, service = self._at_rest(index, visit, start)
            elif stop is None:
                start, service = self._at_depot(index, visit, start)
            else:
                start, service = self._in_window(index, stop, start), stop.service_s
            timed.start.append(start)
            t = start + service + (self._talk_s[index] if self._talk_s else 0)
            timed.depart.append(t)
            place = to
        back = table.duration[place][self._home]
        if back < 0:
            raise FaultError(Fault.UNREACHABLE, len(self._visits) - 1)
        timed.drive_s += back
        timed.distance_m += table.distance[place][self._home]
        timed.end_s = t + back

    def _at_rest(self, index: int, visit: Visit, arrive: int) -> tuple[int, int]:
        rest = self._table.rests[self._van.id, visit.id]
        start, late = start_in(rest, arrive)
        at_once = all(before.kind is StepKind.REST for before in self._visits[self._frozen : index])
        if late and not at_once:
            raise FaultError(Fault.REST, index, late)
        return start, rest.rest_s

    def _at_depot(self, index: int, visit: Visit, start: int) -> tuple[int, int]:
        if visit.kind is StepKind.CHARGE:
            return start, visit.charge_s
        depot = self._table.depots[visit.id]
        start = max(start, depot.open.from_s)
        released, waited_for = start, index
        for task, at in self._loaded_at.items():
            stop = self._stops[task]
            if at == index and stop is not None and stop.release_s > released:
                if index < self._frozen <= task:  # what is committed does not wait for other goods
                    raise FaultError(Fault.RELEASE, task)
                released, waited_for = stop.release_s, task
        if released + depot.reload_s > depot.open.to_s and index >= self._frozen:
            raise FaultError(Fault.CLOSED if waited_for == index else Fault.RELEASE, waited_for)
        return released, depot.reload_s

    def _in_window(self, index: int, stop: Stop, t: int) -> int:
        for from_s, to_s in stop.windows:
            if t <= to_s:
                return max(t, from_s)
        if index < self._frozen:
            return t
        raise FaultError(Fault.WINDOW, index, t - stop.windows[-1][1])

    def _shorten(self) -> None:
        """Leave later where goods or a passenger would be aboard too long; least times, so the loop is exact."""
        spans = self._spans()
        timed = self._timed
        for _ in range(4 * len(spans) + 1):
            changed = False
            for first, last, limit, fault in spans:
                excess = timed.start[last] - timed.depart[first] - limit
                if excess > 0:
                    if first < self._frozen:
                        raise FaultError(fault, last, excess)
                    self._not_before[first] = timed.start[first] + excess
                    changed = True
                    try:
                        self._forward()
                    except FaultError as cause:  # leaving later is too late for somebody: the span is the reason
                        raise FaultError(fault, last, cause.late_s) from cause
            if not changed:
                self._already_aboard()
                return
        raise FaultError(spans[0][3], spans[0][1])

    def _spans(self) -> list[tuple[int, int, int, Fault]]:
        """From which visit to which goods or a passenger are aboard, for how long at most, and what else is wrong."""
        spans: list[tuple[int, int, int, Fault]] = []
        begun: dict[str, int] = {}
        for index, visit in enumerate(self._visits):
            if visit.kind in (StepKind.PICKUP, StepKind.FETCH):
                begun[ride_of(visit.id)] = index
            elif index < self._frozen:
                continue
            elif visit.kind is StepKind.DROPOFF:
                ride = ride_of(visit.id)
                if ride in begun:
                    spans.append((begun[ride], index, self._table.rides[ride].max_ride_s, Fault.RIDE))
            elif visit.kind is StepKind.TASK:
                task = self._table.tasks[visit.id]
                first = self._loaded_at.get(index, begun.get(visit.id, -1) if task.aboard_since_s is None else -1)
                if task.max_aboard_s is not None and first >= 0:
                    spans.append((first, index, task.max_aboard_s, Fault.ABOARD))
        return spans

    def _already_aboard(self) -> None:
        """Goods that were loaded before this plan began have their limit too."""
        for index in range(self._frozen, len(self._visits)):
            task = self._table.tasks.get(self._visits[index].id)
            if task is None or task.max_aboard_s is None or task.aboard_since_s is None:
                continue
            late = self._timed.start[index] - task.aboard_since_s - task.max_aboard_s
            if late > 0 and (task.id in self._van.on_board or task.fetch is not None):
                raise FaultError(Fault.ABOARD, index, late)

    # ------------------------------------------------------------ range, rests and shift

    def _charge_left(self) -> None:
        """The battery may not come under its least, except on the committed way and on the way to charge."""
        van, timed = self._van, self._timed
        if van.soc_percent is None:
            return
        soc = van.soc_percent
        place, charged = van.place, False
        for index, visit in enumerate(self._visits):
            to = self._places[index]
            soc -= self._leg_percent(place, to, index)
            place = to
            if visit.kind not in AT_DEPOT:
                stay_s = timed.depart[index] - timed.arrive[index]
                soc -= percent(van, door_kwh(van.energy, stay_s, stop=visit.kind is not StepKind.REST))
            if visit.kind is StepKind.CHARGE:
                soc = min(100.0, soc + gained_percent(van, visit.charge_s))
                charged = True
            elif self._ranged and index >= self._frozen and soc < van.min_soc_percent:
                raise FaultError(Fault.RANGE, index)
        soc -= self._leg_percent(place, self._home, len(self._visits))
        timed.soc_end = soc
        if self._ranged and soc < van.min_soc_percent and (charged or len(self._visits) > self._frozen):
            raise FaultError(Fault.RANGE, len(self._visits) - 1)

    def _leg_percent(self, place: int, to: int, index: int) -> float:
        table, van = self._table, self._van
        kg = self._kg[index] if self._kg else 0.0
        return percent(van, leg_kwh(van.energy, table.distance[place][to], table.duration[place][to], kg))

    def _rested(self) -> None:
        """A route that is under way when the time for a rest ends has that rest in it."""
        if len(self._visits) <= self._frozen or not self._van.rests:
            return
        taken = {visit.id for visit in self._visits if visit.kind is StepKind.REST}
        for rest in self._van.rests:
            if rest.id not in taken and self._timed.end_s > rest.window.to_s:
                raise FaultError(Fault.REST, len(self._visits) - 1)

    def _back_in_time(self) -> None:
        late = self._timed.end_s - self._van.shift.to_s
        if late > 0 and len(self._visits) > self._frozen:
            raise FaultError(Fault.SHIFT, len(self._visits) - 1, late)
