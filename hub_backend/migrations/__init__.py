"""The schema's history, by Alembic. `HEAD` is the newest revision; a test holds it and the metadata together.

Until a first release the one revision is the whole schema; after that each change is a revision of its own.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from hub_backend.record import Base

HEAD = "0001"
FOLDER = Path(__file__).parent
VERSION_TABLE = (  # as Alembic itself makes it
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def is_older(engine: Engine) -> bool:
    """Whether the database holds something that is not at `HEAD`."""
    with engine.connect() as connection:
        return not _is_empty(connection) and not _is_current(connection)


def upgrade(engine: Engine) -> None:
    """Brings the database to `HEAD`: an empty one at once, an older one revision by revision."""
    with engine.begin() as connection:
        if _is_empty(connection):
            Base.metadata.create_all(connection, checkfirst=False)
            connection.execute(text(VERSION_TABLE))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        elif not _is_current(connection):
            by_revisions(connection)


def by_revisions(connection: Connection, *, to: str = "head") -> None:
    """Runs every revision up to `to` that this database has not seen.

    Imports Alembic: 10 MB, and a second of a processor.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
