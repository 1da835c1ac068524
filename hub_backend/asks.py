"""Asking for a new plan: a trigger in the record, which dispatch answers. Words are Dutch, for the planner."""

from sqlalchemy.orm import Session

from hub_backend.record import TriggerRow


def ask(session: Session, kind: str, *, t_s: float, subject: str, words: str) -> TriggerRow:
    """A reason to plan again; `kind` as `TriggerRow` lists them, `subject` a stop, an order, a van or a day."""
    row = TriggerRow(t_s=t_s, kind=kind, subject=subject, words=words[:300])
    session.add(row)
    return row
