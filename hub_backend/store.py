"""The record's doors: `read` and `write` give a session; the schema is brought up to date when it opens.

SQLite runs in WAL with synchronous=FULL: what was committed survives a power cut. There one writer at a time writes;
writers of this process queue on a lock, because SQLite's own waiting sleeps in steps of up to 100 ms. PostgreSQL needs
neither. Event ids grow in the order of commit because one ingest alone inserts events: one hub process a database.
"""

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Select, bindparam, create_engine, event, inspect, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from hub_backend.errors import HubError

BUSY_MS = 10_000
CACHE_KIB = 200
TOGETHER = (1000, 100, 10, 1)
"""Rows in one statement of SQLite: it takes two thirds of the time, and the thread waits a thousand times less for its
turn among Python's others, which is after each statement. The most are 8,000 values; since 3.32 it takes 32,766."""
HELD = "held"  # where a session keeps what `row_of` has found
Row = TypeVar("Row", bound=DeclarativeBase)


class StoreError(HubError):
    """The database cannot be opened or brought up to date."""


class Store:
    """The record behind one database address. Raises `StoreError` when that address cannot be used."""

    def __init__(self, url: str) -> None:
        try:
            # The newest connection first: as many as are needed at once stay warm, and not each of the pool.
            self._engine = create_engine(
                url, pool_size=10, max_overflow=30, pool_use_lifo=True, pool_pre_ping=not url.startswith("sqlite")
            )
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreError(f"database_url: {error}") from error
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        if self.is_sqlite:
            _prepare_sqlite(self._engine)
        self._writing = self._engine.execution_options(writes=True)
        self._turn = threading.Lock()
        self._holder: int | None = None

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def insert(self) -> Callable[[type[DeclarativeBase]], Any]:
        """The database's own INSERT, with ON CONFLICT. PostgreSQL's takes 6 MB: imported only where it is used."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert as insert_in_sqlite

            return insert_in_sqlite
        from sqlalchemy.dialects.postgresql import insert as insert_in_postgresql

        return insert_in_postgresql

    def bulk(self, statement: Any, columns: Sequence[str]) -> "Bulk":
        """An INSERT of the database's own that is to write many rows of these columns."""
        compiled = statement.inline().compile(dialect=self._engine.dialect, column_keys=list(columns))
        return Bulk.of(str(compiled), tuple(columns), compiled.positiontup)

    def open(self) -> None:
        """Brings the schema up to date. Raises `StoreError`, and `SchemaError` when it is not what it says it is."""
        from hub_backend.migrations import upgrade

        try:
            upgrade(self._writing)
        except OperationalError as error:
            raise StoreError(f"database_url: {error.orig}") from error

    @property
    def is_older(self) -> bool:
        """Whether the record was made by an older version, and `open` would import Alembic. Raises `StoreError`."""
        from hub_backend.migrations import is_older

        try:
            return is_older(self._engine)
        except OperationalError as error:
            raise StoreError(f"database_url: {error.orig}") from error

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def read(self) -> Generator[Session]:
        """A session that sees one moment of the record and writes nothing."""
        with self._away_has_one_name(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """As `read`, for rows that need no session: a third of the cost of a small question."""
        with self._away_has_one_name(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Session]:
        """A session that commits at the end, or rolls back on an error. May not be nested in its own thread."""
        session = Session(self._writing, expire_on_commit=False)
        with self._away_has_one_name(), self._my_turn(), session, session.begin():
            yield session

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """As `write`, for rows that need no session: at half of the cost."""
        with self._away_has_one_name(), self._my_turn(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def _away_has_one_name(self) -> Generator[None]:
        """A connection that is lost is an `OperationalError`, whatever the driver calls it: others wait for that one.

        A driver that was asked without SQLAlchemy in between (`Bulk`) has its errors named here as well.
        """
        driver = self._engine.dialect.loaded_dbapi
        try:
            yield
        except OperationalError:
            raise
        except DBAPIError as error:
            if isinstance(error, InterfaceError) or error.connection_invalidated:
                raise OperationalError(error.statement, error.params, error.orig or error) from error
            raise
        except (driver.OperationalError, driver.InterfaceError) as error:
            raise OperationalError(None, None, error) from error
        except driver.Error as error:
            raise DBAPIError(None, None, error) from error

    @contextmanager
    def _my_turn(self) -> Generator[None]:
        if not self.is_sqlite:
            yield
            return
        if self._holder == threading.get_ident():
            raise RuntimeError("store.write() inside store.write(): pass the session instead")
        with self._turn:
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None


@dataclass(frozen=True)
class Bulk:
    """An INSERT as the driver is given it, for many rows at once.

    SQLAlchemy itself takes longer for each row's values than SQLite takes to write it, and for a statement as long as
    for ten rows. Only for columns whose values the driver takes as they are, and inside one of the record's doors.
    """

    texts: Mapping[int, str]
    """By how many rows it writes at once, the most first."""
    columns: tuple[str, ...]
    order: tuple[str, ...] | None
    """How a driver that counts its values wants them; None for one that calls them by name."""

    @classmethod
    def of(cls, text: str, columns: tuple[str, ...], order: Sequence[str] | None) -> Self:
        """A statement for one row; where values are counted, it is made into one for many as well."""
        if order is None:
            return cls({1: text}, columns, None)
        row = f"({', '.join('?' * len(columns))})"
        texts = {rows: text.replace(f"VALUES {row}", f"VALUES {', '.join([row] * rows)}", 1) for rows in TOGETHER}
        return cls(texts, columns, tuple(order))

    def write(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Writes rows, each in the order of `columns`; returns how many were written or changed."""
        values, at, changed = self._values(rows), 0, 0
        cursor = connection.connection.cursor()
        try:
            for together, text in self.texts.items():
                until = len(values) - (len(values) - at) % together
                if at < until:
                    cursor.executemany(text, _joined(values[at:until], together))
                    changed, at = changed + cursor.rowcount, until
        finally:
            cursor.close()
        return changed

    def _values(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        if self.order is None:
            return [dict(zip(self.columns, row, strict=True)) for row in rows]
        if self.order == self.columns:
            return rows
        places = [self.columns.index(name) for name in self.order]
        return [tuple(row[place] for place in places) for row in rows]


def _joined(values: Sequence[Any], together: int) -> Sequence[Any]:
    """The values of so many rows one after the other."""
    if together == 1:
        return values
    return [tuple(chain.from_iterable(values[at : at + together])) for at in range(0, len(values), together)]


def row_of(session: Session, kind: type[Row], key: object) -> Row | None:
    """The row with this key, as `session.get` at a fraction of its cost: the question is made once, not at each asking.

    The row stays with the session. SQLAlchemy itself forgets one that nobody holds and that is not changed, and asking
    for another row writes out what is changed: when vans speak in turn, each word costs a question and an update.
    """
    identity = session.identity_key(kind, key)
    known = session.identity_map.get(identity)
    if known is not None:
        return known  # type: ignore[no-any-return]
    if session.new or session.deleted:  # the one that is asked for may be among them
        found = session.scalars(_by_key(kind), {"key": key}).one_or_none()
    else:
        with session.no_autoflush:
            found = session.scalars(_by_key(kind), {"key": key}).one_or_none()
    if found is not None:
        session.info.setdefault(HELD, []).append(found)
    return found


def hold_rows(session: Session, kind: type[Row], keys: Collection[object]) -> dict[object, Row]:
    """The rows with these keys, by key, asked for at once; `row_of` finds them then without asking."""
    found = session.scalars(_by_keys(kind), {"keys": list(keys)}).all() if keys else []
    session.info.setdefault(HELD, []).extend(found)
    return {inspect(row).identity[0]: row for row in found}


@cache
def _by_keys(kind: type[Row]) -> Select[Any]:
    (column,) = inspect(kind).primary_key
    return select(kind).where(column.in_(bindparam("keys", expanding=True)))


@cache
def _by_key(kind: type[Row]) -> Select[Any]:
    (column,) = inspect(kind).primary_key
    return select(kind).where(column == bindparam("key"))


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _settle(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        for pragma in (
            *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
            *(f"busy_timeout={BUSY_MS}", f"cache_size={-CACHE_KIB}"),
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE: a writer that begins as a reader may find the file changed and cannot wait its turn
        writes = connection.get_execution_options().get("writes", False)
        cursor = connection.connection.cursor()  # the driver's: SQLAlchemy takes ten times as long for this word
        cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        cursor.close()
