"""What was set aside: kept with its reason, bounded, counted beyond the bound.

A refused event is the only copy (its gateway was told that it is committed), so each has a row with its payload, up to
`ROWS` rows. A refused message will be sent again, and beyond the bound nothing more is kept: both only raise the count
of their row.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub_backend.record import RejectRow

ROWS = 10_000
PAYLOAD_BYTES = 16_384


@dataclass(frozen=True)
class Refusal:
    """Which input was refused (a topic, or a part and an event), which field, and why."""

    origin: str
    field: str
    reason: str
    payload: bytes | None = None
    comes_again: bool = False
    count: int = 1


def set_aside(session: Session, refusal: Refusal, *, now_s: float) -> RejectRow:
    """Keeps or counts a refusal and returns its row."""
    origin, field, reason = refusal.origin[:120], refusal.field[:80], refusal.reason[:300]
    if refusal.comes_again or _full(session):
        same = select(RejectRow).where(RejectRow.origin == origin, RejectRow.field == field, RejectRow.reason == reason)
        row = session.scalars(same.order_by(RejectRow.id).limit(1)).first()
        if row is not None:
            row.count += refusal.count
            row.received_s = now_s
            return row
    payload = None if refusal.payload is None else refusal.payload[:PAYLOAD_BYTES]
    row = RejectRow(received_s=now_s, origin=origin, field=field, reason=reason, count=refusal.count, payload=payload)
    session.add(row)
    session.flush()
    return row


def _full(session: Session) -> bool:
    return (session.scalar(select(func.count()).select_from(RejectRow)) or 0) >= ROWS
