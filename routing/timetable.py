"""The exact times, loads and range of one van's sequence, for the search; `check` has its own, independent of this.

Comes in: a valid `Problem`. Goes out: for a van and its visits a `Timed`, with all times or with its first fault.
Times are the earliest possible, except that a loading or a pickup waits where leaving at once would keep goods or a
passenger aboard too long. What is committed is timed but never refused, whatever it breaks; so is the drop-off of a
passenger who already sits in the van when it follows at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import NamedTuple

from routing.cargo import EMPTY, SEATS, Cargo, CargoFault, Load, Some, ride_of, some, vector
from routing.model import Problem, Ride, Route, Step, StepKind, Task, Van
from routing.reasons import Fault

NEVER = 1 << 40
"""Later than any time of a problem, in seconds."""

CHARGE_STEP_S = 300
CHARGE_LEAST_S = 900
CHARGE_SPARE_PERCENT = 3.0
"""A charging block is a whole number of five minutes, at least 15, and ends with a little more than is needed."""


class Visit(NamedTuple):
    """One stop of a sequence before it has times. `id` is the task's, `RIDE/pickup`, `RIDE/dropoff` or the depot's."""

    kind: StepKind
    id: str
    charge_s: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """What the timing needs to know of a task or of one end of a ride."""

    place: int
    windows: tuple[tuple[int, int], ...]
    service_s: int
    deliver: Load
    collect: Load
    release_s: int
    max_aboard_s: int | None
    gives: Some  # deliver and collect without their zeros
    takes: Some


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


class Timetable:
    """Times sequences of one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.vans = {van.id: van for van in problem.vans}
        self.active = {van.id: van for van in problem.vans if van.in_service}
        self.depots = {depot.id: depot for depot in problem.depots}
        self.tasks = {task.id: task for task in problem.tasks}
        self.rides = {ride.id: ride for ride in problem.rides}
        self.duration: list[list[int]] = problem.travel.duration_s.tolist()
        self.distance: list[list[int]] = problem.travel.distance_m.tolist()
        self.stops = {task.id: _task_stop(task) for task in problem.tasks}
        for ride in problem.rides:
            self.stops[f"{ride.id}/pickup"], self.stops[f"{ride.id}/dropoff"] = _ride_stops(ride)
        self.holder = {name: van.id for van in problem.vans for name in van.on_board}
        self.capacity = {van.id: vector(van.capacity) for van in problem.vans}
        self._committed_of = {name: van.id for van in problem.vans for name in van.committed}
        self._forbidden: dict[tuple[str, str], Fault | None] = {}
        self.obliged = self._obliged()
        """For each van the drop-offs it owes: of passengers who sit in it, or whose pickup is committed."""

    def _obliged(self) -> dict[str, tuple[str, ...]]:
        owed: dict[str, tuple[str, ...]] = {}
        for van in self.problem.vans:
            picked = {ride_of(name) for name in van.committed if name.endswith("/pickup")}
            rides = [ride.id for ride in self.problem.rides if ride.aboard == van.id or ride.id in picked]
            owed[van.id] = tuple(f"{ride}/dropoff" for ride in rides if f"{ride}/dropoff" not in van.committed)
        return owed

    # ------------------------------------------------------------ what is what

    def needs_loading(self, name: str, van: str) -> bool:
        """Whether a task's goods must first be loaded at the depot for this van to hand them over."""
        task = self.tasks.get(name)
        return task is not None and any(task.deliver.values()) and self.holder.get(name) != van

    def drive_s(self, a: int, b: int) -> int:
        """Seconds from place to place; for ever where there is no way."""
        seconds = self.duration[a][b]
        return seconds if seconds >= 0 else NEVER

    def frozen(self, van: Van, visits: Sequence[Visit]) -> int:
        """How many visits at the beginning are committed, with the loading before them and owed drop-offs after."""
        last = 0
        committed, owed = set(van.committed), self.obliged[van.id]
        if not committed and not owed:
            return 0
        for index, visit in enumerate(visits):
            if visit.id in committed and visit.kind not in (StepKind.RELOAD, StepKind.CHARGE):
                last = index + 1
        while last < len(visits) and visits[last].id in owed:
            last += 1
        return last

    def forbidden(self, name: str, van: Van) -> Fault | None:
        """Why this van may never do this task (or ride's end), whatever the sequence."""
        key = (name, van.id)
        if key not in self._forbidden:
            owner = self._committed_of.get(name)
            if owner is not None:
                fault = None if owner == van.id else Fault.LOCKED
            elif name in self.tasks:
                fault = next(self._task_forbidden(self.tasks[name], van), None)
            else:
                fault = next(self._ride_forbidden(self.rides[ride_of(name)], van), None)
            self._forbidden[key] = fault
        return self._forbidden[key]

    def _task_forbidden(self, task: Task, van: Van) -> Iterator[Fault]:
        if self.duration[van.place][task.place] < 0 or self._way_home(task.place, van) < 0:
            yield Fault.UNREACHABLE
        if task.id in self.holder and self.holder[task.id] != van.id:
            yield Fault.ON_BOARD
        if task.locked_van is not None and task.locked_van != van.id:
            yield Fault.LOCKED
        if task.depot is not None and task.depot != van.depot and task.id not in van.on_board:
            yield Fault.DEPOT
        if not task.skills <= van.skills:
            yield Fault.SKILL
        stop, capacity = self.stops[task.id], self.capacity[van.id]
        deliver = stop.deliver if task.id not in van.on_board else EMPTY
        if any(max(d, c) > room for d, c, room in zip(deliver, stop.collect, capacity, strict=True)):
            yield Fault.CAPACITY

    def _ride_forbidden(self, ride: Ride, van: Van) -> Iterator[Fault]:
        if self._way_home(ride.dropoff_place, van) < 0 or self.duration[van.place][ride.dropoff_place] < 0:
            yield Fault.UNREACHABLE
        if van.id == ride.aboard or f"{ride.id}/dropoff" in self.obliged[van.id]:
            return
        if ride.aboard is not None or f"{ride.id}/pickup" in self._committed_of:
            yield Fault.ON_BOARD
        there, ride_s = self.duration[van.place][ride.pickup_place], self.duration[ride.pickup_place]
        if there < 0 or ride_s[ride.dropoff_place] < 0:
            yield Fault.UNREACHABLE
        if ride.locked_van is not None and ride.locked_van != van.id:
            yield Fault.LOCKED
        if ride.seats > self.capacity[van.id][SEATS]:
            yield Fault.CAPACITY

    def _way_home(self, place: int, van: Van) -> int:
        return self.duration[place][self.depots[van.depot].place]

    def place(self, visit: Visit, van: Van) -> int:
        """Where a visit is."""
        if visit.kind in (StepKind.RELOAD, StepKind.CHARGE):
            return self.depots[van.depot].place
        return self.stops[visit.id].place

    # ------------------------------------------------------------ timing

    def run(self, van: Van, visits: Sequence[Visit]) -> Timed:
        """Time a sequence, to its first fault."""
        return _Run(self, van, visits).timed()

    def latest(self, van: Van, visits: Sequence[Visit]) -> list[int]:
        """The latest arrival at each visit, and at last at the depot, that breaks no window, opening hour or shift.

        A bound, not a promise: loads, releases and times aboard may ask for less.
        """
        depot = self.depots[van.depot]
        bound, place = van.shift.to_s, depot.place
        bounds = [bound]
        for index in range(len(visits) - 1, self.frozen(van, visits) - 1, -1):
            visit = visits[index]
            here = self.place(visit, van)
            bound -= self.drive_s(here, place)
            if visit.kind is StepKind.RELOAD:
                bound = min(bound, depot.open.to_s) - depot.reload_s
            elif visit.kind is StepKind.CHARGE:
                bound -= visit.charge_s
            else:
                bound = _latest_start(self.stops[visit.id], bound)
            bounds.append(bound)
            place = here
        bounds.extend([NEVER] * (len(visits) + 1 - len(bounds)))
        return bounds[::-1]

    def route(self, van: Van, visits: Sequence[Visit]) -> Route:
        """A sequence without a fault as the plan's route."""
        timed = self.run(van, visits)
        steps = tuple(
            Step(visit.kind, visit.id, self.place(visit, van), *times)
            for visit, *times in zip(visits, timed.arrive, timed.start, timed.depart, strict=True)
        )
        start_s = max(van.ready_s, van.shift.from_s) if steps else van.ready_s
        return Route(
            van.id,
            start_s,
            steps,
            timed.end_s,
            timed.distance_m,
            timed.drive_s,
            None if timed.soc_end is None else round(timed.soc_end, 1),
        )


def _task_stop(task: Task) -> Stop:
    windows = tuple(sorted((window.from_s, window.to_s) for window in task.windows))
    release = -NEVER if task.release_s is None else task.release_s
    deliver, collect = vector(task.deliver), vector(task.collect)
    return Stop(
        place=task.place,
        windows=windows,
        service_s=task.service_s,
        deliver=deliver,
        collect=collect,
        release_s=release,
        max_aboard_s=task.max_aboard_s,
        gives=some(deliver),
        takes=some(collect),
    )


def _ride_stops(ride: Ride) -> tuple[Stop, Stop]:
    seats = vector({"seats": ride.seats})
    pickup = ((ride.pickup.from_s, ride.pickup.to_s),)
    dropoff = ((ride.dropoff.from_s, ride.dropoff.to_s),)
    return (
        Stop(ride.pickup_place, pickup, ride.pickup_s, EMPTY, seats, -NEVER, None, (), some(seats)),
        Stop(ride.dropoff_place, dropoff, ride.dropoff_s, seats, EMPTY, -NEVER, None, some(seats), ()),
    )


def _latest_start(stop: Stop, leave_by_s: int) -> int:
    start_by = leave_by_s - stop.service_s
    for from_s, to_s in reversed(stop.windows):
        if from_s <= start_by:
            return min(to_s, start_by)
    return -NEVER


class _FaultError(Exception):
    """Ends a run at its first fault."""

    def __init__(self, fault: Fault, at: int, late_s: int = 0) -> None:
        super().__init__(fault.code)
        self.fault, self.at, self.late_s = fault, at, late_s


class _Run:
    """One timing of one sequence."""

    def __init__(self, table: Timetable, van: Van, visits: Sequence[Visit]) -> None:
        self._table, self._van, self._visits = table, van, visits
        self._depot = table.depots[van.depot]
        self._frozen = table.frozen(van, visits)
        self._stops = [table.stops.get(visit.id) for visit in visits]
        self._not_before = [-NEVER] * len(visits)
        self._timed = Timed()

    def timed(self) -> Timed:
        try:
            self._allowed()
            self._forward()
            self._home()  # what fails most often and costs least comes first
            self._loads()
            self._shorten()
            self._home()
            self._range()
        except _FaultError as fault:
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
            elif self._table.needs_loading(visit.id, self._van.id):
                loaded[index] = loading
        return loaded

    def _allowed(self) -> None:
        for index in range(self._frozen, len(self._visits)):
            if self._stops[index] is not None:
                fault = self._table.forbidden(self._visits[index].id, self._van)
                if fault is not None:
                    raise _FaultError(fault, index)

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
        try:
            for index in range(len(self._visits)):
                self._load_step(cargo, index)
            cargo.end(len(self._visits) - 1)
        except CargoFault as fault:
            raise _FaultError(fault.fault, fault.at) from None

    def _load_step(self, cargo: Cargo, index: int) -> None:
        visit, stop = self._visits[index], self._stops[index]
        if stop is None:
            cargo.at_depot(index)
            if visit.kind is StepKind.RELOAD:
                here = [task for task, loading in self._loaded_at.items() if loading == index]
                loads = [self._table.stops[self._visits[task].id].gives for task in here]
                cargo.load(index, loads, all_frozen=all(task < self._frozen for task in here))
        elif visit.kind is StepKind.PICKUP:
            cargo.pickup(index, ride_of(visit.id), stop.collect[SEATS])
        elif visit.kind is StepKind.DROPOFF:
            cargo.dropoff(index, ride_of(visit.id), stop.deliver[SEATS])
        else:
            if self._loaded_at.get(index, 0) < 0:
                raise _FaultError(Fault.NOT_LOADED, index)
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
            to = self._depot.place if stop is None else stop.place
            seconds = table.duration[place][to]
            if seconds < 0:
                raise _FaultError(Fault.UNREACHABLE, index)
            timed.drive_s += seconds
            timed.distance_m += table.distance[place][to]
            t += seconds
            timed.arrive.append(t)
            start = max(t, self._not_before[index])
            if stop is None:
                start, service = self._at_depot(index, visit, start)
            else:
                start, service = self._in_window(index, stop, start), stop.service_s
            timed.start.append(start)
            t = start + service
            timed.depart.append(t)
            place = to
        back = table.duration[place][self._depot.place]
        if back < 0:
            raise _FaultError(Fault.UNREACHABLE, len(self._visits) - 1)
        timed.drive_s += back
        timed.distance_m += table.distance[place][self._depot.place]
        timed.end_s = t + back

    def _at_depot(self, index: int, visit: Visit, start: int) -> tuple[int, int]:
        if visit.kind is StepKind.CHARGE:
            return start, visit.charge_s
        start = max(start, self._depot.open.from_s)
        released, waited_for = start, index
        for task, at in self._loaded_at.items():
            stop = self._stops[task]
            if at == index and stop is not None and stop.release_s > released:
                if index < self._frozen <= task:  # what is committed does not wait for other goods
                    raise _FaultError(Fault.RELEASE, task)
                released, waited_for = stop.release_s, task
        if released + self._depot.reload_s > self._depot.open.to_s and index >= self._frozen:
            raise _FaultError(Fault.CLOSED if waited_for == index else Fault.RELEASE, waited_for)
        return released, self._depot.reload_s

    def _in_window(self, index: int, stop: Stop, t: int) -> int:
        for from_s, to_s in stop.windows:
            if t <= to_s:
                return max(t, from_s)
        if index < self._frozen:
            return t
        raise _FaultError(Fault.WINDOW, index, t - stop.windows[-1][1])

    def _shorten(self) -> None:
        """Leave later where goods or a passenger would be aboard too long; least times, so the loop is exact."""
        spans = list(self._spans())
        timed = self._timed
        for _ in range(4 * len(spans) + 1):
            changed = False
            for first, last, limit, fault in spans:
                excess = timed.start[last] - timed.depart[first] - limit
                if excess > 0:
                    if first < self._frozen:
                        raise _FaultError(fault, last, excess)
                    self._not_before[first] = timed.start[first] + excess
                    changed = True
                    try:
                        self._forward()
                    except _FaultError as cause:  # leaving later is too late for somebody: the span is the reason
                        raise _FaultError(fault, last, cause.late_s) from cause
            if not changed:
                self._already_aboard()
                return
        raise _FaultError(spans[0][3], spans[0][1])

    def _spans(self) -> list[tuple[int, int, int, Fault]]:
        spans: list[tuple[int, int, int, Fault]] = []
        for index, loading in self._loaded_at.items():
            stop = self._stops[index]
            if index >= self._frozen and stop is not None and stop.max_aboard_s is not None:
                spans.append((loading, index, stop.max_aboard_s, Fault.ABOARD))
        picked: dict[str, int] = {}
        for index, visit in enumerate(self._visits):
            if visit.kind is StepKind.PICKUP:
                picked[ride_of(visit.id)] = index
            elif visit.kind is StepKind.DROPOFF and index >= self._frozen:
                ride = ride_of(visit.id)
                if ride in picked:
                    spans.append((picked[ride], index, self._table.rides[ride].max_ride_s, Fault.RIDE))
        return spans

    def _already_aboard(self) -> None:
        """Goods that were loaded before this plan began have their limit too."""
        for index in range(self._frozen, len(self._visits)):
            visit = self._visits[index]
            task = self._table.tasks.get(visit.id)
            if task is None or task.max_aboard_s is None or task.aboard_since_s is None:
                continue
            late = self._timed.start[index] - task.aboard_since_s - task.max_aboard_s
            if visit.id in self._van.on_board and late > 0:
                raise _FaultError(Fault.ABOARD, index, late)

    # ------------------------------------------------------------ range and shift

    def _range(self) -> None:
        """The battery may not come under its least, except on the committed way and on the way to charge."""
        van = self._van
        if van.soc_percent is None:
            return
        soc = van.soc_percent
        place, charged = van.place, False
        for index, visit in enumerate(self._visits):
            to = self._table.place(visit, van)
            soc -= self._percent(self._table.distance[place][to])
            place = to
            if visit.kind is StepKind.CHARGE:
                soc = min(100.0, soc + visit.charge_s / 3600.0 * van.charge_kw / van.battery_kwh * 100.0)
                charged = True
            elif index >= self._frozen and soc < van.min_soc_percent:
                raise _FaultError(Fault.RANGE, index)
        soc -= self._percent(self._table.distance[place][self._depot.place])
        self._timed.soc_end = soc
        if soc < van.min_soc_percent and (charged or len(self._visits) > self._frozen):
            raise _FaultError(Fault.RANGE, len(self._visits) - 1)

    def _percent(self, distance_m: int) -> float:
        return distance_m / 1000.0 * self._van.kwh_per_km / self._van.battery_kwh * 100.0

    def _home(self) -> None:
        late = self._timed.end_s - self._van.shift.to_s
        if late > 0 and len(self._visits) > self._frozen:
            raise _FaultError(Fault.SHIFT, len(self._visits) - 1, late)


def charge_needed_s(van: Van, distance_m: int) -> int:
    """How long to charge so that a route of this length ends above the least, in whole blocks; 0 where not needed."""
    if van.soc_percent is None:
        return 0
    used = distance_m / 1000.0 * van.kwh_per_km / van.battery_kwh * 100.0
    short = van.min_soc_percent + CHARGE_SPARE_PERCENT - (van.soc_percent - used)
    if short <= CHARGE_SPARE_PERCENT:
        return 0
    seconds = short / 100.0 * van.battery_kwh / van.charge_kw * 3600.0
    return max(CHARGE_LEAST_S, ceil(seconds / CHARGE_STEP_S) * CHARGE_STEP_S)
