"""Alembic's entry: runs the revisions on the connection that `upgrade` made."""

from alembic import context
from sqlalchemy import Connection

from hub_backend.record import Base


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",  # SQLite cannot alter a column in place
        compare_type=True,
        transactional_ddl=True,  # also on SQLite: the store says BEGIN itself
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
