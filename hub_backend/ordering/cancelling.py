"""Cancelling an order, as long as nobody is handing it over."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.errors import HubError
from hub_backend.ordering.stops import refresh_stop
from hub_backend.record import OrderRow, ParcelRow, StopRow


class CancelError(HubError):
    """An order that cannot be cancelled any more: the message says why."""


def cancel(session: Session, order_id: str, *, now_s: float) -> StopRow:
    """Cancel an open order and its parcels; gives the stop it was part of. Parcels in a van go back to the hub.

    Raises `LookupError` when there is no such order and `CancelError` when it is too late.
    """
    order = session.get(OrderRow, order_id)
    if order is None:
        raise LookupError(f"order: {order_id!r} does not exist")
    if order.state != "open":
        raise CancelError(f"order: {order_id} is {order.state}")
    stop = session.get_one(StopRow, order.stop)
    if stop.state in ("at_door", "done"):
        raise CancelError(f"order: {order_id} is being handed over (stop is {stop.state})")
    order.state = "cancelled"
    for parcel in session.scalars(select(ParcelRow).where(ParcelRow.order == order.id)):
        parcel.state, parcel.changed_s = "cancelled", now_s
    session.flush()
    refresh_stop(session, stop)
    return stop
