"""A van's day as the planner sees it: what it did and what it is to do, in the order of the road."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.dispatching.day.places import places_of
from hub_backend.dispatching.day.stops import OPEN, StopNow
from hub_backend.dispatching.day.tours import VanTour, read_tours
from hub_backend.dispatching.plan_messages import van_in_dutch
from hub_backend.dispatching.plans import PlanBody, driven_to, idle_s, talk_s
from hub_backend.dispatching.router.problem import PlannedRoute, PlannedStep
from hub_backend.record import DownlinkRow, HubRow, PlanRow, VanRow, VisitRow
from hub_backend.stop_ref import end_of_ref, is_nobodys, stop_of_ref
from hub_backend.workday import at

FAILED = ("no_answer", "refused")


class PlanStop(BaseModel):
    """One stop of a van's day, done or to be done. A planner sees a client number and an address, never goods."""

    stop: str
    kind: str = Field(description="visit, pickup, dropoff, reload, charge, rest or fetch")
    client: str | None
    address: str = Field(description="in Dutch where it is a van: call that by from_van")
    from_van: str | None = Field(default=None, description="the van that cannot go on, from which is taken over here")
    lat: float
    lon: float
    arrive_s: float
    start_s: float
    depart_s: float
    talk_s: float = Field(default=0.0, description="of the time until depart_s, spare time for a talk")
    window_from_s: float | None = None
    window_to_s: float | None = None
    promised_s: float | None = None
    state: str = Field(description="open, under_way, at_door, done, failed, cancelled or moved")
    moved_to: str | None = Field(default=None, description="the day on which what was not brought here comes along")
    outcome: str | None = None
    locked: bool = False
    late: bool = Field(default=False, description="planned after the window")
    parcels: int = 0
    orders: list[str] = Field(default=[], description="open orders of this stop, so that one can be cancelled")


class PlanRoute(BaseModel):
    """A van's day: what it did and what it is to do, with its way along the roads as [lon, lat]."""

    van: str
    hub: str
    concierge: str
    in_service: bool
    start_s: float | None = None
    end_s: float | None = None
    distance_m: int | None = None
    drive_s: int | None = None
    idle_s: int | None = Field(None, description="of the shift after made_s, with nothing to do; null: not in service")
    talk_s: int | None = Field(None, description="contact time that this plan hands out on the way that remains")
    soc_end_percent: float | None = None
    sent_s: float | None = None
    acknowledged_revision: int | None = None
    stops: list[PlanStop]
    geometry: list[tuple[float, float]]


def routes_of(
    session: Session, row: PlanRow, body: PlanBody, stops: dict[str, StopNow], *, zone: ZoneInfo
) -> list[PlanRoute]:
    """Every van's day under this plan, vans without a route among them."""
    visits = session.scalars(select(VisitRow).where(VisitRow.day == row.day).order_by(VisitRow.t_s)).all()
    routes = {route.van: route for route in body.routes}
    hubs = {
        hub.id: {place.id: place.name for place in places_of(hub, row.day, zone=zone)}
        for hub in session.scalars(select(HubRow))
    }
    tours = read_tours(session, row.day, zone=zone)
    return [
        _route_out(
            van,
            routes.get(van.id),
            stops,
            visits,
            tour=tours.get(van.id, VanTour()),
            link=_link(session, van.id, row),
            hub_names=hubs[van.hub],
            idle_s=_idle_s(van, routes.get(van.id), row, body, zone=zone),
            taken_from=body.taken_from,
        )
        for van in session.scalars(select(VanRow).order_by(VanRow.id))
    ]


def _idle_s(van: VanRow, route: PlannedRoute | None, row: PlanRow, body: PlanBody, *, zone: ZoneInfo) -> int | None:
    if not van.in_service:
        return None
    shift = (at(row.day, van.shift_from, zone=zone), at(row.day, van.shift_to, zone=zone))
    return idle_s(route, now_s=body.now_s, shift=shift)


def _link(session: Session, van: str, row: PlanRow) -> DownlinkRow | None:
    """What was sent to the van of this plan."""
    link = session.get(DownlinkRow, van)
    return link if link is not None and link.plan == row.id else None


def _route_out(
    van: VanRow,
    route: PlannedRoute | None,
    stops: dict[str, StopNow],
    visits: Sequence[VisitRow],
    *,
    tour: VanTour,
    link: DownlinkRow | None,
    hub_names: Mapping[str, str],
    idle_s: int | None,
    taken_from: Mapping[str, str],
) -> PlanRoute:
    visited = {visit.stop: visit for visit in visits if visit.van == van.id}
    ahead = [step for step in (driven_to(route) if route is not None else ()) if _is_ahead(step, visited, stops, tour)]
    refs = {step.ref for step in ahead}
    done = [
        _visited_out(visit, stops[stop_of_ref(visit.stop)])
        for visit in sorted(
            visited.values(), key=lambda visit: visit.t_s
        )  # the second attempt stands where it was made
        if visit.stop not in refs and stop_of_ref(visit.stop) in stops
    ]
    return PlanRoute(
        van=van.id,
        hub=van.hub,
        concierge=van.concierge,
        in_service=van.in_service,
        start_s=route.start_s if route else None,
        end_s=route.end_s if route else None,
        distance_m=route.distance_m if route else None,
        drive_s=route.drive_s if route else None,
        idle_s=idle_s,
        talk_s=talk_s(route) if route else None,
        soc_end_percent=route.soc_end_percent if route else None,
        sent_s=link.sent_s if link else None,
        acknowledged_revision=link.acknowledged_revision if link else None,
        stops=done + [_step_out(step, stops, hub_names, taken_from.get(step.task)) for step in ahead],
        geometry=list(route.geometry) if route else [],
    )


def _is_ahead(step: PlannedStep, visited: dict[str, VisitRow], stops: dict[str, StopNow], tour: VanTour) -> bool:
    """Whether a planned step is still to come: a second attempt is, although the stop was visited before."""
    if step.ref in tour.rested:
        return False
    if step.ref in tour.depot_stops:
        return tour.at_depot_stop and tour.stop == step.ref
    if step.ref not in visited:
        return True
    stop = stops.get(stop_of_ref(step.ref))
    return stop is not None and stop.row.kind == "visit" and stop.row.state in OPEN


def _visited_out(visit: VisitRow, stop: StopNow) -> PlanStop:
    began_s = visit.began_s if visit.began_s is not None else visit.t_s
    return PlanStop(
        stop=visit.stop,
        kind=end_of_ref(visit.stop) or "visit",
        client=stop.row.resident,
        address=stop.address,
        lat=stop.resident.lat,
        lon=stop.resident.lon,
        arrive_s=began_s,
        start_s=began_s,
        depart_s=visit.t_s,
        talk_s=stop.row.talk_s,
        window_from_s=stop.row.from_s,
        window_to_s=stop.row.to_s,
        promised_s=stop.row.promised_s,
        # What came of this visit; the stop itself may be open again for a second attempt.
        state="failed" if visit.outcome in FAILED else "done",
        moved_to=stop.row.moved_to,
        outcome=visit.outcome,
        locked=stop.row.locked,
        parcels=len(stop.parcels),
    )


def _step_out(
    step: PlannedStep, stops: dict[str, StopNow], hub_names: Mapping[str, str], from_van: str | None
) -> PlanStop:
    stop = stops.get(stop_of_ref(step.ref))
    if stop is None or is_nobodys(step.ref):
        return PlanStop(
            stop=step.ref,
            kind=step.kind,
            client=None,
            address=hub_names.get(step.task, next(iter(hub_names.values())))
            if step.kind in ("reload", "charge")
            else van_in_dutch(from_van),
            from_van=from_van,
            lat=step.lat,
            lon=step.lon,
            arrive_s=step.arrive_s,
            start_s=step.start_s,
            depart_s=step.depart_s,
            state="open",
        )
    address = stop.address
    if step.kind == "dropoff" and stop.orders:
        address = stop.orders[0].to_name or address
    elif from_van is not None:
        address = van_in_dutch(from_van)
    return PlanStop(
        stop=step.ref,
        kind="visit" if step.kind == "task" else step.kind,
        client=stop.row.resident,
        address=address,
        from_van=from_van,
        lat=step.lat,
        lon=step.lon,
        arrive_s=step.arrive_s,
        start_s=step.start_s,
        depart_s=step.depart_s,
        talk_s=step.talk_s,
        window_from_s=stop.row.from_s,
        window_to_s=stop.row.to_s,
        promised_s=stop.row.promised_s,
        state=stop.row.state,
        moved_to=stop.row.moved_to,
        locked=stop.row.locked,
        late=step.start_s > stop.row.to_s and step.kind == "task",
        parcels=len(stop.parcels),
        orders=[order.id for order in stop.orders],
    )
