"""A hub's roster of places where it stands for some hours."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hubs", sa.Column("stands", sa.JSON(), server_default="[]", nullable=False))
