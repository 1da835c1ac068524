"""The schema's history, by Alembic. `HEAD` is the newest revision; a test holds it and the metadata together.

A revision that is here is released and never changes again: each change of the schema is a revision of its own, and a
test holds what each one makes against a kept dump.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from hub_backend.errors import HubError
from hub_backend.record import Base

HEAD = "0002"
ADVICE = "An unreleased version made it, or it was changed by hand: begin a new one, or mend this one by hand."
FOLDER = Path(__file__).parent
VERSION_TABLE = (  # as Alembic itself makes it
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


class SchemaError(HubError):
    """The record's schema is not what its revision says, or its revision is none of ours; the message names what."""


def is_older(engine: Engine) -> bool:
    """Whether the database holds something that is not at `HEAD`."""
    with engine.connect() as connection:
        return not _is_empty(connection) and not _is_current(connection)


def upgrade(engine: Engine) -> None:
    """Brings the database to `HEAD`: an empty one at once, an older one revision by revision. Raises `SchemaError`.

    A schema that is not what its revision says would let the hub start, and ingest try for ever.
    """
    with engine.begin() as connection:
        if _is_empty(connection):
            Base.metadata.create_all(connection, checkfirst=False)
            connection.execute(text(VERSION_TABLE))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            return
        if not _is_current(connection):
            by_revisions(connection)
        if faults := _faults(connection):
            raise SchemaError("\n  ".join([f"the record is not as its revision {HEAD} says:", *faults, ADVICE]))


def by_revisions(connection: Connection, *, to: str = "head") -> None:
    """Runs every revision up to `to` that this database has not seen. Raises `SchemaError`.

    Imports Alembic: 10 MB, and a second of a processor.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise SchemaError(f"the record is of another version of buurtrit than this one: {error}") from error


def _faults(connection: Connection) -> list[str]:
    """Where a row could not be read or written as `record` has it, a line for each table or column."""
    held = {name: columns for (_schema, name), columns in inspect(connection).get_multi_columns().items()}
    faults = []
    for name, table in Base.metadata.tables.items():
        if name not in held:
            faults.append(f"table {name} is missing")
            continue
        columns = {column["name"]: column for column in held[name]}
        faults += [f"{name}.{column.name} is missing" for column in table.columns if column.name not in columns]
        for column in columns.values():
            ours = table.columns.get(column["name"])
            must_be_filled = not column["nullable"] and column["default"] is None
            if must_be_filled and (ours is None or ours.nullable):
                faults.append(f"{name}.{column['name']} must be filled there, and is not")
    return faults


def _is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
