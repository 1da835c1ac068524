"""The router's process: holds the roads and the solver, answers questions from a socket until that closes.

`python -m hub_backend.dispatching.router_process FD MAP_DIR`, started by `solver.Solver` and by nobody else. It keeps
no state that matters: roads from the map's files, travel times it has worked out before. The hub imports nothing of
this module, and so needs no numpy, no scipy and no solver in its own memory.
"""

import argparse
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

import routing
from hub_backend.dispatching import framing
from hub_backend.dispatching.problem import (
    Answer,
    Broken,
    Changed,
    DayProblem,
    DayVan,
    Failed,
    Left,
    PlanAnswer,
    PlannedRoute,
    PlannedStep,
    PlanRequest,
    Request,
    TourAnswer,
    TourRequest,
)
from routing import model
from routing.road_net import Snap
from routing.roads import OffMapError, RoadGraph

log = logging.getLogger(__name__)

MOST_LEGS = 20_000
"""Legs whose geometry is kept; a hub's day has some hundreds."""


class Spots:
    """The places of one question: each snapped to its road once, in the order in which they were named."""

    def __init__(self, graph: RoadGraph, known: dict[tuple[float, float, str], Snap]) -> None:
        self._graph = graph
        self._known = known
        self._index: dict[tuple[float, float, str], int] = {}
        self.snaps: list[Snap] = []

    def index(self, lat: float, lon: float, street: str = "") -> int:
        """The index of a place in the matrices. Raises `OffMapError` for a place without a road."""
        key = (round(lat, 6), round(lon, 6), street)
        if key not in self._index:
            if key not in self._known:
                self._known[key] = self._graph.snap(lat, lon, street=street or None)
            self._index[key] = len(self.snaps)
            self.snaps.append(self._known[key])
        return self._index[key]


class Router:
    """Answers questions over one map. Raises `routing.RoutingError` when the map cannot be read."""

    def __init__(self, map_dir: Path) -> None:
        self._graph = RoadGraph.load(map_dir)
        self._known: dict[tuple[float, float, str], Snap] = {}
        self._legs: dict[tuple[Snap, Snap], tuple[tuple[float, float], ...]] = {}

    def answer(self, request: Request) -> Answer:
        """The answer; a question that cannot be meant gets a `Failed`."""
        if len(self._known) > MOST_LEGS:
            self._known.clear()
        try:
            return self._plan(request) if isinstance(request, PlanRequest) else self._tour(request)
        except model.RoutingError as error:
            return Failed(error=type(error).__name__, detail=str(error))

    # ------------------------------------------------------------ a plan

    def _plan(self, request: PlanRequest) -> PlanAnswer:
        begun = time.perf_counter()
        spots = Spots(self._graph, self._known)
        problem = self._problem(request.problem, spots)
        previous = None if request.previous is None else _previous(problem, request)
        if previous is None:
            plan = routing.plan(problem, seconds=request.seconds, seed=request.seed)
        else:
            plan = routing.replan(problem, previous, seconds=request.seconds, seed=request.seed)
        solve_s = time.perf_counter() - begun
        broken = routing.check(problem, plan)
        changes = [] if previous is None else routing.explain(previous, plan, request.names)
        return PlanAnswer(
            routes=tuple(self._route(route, request.problem, spots) for route in plan.routes),
            unserved=(
                *(Left(task=left.task, reason=left.reason) for left in plan.unserved),
                *_off_map(request.problem, problem),
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

    def _problem(self, day: DayProblem, spots: Spots) -> model.Problem:
        depots = [
            model.Depot(
                id=hub.id, place=spots.index(hub.lat, hub.lon), open=model.Window(*hub.open), reload_s=hub.reload_s
            )
            for hub in day.hubs
        ]
        places = _places(day, spots)
        vans = [_van(van, day, spots, set(places)) for van in day.vans]
        tasks = [
            model.Task(
                id=task.id,
                place=places[task.id],
                windows=(model.Window(*task.window),),
                service_s=task.service_s,
                depot=task.hub,
                deliver=task.deliver,
                collect=task.collect,
                skills=frozenset(task.skills),
                release_s=task.release_s,
                max_aboard_s=task.max_aboard_s,
                value=task.value,
                familiar=frozenset(task.familiar),
                locked_van=task.locked_van,
            )
            for task in day.tasks
            if task.id in places
        ]
        rides = [
            model.Ride(
                id=ride.id,
                pickup_place=places[f"{ride.id}/pickup"],
                dropoff_place=places[f"{ride.id}/dropoff"],
                pickup=model.Window(*ride.pickup),
                dropoff=model.Window(*ride.dropoff),
                pickup_s=ride.pickup_s,
                dropoff_s=ride.dropoff_s,
                seats=ride.seats,
                max_ride_s=ride.max_ride_s,
                locked_van=ride.locked_van,
                aboard=ride.aboard,
            )
            for ride in day.rides
            if ride.id in places
        ]
        return model.Problem(
            now_s=day.now_s,
            depots=depots,
            vans=vans,
            tasks=tasks,
            rides=rides,
            travel=self._graph.matrix(spots.snaps),
        )

    def _route(self, route: model.Route, day: DayProblem, spots: Spots) -> PlannedRoute:
        van = next(van for van in day.vans if van.id == route.van)
        hub = next(hub for hub in day.hubs if hub.id == van.hub)
        places = [_van_place(van, day, spots), *(step.place for step in route.steps), spots.index(hub.lat, hub.lon)]
        return PlannedRoute(
            van=route.van,
            start_s=int(route.start_s),
            end_s=int(route.end_s),
            distance_m=int(route.distance_m),
            drive_s=int(route.drive_s),
            soc_end_percent=route.soc_end_percent,
            steps=tuple(_step(step, spots.snaps) for step in route.steps),
            geometry=self._geometry([spots.snaps[place] for place in places]),
        )

    def _geometry(self, snaps: Sequence[Snap]) -> tuple[tuple[float, float], ...]:
        """[lon, lat] along the roads; a leg without a way is a straight line, which the checker has refused anyway."""
        line: list[tuple[float, float]] = []
        for origin, destination in pairwise(snaps):
            for point in self._leg(origin, destination):
                if not line or line[-1] != point:
                    line.append(point)
        return tuple(line)

    def _leg(self, origin: Snap, destination: Snap) -> tuple[tuple[float, float], ...]:
        key = (origin, destination)
        if key not in self._legs:
            if len(self._legs) > MOST_LEGS:
                self._legs.clear()
            path = self._graph.path(origin, destination)
            ends = ((origin.lat, origin.lon), (destination.lat, destination.lon))
            points = ends if path is None else tuple((point.lat, point.lon) for point in path.points)
            self._legs[key] = tuple((round(lon, 6), round(lat, 6)) for lat, lon in points)
        return self._legs[key]

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


def _places(day: DayProblem, spots: Spots) -> dict[str, int]:
    """The place of each task and of both ends of each ride; what has no road near it is left out, a ride as a whole."""
    places: dict[str, int] = {}
    for task in day.tasks:
        with suppress(OffMapError):
            places[task.id] = spots.index(task.lat, task.lon, task.street)
    for ride in day.rides:
        with suppress(OffMapError):
            pickup = spots.index(ride.pickup_lat, ride.pickup_lon, "")
            dropoff = spots.index(ride.dropoff_lat, ride.dropoff_lon, "")
            places |= {ride.id: pickup, f"{ride.id}/pickup": pickup, f"{ride.id}/dropoff": dropoff}
    return places


def _off_map(day: DayProblem, problem: model.Problem) -> list[Left]:
    planned = {task.id for task in problem.tasks} | {ride.id for ride in problem.rides}
    asked = [*(task.id for task in day.tasks), *(ride.id for ride in day.rides)]
    return [
        Left(task=task, reason="het adres ligt niet aan een weg van deze kaart")
        for task in asked
        if task not in planned
    ]


def _van_place(van: DayVan, day: DayProblem, spots: Spots) -> int:
    """Where the van is; a fix beside the map is no place, and then it is taken to be at its hub."""
    try:
        return spots.index(van.lat, van.lon)
    except OffMapError:
        hub = next(hub for hub in day.hubs if hub.id == van.hub)
        log.warning("van_off_map van=%s", van.id)
        return spots.index(hub.lat, hub.lon)


def _van(van: DayVan, day: DayProblem, spots: Spots, known: set[str]) -> model.Van:
    return model.Van(
        id=van.id,
        depot=van.hub,
        place=_van_place(van, day, spots),
        ready_s=van.ready_s,
        shift=model.Window(*van.shift),
        capacity=van.capacity,
        skills=frozenset(van.skills),
        at_depot=van.at_depot,
        on_board=frozenset(van.on_board) & known,
        committed=tuple(task for task in van.committed if task in known),
        collected=van.collected,
        battery_kwh=van.battery_kwh,
        soc_percent=van.soc_percent,
        kwh_per_km=van.kwh_per_km,
        charge_kw=van.charge_kw,
    )


def _step(step: model.Step, snaps: Sequence[Snap]) -> PlannedStep:
    snap = snaps[step.place]
    return PlannedStep(
        kind=str(step.kind),
        task=step.task,
        lat=round(snap.lat, 6),
        lon=round(snap.lon, 6),
        arrive_s=int(step.arrive_s),
        start_s=int(step.start_s),
        depart_s=int(step.depart_s),
    )


def _previous(problem: model.Problem, request: PlanRequest) -> model.Plan:
    """The previous routes in this problem's places; what cannot be planned any more has none, and is not looked up."""
    places = {task.id: task.place for task in problem.tasks}
    places |= {f"{ride.id}/pickup": ride.pickup_place for ride in problem.rides}
    places |= {f"{ride.id}/dropoff": ride.dropoff_place for ride in problem.rides}
    places |= {depot.id: depot.place for depot in problem.depots}
    return model.Plan(
        routes=tuple(
            model.Route(
                van=route.van,
                start_s=route.start_s,
                steps=tuple(
                    model.Step(
                        kind=model.StepKind(step.kind),
                        task=step.task,
                        place=places.get(step.task, 0),
                        arrive_s=step.arrive_s,
                        start_s=step.start_s,
                        depart_s=step.depart_s,
                    )
                    for step in route.steps
                ),
                end_s=route.end_s,
                distance_m=route.distance_m,
                drive_s=route.drive_s,
                soc_end_percent=route.soc_end_percent,
            )
            for route in request.previous or ()
        ),
        unserved=tuple(model.Unserved(task=task, reason="") for task in request.previous_left),
        cost_s=0,
        engine="previous",
        seed=0,
    )


def serve(link: socket.socket, router: Router) -> None:
    """Answers until the hub closes."""
    while True:
        try:
            body = framing.receive(link)
        except framing.FramingError:
            return
        request: Request = msgspec.msgpack.decode(body, type=Request)
        framing.send(link, router.answer(request))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fd", type=int)
    parser.add_argument("map_dir", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    os.nice(2)  # the hub's own threads answer people and commit events: they go first
    with socket.socket(fileno=options.fd) as link:
        try:
            router = Router(options.map_dir)
        except model.RoutingError as error:
            log.error("roads_unreadable error=%s", error)
            return _refuse(link, error)
        serve(link, router)
    return 0


def _refuse(link: socket.socket, error: model.RoutingError) -> int:
    """Answers every question with the reason why there are no roads."""
    while True:
        try:
            framing.receive(link)
        except framing.FramingError:
            return 1
        framing.send(link, Failed(error=type(error).__name__, detail=str(error)))


if __name__ == "__main__":
    sys.exit(main())
