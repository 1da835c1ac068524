"""Nobody opened: whether somebody comes again today. A rule, and its writing.

Comes in: stops whose visit ended without an answer. Goes out: those that hold a meal or medication are open again,
once, with a later window. Everything else goes back to the hub.
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.ordering.goods import GOODS
from hub_backend.ordering.wishes import Wish, wish_of
from hub_backend.record import HubRow, OrderRow, StopRow, VisitRow
from hub_backend.stop_ref import stop_of_ref
from hub_backend.workday import at

WAIT_S = 2400
"""Somebody who was out is likelier back after some while (own default)."""

WINDOW_S = 2 * 3600
MOST_ATTEMPTS = 2


def needs_retry(wishes: Iterable[Wish], *, attempts: int) -> bool:
    """Whether a stop is tried once more: it brings something the resident cannot do without, and was tried once."""
    return attempts < MOST_ATTEMPTS and any(wish.brings and wish.goods and GOODS[wish.goods].retry for wish in wishes)


def reopen_missed(session: Session, refs: Iterable[str], *, now_s: float, zone: ZoneInfo) -> list[str]:
    """Open again what needs a second attempt today; gives the stops."""
    opened = []
    for ref in dict.fromkeys(refs):
        stop = session.get(StopRow, stop_of_ref(ref))
        if stop is None or stop.state != "failed" or stop.kind != "visit":
            continue
        outcomes = session.scalars(
            select(VisitRow.outcome).where(VisitRow.stop == stop.id).order_by(VisitRow.t_s.desc())
        ).all()
        if outcomes[:1] != ["no_answer"]:  # who refused does not want us back today
            continue
        orders = session.scalars(
            select(OrderRow).where(OrderRow.stop == stop.id, OrderRow.state.in_(("open", "failed")))
        ).all()
        hub = session.get_one(HubRow, stop.hub)
        last_s = at(stop.day, hub.open_to, zone=zone)
        if not needs_retry([wish_of(order) for order in orders], attempts=len(outcomes)) or now_s + 2 * WAIT_S > last_s:
            continue
        stop.state = "open"
        stop.from_s, stop.to_s = now_s + WAIT_S, min(now_s + WAIT_S + WINDOW_S, float(last_s))
        stop.promised_s = None
        for order in orders:
            order.state = "open"
        opened.append(stop.id)
    return opened
