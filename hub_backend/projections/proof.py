"""The follower that keeps proof: visits, and what they and the scans mean for stops, orders and parcels.

Taking the same event twice changes nothing, and an event that comes late never undoes a newer one: a parcel and a stop
know the time of what they were last told. A stop that nobody planned is set aside; a parcel code that nobody knows is
set aside too, but the visit that names it counts.
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Outcome, Scan, ScanPurpose, ScanResult, Tour, Visit
from hub_backend.projections.follower import CannotTakeError, Follower, Received
from hub_backend.record import OrderRow, ParcelRow, StopRow, VisitRow
from hub_backend.rejects import Refusal, set_aside
from hub_backend.shown import Change
from hub_backend.stop_ref import is_nobodys
from hub_backend.store import row_of

CONTACT = frozenset({Outcome.CONTACT_DOOR, Outcome.CONTACT_INSIDE, Outcome.CONTACT_OTHER_PERSON})
FAILED = frozenset({Outcome.NO_ANSWER, Outcome.REFUSED})
GOING = ("under_way", "at_door")


class Proof(Follower):
    """Writes `visits`, and the states of stops, orders and parcels."""

    name = "proof"
    kinds: frozenset[type[AnyEvent]] = frozenset({Visit, Tour, Scan})

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        match received.event:
            case Visit() as visit:
                return _visited(session, received, visit)
            case Tour() as tour:
                return _toured(session, received, tour)
            case Scan() as scan if scan.result is ScanResult.RIGHT:
                return _scanned(session, received, scan)
            case Scan() as scan if scan.result is ScanResult.ALREADY_SCANNED and scan.purpose is ScanPurpose.INTAKE:
                return _brought_back(session, scan)
            case _:
                return []


def stop_id(ref: str) -> str:
    """The record's stop behind a planned one: a ride is planned as `…/pickup` and `…/dropoff`."""
    return ref.partition("/")[0]


# ---------------------------------------------------------------- on the way


def _toured(session: Session, received: Received, tour: Tour) -> list[Change]:
    if tour.phase == "longer":
        return []
    here = None
    if tour.stop is not None and not is_nobodys(tour.stop):
        here = _stop(session, tour.stop)
    _leave_others(session, received.gateway, tour.t_s, here)
    if here is None or tour.phase not in ("under_way", "arrived") or here.state not in ("open", *GOING):
        return []
    if here.state_s is None or tour.t_s >= here.state_s:
        here.state, here.state_s = ("at_door" if tour.phase == "arrived" else "under_way"), tour.t_s
    return []


def _leave_others(session: Session, van: str, t_s: float, here: StopRow | None) -> None:
    """A van is under way to one stop: what it left without an outcome is open again, unless half a ride is done."""
    left = select(StopRow).where(StopRow.van == van, StopRow.state.in_(GOING))
    for stop in session.scalars(left):
        if stop is not here and stop.kind != "ride" and (stop.state_s is None or t_s >= stop.state_s):
            stop.state = "open"


# ---------------------------------------------------------------- at the door


def _visited(session: Session, received: Received, visit: Visit) -> list[Change]:
    stop = _stop(session, visit.stop)
    if row_of(session, VisitRow, received.id) is not None:
        return []
    newer = session.scalar(select(VisitRow.event).where(VisitRow.stop == visit.stop, VisitRow.t_s > visit.t_s).limit(1))
    session.add(_row(received, visit, stop.day))
    changes = [("visit", str(received.id)), *_handed(session, received, visit)]
    if visit.outcome in FAILED:
        stop.attempts += 1
        _take_back(session, stop, received.gateway, visit)
    gone_again = stop.state in GOING and stop.state_s is not None and stop.state_s > visit.t_s
    if newer is not None or gone_again or stop.state in ("cancelled", "moved"):
        return changes
    stop.state_s = visit.t_s
    stop.state = _state_after(stop, visit)
    if stop.state in ("done", "failed"):
        changes += _settle(session, stop, visit)
    return changes


def _state_after(stop: StopRow, visit: Visit) -> str:
    if visit.outcome in FAILED:
        return "failed"
    return "under_way" if stop.kind == "ride" and visit.stop.endswith("/pickup") else "done"


def _row(received: Received, visit: Visit, day: str) -> VisitRow:
    return VisitRow(
        event=received.id,
        day=day,
        stop=visit.stop,
        van=received.gateway,
        t_s=visit.t_s,
        began_s=visit.began_s,
        outcome=visit.outcome.value,
        step=visit.step,
        delivered=list(visit.delivered),
        collected=list(visit.collected),
        chores_done=list(visit.chores_done),
        distance_m=visit.distance_m,
    )


def _handed(session: Session, received: Received, visit: Visit) -> list[Change]:
    """Parcels that this visit delivered or took along."""
    changes: list[Change] = []
    for field, codes in (("delivered", visit.delivered), ("collected", visit.collected)):
        for code in codes:
            parcel = row_of(session, ParcelRow, code)
            if parcel is None:
                changes.append(_unknown_code(session, received, field, visit.t_s))
            elif field == "delivered":
                _set(parcel, "handed_over", visit.t_s)
            else:
                _load(parcel, received.gateway, visit.t_s)
    return changes


def _take_back(session: Session, stop: StopRow, van: str, visit: Visit) -> None:
    """What was scanned at the door and not handed over lies in the van again."""
    earlier = session.scalars(select(VisitRow.delivered).where(VisitRow.stop == visit.stop)).all()
    handed = {code for codes in earlier for code in codes}
    for parcel in _parcels(session, stop):
        if parcel.direction == "deliver" and parcel.state == "handed_over" and parcel.code not in handed:
            _load(parcel, van, visit.t_s)


def _settle(session: Session, stop: StopRow, visit: Visit) -> list[Change]:
    """Each order of the stop is done or failed."""
    session.flush()
    parcels = _parcels(session, stop)
    changes: list[Change] = []
    for order in session.scalars(select(OrderRow).where(OrderRow.stop == stop.id)):
        if order.state in ("cancelled", "done"):
            continue
        state = "done" if _is_done(order, [one for one in parcels if one.order == order.id], visit) else "failed"
        if state != order.state:
            order.state = state
            changes.append(("order", order.id))
    return changes


def _is_done(order: OrderRow, parcels: list[ParcelRow], visit: Visit) -> bool:
    """Whether the visit gave what the order asked: goods handed over, or taken along, or a person met."""
    if visit.outcome in FAILED:
        return False
    bring = [parcel for parcel in parcels if parcel.direction == "deliver" and parcel.state != "cancelled"]
    take = [parcel for parcel in parcels if parcel.direction == "collect" and parcel.state != "cancelled"]
    match order.kind:
        case "delivery" | "swap":
            return all(parcel.state == "handed_over" for parcel in bring)
        case "collection":
            return all(parcel.state in ("loaded", "at_hub", "returned") for parcel in take)
        case "ride":
            return True
        case _:
            return visit.outcome in CONTACT


# ---------------------------------------------------------------- scans


def _scanned(session: Session, received: Received, scan: Scan) -> list[Change]:
    parcel = row_of(session, ParcelRow, scan.code)
    if parcel is None:
        raise CannotTakeError("code", "a parcel that the record does not know")
    match scan.purpose:
        case ScanPurpose.INTAKE:
            back = parcel.direction == "deliver" and parcel.state == "loaded"
            if _set(parcel, "returned" if back else "at_hub", scan.t_s):
                parcel.van = None
        case ScanPurpose.LOAD | ScanPurpose.COLLECT:
            _load(parcel, received.gateway, scan.t_s)
        case ScanPurpose.DOOR:
            _set(parcel, "handed_over", scan.t_s)
    return [("order", parcel.order)]


def _brought_back(session: Session, scan: Scan) -> list[Change]:
    """A hub's gateway that has not heard yet that this has been in a van calls it taken in before; the record knows."""
    parcel = row_of(session, ParcelRow, scan.code)
    if parcel is None or parcel.direction != "deliver" or parcel.state != "loaded":
        return []
    if not _set(parcel, "returned", scan.t_s):
        return []
    parcel.van = None
    return [("order", parcel.order)]


# ---------------------------------------------------------------- rows


def _stop(session: Session, ref: str) -> StopRow:
    """Raises `CannotTakeError`."""
    stop = row_of(session, StopRow, stop_id(ref))
    if stop is None:
        raise CannotTakeError("stop", "a stop that the record does not know")
    return stop


def _parcels(session: Session, stop: StopRow) -> list[ParcelRow]:
    of_stop = select(ParcelRow).join(OrderRow, OrderRow.id == ParcelRow.order).where(OrderRow.stop == stop.id)
    return list(session.scalars(of_stop))


def _set(parcel: ParcelRow, state: str, t_s: float) -> bool:
    """A newer word about a parcel; an older one changes nothing, and a cancelled parcel stays cancelled."""
    if parcel.state == "cancelled" or (parcel.changed_s is not None and t_s < parcel.changed_s):
        return False
    parcel.state, parcel.changed_s = state, t_s
    return True


def _load(parcel: ParcelRow, van: str, t_s: float) -> None:
    if _set(parcel, "loaded", t_s):
        parcel.van = van


def _unknown_code(session: Session, received: Received, field: str, t_s: float) -> Change:
    origin = f"proof event {received.id} {received.event.source}"
    refusal = Refusal(origin, field, "a parcel that the record does not know")
    (row_id,) = set_aside(session, refusal, now_s=t_s)
    return ("reject", str(row_id))
