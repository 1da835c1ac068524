"""A record of every version there was, with something in each table, is brought up to date and loses nothing."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, insert, select
from sqlalchemy.exc import DBAPIError

from hub_backend import migrations
from hub_backend.store import Store, StoreError
from tests.hub_backend.schemas import kept_of, made_by, revisions

Rows = Sequence[Mapping[str, Any]]
VALUES: Mapping[type, Callable[[int], object]] = {
    str: lambda number: f"x{number}",
    bytes: lambda number: bytes([number]),
    bool: lambda number: number == 0,
    int: lambda number: number + 1,
    float: lambda number: number + 0.5,
    object: lambda number: {"some": [number]},  # JSON
}


def tables(connection: Connection) -> Mapping[str, Table]:
    """Those that are there, in an order in which they can be filled."""
    found = MetaData()
    found.reflect(connection)
    return {table.name: table for table in found.sorted_tables if table.name != "alembic_version"}


def value(column: Column[Any], number: int) -> object:
    """One that fits its column, the same for all of a type, so that what points elsewhere finds something there."""
    if number > 0 and column.nullable:
        return None
    return VALUES[column.type.python_type](number)


def fill(connection: Connection) -> Mapping[str, Rows]:
    """Two rows in each table: one with everything, and one with nothing that may be absent."""
    made = {}
    for name, table in tables(connection).items():
        made[name] = [{column.name: value(column, number) for column in table.columns} for number in range(2)]
        connection.execute(insert(table), made[name])
    return made


def lost_from(store: Store, revision: str) -> list[str]:
    """What a record of that revision held and does not hold any more when it was opened. Raises what `open` raises."""
    with store.engine.begin() as connection:
        migrations.by_revisions(connection, to=revision)
        before = fill(connection)
    store.open()
    lost = []
    with store.engine.connect() as connection:
        now = tables(connection)
        for name, rows in before.items():
            kept = [dict(row) for row in connection.execute(select(now[name])).mappings()] if name in now else []
            lost += [f"{name}: {row}" for row in rows if not any(row.items() <= one.items() for one in kept)]
    return lost


@pytest.mark.parametrize("revision", revisions())
def test_a_record_of_that_revision_keeps_all_that_it_holds(new_database: Callable[[], str], revision: str) -> None:
    assert lost_from(Store(new_database()), revision) == []


@pytest.mark.parametrize("revision", revisions())
def test_a_released_revision_makes_what_it_made_then(revision: str) -> None:
    assert kept_of(revision).exists(), "a new one: python -m tests.hub_backend.schemas keeps what it makes"
    assert made_by(revision) == kept_of(revision).read_text(), "released: what is to change is a revision of its own"


CARELESS = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "careless", "{last}", None, None
def upgrade() -> None:
    {act}
"""


@pytest.fixture
def then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts one more revision after the last."""

    def add(act: str) -> None:
        folder, last = tmp_path / "migrations", migrations.HEAD
        shutil.copytree(migrations.FOLDER, folder)
        (folder / "versions" / "careless.py").write_text(CARELESS.format(last=last, act=act))
        monkeypatch.setattr(migrations, "FOLDER", folder)
        monkeypatch.setattr(migrations, "HEAD", "careless")

    return add


def test_a_revision_that_forgets_is_found(new_database: Callable[[], str], then: Callable[[str], None]) -> None:
    last = migrations.HEAD
    then('op.execute("DELETE FROM lanes")')
    assert [row.partition(":")[0] for row in lost_from(Store(new_database()), last)] == ["lanes", "lanes"]


def test_a_revision_that_drops_what_is_needed_is_found(
    new_database: Callable[[], str], then: Callable[[str], None]
) -> None:
    last = migrations.HEAD
    then('op.drop_table("lanes")')
    with pytest.raises(migrations.SchemaError, match="table lanes is missing"):
        lost_from(Store(new_database()), last)


def test_a_revision_that_works_only_on_empty_tables_is_found(
    new_database: Callable[[], str], then: Callable[[str], None]
) -> None:
    last = migrations.HEAD
    then('op.add_column("lanes", sa.Column("more", sa.Integer(), nullable=False))')
    with pytest.raises((StoreError, DBAPIError)):
        lost_from(Store(new_database()), last)


def test_a_revision_that_only_adds_loses_nothing(new_database: Callable[[], str], then: Callable[[str], None]) -> None:
    last = migrations.HEAD
    then('op.add_column("lanes", sa.Column("more", sa.Integer(), nullable=False, server_default="7"))')
    assert lost_from(Store(new_database()), last) == []
