"""The outbox's file: SQLite in WAL with synchronous=FULL, one gateway a file, set aside when it is damaged."""

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from edge_gateway.errors import OutboxError

log = logging.getLogger(__name__)

SCHEMA = """
create table if not exists meta (key text primary key, value blob not null) without rowid;
create table if not exists lanes (
    lane text primary key, last_n integer not null default 0, committed_n integer not null default 0,
    dropped integer not null default 0, thinned integer not null default 0
) without rowid;
create table if not exists business (n integer primary key, body blob not null);
create table if not exists telemetry (n integer primary key, body blob not null);
create table if not exists seen (
    id integer primary key, source text not null, boot integer not null, seq integer not null,
    unique (source, boot, seq)
);
create table if not exists records (number integer primary key, id text not null unique, answer blob not null);
create table if not exists today (number integer primary key, body blob not null);
"""

# One table for both lanes, as it was until November 2026.
BOTH_LANES = "select 1 from sqlite_master where type = 'table' and name = 'events'"
APART = """
begin immediate;
insert into business select n, body from events where lane = 'business';
insert into telemetry select n, body from events where lane = 'telemetry';
drop table events;
commit;
"""

Run = Callable[..., sqlite3.Cursor]
RunMany = Callable[[str, Sequence[Sequence[object]]], sqlite3.Cursor]


class OutboxFile:
    """One open file; safe for threads under its `lock`.

    Raises `OutboxError` when the file cannot be opened or made. A damaged one is set aside: `set_aside` is its name.
    """

    def __init__(self, file: Path) -> None:
        self.path = file
        self.lock = threading.RLock()
        self.set_aside: Path | None = None
        self._own = _take_for_ourselves(file)
        try:
            self.connection = _open(file)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not file.exists():
                raise OutboxError(f"outbox: cannot make {file}: {error}") from error
            log.error("event=outbox_damaged file=%s error=%r", file.name, str(error))
            self.set_aside = _set_aside(file)
            try:
                self.connection = _open(file)
            except sqlite3.DatabaseError as again:
                raise OutboxError(f"outbox: cannot open {file}: {again}") from again
        self._part_lanes()

    def _part_lanes(self) -> None:
        """Gives each lane of an older file its table. Raises `OutboxError`: all is still where it was."""
        try:
            if self.connection.execute(BOTH_LANES).fetchone() is not None:
                self.connection.executescript(APART)
        except sqlite3.DatabaseError as error:
            self.close()  # which rolls back
            raise self.refusal(error) from error

    def transaction(self) -> "Transaction":
        """`with file.transaction() as run:` commits or rolls back; raises `sqlite3.DatabaseError`."""
        return Transaction(self.connection)

    @contextmanager
    def write(self) -> Iterator[Run]:
        """A transaction under the lock. Raises `OutboxError`: nothing was written."""
        try:
            with self.lock, self.transaction() as run:
                yield run
        except sqlite3.DatabaseError as error:
            raise self.refusal(error) from error

    def query(self, question: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows. Raises `OutboxError`."""
        try:
            with self.lock:
                return self.connection.execute(question, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise OutboxError(f"outbox: {self.path.name} cannot be read: {error}") from error

    def refusal(self, error: sqlite3.DatabaseError) -> OutboxError:
        """What to raise (from `error`) when a write failed."""
        return OutboxError(f"outbox: {self.path.name} refuses to write: {error}")

    def close(self) -> None:
        """The file is closed and free for another gateway."""
        with self.lock:
            self.connection.close()
        self._own.close()


class Transaction:
    """`with Transaction(connection) as run:` begins, and commits or rolls back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Run:
        self._connection.execute("begin immediate")
        return self._connection.execute

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                self._connection.execute("commit")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("rollback")


def is_damage(error: OutboxError) -> bool:
    """True when the file itself is broken; a full or busy disk is not, and is waited for."""
    passing = (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
    return isinstance(error.__cause__, sqlite3.DatabaseError) and not isinstance(error.__cause__, passing)


def is_disk_full(error: OutboxError) -> bool:
    """True when the disk has no room for a write."""
    return isinstance(error.__cause__, sqlite3.Error) and error.__cause__.sqlite_errorcode == sqlite3.SQLITE_FULL


def _take_for_ourselves(file: Path) -> IO[str]:
    """Two gateways on one file would give out the same numbers. Raises `OutboxError`."""
    lock = file.with_suffix(".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = lock.open("w")
    except OSError as error:
        raise OutboxError(f"outbox: cannot make {lock}: {error}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise OutboxError(f"outbox: {file} is in use by another gateway: give each its data_dir") from error
    return held


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
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
