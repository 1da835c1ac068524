"""The schema's history, by Alembic. `HEAD` is the newest revision; a test holds it and the metadata together.

Until a first release the one revision is the whole schema; after that each change is a revision of its own.
"""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

HEAD = "0001"
FOLDER = Path(__file__).parent


def is_current(engine: Engine) -> bool:
    """Whether the database is at `HEAD`."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def upgrade(engine: Engine) -> None:
    """Brings the database to `HEAD`. Alembic is imported only when there is something to do: it costs 10 MB."""
    if is_current(engine):
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
