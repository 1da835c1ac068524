"""Between the hub's words and the router's: a day in coordinates becomes a `routing.Problem`, its plan comes back."""

from collections.abc import Mapping, Sequence

from hub_backend.dispatching.router.lines import Lines
from hub_backend.dispatching.router.pace import Matrices
from hub_backend.dispatching.router.problem import (
    Broken,
    Changed,
    DayHub,
    DayProblem,
    DayRide,
    DayTask,
    DayVan,
    Left,
    PlannedRoute,
    PlannedStep,
    PlanRequest,
    left_out,
)
from hub_backend.dispatching.router.spots import Spots, places_of, van_place
from hub_backend.spoken import said
from routing import battery, model, reasons
from routing.road_net import Snap


def problem_of(day: DayProblem, spots: Spots, table: Matrices) -> model.Problem:
    """The day in the places of `spots`; what has no road near it is left out."""
    depots = [_depot(hub, spots) for hub in day.hubs]
    places = places_of(day, spots)
    return model.Problem(
        now_s=day.now_s,
        depots=depots,
        vans=[_van(van, day, spots, set(places)) for van in day.vans],
        tasks=[_task(task, places) for task in day.tasks if task.id in places],
        rides=[_ride(ride, places) for ride in day.rides if ride.id in places],
        travel=table.matrix(spots.snaps),
        utc_offset_s=day.utc_offset_s,
    )


def _depot(hub: DayHub, spots: Spots) -> model.Depot:
    return model.Depot(
        id=hub.id,
        place=spots.index(hub.lat, hub.lon),
        open=model.Window(*hub.open),
        reload_s=hub.reload_s,
        hub=hub.hub or None,
        charges=hub.charges,
    )


def _task(task: DayTask, places: Mapping[str, int]) -> model.Task:
    return model.Task(
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
        deferrable=task.deferrable,
        familiar=frozenset(task.familiar),
        locked_van=task.locked_van,
        talk_max_s=task.talk_max_s,
        contact_days=task.contact_days,
        told_s=task.told_s,
        fetch=_fetch(task, places),
    )


def _ride(ride: DayRide, places: Mapping[str, int]) -> model.Ride:
    return model.Ride(
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
        told_s=ride.told_s,
    )


def _fetch(task: DayTask, places: Mapping[str, int]) -> model.Fetch | None:
    if task.fetch is None:
        return None
    return model.Fetch(places[f"{task.id}/fetch"], model.Window(*task.fetch.window), task.fetch.service_s)


def _van(van: DayVan, day: DayProblem, spots: Spots, known: set[str]) -> model.Van:
    return model.Van(
        id=van.id,
        depot=van.hub,
        place=van_place(van, day, spots),
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
        energy=_energy(van, outside_c=day.outside_c),
        charge_kw=van.charge_kw,
        rests=tuple(
            model.Rest(id=rest.id, window=model.Window(*rest.window), rest_s=rest.rest_s) for rest in van.rests
        ),
        partition=van.partition,
    )


def _energy(van: DayVan, *, outside_c: float) -> model.Energy:
    if van.energy is None:
        return battery.flat(van.kwh_per_km)
    return model.Energy(
        kwh_per_km=van.energy.kwh_per_km,
        kwh_per_km_tonne=van.energy.kwh_per_km_tonne,
        kwh_per_stop=van.energy.kwh_per_stop,
        aux_kw=battery.auxiliary_kw(outside_c),
        cooler_kw=van.energy.cooler_kw,
    )


def previous_plan(problem: model.Problem, request: PlanRequest, routes: Sequence[PlannedRoute]) -> model.Plan:
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
                        talk_s=step.talk_s,
                    )
                    for step in route.steps
                ),
                end_s=route.end_s,
                distance_m=route.distance_m,
                drive_s=route.drive_s,
                soc_end_percent=route.soc_end_percent,
            )
            for route in routes
        ),
        unserved=tuple(model.Unserved(task=task, reason="") for task in request.previous_left),
        cost_s=0,
        engine="previous",
        seed=0,
    )


def planned_route(route: model.Route, day: DayProblem, spots: Spots, lines: Lines) -> PlannedRoute:
    """A route of the answer, with its line on the map."""
    van = next(van for van in day.vans if van.id == route.van)
    hub = next(hub for hub in day.hubs if hub.id == van.hub)
    places = [van_place(van, day, spots), *(step.place for step in route.steps), spots.index(hub.lat, hub.lon)]
    return PlannedRoute(
        van=route.van,
        start_s=int(route.start_s),
        end_s=int(route.end_s),
        distance_m=int(route.distance_m),
        drive_s=int(route.drive_s),
        soc_end_percent=route.soc_end_percent,
        steps=tuple(_step(step, spots.snaps) for step in route.steps),
        geometry=lines.along([spots.snaps[place] for place in places]),
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
        talk_s=int(step.talk_s),
    )


def off_map(day: DayProblem, problem: model.Problem) -> list[Left]:
    """Who was left out of the problem because no road is near."""
    planned = {task.id for task in problem.tasks} | {ride.id for ride in problem.rides}
    asked = [*(task.id for task in day.tasks), *(ride.id for ride in day.rides)]
    return [left_out(task, said("off_map")) for task in asked if task not in planned]


def broken_promise(one: model.Violation) -> Broken:
    return Broken(rule=one.rule, van=one.van, task=one.task, detail=one.detail)


def changed(one: model.Change, english: model.Change) -> Changed:
    return Changed(
        task=one.task,
        kind=one.kind,
        van_before=one.van_before,
        van_after=one.van_after,
        shift_s=one.shift_s,
        words=one.words,
        words_en=english.words,
        saving_s=one.saving_s,
    )


def left_by_router(one: model.Unserved, names: Mapping[reasons.Language, Mapping[str, str]]) -> Left:
    """With vans, hubs and skills by what people call them in each language."""
    if not one.code:
        return Left(task=one.task, reason=one.reason)
    words = {language: reasons.sentence(one.code, dict(one.facts), language, names[language]) for language in names}
    return Left(task=one.task, reason=words["nl"], reason_en=words["en"], code=one.code)
