"""The outbox: every event lies here, on disk, from before it is acknowledged until the hub says that it is committed.

Two lanes, each numbered n = 1, 2, … without holes and without reuse; business commits at once, telemetry together every
`commit_s` of machine time (a FULL commit writes some 8 KiB: SD cards wear).

Bounded: in a full outbox the oldest telemetry is thinned, and dropped when it is thin already, both counted; business
events are never dropped, further ones are refused.
"""

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge_gateway.contract.messages import AnyEvent, ClockQuality, Event, Lane, decode_event, encode
from edge_gateway.errors import InvalidEventError, OutboxError, fault_of
from edge_gateway.outbox.ballast import Ballast
from edge_gateway.outbox.file import OutboxFile, Run, is_damage, is_disk_full
from edge_gateway.outbox.lanes import Depth, Identity, Lanes, moved_in_time, waiting_per_lane
from edge_gateway.outbox.remembered import Remembered
from edge_gateway.outbox.room import Room

log = logging.getLogger(__name__)

WAITING = 10_000
"""How many telemetry events may wait in memory for a disk that is full or slow."""
TIDY_S = 60.0


@dataclass
class _Waiting:
    event: AnyEvent
    committed: Callable[[], None] | None = None


@dataclass
class _Write:
    """One commit: events of both lanes, and what is remembered with them."""

    events: Sequence[AnyEvent] = ()
    record: tuple[str, bytes] | None = None
    facts: Mapping[str, bytes] = field(default_factory=dict)
    remember: bool = False
    as_it_is: bool = False
    """Not stamped anew: events of a file that was set aside."""


class Outbox:
    """One outbox file of at most `max_bytes`; safe for threads.

    `source` is the gateway's own name, `now_s` the world's time.

    Raises `OutboxError` when the file cannot be opened or made. A damaged file is set aside: `set_aside` is its name.
    """

    def __init__(
        self,
        file: Path,
        *,
        source: str,
        now_s: Callable[[], float],
        commit_s: float,
        max_bytes: int,
        ballast_bytes: int = 0,
    ) -> None:
        self._commit_s = commit_s
        self._room = Room.of_file(max_bytes)
        self._waiting: list[_Waiting] = []
        self._dropped_waiting = 0
        self._refused_waiting = 0
        self._stop = threading.Event()
        self._watchers: list[Callable[[], None]] = []
        self._file = OutboxFile(file)
        self._lock = self._file.lock
        self._remembered = Remembered(self._file)
        self._ballast = Ballast(file.with_suffix(".reserve"), ballast_bytes)
        self._ballast.take()
        with self._file.write() as run:
            self.id, self.boot = _begin(run, now_s)
            self._lanes = Lanes(self._file, run, source=source, boot=self.boot)
        self._committer = threading.Thread(target=self._commit_regularly, name="outbox", daemon=True)
        self._committer.start()

    @property
    def set_aside(self) -> Path | None:
        """The new name of a file that was found damaged at this start."""
        return self._file.set_aside

    # ------------------------------------------------------------ putting in

    def commit(
        self,
        events: Sequence[AnyEvent],
        *,
        record: tuple[str, bytes] | None = None,
        facts: Mapping[str, bytes] | None = None,
        remember: bool = False,
    ) -> Sequence[AnyEvent]:
        """Keeps events for good before it returns, whatever their lane, and returns them as stamped.

        The gateway's own events get their boot and seq here. A repeat of a node's event is left out of the answer.
        `record` is the id of a page's record and the answer to it; `facts` are kept under their names;
        `remember` keeps the events for `today()`.

        Raises `InvalidEventError` (nothing kept), `OutboxFullError`, `OutboxError` (nothing kept, try again).
        """
        with self._lock:
            kept = self._commit(_Write(events, record, facts or {}, remember))
        self._tell()
        return kept

    def take_back(self, events: Sequence[AnyEvent]) -> int:
        """Keeps events of another file under the identity that they have; returns how many were new here.

        Raises as `commit` does.
        """
        with self._lock:
            kept = self._commit(_Write(events, as_it_is=True))
        self._tell()
        return len(kept)

    def offer(self, event: AnyEvent, *, committed: Callable[[], None] | None = None) -> None:
        """Keeps an event with the next group commit, then calls `committed` (from the committing thread).

        `committed` is not called while the disk refuses. Raises `InvalidEventError`.
        """
        _check(event)
        with self._lock:
            if len(self._waiting) >= WAITING:
                self._waiting.pop(0)
                self._dropped_waiting += 1
            self._waiting.append(_Waiting(event, committed))

    def _commit(self, write: _Write) -> Sequence[AnyEvent]:
        """Writes `write` and what waits, in the order of coming. The caller holds the lock."""
        waiting = list(self._waiting)
        try:
            kept = self._write(write, waiting)
        except OutboxError as error:
            if not write.events or not is_disk_full(error) or not self._ballast.release():
                raise
            waiting = []  # the room that was held is for business alone
            kept = self._write(write, waiting)
        del self._waiting[: len(waiting)]
        for entry in waiting:
            if entry.committed is not None:
                entry.committed()
        return kept

    def _write(self, write: _Write, waiting: Sequence[_Waiting]) -> Sequence[AnyEvent]:
        """One transaction. Raises `OutboxError`, `InvalidEventError`: nothing of it was written."""
        try:
            with self._file.transaction() as run:
                lanes = self._lanes.begin(run)
                lanes.insert([entry.event for entry in waiting], checked=True)
                kept = lanes.insert(write.events, as_it_is=write.as_it_is)
                self._remembered.keep(run, record=write.record, facts=write.facts, today=kept if write.remember else ())
                lanes.numbers[Lane.TELEMETRY].dropped += self._dropped_waiting
                lanes.delete_committed()
                self._room.make(lanes)
                lanes.save()
        except sqlite3.DatabaseError as error:
            raise self._file.refusal(error) from error
        except msgspec.ValidationError as error:
            raise InvalidEventError(*fault_of(error)) from error
        self._lanes.accept(lanes)
        self._dropped_waiting = 0
        return kept

    def _commit_regularly(self) -> None:
        tidied_s = time.monotonic()
        while not self._stop.wait(self._commit_s):
            try:
                self.flush()
                if time.monotonic() - tidied_s > TIDY_S:
                    tidied_s = time.monotonic()
                    self._remembered.tidy()
                    self._ballast.take()
            except OutboxError as error:
                if is_damage(error):
                    raise  # ends the process: the next start sets the file aside
                self._refused_waiting += 1
                if self._refused_waiting in (1, 10) or self._refused_waiting % 100 == 0:
                    log.error("event=outbox_refuses times=%d error=%r", self._refused_waiting, str(error))

    def flush(self) -> None:
        """Commits what waits now. Raises `OutboxError`."""
        with self._lock:
            if not self._waiting and not self._lanes.deletable:
                return
            self._commit(_Write())
        self._tell()

    # ------------------------------------------------------------ taking out

    def read(self, lane: Lane, *, from_n: int, max_events: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """The events of a lane from `from_n` on, at most so many and at most so many bytes (but at least one)."""
        return self._lanes.read(lane, from_n=from_n, max_events=max_events, max_bytes=max_bytes)

    def committed(self, lane: Lane, n: int) -> bool:
        """The hub holds all up to and including `n`: they may go. False for an n that was never given out."""
        with self._lock:
            held = self._lanes[lane]
            if n > held.last_n:
                return False
            held.committed_n = max(held.committed_n, n)
        self._tell()
        return True

    def span(self, lane: Lane) -> tuple[int, int, int]:
        """(committed n, lowest n still held and not committed, last n)."""
        with self._lock:
            held = self._lanes[lane]
            return held.committed_n, max(held.base_n, held.committed_n + 1), held.last_n

    @property
    def depth(self) -> Depth:
        with self._lock:
            waiting = waiting_per_lane([entry.event for entry in self._waiting])
            held = {lane: self._lanes[lane].pending + waiting[lane] for lane in Lane}
            dropped = self._lanes[Lane.TELEMETRY].dropped + self._dropped_waiting
            return Depth(held[Lane.BUSINESS], held[Lane.TELEMETRY], dropped, self._lanes[Lane.TELEMETRY].thinned)

    # ------------------------------------------------------------ remembering

    def has(self, identity: Identity) -> bool:
        """True when this node's event is on disk, or was."""
        return self._remembered.has(identity)

    def answer(self, record_id: str) -> bytes | None:
        """The answer that a record of the page got when it was stored; None for a new one."""
        return self._remembered.answer(record_id)

    def fact(self, name: str) -> bytes | None:
        """What was kept under this name."""
        return self._remembered.fact(name)

    def today(self) -> list[AnyEvent]:
        """The events kept with `remember`, oldest first."""
        return self._remembered.today()

    def forget_today(self) -> None:
        """A new day begins. Raises `OutboxError`."""
        self._remembered.forget_today()

    def correct_times(self, step_s: float, quality: ClockQuality) -> int:
        """Moves the unsent events that this start stamped with an unset clock; returns how many lay on disk."""
        with self._lock:
            self._waiting = [
                _Waiting(moved_in_time(entry.event, step_s, quality), entry.committed) for entry in self._waiting
            ]
            with self._file.write() as run:
                return self._lanes.correct_times(run, step_s, quality)

    # ------------------------------------------------------------ watching and stopping

    def watch(self, changed: Callable[[], None]) -> None:
        """Calls `changed` (from any thread) after each change of what is held."""
        self._watchers.append(changed)

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()

    def close(self) -> None:
        """Commits what waits and closes the file. Raises `OutboxError` when the disk refuses; it is closed anyway."""
        self._stop.set()
        self._committer.join()
        try:
            self.flush()
        finally:
            self._file.close()


def _begin(run: Run, now_s: Callable[[], float]) -> tuple[str, int]:
    """The file's id, for ever, and the number of this start."""
    held = dict(run("select key, value from meta where key in ('outbox', 'boot')").fetchall())
    name = held["outbox"].decode() if "outbox" in held else uuid.uuid4().hex
    # A fresh file starts counting from the time in seconds, so that an outbox that was lost, set aside or
    # moved to a new card never reuses (source, boot, seq) of its predecessor.
    boot = int(held["boot"]) + 1 if "boot" in held else int(now_s())
    run("insert or replace into meta values ('outbox', ?)", (name.encode(),))
    run("insert or replace into meta values ('boot', ?)", (str(boot).encode(),))
    return name, boot


def _check(event: Event) -> None:
    """Raises `InvalidEventError` for an event that the hub would set aside."""
    try:
        decode_event.decode(encode(event))
    except msgspec.ValidationError as error:
        raise InvalidEventError(*fault_of(error)) from error
