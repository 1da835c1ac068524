"""Writing a reason to plan again: once for each cause that an event was, or because a person asks."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.record import TriggerRow
from hub_backend.spoken import Words


def pull(session: Session, *, kind: str, subject: str, words: Words, t_s: float, cause: str) -> bool:
    """Writes the trigger unless this cause had one already; returns whether it wrote."""
    if session.scalar(select(TriggerRow.id).where(TriggerRow.cause == cause)) is not None:
        return False
    row = TriggerRow(kind=kind, subject=subject, words=words.nl[:300], words_en=words.en[:300], t_s=t_s)
    row.cause = cause[:160]
    session.add(row)
    session.flush()
    return True


def ask(session: Session, *, kind: str, subject: str, words: Words, t_s: float) -> TriggerRow:
    """A person, or a supplier's system, asks: always a trigger of its own. `subject`: a stop, a van or a day."""
    row = TriggerRow(kind=kind, subject=subject, words=words.nl[:300], words_en=words.en[:300], t_s=t_s)
    session.add(row)
    session.flush()
    return row
