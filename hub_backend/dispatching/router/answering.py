"""Answers the hub's questions over one map: a plan for a day, and a supplier's own round for the CO2 baseline."""

import time
from pathlib import Path

import numpy as np

import routing
from hub_backend.dispatching.router.lines import Lines
from hub_backend.dispatching.router.problem import (
    Answer,
    Broken,
    Changed,
    Failed,
    Left,
    PlanAnswer,
    PlanRequest,
    Request,
    TourAnswer,
    TourRequest,
)
from hub_backend.dispatching.router.question import off_map, planned_route, previous_plan, problem_of
from hub_backend.dispatching.router.spots import KnownSnaps, Spots
from routing import model
from routing.roads import RoadGraph

MOST_SNAPS = 20_000
"""Places whose road is remembered; a hub's day has some hundreds."""


class Router:
    """Answers questions over one map. Raises `routing.RoutingError` when the map cannot be read."""

    def __init__(self, map_dir: Path) -> None:
        self._graph = RoadGraph.load(map_dir)
        self._known: KnownSnaps = {}
        self._lines = Lines(self._graph)

    def answer(self, request: Request) -> Answer:
        """The answer; a question that cannot be meant gets a `Failed`."""
        if len(self._known) > MOST_SNAPS:
            self._known.clear()
        try:
            return self._plan(request) if isinstance(request, PlanRequest) else self._tour(request)
        except model.RoutingError as error:
            return Failed(error=type(error).__name__, detail=str(error))

    # ------------------------------------------------------------ a plan

    def _plan(self, request: PlanRequest) -> PlanAnswer:
        begun = time.perf_counter()
        spots = Spots(self._graph, self._known)
        problem = problem_of(request.problem, spots, self._graph)
        previous = None if request.previous is None else previous_plan(problem, request)
        if previous is None:
            plan = routing.plan(problem, seconds=request.seconds, seed=request.seed)
        else:
            plan = routing.replan(problem, previous, seconds=request.seconds, seed=request.seed)
        solve_s = time.perf_counter() - begun
        broken = routing.check(problem, plan)
        changes = [] if previous is None else routing.explain(previous, plan, request.names)
        return PlanAnswer(
            routes=tuple(planned_route(route, request.problem, spots, self._lines) for route in plan.routes),
            unserved=(
                *(Left(task=left.task, reason=left.reason) for left in plan.unserved),
                *off_map(request.problem, problem),
            ),
            cost_s=int(plan.cost_s),
            engine=plan.engine,
            seed=plan.seed,
            solve_s=solve_s,
            broken=tuple(Broken(rule=v.rule, van=v.van, task=v.task, detail=v.detail) for v in broken),
            changes=tuple(
                Changed(
                    task=change.task,
                    kind=change.kind,
                    van_before=change.van_before,
                    van_after=change.van_after,
                    shift_s=change.shift_s,
                    words=change.words,
                )
                for change in changes
            ),
        )

    # ------------------------------------------------------------ a round for the CO2 baseline

    def _tour(self, request: TourRequest) -> TourAnswer:
        """One van without limits, all day, past all places: the shortest round the same engine finds."""
        spots = Spots(self._graph, self._known)
        indices = [spots.index(lat, lon) for lat, lon in request.places]
        travel = self._graph.matrix(spots.snaps)
        wanted = sorted(set(indices) - {indices[0]})
        if bool(np.any(travel.duration_s[np.ix_([indices[0], *wanted], [indices[0], *wanted])] < 0)):
            return TourAnswer(distance_m=None, engine="")
        if not wanted:
            return TourAnswer(distance_m=0, engine="")
        day = model.Window(0, 30 * 86400)
        problem = model.Problem(
            now_s=0,
            depots=[model.Depot(id="depot", place=indices[0], open=day, reload_s=0)],
            vans=[
                model.Van(
                    id="van",
                    depot="depot",
                    place=indices[0],
                    ready_s=0,
                    shift=day,
                    capacity=dict.fromkeys(model.COMPARTMENTS, 0),
                    battery_kwh=1e9,
                    soc_percent=None,
                )
            ],
            tasks=[model.Task(id=str(place), place=place, windows=(day,), service_s=0, depot=None) for place in wanted],
            travel=travel,
        )
        plan = routing.plan(problem, seconds=request.seconds, seed=request.seed)
        complete = not plan.unserved and len(plan.routes) == 1
        return TourAnswer(distance_m=int(plan.routes[0].distance_m) if complete else None, engine=plan.engine)
