"""The exact times, loads and range of one van's sequence, for the search; `check` has its own, independent of this.

Comes in: a valid `Problem`. Goes out: for a van and its visits a `Timed`, with all times or with its first fault.
Times are the earliest possible, except that a loading or a pickup waits where leaving at once would keep goods or a
passenger aboard too long. What is committed is timed but never refused, whatever it breaks; so is the drop-off of a
passenger who already sits in the van when it follows at once, and a rest that is late when it is the next thing done.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from routing.battery import Draw
from routing.cargo import SEATS, ride_of, vector
from routing.model import COMPARTMENTS, Problem, Ride, Route, Step, StepKind, Task, Van
from routing.reasons import Fault
from routing.stops import AT_DEPOT, NEVER, NOBODY, Stop, Visit, done_after, stops_of
from routing.timing import Run, Timed

if TYPE_CHECKING:  # for the types alone
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NEVER", "Stop", "Timed", "Timetable", "Visit"]

MOST_KEPT = 2_000
"""So many timings of a problem are kept, some 2 MB: an insertion asks for half of them twice."""


def _rows(matrix: "NDArray[np.int64]") -> Sequence[Sequence[int]]:
    """A matrix's rows as views that give plain numbers: making a list of it takes longer than an insertion reads it."""
    return [memoryview(row) for row in matrix.astype("int64", copy=False)]


class Timetable:
    """Times sequences of one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.vans = {van.id: van for van in problem.vans}
        self.active = {van.id: van for van in problem.vans if van.in_service}
        self.depots = {depot.id: depot for depot in problem.depots}
        self.tasks = {task.id: task for task in problem.tasks}
        self.rides = {ride.id: ride for ride in problem.rides}
        self.duration = _rows(problem.travel.duration_s)
        self.distance = _rows(problem.travel.distance_m)
        self.unit_kg = tuple(float(problem.unit_kg.get(name, 0.0)) for name in COMPARTMENTS)
        self.stops = stops_of(problem)
        self.rests = {(van.id, rest.id): rest for van in problem.vans for rest in van.rests}
        self.holder = {name: van.id for van in problem.vans for name in van.on_board}
        self.capacity = {van.id: vector(van.capacity) for van in problem.vans}
        self.hub_of = {depot.id: depot.hub or depot.id for depot in problem.depots}
        self.own_depots = {van.id: self._own_depots(van) for van in problem.vans}
        """For each van where it may load: the depots of its hub."""
        self.chargers = {
            van: tuple(name for name in own if self.depots[name].charges) for van, own in self.own_depots.items()
        }
        """For each van where it may charge."""
        self._committed_of = {name: van.id for van in problem.vans for name in van.committed}
        goods = frozenset(task.id for task in problem.tasks if task.fetch is None and self.stops[task.id].gives)
        self.loadable = {van.id: goods - van.on_board for van in problem.vans}
        """For each van the tasks whose goods must first be loaded at the depot for it to hand them over."""
        self.fetchable = frozenset(task.id for task in problem.tasks if task.fetch is not None)
        """Tasks whose goods lie elsewhere than at a depot."""
        self.perishable = {
            task.id: (task.max_aboard_s, task.aboard_since_s) for task in problem.tasks if task.max_aboard_s is not None
        }
        """For how long goods may be aboard, and since when they are, by task."""
        self.draw = {van.id: Draw.of(van) for van in problem.vans}
        self._faults: dict[str, dict[str, Fault | None]] = {van.id: {} for van in problem.vans}
        self._runs: dict[tuple[str, tuple[Visit, ...]], Timed] = {}
        self.obliged = self._obliged()
        """For each van the drop-offs it owes: of passengers who sit in it, or whose pickup is committed; and the goods
        it was committed to fetch."""

    def _own_depots(self, van: Van) -> tuple[str, ...]:
        """The van's own first, then where its hub is at other times."""
        hub = self.hub_of[van.depot]
        others = sorted(name for name, of in self.hub_of.items() if of == hub and name != van.depot)
        return (van.depot, *others)

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
        return name in self.loadable[van]

    def needs_fetch(self, name: str, van: str) -> bool:
        """Whether a task's goods must first be fetched from where they lie."""
        return name in self.fetchable and self.holder.get(name) != van

    def ends(self, name: str) -> tuple[Visit, ...]:
        """The visits with which a task or ride is done, in their order."""
        if name in self.rides:
            return Visit(StepKind.PICKUP, f"{name}/pickup"), Visit(StepKind.DROPOFF, f"{name}/dropoff")
        if self.tasks[name].fetch is not None:
            return Visit(StepKind.FETCH, f"{name}/fetch"), Visit(StepKind.TASK, name)
        return (Visit(StepKind.TASK, name),)

    def kind(self, name: str) -> StepKind:
        """Of a visit that somebody asks for, by its name."""
        if name in self.tasks:
            return StepKind.TASK
        return StepKind(name.rpartition("/")[2])

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
            if visit.id in committed and visit.kind not in NOBODY:
                last = index + 1
        while last < len(visits) and visits[last].id in owed:
            last += 1
        return last

    def forbidden(self, name: str, van: Van) -> Fault | None:
        """Why this van may never do this task (or ride's end, or fetch), whatever the sequence."""
        known = self._faults[van.id]
        if name not in known:
            known[name] = self._find_fault(name, van)
        return known[name]

    def _find_fault(self, name: str, van: Van) -> Fault | None:
        owner = self._committed_of.get(name)
        if owner is not None:
            return None if owner == van.id else Fault.LOCKED
        if name in self.tasks:
            return next(self._task_forbidden(self.tasks[name], van), None)
        if name.endswith("/fetch"):
            return next(self._task_forbidden(self.tasks[ride_of(name)], van), None)
        return next(self._ride_forbidden(self.rides[ride_of(name)], van), None)

    def _task_forbidden(self, task: Task, van: Van) -> Iterator[Fault]:
        on_board = task.id in van.on_board
        if self.duration[van.place][task.place] < 0 or self._way_home(task.place, van) < 0:
            yield Fault.UNREACHABLE
        fetched_by = self._committed_of.get(f"{task.id}/fetch")
        if self.holder.get(task.id, van.id) != van.id or (fetched_by or van.id) != van.id:
            yield Fault.ON_BOARD
        if task.locked_van is not None and task.locked_van != van.id:
            yield Fault.LOCKED
        own_hub = task.depot is None or self.hub_of.get(task.depot, task.depot) == self.hub_of[van.depot]
        if not own_hub and not on_board and task.fetch is None:
            yield Fault.DEPOT
        if not task.skills <= van.skills:
            yield Fault.SKILL
        stop, capacity = self.stops[task.id], self.capacity[van.id]
        deliver = () if on_board else stop.gives
        if any(amount > capacity[column] for column, amount in (*deliver, *stop.takes)):
            yield Fault.CAPACITY
        if task.fetch is not None and not on_board:
            there, on = self.duration[van.place][task.fetch.place], self.duration[task.fetch.place][task.place]
            if there < 0 or on < 0:
                yield Fault.UNREACHABLE

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

    def places(self, van: Van, visits: Sequence[Visit]) -> list[int]:
        """Where each visit is; a rest without a place is where the van then stands, at home when all is done."""
        places: list[int] = []
        here, home = van.place, self.depots[van.depot].place
        done = done_after(visits)
        for index, visit in enumerate(visits):
            if visit.kind is StepKind.REST:
                fixed = self.rests[van.id, visit.id].place
                here = fixed if fixed is not None else here if index < done else home
            elif visit.kind in AT_DEPOT:
                here = self.depots[visit.id].place
            else:
                here = self.stops[visit.id].place
            places.append(here)
        return places

    # ------------------------------------------------------------ timing

    def run(self, van: Van, visits: Sequence[Visit], talk_s: Sequence[int] = (), *, ranged: bool = True) -> Timed:
        """Time a sequence, to its first fault; without `ranged` whatever the battery says.

        The answer is shared with whoever asked the same: nobody may change it.
        """
        if talk_s or not ranged:
            return Run(self, van, visits, talk_s, ranged=ranged).timed()
        key = van.id, tuple(visits)
        timed = self._runs.get(key)
        if timed is None:
            if len(self._runs) >= MOST_KEPT:
                self._runs.clear()
            timed = self._runs[key] = Run(self, van, visits).timed()
        return timed

    def latest(self, van: Van, visits: Sequence[Visit]) -> list[int]:
        """The latest arrival at each visit, and at last at the depot, that breaks no window, opening hour or shift.

        A bound, not a promise: loads, releases and times aboard may ask for less.
        """
        bound, place = van.shift.to_s, self.depots[van.depot].place
        bounds = [bound]
        places = self.places(van, visits)
        for index in range(len(visits) - 1, self.frozen(van, visits) - 1, -1):
            visit, here = visits[index], places[index]
            bound -= self.drive_s(here, place)
            if visit.kind is StepKind.RELOAD:
                depot = self.depots[visit.id]
                bound = min(bound, depot.open.to_s) - depot.reload_s
            elif visit.kind is StepKind.CHARGE:
                bound -= visit.charge_s
            elif visit.kind is StepKind.REST:
                rest = self.rests[van.id, visit.id]
                bound = min(bound - rest.rest_s, rest.window.to_s)
            else:
                bound = _latest_start(self.stops[visit.id], bound)
            bounds.append(bound)
            place = here
        bounds.extend([NEVER] * (len(visits) + 1 - len(bounds)))
        return bounds[::-1]

    def route(self, van: Van, visits: Sequence[Visit], talk_s: Sequence[int] = ()) -> Route:
        """A sequence without a fault as the plan's route."""
        timed = self.run(van, visits, talk_s)
        talk = talk_s or [0] * len(visits)
        steps = tuple(
            Step(visit.kind, visit.id, *rest)
            for visit, *rest in zip(
                visits, self.places(van, visits), timed.arrive, timed.start, timed.depart, talk, strict=True
            )
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


def _latest_start(stop: Stop, leave_by_s: int) -> int:
    start_by = leave_by_s - stop.service_s
    for from_s, to_s in reversed(stop.windows):
        if from_s <= start_by:
            return min(to_s, start_by)
    return -NEVER
