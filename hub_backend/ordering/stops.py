"""Stops in the record: which one an order joins, and what follows from a stop's open orders.

That is its window, its time at the door, and whether it is meant at all.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.ordering.bundling import OpenStop, common_window, stop_to_join
from hub_backend.ordering.goods import RIDE_DROPOFF_S, RIDE_PICKUP_S
from hub_backend.ordering.refs import RandomBelow, new_ref
from hub_backend.ordering.wishes import service_s, wish_of
from hub_backend.record import OrderRow, ParcelRow, ResidentRow, StopRow


def refresh_stop(session: Session, stop: StopRow) -> None:
    """Give a stop the window and the time that its open orders ask for; without any it is cancelled."""
    orders = session.scalars(select(OrderRow).where(OrderRow.stop == stop.id, OrderRow.state == "open")).all()
    if not orders:
        if stop.state in ("open", "under_way"):
            stop.state = "cancelled"
        return
    window = (orders[0].from_s, orders[0].to_s)
    for order in orders[1:]:
        window = common_window(window, (order.from_s, order.to_s)) or window
    stop.from_s, stop.to_s = window
    resident = session.get_one(ResidentRow, stop.resident)
    if stop.kind == "ride":
        stop.service_s = RIDE_PICKUP_S + RIDE_DROPOFF_S
    else:
        stop.service_s = service_s((wish_of(order) for order in orders), usual_step=resident.usual_step)


def stop_for(session: Session, order: OrderRow, resident: ResidentRow, *, random_below: RandomBelow) -> StopRow:
    """The stop of the order's day that it joins, or a new one. See `bundling.stop_to_join`."""
    rows = session.scalars(
        select(StopRow)
        .where(
            StopRow.day == order.day,
            StopRow.resident == resident.id,
            StopRow.state == "open",
            StopRow.attempts == 0,
            StopRow.kind == "visit",
        )
        .order_by(StopRow.from_s, StopRow.id)
    ).all()
    open_stops = [OpenStop(row.id, row.from_s, row.to_s, loaded=_is_loaded(session, row.id)) for row in rows]
    joined = stop_to_join(wish_of(order), (order.from_s, order.to_s), open_stops)
    if joined is not None:
        return session.get_one(StopRow, joined.id)
    stop = StopRow(
        id=new_ref(random_below),
        day=order.day,
        hub=resident.hub,
        resident=resident.id,
        kind="ride" if order.kind == "ride" else "visit",
        from_s=order.from_s,
        to_s=order.to_s,
        service_s=0.0,
    )
    session.add(stop)
    session.flush()
    return stop


def _is_loaded(session: Session, stop_id: str) -> bool:
    query = (
        select(ParcelRow.code)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .where(OrderRow.stop == stop_id, ParcelRow.state == "loaded", ParcelRow.direction == "deliver")
        .limit(1)
    )
    return session.scalars(query).first() is not None
