"""Reads the events in order and lets each follower write its projection.

A follower's rows and its cursor are one transaction: killed at any moment, it goes on exactly after what it wrote. An
event that a follower cannot take is set aside for that follower, and nothing stops. What changed is told to the screens
after the commit.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from edge_gateway.contract import messages
from edge_gateway.contract.messages import AnyEvent
from hub_backend import shown
from hub_backend.errors import HubError
from hub_backend.kit import Kit
from hub_backend.record import CursorRow, EventRow
from hub_backend.rejects import Refusal, set_aside
from hub_backend.shown import Change

log = logging.getLogger(__name__)

BATCH_EVENTS = 1000
RETRY_S = (0.2, 1.0, 5.0)  # machine


class AwayError(HubError):
    """Something a follower writes to is away: the same events are tried again later."""


class CannotTakeError(HubError):
    """This follower can do nothing with this event; it is set aside with the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Received:
    """An event of the record: its id, the gateway that sent it, and the event itself."""

    id: int
    gateway: str
    event: AnyEvent


class Follower(Protocol):
    """Turns events into a projection. `kinds` are the event classes it reads."""

    name: str
    kinds: frozenset[type[AnyEvent]]

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        """Writes what one event means and says what changed. Raises `CannotTakeError` before it wrote anything."""
        ...

    def finish(self, session: Session) -> None:
        """Called once before each commit, for what is written in bulk. Raises `AwayError`."""
        ...


class Cursor:
    """One follower and how far it is. Events of other kinds move it too, though only in memory."""

    def __init__(self, kit: Kit, follower: Follower) -> None:
        self._kit = kit
        self._follower = follower
        self._kinds = sorted(str(kind.__struct_config__.tag) for kind in follower.kinds)
        self.name = follower.name
        with kit.store.read() as session:
            row = session.get(CursorRow, follower.name)
            self.event_id = row.event_id if row else 0

    def advance(self, newest_id: int) -> int:
        """Takes the next events up to `newest_id`; returns how many. Raises `AwayError`, `OperationalError`."""
        if newest_id <= self.event_id:
            return 0
        events = self._next(newest_id)
        if not events:
            self.event_id = newest_id
            return 0
        try:
            changes = self._take_together(events)
        except (AwayError, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one event breaks, the others must go on
            log.info("follower_batch_failed follower=%s error=%s", self.name, type(error).__name__)
            changes = self._take_singly(events)
        self.event_id = events[-1].id
        shown.tell(self._kit, changes)
        return len(events)

    def _next(self, newest_id: int) -> list[Received]:
        wanted = (
            select(EventRow.id, EventRow.gateway, EventRow.body)
            .where(EventRow.id > self.event_id, EventRow.id <= newest_id, EventRow.kind.in_(self._kinds))
            .order_by(EventRow.id)
            .limit(BATCH_EVENTS)
        )
        with self._kit.store.read() as session:
            rows = session.execute(wanted).all()
        return [Received(id_, gateway, messages.decode_event.decode(body)) for id_, gateway, body in rows]

    def _take_together(self, events: Sequence[Received]) -> list[Change]:
        changes: list[Change] = []
        with self._kit.store.write() as session:
            for received in events:
                try:
                    changes += self._follower.take(session, received)
                except CannotTakeError as fault:
                    changes.append(self._set_aside(session, received, fault.field, fault.reason))
            self._follower.finish(session)
            self._save(session, events[-1].id)
        return changes

    def _take_singly(self, events: Sequence[Received]) -> list[Change]:
        """Each event in its own transaction, so that the one that fails is found and set aside."""
        changes: list[Change] = []
        for received in events:
            try:
                changes += self._take_together([received])
            except (AwayError, OperationalError):
                raise
            except Exception as error:
                log.exception("follower_event_failed follower=%s event=%d", self.name, received.id)
                with self._kit.store.write() as session:
                    reason = f"{type(error).__name__} in the hub; see its log"
                    changes.append(self._set_aside(session, received, "event", reason))
                    self._save(session, received.id)
            self.event_id = received.id
        return changes

    def _set_aside(self, session: Session, received: Received, field: str, reason: str) -> Change:
        origin = f"{self.name} event {received.id} {received.event.source}"
        row = set_aside(session, Refusal(origin, field, reason), now_s=self._kit.clock.now_s())
        return ("reject", str(row.id))

    def _save(self, session: Session, event_id: int) -> None:
        session.merge(CursorRow(follower=self.name, event_id=event_id))


class Followers:
    """The thread that keeps all followers going, in the order given: a later one may read what an earlier one wrote."""

    def __init__(self, kit: Kit, followers: Sequence[Follower]) -> None:
        self._kit = kit
        self._cursors = [Cursor(kit, follower) for follower in followers]
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="followers", daemon=True)

    def wake(self) -> None:
        """There are new events."""
        self._bell.set()

    def behind(self) -> dict[str, int]:
        """By follower, how many events it is behind; none only when no event is waiting for it."""
        with self._kit.store.read() as session:
            newest_id = session.scalar(select(func.max(EventRow.id))) or 0
        return {cursor.name: max(0, newest_id - cursor.event_id) for cursor in self._cursors}

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._bell.set()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._bell.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        tries = 0
        while not self._stop.is_set():
            self._bell.wait(1.0)
            self._bell.clear()
            try:
                self.catch_up()
                tries = 0
            except (AwayError, OperationalError) as error:
                log.error("followers_wait tries=%d error=%s", tries + 1, error)
                self._stop.wait(RETRY_S[min(tries, len(RETRY_S) - 1)])
                self._bell.set()
                tries += 1

    def catch_up(self) -> int:
        """Lets every follower take all there is; returns how many events they took.

        One that is away does not hold up the others; its `AwayError` or `OperationalError` is raised in the end.
        """
        with self._kit.store.read() as session:
            newest_id = session.scalar(select(func.max(EventRow.id))) or 0
        taken = 0
        away: AwayError | OperationalError | None = None
        for cursor in self._cursors:
            try:
                while not self._stop.is_set() and (count := cursor.advance(newest_id)):
                    taken += count
            except (AwayError, OperationalError) as error:
                away = error
        if away is not None:
            raise away
        return taken
