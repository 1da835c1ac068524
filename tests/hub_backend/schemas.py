"""What each revision made when it was released, kept in `tests/golden/schemas`.

python -m tests.hub_backend.schemas      keeps the schema of each revision that has none yet; never changes one
"""

import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from hub_backend import migrations

KEPT = Path(__file__).parents[1] / "golden" / "schemas"
EVERYTHING = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version' ORDER BY tbl_name, name"


def revisions() -> list[str]:
    """The newest first."""
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def made_by(revision: str) -> str:
    """The statements of an empty SQLite record that was brought to this revision."""
    with create_engine("sqlite://").begin() as connection:
        migrations.by_revisions(connection, to=revision)
        lines = [line.rstrip() for sql in connection.scalars(text(EVERYTHING)) for line in f"{sql};".splitlines()]
    return "\n".join(line.replace("\t", "  ") for line in lines if line) + "\n"


def kept_of(revision: str) -> Path:
    return KEPT / f"{revision}.sql"


def main() -> int:
    for revision in revisions():
        if not kept_of(revision).exists():
            kept_of(revision).write_text(made_by(revision))
            sys.stdout.write(f"kept: {kept_of(revision)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
