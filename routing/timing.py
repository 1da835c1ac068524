"""One timing of one van's sequence, to its first fault. Used by `timetable` alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from routing.battery import Draw, gained_percent
from routing.cargo import SEATS, Cargo, CargoFault, Some, ride_of
from routing.model import StepKind, Van
from routing.reasons import Fault
from routing.stops import AT_DEPOT, NOBODY, Stop, Visit, back_after, start_in

if TYPE_CHECKING:
    from routing.timetable import Timetable


_BEGINNINGS = (StepKind.PICKUP, StepKind.FETCH)


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
    kg: list[float] = field(default_factory=list)
    """What rides along on the way to each visit, and at last home; of a sequence whose loads are right."""
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
        self._stops = [None if visit.kind in NOBODY else table.stops.get(visit.id) for visit in visits]
        self._loaded_at, self._loaded_by = self._loadings()
        self._places = table.places(van, visits)
        self._home = table.depots[van.depot].place
        self._not_before: dict[int, int] = {}
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
            self._measure()
        except FaultError as fault:
            self._timed.fault, self._timed.at, self._timed.late_s = fault.fault, fault.at, fault.late_s
        return self._timed

    def _loadings(self) -> tuple[dict[int, int], dict[int, list[int]]]:
        """For each visit that hands over goods from the depot the loading before it, and for each loading those."""
        at: dict[int, int] = {}
        by: dict[int, list[int]] = {-1: []}
        loading = -1
        loadable = self._table.loadable[self._van.id]
        for index, visit in enumerate(self._visits):
            if self._stops[index] is not None and visit.id in loadable:
                at[index] = loading
                by[loading].append(index)
            elif visit.kind is StepKind.RELOAD:
                loading = index
                by[index] = []
        return at, by

    def _allowed(self) -> None:
        for index in range(self._frozen, len(self._visits)):
            visit = self._visits[index]
            if self._stops[index] is not None:
                fault = self._table.forbidden(visit.id, self._van)
                if fault is not None:
                    raise FaultError(fault, index)
            elif visit.kind in AT_DEPOT:
                charges = visit.kind is StepKind.CHARGE
                where = self._table.chargers if charges else self._table.own_depots
                if visit.id not in where[self._van.id]:
                    raise FaultError(Fault.DEPOT, index)

    # ------------------------------------------------------------ loads

    def _loads(self) -> None:
        van, table = self._van, self._table
        seated = [ride for ride in table.rides.values() if ride.aboard == van.id]
        cargo = Cargo(van, table.capacity[van.id], self._frozen, seated, table.unit_kg)
        visited = {visit.id for visit in self._visits}
        goods: dict[bool, list[Some]] = {True: [], False: []}
        for name in van.on_board:
            goods[name in visited].append(table.stops[name].gives)
        cargo.begin(goods[True], goods[False])
        self._timed.kg = kg = [cargo.kg]
        fetched: set[str] = set()
        try:
            for index in range(len(self._visits)):
                self._load_step(cargo, index, fetched)
                kg.append(cargo.kg)
            cargo.end(len(self._visits) - 1)
        except CargoFault as fault:
            raise FaultError(fault.fault, fault.at) from None

    def _load_step(self, cargo: Cargo, index: int, fetched: set[str]) -> None:
        visit, stop = self._visits[index], self._stops[index]
        kind = visit.kind
        if stop is None:
            cargo.nobody_rides(index)
            if kind is StepKind.RELOAD:
                if fetched and index >= self._frozen:  # PyVRP knows no goods from elsewhere that cross a loading
                    raise FaultError(Fault.NOT_LOADED, index)
                here = self._loaded_by[index]
                loads = [self._table.stops[self._visits[task].id].gives for task in here]
                cargo.load(index, loads, all_frozen=not here or here[-1] < self._frozen)
        elif kind is StepKind.TASK:
            if self._loaded_at.get(index, 0) < 0:
                raise FaultError(Fault.NOT_LOADED, index)
            if visit.id in self._table.fetchable:
                if visit.id not in fetched and self._table.needs_fetch(visit.id, self._van.id):
                    raise FaultError(Fault.NOT_LOADED, index)
                fetched.discard(visit.id)
            cargo.exchange(index, stop.gives, stop.takes)
        elif kind is StepKind.PICKUP:
            cargo.pickup(index, ride_of(visit.id), stop.collect[SEATS])
        elif kind is StepKind.DROPOFF:
            cargo.dropoff(index, ride_of(visit.id), stop.deliver[SEATS])
        else:
            cargo.fetch(index, stop.takes)
            if any(later.id == ride_of(visit.id) for later in self._visits[index + 1 :]):
                fetched.add(ride_of(visit.id))

    # ------------------------------------------------------------ times

    def _forward(self) -> None:
        """The loop in which half the time of an insertion is spent: what it reads is at hand."""
        van, visits, stops, places = self._van, self._visits, self._stops, self._places
        duration, not_before, talk_s = self._table.duration, self._not_before, self._talk_s
        timed = self._timed
        timed.arrive = arrive = []
        timed.start = starts = []
        timed.depart = depart = []
        drive_s = 0
        t = max(van.ready_s, van.shift.from_s) if visits else van.ready_s
        place = van.place
        for index, to in enumerate(places):
            seconds = duration[place][to]
            if seconds < 0:
                raise FaultError(Fault.UNREACHABLE, index)
            drive_s += seconds
            t += seconds
            arrive.append(t)
            start = not_before.get(index, t)
            start = max(start, t)
            stop = stops[index]
            if stop is not None:
                start, service = self._in_window(index, stop, start), stop.service_s
            elif visits[index].kind is StepKind.REST:
                start, service = self._at_rest(index, visits[index], start)
            else:
                start, service = self._at_depot(index, visits[index], start)
            starts.append(start)
            t = start + service
            if talk_s:
                t += talk_s[index]
            depart.append(t)
            place = to
        back = duration[place][self._home]
        if back < 0:
            raise FaultError(Fault.UNREACHABLE, len(visits) - 1)
        timed.drive_s = drive_s + back
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
        for task in self._loaded_by[index]:
            stop = self._stops[task]
            if stop is not None and stop.release_s > released:
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
        perishable = self._table.perishable
        for index, visit in enumerate(self._visits):
            if self._stops[index] is None:
                continue
            if visit.kind in _BEGINNINGS:
                begun[ride_of(visit.id)] = index
            elif index < self._frozen:
                continue
            elif visit.id in perishable:
                limit_s, since_s = perishable[visit.id]
                first = self._loaded_at.get(index, begun.get(visit.id, -1) if since_s is None else -1)
                if first >= 0:
                    spans.append((first, index, limit_s, Fault.ABOARD))
            elif visit.kind is StepKind.DROPOFF and ride_of(visit.id) in begun:
                ride = ride_of(visit.id)
                spans.append((begun[ride], index, self._table.rides[ride].max_ride_s, Fault.RIDE))
        return spans

    def _already_aboard(self) -> None:
        """Goods that were loaded before this plan began have their limit too."""
        perishable = self._table.perishable
        for index in range(self._frozen, len(self._visits)):
            name = self._visits[index].id
            limit_s, since_s = perishable.get(name, (0, None))
            if since_s is None or self._stops[index] is None:
                continue
            late_s = self._timed.start[index] - since_s - limit_s
            if late_s > 0 and (name in self._van.on_board or name in self._table.fetchable):
                raise FaultError(Fault.ABOARD, index, late_s)

    # ------------------------------------------------------------ range, rests and shift

    def _charge_left(self) -> None:
        """The battery may not come under its least, except on the committed way and on the way to charge and go on."""
        van, timed, visits, draw = self._van, self._timed, self._visits, self._table.draw[self._van.id]
        if van.soc_percent is None:
            return
        soc, least, charged = van.soc_percent, van.min_soc_percent, False
        for index, leg in enumerate(self._legs_percent(draw)):
            soc -= leg
            if index == len(visits):
                break
            visit = visits[index]
            if self._stops[index] is not None:
                soc -= draw.of_stop + draw.of_staying_s * (timed.depart[index] - timed.arrive[index])
            elif visit.kind is StepKind.REST and self._places[index] != self._home:
                soc -= draw.of_staying_s * (timed.depart[index] - timed.arrive[index])
            elif visit.kind is StepKind.CHARGE:
                if soc < least and self._ranged and len(visits) > self._frozen and index >= back_after(visits):
                    raise FaultError(Fault.RANGE, index)  # what is charged on return was not there on the way
                soc = min(100.0, soc + gained_percent(van, visit.charge_s))
                charged = True
                continue
            if soc < least and self._ranged and index >= self._frozen:
                raise FaultError(Fault.RANGE, index)
        timed.soc_end = soc
        if self._ranged and soc < least and (charged or len(visits) > self._frozen):
            raise FaultError(Fault.RANGE, len(visits) - 1)

    def _legs_percent(self, draw: Draw) -> Iterator[float]:
        """What driving to each visit, and at last home, takes from the pack."""
        duration, distance, place = self._table.duration, self._table.distance, self._van.place
        for to, kg in zip((*self._places, self._home), self._timed.kg, strict=True):
            metres = distance[place][to]
            yield metres * (draw.of_metre + draw.of_metre_kg * kg) + draw.of_driving_s * duration[place][to]
            place = to

    def _rested(self) -> None:
        """A route that is under way when the time for a rest ends has that rest in it."""
        if len(self._visits) <= self._frozen or not self._van.rests:
            return
        taken = {visit.id for visit in self._visits if visit.kind is StepKind.REST}
        for rest in self._van.rests:
            if rest.id not in taken and self._timed.end_s > rest.window.to_s:
                raise FaultError(Fault.REST, len(self._visits) - 1)

    def _measure(self) -> None:
        distance, place = self._table.distance, self._van.place
        for to in (*self._places, self._home):
            self._timed.distance_m += distance[place][to]
            place = to

    def _back_in_time(self) -> None:
        late = self._timed.end_s - self._van.shift.to_s
        if late > 0 and len(self._visits) > self._frozen:
            raise FaultError(Fault.SHIFT, len(self._visits) - 1, late)
