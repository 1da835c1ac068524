"""The record's doors."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex, CreateTable

from hub_backend import migrations
from hub_backend.kit import Kit
from hub_backend.migrations import SchemaError
from hub_backend.record import Base, CursorRow, SeriesRow
from hub_backend.store import Store, StoreError, row_of


def drawn(connection: Connection) -> list[str]:
    """Everything that the database says it holds, as the lines that would make it; keys come in any order."""
    found = MetaData()
    found.reflect(connection)
    tables = sorted(found.tables.values(), key=lambda table: table.name)
    indexes = sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name))
    made = [*(CreateTable(table) for table in tables), *(CreateIndex(index) for index in indexes)]
    return [line.strip(", ") for one in made for line in sorted(str(one.compile(connection)).splitlines())]


def test_revisions_make_exactly_the_metadata_and_what_an_empty_database_is_given_at_once(
    new_database: Callable[[], str],
) -> None:
    at_once, step_by_step = Store(new_database()), Store(new_database())
    at_once.open()
    with step_by_step.engine.begin() as connection:
        migrations.by_revisions(connection)
    for store in (at_once, step_by_step):
        assert not store.is_older
        with store.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
    with at_once.engine.connect() as one, step_by_step.engine.connect() as other:
        assert drawn(one) == drawn(other)


def test_a_record_of_an_older_version_is_known_as_one_and_left_to_the_revisions(
    new_database: Callable[[], str],
) -> None:
    store = Store(new_database())
    assert not store.is_older, "there is none yet"
    store.open()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert store.is_older
    with pytest.raises(SchemaError, match="0000"):
        store.open()


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("ALTER TABLE orders DROP COLUMN letterbox_allowed", "orders.letterbox_allowed is missing"),
        ("DROP TABLE lanes", "table lanes is missing"),
        ("ALTER TABLE lanes RENAME TO l; CREATE TABLE lanes AS SELECT gateway FROM l", "lanes.outbox is missing"),
        ("DROP TABLE stops; CREATE TABLE stops (more INTEGER NOT NULL)", "stops.more must be filled there, and is not"),
    ],
)
def test_a_record_that_is_not_what_its_revision_says_is_refused(kit: Kit, act: str, told: str) -> None:
    with kit.store.engine.begin() as connection:
        for statement in act.split("; "):
            connection.execute(text(statement))
    with pytest.raises(SchemaError, match=told):
        kit.store.open()


def test_a_record_with_more_than_its_revision_says_is_taken(any_kit: Kit) -> None:
    with any_kit.store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE lanes ADD COLUMN more INTEGER DEFAULT 0 NOT NULL"))
    any_kit.store.open()


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_opening_twice_is_opening_once(any_kit: Kit) -> None:
    with any_kit.store.write() as session:
        session.add(CursorRow(follower="one", event_id=7))
    any_kit.store.open()
    any_kit.store.open()
    with any_kit.store.read() as session:
        assert session.get_one(CursorRow, "one").event_id == 7


def test_what_fails_is_rolled_back_whole(any_kit: Kit) -> None:
    with pytest.raises(RuntimeError, match="half way"), any_kit.store.write() as session:
        session.add(CursorRow(follower="one", event_id=1))
        session.flush()
        raise RuntimeError("half way")
    with any_kit.store.read() as session:
        assert session.get(CursorRow, "one") is None


def test_readers_are_not_held_up_by_a_writer(any_kit: Kit) -> None:
    with any_kit.store.write() as writer:
        writer.add(CursorRow(follower="one", event_id=1))
        writer.flush()
        with any_kit.store.read() as reader:
            assert reader.get(CursorRow, "one") is None


def test_many_writing_threads_lose_nothing(kit: Kit) -> None:
    def count_up() -> None:
        for _ in range(20):
            with kit.store.write() as session:
                row = session.get(CursorRow, "shared") or CursorRow(follower="shared", event_id=0)
                session.add(row)
                row.event_id += 1

    threads = [threading.Thread(target=count_up) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with kit.store.read() as session:
        row = session.get(CursorRow, "shared")
        assert row is not None
        assert row.event_id == 100


def test_nested_write_is_refused_not_a_deadlock(kit: Kit) -> None:
    with kit.store.write(), pytest.raises(RuntimeError, match="pass the session"), kit.store.write():
        pass


def test_sqlite_is_wal_and_full(kit: Kit) -> None:
    with kit.store.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_series_point_is_unique(kit: Kit) -> None:
    with pytest.raises(IntegrityError), kit.store.write() as session:
        session.add(SeriesRow(source="a", field="b", t_s=1.0, value=1.0))
        session.flush()
        session.connection().execute(SeriesRow.__table__.insert().values(source="a", field="b", t_s=1.0, value=2.0))
    with kit.store.read() as session:
        assert session.scalars(select(SeriesRow)).all() == []


@pytest.fixture
def no_folder(tmp_path: Path) -> Iterator[str]:
    yield f"sqlite:///{tmp_path / 'absent' / 'hub.sqlite'}"


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x/y"])
def test_bad_address_is_said_to_be_the_database_url(url: str) -> None:
    with pytest.raises(StoreError, match="database_url"):
        Store(url)


def test_unopenable_database_is_said_to_be_the_database_url(no_folder: str) -> None:
    with pytest.raises(StoreError, match="database_url"):
        Store(no_folder).open()


def test_a_row_that_was_found_is_not_asked_for_again_and_writes_nothing_out(kit: Kit) -> None:
    names = ("one", "two", "three")
    with kit.store.write() as session:
        session.add_all(CursorRow(follower=name, event_id=0) for name in names)
    asked: list[str] = []
    event.listen(kit.store.engine, "before_cursor_execute", lambda _c, _cur, statement, *_: asked.append(statement))
    with kit.store.write() as session:
        for turn in range(5):
            for name in names:
                row = row_of(session, CursorRow, name)
                assert row is not None and row.event_id == turn
                row.event_id = turn + 1
    assert sum(one.startswith("SELECT") for one in asked) == len(names)
    assert sum(one.startswith("UPDATE") for one in asked) == 1
    with kit.store.read() as session:
        assert {row.event_id for row in session.scalars(select(CursorRow))} == {5}


def test_a_row_that_was_only_just_added_is_found(kit: Kit) -> None:
    with kit.store.write() as session:
        session.add(CursorRow(follower="new", event_id=3))
        found = row_of(session, CursorRow, "new")
        assert found is not None and found.event_id == 3
