"""A stop in the record follows from its open orders: its window, its time at the door, whether it is meant."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.ordering.bundling import common_window
from hub_backend.ordering.goods import RIDE_DROPOFF_S, RIDE_PICKUP_S
from hub_backend.ordering.wishes import service_s, wish_of
from hub_backend.record import OrderRow, ResidentRow, StopRow


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
