"""Reads the events in order and lets each follower write its projection.

All followers write in one transaction, and how far each of them is belongs to it: killed at any moment, they go on
exactly after what they wrote. One that fails is tried alone and holds up none of the others; an event that it cannot
take is set aside for it. What changed is told to the screens after the commit.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from edge_gateway.contract import messages
from hub_backend import shown
from hub_backend.kit import Kit
from hub_backend.projections.follower import AwayError, CannotTakeError, Follower, Received
from hub_backend.record import CursorRow, EventRow
from hub_backend.rejects import Refusal, set_aside
from hub_backend.shown import Change
from hub_backend.store import Store

log = logging.getLogger(__name__)

BATCH_EVENTS = 1000
REST = 4  # while others go first, so many times as long as the last page took; so a fifth of the time is ours
GIVE_WAY_S = 2.0  # machine: at most, before each page of BATCH_EVENTS
PACE_S = 0.05  # machine: from one round to the next, so that what arrives in many small pieces is one round
RETRY_S = (0.2, 1.0, 5.0)  # machine


@dataclass
class Cursor:
    """A follower, the newest event that it is done with, and what it needs that is away."""

    follower: Follower
    event_id: int
    away: AwayError | OperationalError | None = None

    def wanted(self, events: Sequence[Received]) -> list[Received]:
        return [received for received in events if type(received.event) in self.follower.kinds]


@dataclass(frozen=True)
class _Page:
    """The next events of the kinds that somebody reads; up to `last_id` there are no others."""

    events: Sequence[Received]
    last_id: int


NEWEST = select(func.max(EventRow.id))
# Looked through by id alone: asked for kinds as well, SQLite sorts every event there ever was of each kind.
NEXT = (
    select(EventRow.id, EventRow.gateway, EventRow.kind, EventRow.body)
    .where(EventRow.id > bindparam("after"), EventRow.id <= bindparam("until"))
    .order_by(EventRow.id)
    .limit(bindparam("most"))
)


class Followers:
    """The thread that keeps all followers going, in the order given: a later one may read what an earlier one wrote."""

    def __init__(self, kit: Kit, followers: Sequence[Follower], *, name: str = "followers") -> None:
        self._kit = kit
        with kit.store.read() as session:
            done = {row.follower: row.event_id for row in session.scalars(select(CursorRow))}
        self._cursors = [Cursor(follower, done.get(follower.name, 0)) for follower in followers]
        self._save = _upsert(kit.store)
        self.gives_way_to: Callable[[], bool] = lambda: False
        """True while others go first: a screen may be late, what is not in the record yet is only with who sent it."""
        self._page_took_s = 0.05  # machine
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    # ------------------------------------------------------------ the part

    def wake(self) -> None:
        """There are new events."""
        self._bell.set()

    def behind(self, newest_id: int) -> dict[str, int]:
        """By follower, how many events it is behind the record's newest."""
        return {cursor.follower.name: max(0, newest_id - cursor.event_id) for cursor in self._cursors}

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
                self._stop.wait(PACE_S)
            except (AwayError, OperationalError) as error:
                log.error("followers_wait tries=%d error=%s", tries + 1, error)
                self._stop.wait(RETRY_S[min(tries, len(RETRY_S) - 1)])
                self._bell.set()
                tries += 1

    # ------------------------------------------------------------ the rounds

    def catch_up(self) -> int:
        """Lets every follower take all there is; returns how many events they took.

        One that is away stays behind alone; its `AwayError` or `OperationalError` is raised in the end.
        """
        newest_id = newest_event(self._kit)
        for cursor in self._cursors:
            cursor.away = None
        taken = 0
        while going := [one for one in self._cursors if one.away is None and one.event_id < newest_id]:
            self._give_way()
            if self._stop.is_set():
                break
            began_s = time.monotonic()
            after = min(cursor.event_id for cursor in going)
            until = min((cursor.event_id for cursor in going if cursor.event_id > after), default=newest_id)
            taken += self._advance([cursor for cursor in going if cursor.event_id == after], until)
            self._page_took_s = time.monotonic() - began_s
        for cursor in self._cursors:
            if cursor.away is not None:
                raise cursor.away
        return taken

    def _give_way(self) -> None:
        until = time.monotonic() + min(GIVE_WAY_S, REST * self._page_took_s)
        while self.gives_way_to() and time.monotonic() < until and not self._stop.is_set():
            self._stop.wait(PACE_S)

    def _advance(self, cursors: Sequence[Cursor], until: int) -> int:
        """The next events for these, who all stand at the same event; returns how many they took."""
        page = self._next(cursors, until)
        if not page.events:
            for cursor in cursors:  # in memory alone: looking through these again costs nothing but time
                cursor.event_id = page.last_id
            return 0
        try:
            self._take(cursors, page)
        except Exception as error:  # noqa: BLE001 - whatever one event breaks, the others must go on
            log.info("followers_failed_together error=%s", type(error).__name__)
            for cursor in cursors:
                self._take_alone(cursor, page)
        return sum(len(cursor.wanted(page.events)) for cursor in cursors if cursor.event_id >= page.last_id)

    def _next(self, cursors: Sequence[Cursor], until: int) -> _Page:
        kinds = {str(kind.__struct_config__.tag) for cursor in cursors for kind in cursor.follower.kinds}
        with self._kit.store.connection() as connection:
            asked = {"after": cursors[0].event_id, "until": until, "most": BATCH_EVENTS}
            rows = connection.execute(NEXT, asked).all()
        decode = messages.decode_event.decode
        events = [Received(id_, gateway, decode(body)) for id_, gateway, kind, body in rows if kind in kinds]
        return _Page(events, rows[-1].id if len(rows) == BATCH_EVENTS else until)

    def _take(self, cursors: Sequence[Cursor], page: _Page) -> None:
        """These followers take the page in one transaction."""
        theirs = [(cursor.follower, cursor.wanted(page.events)) for cursor in cursors]
        for follower, wanted in theirs:
            if wanted:
                follower.send(wanted)
        changes: list[Change] = []
        with self._kit.store.write() as session:
            for follower, wanted in theirs:
                changes += self._take_each(session, follower, wanted)
            self._move(session, cursors, page.last_id)
        self._moved(cursors, page.last_id, changes)

    def _take_each(self, session: Session, follower: Follower, events: Sequence[Received]) -> list[Change]:
        changes: list[Change] = []
        needed = follower.needed(events)
        if needed:
            follower.begin(session, needed)
        for received in needed:
            try:
                changes += follower.take(session, received)
            except CannotTakeError as fault:
                changes.append(self._set_aside(session, follower, received, fault.field, fault.reason))
        if events:
            follower.finish(session, events)
        return changes

    def _move(self, session: Session, cursors: Sequence[Cursor], event_id: int) -> None:
        rows = [{"follower": cursor.follower.name, "event_id": event_id} for cursor in cursors]
        session.connection().execute(self._save, rows)

    def _moved(self, cursors: Sequence[Cursor], event_id: int, changes: Sequence[Change]) -> None:
        for cursor in cursors:
            cursor.event_id = event_id
        shown.tell(self._kit, changes)

    # ------------------------------------------------------------ what fails

    def _take_alone(self, cursor: Cursor, page: _Page) -> None:
        """One follower; when it fails, one event at a time. Who needs what is away remembers it."""
        try:
            self._take([cursor], page)
        except (AwayError, OperationalError) as error:
            cursor.away = error
        except Exception as error:  # noqa: BLE001 - as above
            log.info("follower_failed follower=%s error=%s", cursor.follower.name, type(error).__name__)
            for received in cursor.wanted(page.events):
                if cursor.away is None:
                    self._take_one(cursor, received)
            if cursor.away is None:
                cursor.event_id = page.last_id

    def _take_one(self, cursor: Cursor, received: Received) -> None:
        """One event; when that fails it is set aside."""
        try:
            self._take([cursor], _Page([received], received.id))
        except (AwayError, OperationalError) as error:
            cursor.away = error
        except Exception as error:
            log.exception("follower_event_failed follower=%s event=%d", cursor.follower.name, received.id)
            reason = f"{type(error).__name__} in the hub; see its log"
            with self._kit.store.write() as session:
                change = self._set_aside(session, cursor.follower, received, "event", reason)
                self._move(session, [cursor], received.id)
            self._moved([cursor], received.id, [change])

    def _set_aside(self, session: Session, follower: Follower, received: Received, field: str, reason: str) -> Change:
        origin = f"{follower.name} event {received.id} {received.event.source}"
        (row_id,) = set_aside(session, Refusal(origin, field, reason), now_s=self._kit.clock.now_s())
        return ("reject", str(row_id))


def newest_event(kit: Kit) -> int:
    """The id of the record's newest event, 0 before the first."""
    with kit.store.connection() as connection:
        return connection.scalar(NEWEST) or 0


def _upsert(store: Store) -> Any:
    insert = store.insert(CursorRow)
    return insert.on_conflict_do_update(index_elements=["follower"], set_={"event_id": insert.excluded.event_id})
