"""The search: PyVRP started from a complete draft, and its best answer as sequences.

Comes in: a `Live` with its timetable and a complete draft. Goes out: sequences a van, not yet held against the exact
rules (`live.settle` does that). What PyVRP cannot say is left to settling: goods on board that are handed over after a
reload, range and charging, the exact time aboard. A van's surcharges and its price of work live in the cost matrix of
its own profile, the durations stay true.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pyvrp
from numpy.typing import NDArray
from pyvrp import Activity, ActivityType, IteratedLocalSearchParams, ProblemData, SolveParams
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, NoImprovement, StoppingCriterion

from routing.budget import Budget, Tightening
from routing.cargo import vector
from routing.draft import Draft
from routing.live import Live
from routing.model import StepKind, Van
from routing.search_model import Model
from routing.stops import Visit
from routing.workload import busy_s, price

_FORBIDDEN = 10_000_000
"""Seconds of an arc that may not be driven: longer than any day, small enough not to overflow penalties."""


def criterion(budget: Budget, size: int) -> StoppingCriterion:
    """When to stop, for so many stops."""
    if budget.iterations is not None:
        return MaxIterations(budget.iterations)
    idle = NoImprovement(2_000 + 400 * size)  # a handful of stops is at its optimum long before the time is up
    return MultipleCriteria([MaxRuntime(max(0.01, budget.seconds)), idle])


class Search:
    """One PyVRP run from a draft. `stay_s`: what it costs to take a stop from the van in which the draft has it."""

    def __init__(self, live: Live, draft: Draft, tightening: Tightening | None = None, *, stay_s: int = 0) -> None:
        self._live, self._draft, self._table = live, draft, live.table
        self._model = Model(live, draft, tightening or Tightening())
        self._columns = self._model.columns
        self._now = live.table.problem.now_s
        self._stay_s = stay_s
        self.iterations = 0
        """What the run took."""
        self._van_of = {visit.id: van for van, visits in draft.visits.items() for visit in visits}

    # ------------------------------------------------------------ vans

    def _vehicle(self, index: int, van: Van) -> pyvrp.VehicleType:
        model = self._model
        driving = not model.may_load_first(van)
        leave = model.leave_s(van)
        if model.fresh(van):
            leave = max(leave, self._table.depots[model.loading(van).id].open.from_s - self._now)
        room, there, have = vector(van.capacity), vector(van.collected), model.on_board(van)
        # Handing over as much as is on board must be possible, whatever the van's capacity says.
        capacity = model.room(van, tuple(max(a, b) for a, b in zip(room, have, strict=True)))
        first = [min(a, b) for a, b in zip(model.load(there), capacity, strict=True)]
        return pyvrp.VehicleType(
            num_available=1,
            capacity=capacity,
            start_depot=model.start[van.id],
            end_depot=model.home[van.depot],
            tw_early=0 if driving else max(1, leave),
            tw_late=max(van.shift.to_s - self._now, leave + 1),
            start_late=0 if driving else None,
            profile=index,
            initial_load=first,
            reload_depots=[model.reload[name] for name in self._table.own_depots[van.id] if name in model.reload],
            max_reloads=4,
        )

    def _matrices(self, van: Van) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cost and duration between all locations for one van."""
        model, columns = self._model, self._columns
        index = np.array(columns.places, dtype=np.int64)
        true = self._table.problem.travel.duration_s.astype(np.int64)[np.ix_(index, index)]
        duration = np.where(true < 0, _FORBIDDEN, true)
        of_work = self._price(van)
        cost = (duration * (1.0 + of_work)).astype(np.int64)
        for column, name in enumerate(columns.owners):
            if columns.rest_vans.get(column, van.id) != van.id:
                duration[:, column] = cost[:, column] = _FORBIDDEN
            if name is None:
                continue
            if self._table.forbidden(name, van) is not None:
                duration[:, column] = cost[:, column] = _FORBIDDEN
                continue
            extra = self._live.surcharge_s(name, van.id) + round(of_work * self._table.stops[name].service_s)
            if self._stay_s and self._van_of.get(name, van.id) != van.id:
                extra += self._stay_s
            cost[:, column] += extra
        if not model.may_load_first(van):  # a driving van starts at 0 by force: what it still has to do is on its way
            row = columns.depots[model.start[van.id]].location
            duration[row, :] += model.leave_s(van)
        np.fill_diagonal(duration, 0)
        np.fill_diagonal(cost, 0)
        return cost, duration

    def _price(self, van: Van) -> float:
        """Of a second of work in this van, as the draft has it."""
        visits = self._draft.visits[van.id]
        return price(busy_s(visits, self._table.run(van, visits)), self._live.worth.time_s[van.id])

    def data(self) -> ProblemData:
        """The whole model."""
        vans, columns = self._model.vans, self._columns
        vehicles = [self._vehicle(index, van) for index, van in enumerate(vans)]
        matrices = [self._matrices(van) for van in vans]
        return ProblemData(
            [pyvrp.Location(0, 0) for _ in columns.places],
            columns.clients,
            columns.depots,
            vehicles,
            [cost for cost, _ in matrices],  # type: ignore[misc] # pyvrp's stub says np.ndarray[int]
            [duration for _, duration in matrices],  # type: ignore[misc]
            columns.groups,
            columns.shipments,
        )

    # ------------------------------------------------------------ there and back

    def _warm(self, data: ProblemData) -> pyvrp.Solution:
        routes: list[pyvrp.Route] = []
        for index, van in enumerate(self._model.vans):
            tail = self._model.tail[van.id]
            if self._model.fresh(van) and tail and tail[0].kind is StepKind.RELOAD:
                tail = tail[1:]  # loading is part of the start at the hub
            starts = self._live.starts_s(self._draft, van)
            activities = [a for a in (self._activity(visit, van, starts) for visit in tail) if a is not None]
            if any(not activity.is_depot() for activity in activities):
                routes.append(pyvrp.Route(data, activities, index))
        return pyvrp.Solution(data, routes)

    def _activity(self, visit: Visit, van: Van, starts: Mapping[str, int]) -> Activity | None:
        columns = self._columns
        if visit.kind is StepKind.RELOAD:
            depot = self._model.reload.get(visit.id)
            return None if depot is None else Activity(ActivityType.DEPOT, depot)
        for number, ends in enumerate(columns.shipment_visits):
            if visit in ends:
                kind = ActivityType.PICKUP if visit == ends[0] else ActivityType.DELIVERY
                return Activity(kind, number)
        options = [index for index, known in enumerate(columns.client_visits) if known == visit]
        if visit.kind is StepKind.REST:  # two vans may call their rests the same
            options = [i for i in options if columns.rest_vans[columns.clients[i].location] == van.id]
        if not options:
            return None
        start = starts.get(visit.id, 0) - self._now
        inside = [i for i in options if columns.client_windows[i][0] <= start <= columns.client_windows[i][1]]
        return Activity(ActivityType.CLIENT, (inside or options)[0])

    def run(self, budget: Budget, seed: int) -> dict[str, tuple[Visit, ...]]:
        """PyVRP's best sequences, a van each, with what is committed in front.

        Raises:
            RuntimeError, ValueError, TypeError: PyVRP refuses the model or fails.
        """
        columns = self._columns
        if not columns.clients and not columns.shipments:
            return dict(self._draft.visits)
        data = self.data()
        params = SolveParams(ils=IteratedLocalSearchParams(history_length=budget.history()))
        size = len(columns.clients) + len(columns.shipments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PenaltyBoundWarning)  # an infeasible answer is settled afterwards
            result = pyvrp.solve(
                data,
                criterion(budget, size),
                seed=seed,
                collect_stats=False,
                params=params,
                initial_solution=self._warm(data),
            )
        self.iterations = int(result.num_iterations)
        return self._sequences(result.best)

    def _sequences(self, solution: pyvrp.Solution) -> dict[str, tuple[Visit, ...]]:
        vans = self._model.vans
        found = {van.id: self._model.prefix[van.id] for van in vans}
        for route in solution.routes():
            van = vans[route.vehicle_type()]
            found[van.id] += self._visits(van, route.schedule())
        return found

    def _visits(self, van: Van, schedule: Sequence[pyvrp.ScheduledActivity]) -> tuple[Visit, ...]:
        of_depot = {index: name for name, index in self._model.reload.items()}
        visits: list[Visit] = [self._model.loading(van)] if self._model.fresh(van) else []
        for activity in schedule[1:-1]:
            if activity.is_depot():
                visits.append(Visit(StepKind.RELOAD, of_depot[activity.idx]))
            elif activity.is_client():
                visits.append(self._columns.client_visits[activity.idx])
            else:
                first, last = self._columns.shipment_visits[activity.idx]
                visits.append(first if activity.is_pickup() else last)
        return tuple(visits)
