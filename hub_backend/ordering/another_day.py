"""What may wait for another day: whether it may, what bringing it today is worth, and its move to the next morning.

Comes in: the record as a morning begins. Goes out: what was not brought on the days before, with a stop of that day.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.ordering.goods import ANOTHER_DAY_S, OPTIONAL_S
from hub_backend.ordering.refs import RandomBelow
from hub_backend.ordering.stops import refresh_stop, stop_for
from hub_backend.record import OrderRow, ParcelRow, ResidentRow, StopRow, VisitRow
from hub_backend.workday import next_workday, same_time


def may_wait(order: OrderRow) -> bool:
    """Whether there is a later day on which it may come, with vans that go out."""
    return order.until_day is not None and next_workday(order.day) <= order.until_day


def worth_s(orders: Sequence[OrderRow]) -> int | None:
    """What serving these together today is worth, in seconds of driving; None: one of them is a must."""
    worth = [ANOTHER_DAY_S if may_wait(order) else OPTIONAL_S if order.optional else None for order in orders]
    return sum(one for one in worth if one is not None) if worth and None not in worth else None


def carry_over(session: Session, day: str, *, zone: ZoneInfo, random_below: RandomBelow) -> list[StopRow]:
    """Move to `day` what was not brought before it and may still be; gives the stops that it joined, each once."""
    orders = session.scalars(
        select(OrderRow)
        .where(OrderRow.day < day, OrderRow.until_day >= day, OrderRow.state.in_(("open", "failed")))
        .order_by(OrderRow.from_s, OrderRow.id)
    ).all()
    moved = [_moved(session, order, day, zone, random_below) for order in orders if not _is_refused(session, order)]
    return list({stop.id: stop for stop in moved}.values())


def _is_refused(session: Session, order: OrderRow) -> bool:
    """Whether the resident did not want it: then nobody comes back with it."""
    newest = select(VisitRow.outcome).where(VisitRow.stop == order.stop).order_by(VisitRow.t_s.desc()).limit(1)
    return session.scalars(newest).first() == "refused"


def _moved(session: Session, order: OrderRow, day: str, zone: ZoneInfo, random_below: RandomBelow) -> StopRow:
    before = session.get_one(StopRow, order.stop)
    parcels = session.scalars(select(ParcelRow).where(ParcelRow.order == order.id)).all()
    for parcel in parcels:
        if parcel.state == "returned":
            parcel.state = "at_hub"
    is_here = any(parcel.state in ("at_hub", "loaded") for parcel in parcels)
    release_s = None if is_here or order.release_s is None else same_time(order.release_s, day, zone=zone)
    order.from_s, order.to_s = (same_time(t_s, day, zone=zone) for t_s in (order.from_s, order.to_s))
    order.day, order.state, order.release_s = day, "open", release_s
    stop = stop_for(session, order, session.get_one(ResidentRow, order.resident), random_below=random_below)
    order.stop = stop.id
    session.flush()
    refresh_stop(session, before)
    before.moved_to = day
    if before.state == "cancelled":
        before.state = "moved"
    refresh_stop(session, stop)
    return stop
