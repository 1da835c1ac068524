"""What a follower is: it turns the record's events into a projection, each event once, in their order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent
from hub_backend.errors import HubError
from hub_backend.shown import Change


class AwayError(HubError):
    """Something a follower writes to is away: the same events are tried again later."""


class CannotTakeError(HubError):
    """This follower can do nothing with this event; it is set aside with the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Received:
    """An event of the record: its id, the gateway that sent it, and the event itself."""

    id: int
    gateway: str
    event: AnyEvent


class Follower(Protocol):
    """Turns events into a projection. `kinds` are the event classes it reads."""

    name: str
    kinds: frozenset[type[AnyEvent]]

    def send(self, events: Sequence[Received]) -> None:
        """Before the transaction: what goes elsewhere than into the record, and may go twice. Raises `AwayError`."""
        return

    def needed(self, events: Sequence[Received]) -> Sequence[Received]:
        """Those that make a difference, of the next events of its kinds: the others are done with untaken."""
        return events

    def begin(self, session: Session, events: Sequence[Received]) -> None:
        """Before the first of the needed events is taken: what is read in bulk."""
        return

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        """Writes what one event means and says what changed. Raises `CannotTakeError` before it wrote anything."""
        ...

    def finish(self, session: Session, events: Sequence[Received]) -> None:
        """After the last of `events`, taken or not needed, and before the commit: what is written in bulk."""
        return
