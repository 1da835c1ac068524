"""The search: a problem as a PyVRP model, a draft as its warm start, PyVRP's best answer as sequences.

Comes in: a `Live` with its timetable and a complete draft. Goes out: sequences a van, not yet held against the exact
rules (`live.settle` does that). What PyVRP cannot say is left to settling: load of goods on board that are handed over
after a reload, range and charging, the exact time aboard. Traps of PyVRP 0.14 that this module works around:

- it never leaves a warm start that lacks a required client, so only what the draft serves is required;
- goods at the hub get a release time later than a driving van may start, so they ride only after a reload;
- shipments cannot cross a reload, which is what a passenger wants anyhow;
- a van's surcharges live in the distance matrix of its own profile, the durations stay true.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyvrp
from numpy.typing import NDArray
from pyvrp import Activity, ActivityType, IteratedLocalSearchParams, ProblemData, SolveParams
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, NoImprovement, StoppingCriterion

from routing.cargo import EMPTY, ride_of, vector
from routing.live import Draft, Live
from routing.model import COMPARTMENTS, StepKind, Van
from routing.timetable import NEVER, Stop, Visit

_FORBIDDEN = 10_000_000
"""Seconds of an arc that may not be driven: longer than any day, small enough not to overflow penalties."""

_PRIZE = 1_000_000
"""For a must that the draft could not place: more than any detour."""


@dataclass(frozen=True)
class Budget:
    """When to stop: after seconds of wall time, or after a number of iterations (the same answer each time)."""

    seconds: float
    iterations: int | None = None

    @classmethod
    def of_round(cls, number: int, rounds: int, *, seconds: float, iterations: int | Sequence[int] | None) -> "Budget":
        """A round's part: of seconds and of a number of iterations an equal one, of a list its own."""
        if isinstance(iterations, int):
            iterations = [max(1, round(iterations / rounds))] * rounds
        own = None if iterations is None or number >= len(iterations) else iterations[number]
        return cls(seconds / rounds, own)

    def history(self) -> int:
        """PyVRP's late acceptance history: measured best by budget (R1_2_1 at 1 s: 3.5 -> 1.3 % with 30)."""
        return 30 if self.seconds <= 2.0 else 100 if self.seconds <= 5.0 else 300

    def criterion(self, size: int) -> StoppingCriterion:
        if self.iterations is not None:
            return MaxIterations(self.iterations)
        idle = NoImprovement(2_000 + 400 * size)  # a handful of stops is at its optimum long before the time is up
        return MultipleCriteria([MaxRuntime(max(0.01, self.seconds)), idle])


@dataclass(frozen=True)
class Tightening:
    """Windows that are narrower for the search: `latest_s` is what earlier rounds learnt, by task or ride's end."""

    latest_s: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """From when to when a start is still what people were told, absolute seconds."""


@dataclass
class _Model:
    """PyVRP's columns while they grow, with the way back from its indices to our names."""

    places: list[int] = field(default_factory=list)
    clients: list[pyvrp.Client] = field(default_factory=list)
    client_names: list[str] = field(default_factory=list)
    client_windows: list[tuple[int, int]] = field(default_factory=list)
    groups: list[pyvrp.ClientGroup] = field(default_factory=list)
    shipments: list[pyvrp.Shipment] = field(default_factory=list)
    shipment_names: list[str] = field(default_factory=list)
    depots: list[pyvrp.Depot] = field(default_factory=list)
    owner_of_place: list[str | None] = field(default_factory=list)  # the task or ride's end that a location is for

    def location(self, place: int, name: str | None = None) -> int:
        self.places.append(place)
        self.owner_of_place.append(name)
        return len(self.places) - 1


class Search:
    """One PyVRP run from a draft."""

    def __init__(self, live: Live, draft: Draft, tightening: Tightening | None = None) -> None:
        self._live, self._draft, self._table = live, draft, live.table
        self._tight = tightening or Tightening()
        self._now = live.table.problem.now_s
        self._served = draft.names()
        self._model = _Model()
        self.iterations = 0
        """What the run took."""
        self._hub = self._hubs()
        self._prefix = {van.id: self._split(van) for van in self._vans()}
        self._start = {van.id: self._start_depot(van) for van in self._vans()}
        bound = {visit.id for prefix, _ in self._prefix.values() for visit in prefix}
        for task in self._table.problem.tasks:
            if task.id not in bound:
                self._add_task(task.id)
        for ride in self._table.problem.rides:
            if f"{ride.id}/dropoff" not in bound:
                self._add_ride(ride.id)

    def _vans(self) -> list[Van]:
        return list(self._table.active.values())

    # ------------------------------------------------------------ the model

    def _hubs(self) -> dict[str, int]:
        hubs: dict[str, int] = {}
        for depot in self._table.problem.depots:
            # Only loading needs an open hub, but PyVRP's depot window binds the return too: left to settling.
            where = self._model.location(depot.place)
            self._model.depots.append(pyvrp.Depot(where, service_duration=depot.reload_s))
            hubs[depot.id] = len(self._model.depots) - 1
        return hubs

    def _split(self, van: Van) -> tuple[tuple[Visit, ...], tuple[Visit, ...]]:
        visits = tuple(visit for visit in self._draft.visits[van.id] if visit.kind is not StepKind.CHARGE)
        frozen = self._table.frozen(van, visits)
        return visits[:frozen], visits[frozen:]

    def _fresh(self, van: Van) -> bool:
        """Whether the van stands at its hub with nothing to do first, so that its first trip can be loaded."""
        return van.at_depot and not self._prefix[van.id][0]

    def _may_load_first(self, van: Van) -> bool:
        prefix = self._prefix[van.id][0]
        return self._fresh(van) or any(visit.kind is StepKind.RELOAD for visit in prefix)

    def _start_depot(self, van: Van) -> int:
        if self._fresh(van):
            return self._hub[van.depot]
        prefix = self._prefix[van.id][0]
        place = self._table.place(prefix[-1], van) if prefix else van.place
        self._model.depots.append(pyvrp.Depot(self._model.location(place)))
        return len(self._model.depots) - 1

    def _leave_s(self, van: Van) -> int:
        """When the van is free, seconds from now, at least 0."""
        timed = self._table.run(van, self._prefix[van.id][0])
        free = timed.depart[-1] if timed.depart else max(van.ready_s, van.shift.from_s)
        return max(0, free - self._now)

    def _windows(self, name: str, stop: Stop) -> list[tuple[int, int]]:
        soonest, latest = self._tight.held.get(name, (-NEVER, NEVER))
        latest = min(latest, self._tight.latest_s.get(name, NEVER))
        shifted = [(max(0, max(a, soonest) - self._now), min(b, latest) - self._now) for a, b in stop.windows]
        return [(a, b) for a, b in shifted if b >= a and b >= self._release(name, stop)]

    def _release(self, name: str, stop: Stop) -> int:
        """When a trip with these goods may leave; 0 for what is on board or needs no goods."""
        if name not in self._table.tasks or name in self._table.holder or not any(stop.deliver):
            return 0
        depot = self._table.tasks[name].depot
        loading = self._table.depots[depot].reload_s if depot else 0
        earliest = max(1, stop.release_s - self._now + loading)
        if stop.max_aboard_s is not None:  # leaving earlier would keep the goods aboard too long
            earliest = max(earliest, stop.windows[0][0] - self._now - stop.max_aboard_s)
        return earliest

    def _possible(self, name: str) -> bool:
        return any(self._table.forbidden(name, van) is None for van in self._vans())

    def _add_task(self, name: str) -> None:
        task, stop, model = self._table.tasks[name], self._table.stops[name], self._model
        windows = self._windows(name, stop)
        if not windows or not self._possible(name):
            return
        must = task.value is None and name in self._served
        prize = _PRIZE if task.value is None else task.value
        group = None
        if len(windows) > 1:
            model.groups.append(pyvrp.ClientGroup(required=must))
            group = len(model.groups) - 1
        for window in windows:
            self._add_client(name, stop, window, must=must and group is None, prize=prize, group=group)

    def _add_client(
        self, name: str, stop: Stop, window: tuple[int, int], *, must: bool, prize: int, group: int | None
    ) -> None:
        model = self._model
        if group is not None:
            model.groups[group].add_client(len(model.clients))
        model.clients.append(
            pyvrp.Client(
                location=model.location(stop.place, name),
                delivery=list(stop.deliver),
                pickup=list(stop.collect),
                service_duration=stop.service_s,
                tw_early=window[0],
                tw_late=window[1],
                release_time=self._release(name, stop),
                prize=0 if must or (group is not None and model.groups[group].required) else prize,
                required=must,
                group=group,
            )
        )
        model.client_names.append(name)
        model.client_windows.append(window)

    def _add_ride(self, ride: str) -> None:
        dropoff = f"{ride}/dropoff"
        pickup = f"{ride}/pickup"
        if any(dropoff in names for names in self._table.obliged.values()):
            self._add_client_for_seated(dropoff)
            return
        up, down, record = self._table.stops[pickup], self._table.stops[dropoff], self._table.rides[ride]
        up_windows, down_windows = self._windows(pickup, up), self._windows(dropoff, down)
        if not up_windows or not down_windows or not self._possible(dropoff):
            return
        up_late = up_windows[0][1]
        down_late = min(down_windows[0][1], up_late + up.service_s + record.max_ride_s)
        up_early = max(up_windows[0][0], down_windows[0][0] - record.max_ride_s - up.service_s)
        if up_early > up_late or down_late < down_windows[0][0]:
            return
        must = dropoff in self._served
        self._model.shipments.append(
            pyvrp.Shipment(
                pickup_location=self._model.location(up.place, pickup),
                delivery_location=self._model.location(down.place, dropoff),
                pickup_tw_early=up_early,
                pickup_tw_late=up_late,
                pickup_service_duration=up.service_s,
                delivery_tw_early=down_windows[0][0],
                delivery_tw_late=down_late,
                delivery_service_duration=down.service_s,
                amount=list(up.collect),
                prize=0 if must else _PRIZE,
                required=must,
            )
        )
        self._model.shipment_names.append(ride)

    def _add_client_for_seated(self, name: str) -> None:
        """A passenger who is aboard: a seat that is given free at the drop-off, on the first trip."""
        stop = self._table.stops[name]
        windows = self._windows(name, stop)
        self._add_client(
            name, stop, windows[0] if windows else (0, NEVER), must=name in self._served, prize=_PRIZE, group=None
        )

    # ------------------------------------------------------------ vans

    def _vehicle(self, index: int, van: Van) -> pyvrp.VehicleType:
        driving = not self._may_load_first(van)
        leave = self._leave_s(van)
        room = vector(van.capacity)
        there = vector(van.collected)
        return pyvrp.VehicleType(
            num_available=1,
            # Handing over as much as is on board must be possible, whatever the van's capacity says.
            capacity=[max(a, b) for a, b in zip(room, self._on_board(van), strict=True)],
            start_depot=self._start[van.id],
            end_depot=self._hub[van.depot],
            tw_early=0 if driving else max(1, leave),
            tw_late=max(van.shift.to_s - self._now, leave + 1),
            start_late=0 if driving else None,
            profile=index,
            initial_load=[min(a, b) for a, b in zip(there, room, strict=True)],
            reload_depots=[self._hub[van.depot]],
            max_reloads=4,
        )

    def _on_board(self, van: Van) -> tuple[int, ...]:
        loads = [self._table.stops[name].deliver for name in van.on_board] or [EMPTY]
        seats = sum(self._table.rides[ride_of(name)].seats for name in self._table.obliged[van.id])
        whole = [sum(amounts) for amounts in zip(*loads, strict=True)]
        whole[COMPARTMENTS.index("seats")] += seats
        return tuple(whole)

    def _matrices(self, van: Van) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cost and duration between all locations for one van."""
        index = np.array(self._model.places, dtype=np.int64)
        true = self._table.problem.travel.duration_s.astype(np.int64)[np.ix_(index, index)]
        duration = np.where(true < 0, _FORBIDDEN, true)
        cost = duration.copy()
        for column, name in enumerate(self._model.owner_of_place):
            if name is None:
                continue
            if self._table.forbidden(name, van) is not None:
                duration[:, column] = cost[:, column] = _FORBIDDEN
            else:
                cost[:, column] += self._live.surcharge_s(name, van.id)
        if not self._may_load_first(van):  # a driving van starts at 0 by force: what it still has to do is on its way
            row = self._model.depots[self._start[van.id]].location
            duration[row, :] += self._leave_s(van)
        np.fill_diagonal(duration, 0)
        np.fill_diagonal(cost, 0)
        return cost, duration

    def data(self) -> ProblemData:
        """The whole model."""
        vans = self._vans()
        vehicles = [self._vehicle(index, van) for index, van in enumerate(vans)]
        matrices = [self._matrices(van) for van in vans]
        return ProblemData(
            [pyvrp.Location(0, 0) for _ in self._model.places],
            self._model.clients,
            self._model.depots,
            vehicles,
            [cost for cost, _ in matrices],  # type: ignore[misc] # pyvrp's stub says np.ndarray[int]
            [duration for _, duration in matrices],  # type: ignore[misc]
            self._model.groups,
            self._model.shipments,
        )

    # ------------------------------------------------------------ there and back

    def _warm(self, data: ProblemData) -> pyvrp.Solution:
        routes: list[pyvrp.Route] = []
        for index, van in enumerate(self._vans()):
            tail = self._prefix[van.id][1]
            if self._fresh(van) and tail and tail[0].kind is StepKind.RELOAD:
                tail = tail[1:]  # loading is part of the start at the hub
            timed = self._table.run(van, self._draft.visits[van.id])
            starts = dict(zip((v.id for v in self._draft.visits[van.id]), timed.start, strict=False))
            activities = [a for a in (self._activity(visit, van, starts) for visit in tail) if a is not None]
            if any(not activity.is_depot() for activity in activities):
                routes.append(pyvrp.Route(data, activities, index))
        return pyvrp.Solution(data, routes)

    def _activity(self, visit: Visit, van: Van, starts: Mapping[str, int]) -> Activity | None:
        model = self._model
        if visit.kind is StepKind.RELOAD:
            return Activity(ActivityType.DEPOT, self._hub[van.depot])
        if visit.kind is not StepKind.TASK and ride_of(visit.id) in model.shipment_names:
            kind = ActivityType.PICKUP if visit.kind is StepKind.PICKUP else ActivityType.DELIVERY
            return Activity(kind, model.shipment_names.index(ride_of(visit.id)))
        options = [index for index, name in enumerate(model.client_names) if name == visit.id]
        if not options:
            return None
        start = starts.get(visit.id, 0) - self._now
        inside = [i for i in options if model.client_windows[i][0] <= start <= model.client_windows[i][1]]
        return Activity(ActivityType.CLIENT, (inside or options)[0])

    def run(self, budget: Budget, seed: int) -> dict[str, tuple[Visit, ...]]:
        """PyVRP's best sequences, a van each, with what is committed in front."""
        if not self._model.clients and not self._model.shipments:
            return dict(self._draft.visits)
        data = self.data()
        params = SolveParams(ils=IteratedLocalSearchParams(history_length=budget.history()))
        size = len(self._model.clients) + len(self._model.shipments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PenaltyBoundWarning)  # an infeasible answer is settled afterwards
            result = pyvrp.solve(
                data,
                budget.criterion(size),
                seed=seed,
                collect_stats=False,
                params=params,
                initial_solution=self._warm(data),
            )
        self.iterations = int(result.num_iterations)
        return self._sequences(result.best)

    def _sequences(self, solution: pyvrp.Solution) -> dict[str, tuple[Visit, ...]]:
        found = {van.id: self._prefix[van.id][0] for van in self._vans()}
        vans = self._vans()
        for route in solution.routes():
            van = vans[route.vehicle_type()]
            found[van.id] += self._visits(van, route.schedule())
        return found

    def _visits(self, van: Van, schedule: Sequence[pyvrp.ScheduledActivity]) -> tuple[Visit, ...]:
        visits: list[Visit] = [Visit(StepKind.RELOAD, van.depot)] if self._fresh(van) else []
        for activity in schedule[1:-1]:
            if activity.is_depot():
                visits.append(Visit(StepKind.RELOAD, van.depot))
            elif activity.is_client():
                name = self._model.client_names[activity.idx]
                visits.append(Visit(StepKind.TASK if name in self._table.tasks else StepKind.DROPOFF, name))
            else:
                ride = self._model.shipment_names[activity.idx]
                up = activity.is_pickup()
                visits.append(
                    Visit(StepKind.PICKUP if up else StepKind.DROPOFF, f"{ride}/{'pickup' if up else 'dropoff'}")
                )
        return tuple(visits)
