"""Plans over HTTP: what holds and how it came about; and what a planner asks: plan anew, lock, take a van out."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.dispatching.dispatch import Dispatch
from hub_backend.dispatching.plans import PlanBody, body_of, changes_of, driven_to, newest_plan, stops_in
from hub_backend.dispatching.problem import PlannedRoute, PlannedStep
from hub_backend.dispatching.standing import StopNow, is_depot_stop, read_stops, stop_of_ref
from hub_backend.kit import Kit
from hub_backend.record import DownlinkRow, HubRow, PlanRow, StopRow, TriggerRow, VanRow, VisitRow
from hub_backend.spoken import sentence, van_called
from hub_backend.trigger import ask
from hub_backend.workday import is_day

FAILED = ("no_answer", "refused")

Day = Annotated[str, Path(pattern=r"^\d{4}-\d{2}-\d{2}$", description="local date")]


class PlanStop(BaseModel):
    """One stop of a van's day, done or to be done. A planner sees a client number and an address, never goods."""

    stop: str
    kind: str = Field(description="visit, pickup, dropoff, reload or charge")
    client: str | None
    address: str
    lat: float
    lon: float
    arrive_s: float
    start_s: float
    depart_s: float
    window_from_s: float | None = None
    window_to_s: float | None = None
    promised_s: float | None = None
    state: str = Field(description="open, under_way, at_door, done, failed or cancelled")
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
    soc_end_percent: float | None = None
    sent_s: float | None = None
    acknowledged_revision: int | None = None
    stops: list[PlanStop]
    geometry: list[tuple[float, float]]


class PlanUnserved(BaseModel):
    stop: str
    client: str
    address: str
    reason: str


class PlanChange(BaseModel):
    """What this plan changed, in Dutch."""

    stop: str
    kind: str
    van_before: str | None
    van_after: str | None
    shift_s: int | None
    words: str


class PlanSummary(BaseModel):
    """A plan of the day's history."""

    id: str
    day: str
    revision: int
    made_s: float
    reason: str
    engine: str
    seed: int
    problem_hash: str
    solve_s: float
    stops: int
    unserved: int
    distance_m: int
    triggers: list[str]
    changes: list[PlanChange]


class PlanOut(PlanSummary):
    """The plan that holds."""

    routes: list[PlanRoute]
    left: list[PlanUnserved]
    notes: list[str]


class StopOut(BaseModel):
    """A stop of the day, planned or not."""

    id: str
    day: str
    hub: str
    client: str
    address: str
    lat: float
    lon: float
    kind: str
    window_from_s: float
    window_to_s: float
    service_s: float
    state: str
    van: str | None
    locked: bool
    promised_s: float | None
    parcels: int
    outcome: str | None


class ServiceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    in_service: bool
    reason: str = Field("", max_length=200)


class LockIn(BaseModel):
    """`van` None: lock to the van that has the stop now."""

    model_config = ConfigDict(extra="forbid")
    locked: bool
    van: str | None = None


class ReplanIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: str = Field("", max_length=300)


class Asked(BaseModel):
    """A plan was asked for; it comes when it is there."""

    trigger: int
    day: str


class VanService(BaseModel):
    van: str
    in_service: bool
    out_reason: str


def router(kit: Kit, dispatch: Dispatch) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["planning"])
    _asking(routes, kit, dispatch)
    _reading(routes, kit)
    return routes


def _asking(routes: APIRouter, kit: Kit, dispatch: Dispatch) -> None:
    @routes.post("/vans/{van_id}/service")
    def set_service(van_id: str, request: ServiceIn) -> VanService:
        """Put a van out of service or back; its open stops go to others."""
        with kit.store.write() as session:
            van = session.get(VanRow, van_id)
            if van is None:
                raise HTTPException(404, f"van: unknown van {van_id!r}")
            if van.in_service != request.in_service:
                van.in_service = request.in_service
                words = sentence(van_called(van_id)) + (" rijdt weer" if request.in_service else " buiten dienst")
                words += f": {request.reason}" if request.reason else ""
                kind = "van_back" if request.in_service else "van_out"
                ask(session, kind=kind, t_s=kit.clock.now_s(), subject=van_id, words=words)
            van.out_reason = "" if request.in_service else request.reason
            answer = VanService(van=van.id, in_service=van.in_service, out_reason=van.out_reason)
        dispatch.wake()
        return answer

    @routes.post("/stops/{stop_id}/lock")
    def lock_stop(stop_id: str, request: LockIn) -> StopOut:
        """Lock a stop to a van, or let it go. A locked stop never moves to another van."""
        with kit.store.write() as session:
            stop = session.get(StopRow, stop_id)
            if stop is None:
                raise HTTPException(404, f"stop: unknown stop {stop_id!r}")
            stops = read_stops(session, stop.day)
            _lock(session, stops[stop_id], request)
            words = f"vastgezet op {stop.van}" if stop.locked else "losgemaakt"
            if newest_plan(session, stop.day) is not None:
                ask(session, kind="manual", t_s=kit.clock.now_s(), subject=stop_id, words=words)
            answer = _stop_out(stops[stop_id], _outcomes(session, stop.day))
        dispatch.wake()
        return answer

    @routes.post("/days/{day}/plan", status_code=202)
    def ask_plan(day: Day, request: ReplanIn, response: Response) -> Asked:
        """Ask for a plan of this day, with the reason that it will carry."""
        _must_be_day(day)
        with kit.store.write() as session:
            first = newest_plan(session, day) is None
            row = ask(
                session,
                kind="morning" if first else "manual",
                t_s=kit.clock.now_s(),
                subject=day,
                words=request.reason or ("ochtendplan" if first else "opnieuw gepland"),
            )
            asked = Asked(trigger=row.id, day=day)
        dispatch.wake()
        response.headers["Location"] = f"/api/days/{day}/plan"
        return asked


def _reading(routes: APIRouter, kit: Kit) -> None:
    @routes.get("/days/{day}/plan")
    def get_plan(day: Day) -> PlanOut:
        """The plan that holds; 404 before the first."""
        _must_be_day(day)
        with kit.store.read() as session:
            row = newest_plan(session, day)
            if row is None:
                raise HTTPException(404, f"day: no plan for {day} yet")
            return _plan_out(session, row)

    @routes.get("/days/{day}/plans")
    def list_plans(day: Day) -> list[PlanSummary]:
        """Every plan of the day, the newest first."""
        _must_be_day(day)
        with kit.store.read() as session:
            rows = session.scalars(select(PlanRow).where(PlanRow.day == day).order_by(PlanRow.revision.desc())).all()
            return [_summary(session, row, body_of(row)) for row in rows]

    @routes.get("/days/{day}/stops")
    def list_stops(day: Day) -> list[StopOut]:
        """Every stop of the day."""
        _must_be_day(day)
        with kit.store.read() as session:
            outcomes = _outcomes(session, day)
            return [_stop_out(stop, outcomes) for stop in read_stops(session, day).values()]


def _must_be_day(day: str) -> None:
    if not is_day(day):
        raise HTTPException(422, f"day: {day!r} is no date")


def _lock(session: Session, stop: StopNow, request: LockIn) -> None:
    row = stop.row
    if row.state in ("done", "failed", "cancelled"):
        raise HTTPException(409, f"stop: is {row.state}")
    if not request.locked:
        row.locked = False
        return
    van = request.van or row.van
    if van is None:
        raise HTTPException(409, "van: the stop has no van yet, so say which")
    if session.get(VanRow, van) is None:
        raise HTTPException(422, f"van: unknown van {van!r}")
    if stop.aboard and stop.aboard != {van}:
        raise HTTPException(409, f"van: its goods are in {', '.join(sorted(stop.aboard))}")
    if row.state in ("under_way", "at_door") and van != row.van:
        raise HTTPException(409, f"van: {row.van} is on the way to it")
    row.locked, row.van = True, van


def _outcomes(session: Session, day: str) -> dict[str, str]:
    """The newest outcome of each planned stop."""
    rows = session.execute(select(VisitRow.stop, VisitRow.outcome).where(VisitRow.day == day).order_by(VisitRow.t_s))
    return dict(rows.all())


def _stop_out(stop: StopNow, outcomes: dict[str, str]) -> StopOut:
    row = stop.row
    return StopOut(
        id=row.id,
        day=row.day,
        hub=row.hub,
        client=row.resident,
        address=stop.address,
        lat=stop.resident.lat,
        lon=stop.resident.lon,
        kind=row.kind,
        window_from_s=row.from_s,
        window_to_s=row.to_s,
        service_s=row.service_s,
        state=row.state,
        van=row.van,
        locked=row.locked,
        promised_s=row.promised_s,
        parcels=len(stop.parcels),
        outcome=outcomes.get(row.id) or outcomes.get(f"{row.id}/dropoff"),
    )


def _summary(session: Session, row: PlanRow, body: PlanBody) -> PlanSummary:
    words = session.scalars(select(TriggerRow.words).where(TriggerRow.plan == row.id).order_by(TriggerRow.id)).all()
    return PlanSummary(
        id=row.id,
        day=row.day,
        revision=row.revision,
        made_s=row.made_s,
        reason=row.reason,
        engine=row.engine,
        seed=row.seed,
        problem_hash=row.problem_hash,
        solve_s=row.solve_s,
        stops=stops_in(body),
        unserved=len(body.unserved),
        distance_m=sum(route.distance_m for route in body.routes),
        triggers=list(dict.fromkeys(words)),
        changes=[
            PlanChange(
                stop=change.task,
                kind=change.kind,
                van_before=change.van_before,
                van_after=change.van_after,
                shift_s=change.shift_s,
                words=change.words,
            )
            for change in changes_of(row)
        ],
    )


def _plan_out(session: Session, row: PlanRow) -> PlanOut:
    body = body_of(row)
    stops = read_stops(session, row.day)
    visits = session.scalars(select(VisitRow).where(VisitRow.day == row.day).order_by(VisitRow.t_s)).all()
    routes = {route.van: route for route in body.routes}
    vans = session.scalars(select(VanRow).order_by(VanRow.id)).all()
    hubs = {hub.id: hub.name for hub in session.scalars(select(HubRow))}
    return PlanOut(
        **_summary(session, row, body).model_dump(),
        routes=[
            _route_out(van, routes.get(van.id), stops, visits, link=_link(session, van.id, row), hub_name=hubs[van.hub])
            for van in vans
        ],
        left=[
            PlanUnserved(
                stop=left.task,
                client=stops[left.task].row.resident,
                address=stops[left.task].address,
                reason=left.reason,
            )
            for left in body.unserved
            if left.task in stops
        ],
        notes=list(body.notes),
    )


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
    link: DownlinkRow | None,
    hub_name: str,
) -> PlanRoute:
    visited = {visit.stop: visit for visit in visits if visit.van == van.id}
    ahead = [step for step in (driven_to(route) if route is not None else ()) if _is_ahead(step, visited, stops)]
    refs = {step.ref for step in ahead}
    done = [
        _visited_out(visit, stops[stop_of_ref(visit.stop)])
        for visit in visited.values()
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
        soc_end_percent=route.soc_end_percent if route else None,
        sent_s=link.sent_s if link else None,
        acknowledged_revision=link.acknowledged_revision if link else None,
        stops=done + [_step_out(step, stops.get(stop_of_ref(step.ref)), hub_name) for step in ahead],
        geometry=list(route.geometry) if route else [],
    )


def _is_ahead(step: PlannedStep, visited: dict[str, VisitRow], stops: dict[str, StopNow]) -> bool:
    """Whether a planned step is still to come: a second attempt is, although the stop was visited before."""
    if step.ref not in visited:
        return True
    stop = stops.get(stop_of_ref(step.ref))
    return stop is not None and stop.row.kind == "visit" and stop.row.state not in ("done", "failed", "cancelled")


def _visited_out(visit: VisitRow, stop: StopNow) -> PlanStop:
    began_s = visit.began_s if visit.began_s is not None else visit.t_s
    return PlanStop(
        stop=visit.stop,
        kind=visit.stop.partition("/")[2] or "visit",
        client=stop.row.resident,
        address=stop.address,
        lat=stop.resident.lat,
        lon=stop.resident.lon,
        arrive_s=began_s,
        start_s=began_s,
        depart_s=visit.t_s,
        window_from_s=stop.row.from_s,
        window_to_s=stop.row.to_s,
        promised_s=stop.row.promised_s,
        # What came of this visit; the stop itself may be open again for a second attempt.
        state="failed" if visit.outcome in FAILED else "done",
        outcome=visit.outcome,
        locked=stop.row.locked,
        parcels=len(stop.parcels),
    )


def _step_out(step: PlannedStep, stop: StopNow | None, hub_name: str) -> PlanStop:
    if stop is None or is_depot_stop(step.ref):
        return PlanStop(
            stop=step.ref,
            kind=step.kind,
            client=None,
            address=hub_name,
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
    return PlanStop(
        stop=step.ref,
        kind="visit" if step.kind == "task" else step.kind,
        client=stop.row.resident,
        address=address,
        lat=step.lat,
        lon=step.lon,
        arrive_s=step.arrive_s,
        start_s=step.start_s,
        depart_s=step.depart_s,
        window_from_s=stop.row.from_s,
        window_to_s=stop.row.to_s,
        promised_s=stop.row.promised_s,
        state=stop.row.state,
        locked=stop.row.locked,
        late=step.start_s > stop.row.to_s and step.kind == "task",
        parcels=len(stop.parcels),
        orders=[order.id for order in stop.orders],
    )
