"""Stops over HTTP: every stop of a day, and locking one to a van."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.api.day import Day, must_be_day
from hub_backend.dispatching.day.stops import OPEN, StopNow, read_stops
from hub_backend.dispatching.dispatch import Dispatch
from hub_backend.dispatching.plans import newest_plan
from hub_backend.kit import Kit
from hub_backend.ordering.words import Text
from hub_backend.record import StopRow, VanRow, VisitRow
from hub_backend.spoken import said, van_called
from hub_backend.stop_ref import DROPOFF, stop_of_ref
from hub_backend.trigger import ask


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
    moved_to: str | None
    van: str | None
    locked: bool
    promised_s: float | None
    parcels: int
    outcome: str | None


class LockIn(BaseModel):
    """`van` None: lock to the van that has the stop now."""

    model_config = ConfigDict(extra="forbid")
    locked: bool
    van: Text | None = None


def router(kit: Kit, dispatch: Dispatch) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["planning"])

    @routes.post("/stops/{ref:path}/lock")
    def lock_stop(ref: str, request: LockIn) -> StopOut:
        """Lock a stop to a van, or let it go. A locked stop never moves to another van; both ends of a ride are one."""
        stop_id = stop_of_ref(ref)
        with kit.store.write() as session:
            stop = session.get(StopRow, stop_id)
            if stop is None:
                raise HTTPException(404, f"stop: unknown stop {stop_id!r}")
            stops = read_stops(session, stop.day)
            _lock(session, stops[stop_id], request)
            words = said("locked", van=van_called(stop.van or "")) if stop.locked else said("unlocked")
            if newest_plan(session, stop.day) is not None:
                ask(session, kind="manual", t_s=kit.clock.now_s(), subject=stop_id, words=words)
            answer = _stop_out(stops[stop_id], _outcomes(session, stop.day))
        dispatch.wake()
        return answer

    @routes.get("/days/{day}/stops")
    def list_stops(day: Day) -> list[StopOut]:
        """Every stop of the day."""
        must_be_day(day)
        with kit.store.read() as session:
            outcomes = _outcomes(session, day)
            return [_stop_out(stop, outcomes) for stop in read_stops(session, day).values()]

    return routes


def _lock(session: Session, stop: StopNow, request: LockIn) -> None:
    row = stop.row
    if row.state not in OPEN:
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
        moved_to=row.moved_to,
        van=row.van,
        locked=row.locked,
        promised_s=row.promised_s,
        parcels=len(stop.parcels),
        outcome=outcomes.get(row.id) or outcomes.get(f"{row.id}{DROPOFF}"),
    )
