"""The outbox: every event lies here, on disk, from before it is acknowledged until the hub says that it is committed.

SQLite in WAL with synchronous=FULL. Two lanes, each numbered n = 1, 2, … without holes and without reuse; business
commits at once, telemetry together every `commit_s` of machine time (a FULL commit writes some 8 KiB: SD cards wear).
In the same file, in the same commits: which events of nodes and records of the page came already, what the gateway must
still know after a restart (today's events, the plan), and the counter of the gateway's starts.

Bounded: a full outbox drops its oldest telemetry, counted; business events are never dropped, further ones are refused.
"""

import fcntl
import logging
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from edge_gateway.contract.messages import LANES, AnyEvent, ClockQuality, Event, Lane, decode_event, encode
from edge_gateway.errors import InvalidEventError, OutboxError, OutboxFullError, fault_of

log = logging.getLogger(__name__)

Identity = tuple[str, int, int]

REMEMBERED = 20_000
"""How many identities of nodes' events are kept to recognise a repeat: the window is 8, so hours of business."""
REMEMBERED_RECORDS = 20_000
REMEMBERED_TODAY = 5_000
WAITING = 10_000
"""How many telemetry events may wait in memory for a disk that is full or slow."""

SCHEMA = """
create table if not exists meta (key text primary key, value blob not null) without rowid;
create table if not exists lanes (
    lane text primary key, last_n integer not null, committed_n integer not null, dropped integer not null
) without rowid;
create table if not exists events (
    lane text not null, n integer not null, body blob not null, primary key (lane, n)
) without rowid;
create table if not exists seen (
    id integer primary key, source text not null, boot integer not null, seq integer not null,
    unique (source, boot, seq)
);
create table if not exists records (number integer primary key, id text not null unique, answer blob not null);
create table if not exists today (number integer primary key, body blob not null);
"""


@dataclass(frozen=True)
class Depth:
    """What the outbox holds: unsent or unconfirmed events per lane, and telemetry dropped, ever."""

    business: int
    telemetry: int
    dropped: int


@dataclass
class _Numbers:
    last_n: int = 0
    committed_n: int = 0
    base_n: int = 1
    """The lowest n on disk, or the next one."""
    dropped: int = 0


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


class Outbox:
    """One outbox file; safe for threads. `source` is the gateway's own name, `now_s` the world's time.

    Raises `OutboxError` when the file cannot be opened or made. A damaged file is set aside: `set_aside` is its name.
    """

    def __init__(
        self, file: Path, *, source: str, now_s: Callable[[], float], commit_s: float, max_events: int
    ) -> None:
        self._file = file
        self._source = source
        self._now_s = now_s
        self._commit_s = commit_s
        self._max_events = max_events
        self._lock = threading.RLock()
        self._waiting: list[_Waiting] = []
        self._refused_waiting = 0
        self._stop = threading.Event()
        self._watchers: list[Callable[[], None]] = []
        self.set_aside: Path | None = None
        self._own = self._take_for_ourselves()
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not file.exists():
                raise OutboxError(f"outbox: cannot make {file}: {error}") from error
            log.error("event=outbox_damaged file=%s error=%r", file.name, str(error))
            self.set_aside = _set_aside(file)
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as again:
                raise OutboxError(f"outbox: cannot open {file}: {again}") from again
        self._start()
        self._committer = threading.Thread(target=self._commit_regularly, name="outbox", daemon=True)
        self._committer.start()

    # ------------------------------------------------------------ opening

    def _take_for_ourselves(self) -> IO[str]:
        """Two gateways on one file would give out the same numbers. Raises `OutboxError`."""
        lock = self._file.with_suffix(".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            held = lock.open("w")
        except OSError as error:
            raise OutboxError(f"outbox: cannot make {lock}: {error}") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.close()
            raise OutboxError(f"outbox: {self._file} is in use by another gateway: give each its data_dir") from error
        return held

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma journal_size_limit = 4194304")
            connection.execute("pragma cache_size = -1024")
            answer = connection.execute("pragma quick_check(1)").fetchone()
            if answer != ("ok",):
                raise sqlite3.DatabaseError(f"quick_check: {answer[0]}")
            connection.executescript(SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _start(self) -> None:
        with self._transaction() as run:
            held = dict(run("select key, value from meta").fetchall())
            self.id: str = held["outbox"].decode() if "outbox" in held else uuid.uuid4().hex
            # A fresh file starts counting from the time in seconds, so that an outbox that was lost, set aside or
            # moved to a new card never reuses (source, boot, seq) of its predecessor.
            self.boot: int = int(held["boot"]) + 1 if "boot" in held else int(self._now_s())
            run("insert or replace into meta values ('outbox', ?)", (self.id.encode(),))
            run("insert or replace into meta values ('boot', ?)", (str(self.boot).encode(),))
            for lane in Lane:
                run("insert or ignore into lanes values (?, 0, 0, 0)", (lane,))
        self._next_seq = 0
        self._numbers = {lane: self._read_numbers(lane) for lane in Lane}
        self._first_n_of_boot = {lane: numbers.last_n + 1 for lane, numbers in self._numbers.items()}

    def _read_numbers(self, lane: Lane) -> _Numbers:
        row = self._connection.execute("select last_n, committed_n, dropped from lanes where lane = ?", (lane,))
        last_n, committed_n, dropped = row.fetchone()
        (base_n,) = self._connection.execute("select min(n) from events where lane = ?", (lane,)).fetchone()
        return _Numbers(last_n, committed_n, last_n + 1 if base_n is None else base_n, dropped)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._connection)

    @contextmanager
    def _write(self) -> Iterator["_Run"]:
        try:
            with self._lock, self._transaction() as run:
                yield run
        except sqlite3.DatabaseError as error:
            raise OutboxError(f"outbox: {self._file.name} refuses to write: {error}") from error

    def _query(self, question: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(question, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise OutboxError(f"outbox: {self._file.name} cannot be read: {error}") from error

    # ------------------------------------------------------------ putting in

    def commit(
        self,
        events: Sequence[AnyEvent],
        *,
        record: tuple[str, bytes] | None = None,
        facts: Mapping[str, bytes] | None = None,
        remember: bool = False,
    ) -> list[AnyEvent]:
        """Keeps events for good before it returns, whatever their lane, and returns them as stamped.

        The gateway's own events get their boot and seq here. A repeat of a node's event is left out of the answer.
        `record` is the id of a page's record and the answer to it; `facts` are kept under their names;
        `remember` keeps the events for `today()`.

        Raises `InvalidEventError` (nothing kept), `OutboxFullError`, `OutboxError` (nothing kept, try again).
        """
        for event in events:
            _check(event)
        with self._lock:
            kept = self._commit(_Write(events, record, facts or {}, remember))
        self._tell()
        return kept

    def offer(self, event: AnyEvent, *, committed: Callable[[], None] | None = None) -> None:
        """Keeps an event with the next group commit, then calls `committed` (from the committing thread).

        `committed` is not called while the disk refuses. Raises `InvalidEventError`.
        """
        _check(event)
        with self._lock:
            if len(self._waiting) >= WAITING:
                self._waiting.pop(0)
                self._numbers[Lane.TELEMETRY].dropped += 1
            self._waiting.append(_Waiting(event, committed))

    def _commit(self, write: _Write) -> list[AnyEvent]:
        """Writes `write` and what waits, in the order of coming. The caller holds the lock."""
        waiting, self._waiting = self._waiting, []
        numbers = {lane: _Numbers(**vars(held)) for lane, held in self._numbers.items()}
        next_seq = self._next_seq
        kept: list[AnyEvent] = []
        try:
            with self._transaction() as run:
                for entry in waiting:
                    self._insert(run, entry.event, numbers)
                for event in write.events:
                    stamped = self._insert(run, event, numbers)
                    if stamped is not None:
                        kept.append(stamped)
                if write.record is not None:
                    run("insert or ignore into records (id, answer) values (?, ?)", write.record)
                for name, value in write.facts.items():
                    run("insert or replace into meta values (?, ?)", (f"fact:{name}", value))
                if write.remember:
                    for event in kept:
                        run("insert into today (body) values (?)", (encode(event),))
                self._make_room(run, numbers)
                for lane, held in numbers.items():
                    run(
                        "update lanes set last_n = ?, committed_n = ?, dropped = ? where lane = ?",
                        (held.last_n, held.committed_n, held.dropped, lane),
                    )
        except (sqlite3.DatabaseError, OutboxFullError) as error:
            self._waiting = waiting + self._waiting
            self._next_seq = next_seq
            if isinstance(error, OutboxFullError):
                raise
            raise OutboxError(f"outbox: {self._file.name} refuses to write: {error}") from error
        self._numbers = numbers
        for entry in waiting:
            if entry.committed is not None:
                entry.committed()
        return kept

    def _insert(self, run: "_Run", event: AnyEvent, numbers: dict[Lane, _Numbers]) -> AnyEvent | None:
        if event.source == self._source:
            event = msgspec.structs.replace(event, boot=self.boot, seq=self._next_seq)
            self._next_seq += 1
        else:
            identity = (event.source, event.boot, event.seq)
            if run("insert or ignore into seen (source, boot, seq) values (?, ?, ?)", identity).rowcount == 0:
                return None
        lane = LANES[type(event)]
        held = numbers[lane]
        held.last_n += 1
        run("insert into events values (?, ?, ?)", (lane, held.last_n, encode(event)))
        return event

    def _make_room(self, run: "_Run", numbers: dict[Lane, _Numbers]) -> None:
        for lane, held in numbers.items():
            if held.base_n <= held.committed_n:
                run("delete from events where lane = ? and n <= ?", (lane, held.committed_n))
                held.base_n = held.committed_n + 1
        business, telemetry = (numbers[lane] for lane in (Lane.BUSINESS, Lane.TELEMETRY))
        excess = sum(held.last_n + 1 - held.base_n for held in (business, telemetry)) - self._max_events
        if excess <= 0:
            return
        held_telemetry = telemetry.last_n + 1 - telemetry.base_n
        if excess > held_telemetry:
            raise OutboxFullError(
                f"outbox: {self._max_events} business events wait for the hub, no more fit; restore the connection"
            )
        drop = min(held_telemetry, max(excess, self._max_events // 100))
        telemetry.base_n += drop
        telemetry.dropped += drop
        run("delete from events where lane = ? and n < ?", (Lane.TELEMETRY, telemetry.base_n))

    def _commit_regularly(self) -> None:
        tidied_s = time.monotonic()
        while not self._stop.wait(self._commit_s):
            try:
                self.flush()
                if time.monotonic() - tidied_s > 60:
                    tidied_s = time.monotonic()
                    self._tidy()
            except OutboxError as error:
                if _is_damage(error):
                    raise  # ends the process: the next start sets the file aside
                self._refused_waiting += 1
                if self._refused_waiting in (1, 10) or self._refused_waiting % 100 == 0:
                    log.error("event=outbox_refuses times=%d error=%r", self._refused_waiting, str(error))

    def flush(self) -> None:
        """Commits what waits now. Raises `OutboxError`."""
        with self._lock:
            deletable = any(held.base_n <= held.committed_n for held in self._numbers.values())
            if not self._waiting and not deletable:
                return
            self._commit(_Write())
        self._tell()

    def _tidy(self) -> None:
        """Forgets the oldest of what is remembered only to recognise repeats."""
        with self._write() as run:
            run("delete from seen where id <= (select max(id) from seen) - ?", (REMEMBERED,))
            run("delete from records where number <= (select max(number) from records) - ?", (REMEMBERED_RECORDS,))
            run("delete from today where number <= (select max(number) from today) - ?", (REMEMBERED_TODAY,))

    # ------------------------------------------------------------ taking out

    def read(self, lane: Lane, *, from_n: int, max_events: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """The events of a lane from `from_n` on, at most so many and at most so many bytes (but at least one)."""
        rows = self._query(
            "select n, body from events where lane = ? and n >= ? order by n limit ?", (lane, from_n, max_events)
        )
        taken: list[tuple[int, bytes]] = []
        size = 0
        for n, body in rows:
            size += len(body) + 1
            if taken and size > max_bytes:
                break
            taken.append((n, body))
        return taken

    def committed(self, lane: Lane, n: int) -> bool:
        """The hub holds all up to and including `n`: they may go. False for an n that was never given out."""
        with self._lock:
            held = self._numbers[lane]
            if n > held.last_n:
                return False
            held.committed_n = max(held.committed_n, n)
        self._tell()
        return True

    def span(self, lane: Lane) -> tuple[int, int, int]:
        """(committed n, lowest n still held and not committed, last n)."""
        with self._lock:
            held = self._numbers[lane]
            return held.committed_n, max(held.base_n, held.committed_n + 1), held.last_n

    @property
    def depth(self) -> Depth:
        with self._lock:
            waiting = {lane: 0 for lane in Lane}
            for entry in self._waiting:
                waiting[LANES[type(entry.event)]] += 1
            held = {
                lane: numbers.last_n + 1 - max(numbers.base_n, numbers.committed_n + 1) + waiting[lane]
                for lane, numbers in self._numbers.items()
            }
            return Depth(held[Lane.BUSINESS], held[Lane.TELEMETRY], self._numbers[Lane.TELEMETRY].dropped)

    # ------------------------------------------------------------ remembering

    def has(self, identity: Identity) -> bool:
        """True when this node's event is on disk, or was."""
        return bool(self._query("select 1 from seen where source = ? and boot = ? and seq = ?", identity))

    def answer(self, record_id: str) -> bytes | None:
        """The answer that a record of the page got when it was stored; None for a new one."""
        rows = self._query("select answer from records where id = ?", (record_id,))
        return bytes(rows[0][0]) if rows else None

    def fact(self, name: str) -> bytes | None:
        """What was kept under this name."""
        rows = self._query("select value from meta where key = ?", (f"fact:{name}",))
        return bytes(rows[0][0]) if rows else None

    def today(self) -> list[AnyEvent]:
        """The events kept with `remember`, oldest first."""
        return [decode_event.decode(body) for (body,) in self._query("select body from today order by number")]

    def forget_today(self) -> None:
        """A new day begins. Raises `OutboxError`."""
        with self._write() as run:
            run("delete from today")

    def correct_times(self, step_s: float, quality: ClockQuality) -> int:
        """Moves the unsent events that this start stamped with an unset clock; returns how many."""
        moved = 0
        with self._lock:
            self._waiting = [_Waiting(_moved(entry.event, step_s, quality), entry.committed) for entry in self._waiting]
            with self._write() as run:
                for lane, first_n in self._first_n_of_boot.items():
                    for n, body in run(
                        "select n, body from events where lane = ? and n >= ?", (lane, first_n)
                    ).fetchall():
                        event = decode_event.decode(body)
                        if event.clock is ClockQuality.NONE:
                            corrected = encode(_moved(event, step_s, quality))
                            run("update events set body = ? where lane = ? and n = ?", (corrected, lane, n))
                            moved += 1
        return moved

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
            with self._lock:
                self._connection.close()
            self._own.close()


_Run = Callable[..., sqlite3.Cursor]


class _Transaction:
    """`with _Transaction(connection) as run:` begins, and commits or rolls back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> _Run:
        self._connection.execute("begin immediate")
        return self._connection.execute

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                self._connection.execute("commit")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("rollback")


def _is_damage(error: OutboxError) -> bool:
    """True when the file itself is broken; a full or busy disk is not, and is waited for."""
    passing = (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
    return isinstance(error.__cause__, sqlite3.DatabaseError) and not isinstance(error.__cause__, passing)


def _check(event: Event) -> None:
    """Raises `InvalidEventError` for an event that the hub would set aside."""
    try:
        decode_event.decode(encode(event))
    except msgspec.ValidationError as error:
        raise InvalidEventError(*fault_of(error)) from error


def _moved(event: AnyEvent, step_s: float, quality: ClockQuality) -> AnyEvent:
    if event.clock is not ClockQuality.NONE:
        return event
    return msgspec.structs.replace(event, t_s=event.t_s + step_s, clock=quality)


def _set_aside(file: Path) -> Path:
    """Gives a damaged file and its journals a new name that is free; nothing in it is deleted."""
    number = 1
    while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            os.rename(part, aside.with_name(aside.name + suffix))  # noqa: PTH104 - says that nothing is overwritten
    return aside
