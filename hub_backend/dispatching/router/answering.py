"""Answers the hub's questions over one map: a plan for a day, and a supplier's own round for the CO2 baseline."""

import hashlib
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

import routing
from hub_backend.dispatching.router.lines import Lines
from hub_backend.dispatching.router.pace import Pace, ServedFirst
from hub_backend.dispatching.router.problem import (
    Answer,
    Changed,
    Failed,
    PlanAnswer,
    PlanRequest,
    Request,
    Tier,
    TourAnswer,
    TourRequest,
)
from hub_backend.dispatching.router.question import (
    broken_promise,
    changed,
    left_by_router,
    off_map,
    planned_route,
    previous_plan,
    problem_of,
)
from hub_backend.dispatching.router.spots import KnownSnaps, Spots
from routing import model
from routing.explain import explained
from routing.reasons import Language
from routing.roads import RoadGraph

MOST_SNAPS = 20_000
"""Places whose road is remembered; a hub's day has some hundreds."""


SHOWN_ONLY = frozenset({"basemap.pmtiles", "addresses.csv", "map.json"})
"""Files of a map that are looked at or looked up, and never driven along."""


class Router:
    """Answers questions over one map. Raises `routing.RoutingError` when the map cannot be read."""

    def __init__(self, map_dir: Path, server: ServedFirst | None = None) -> None:
        self._graph = RoadGraph.load(map_dir)
        self._map_sha256 = map_digest(map_dir)
        self._known: KnownSnaps = {}
        self._lines = Lines(self._graph)
        self._pace = Pace(self._graph, map_dir, server)

    def answers(self, request: Request) -> Generator[Answer]:
        """The answers, the last of them final; a question that cannot be meant gets a `Failed`."""
        if len(self._known) > MOST_SNAPS:
            self._known.clear()
        try:
            if isinstance(request, PlanRequest):
                yield from self._plans(request)
            else:
                yield self._tour(request)
        except model.RoutingError as error:
            yield Failed(error=type(error).__name__, detail=str(error))

    # ------------------------------------------------------------ a plan

    def _plans(self, request: PlanRequest) -> Generator[PlanAnswer]:
        """The quick plan at once, so that there is one whatever becomes of the search; then that of the search."""
        begun = time.perf_counter()
        spots = Spots(self._graph, self._known)
        problem = problem_of(request.problem, spots, self._pace.at(request.hours))
        previous = None if request.previous is None else previous_plan(problem, request, request.previous)
        told = previous if request.told is None else previous_plan(problem, request, request.told)

        names = _names(request)

        def answer(plan: model.Plan, tier: Tier, quick_cost_s: int | None) -> PlanAnswer:
            return PlanAnswer(
                routes=tuple(planned_route(route, request.problem, spots, self._lines) for route in plan.routes),
                unserved=(
                    *(left_by_router(left, names) for left in plan.unserved),
                    *off_map(request.problem, problem),
                ),
                cost_s=int(plan.cost_s),
                engine=plan.engine,
                seed=plan.seed,
                solve_s=time.perf_counter() - begun,
                broken=tuple(broken_promise(one) for one in routing.check(problem, plan)),
                changes=_changes(told, plan, problem, request, why=tier == "search" or request.seconds <= 0),
                tier=tier,
                quick_cost_s=quick_cost_s,
                iterations=plan.iterations,
                map_sha256=self._pace.digest(self._map_sha256),
            )

        quick = _solved(problem, previous, seconds=0.0, seed=request.seed, iterations=None)
        yield answer(quick, "insertion", None)
        if request.seconds > 0:
            found = _solved(
                problem, previous, seconds=request.seconds, seed=request.seed, iterations=request.iterations
            )
            yield answer(found, "search", int(quick.cost_s))

    # ------------------------------------------------------------ a round for the CO2 baseline

    def _tour(self, request: TourRequest) -> TourAnswer:
        """One van without limits, all day, past all places: the shortest round the same engine finds."""
        spots = Spots(self._graph, self._known)
        indices = [spots.index(lat, lon) for lat, lon in request.places]
        travel = self._pace.at(()).matrix(spots.snaps)
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


def _names(request: PlanRequest) -> dict[Language, dict[str, str]]:
    return {"nl": request.names, "en": request.names | request.names_en}


def _changes(
    told: model.Plan | None, plan: model.Plan, problem: model.Problem, request: PlanRequest, *, why: bool
) -> tuple[Changed, ...]:
    """What is otherwise than people were told, in both languages; `why` and at what saving takes some moments more."""
    if told is None:
        return ()
    both = explained(told, plan, _names(request), problem=problem if why else None)
    return tuple(changed(one, english) for one, english in zip(both["nl"], both["en"], strict=True))


def _solved(
    problem: model.Problem,
    previous: model.Plan | None,
    *,
    seconds: float,
    seed: int,
    iterations: Sequence[int] | None,
) -> model.Plan:
    if previous is None:
        return routing.plan(problem, seconds=seconds, seed=seed, iterations=iterations)
    return routing.replan(problem, previous, seconds=seconds, seed=seed, iterations=iterations)


def map_digest(map_dir: Path) -> str:
    """sha256 of all files of a map but those that no route depends on, hexadecimal."""
    digest = hashlib.sha256()
    for file in sorted(map_dir.iterdir()):
        if file.is_file() and file.name not in SHOWN_ONLY:
            digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
