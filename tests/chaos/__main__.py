"""`python -m tests.chaos`: campaigns on both databases, the power cut, and the mutants, as one report.

Exit code 0 when every promise held and every mutant was caught, 1 otherwise.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos import mutants, scenarios
from tests.chaos.campaign import run
from tests.chaos.postgres import postgres
from tests.chaos.verdict import Report
from tests.chaos.world import sqlite

RECORDS = {"sqlite": sqlite, "postgresql": postgres}


def main() -> int:
    """Runs what was asked for and prints the report."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL runs as its own user below it
        reports = [_campaign(folder / name, name, options) for name in options.database]
        builds = {} if options.no_mutants else try_mutants(folder)
    made = whole(options.seed, reports, builds)
    text = json.dumps(made, indent=1)
    print(text)
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text + "\n")
    return 0 if all(report.holds() for report in reports) and all(one.caught for one in builds.values()) else 1


@dataclass(frozen=True)
class Tried:
    """What a mutant lost of what was acknowledged, and what the real build lost in the same story."""

    lost: int
    lost_by_ours: int

    @property
    def caught(self) -> bool:
        return self.lost_by_ours == 0 and self.lost > 0


def try_mutants(folder: Path) -> dict[str, Tried]:
    """Tells each short story with the real build and with the mutant."""
    stories = {
        mutants.DELETES_ON_PUBACK: scenarios.lost_when_hub_and_broker_die,
        mutants.SPEAKS_BEFORE_COMMIT: scenarios.lost_when_both_die_at_work,
        mutants.TRUSTS_NORMAL: scenarios.lost_when_the_power_goes,
    }
    tried = {}
    for name, story in stories.items():
        ours = story(folder / f"{name}-not")
        theirs = story(folder / name, mutants.program(name))
        tried[name] = Tried(theirs, ours)
        print(f"  {name}: {theirs} lost, by the real build {ours}", flush=True)
    return tried


def _campaign(folder: Path, database: str, options: argparse.Namespace) -> Report:
    print(f"campaign on {database}, seed {options.seed}", flush=True)
    share = len(options.database)
    return run(
        folder,
        seed=options.seed,
        kills=-(-options.kills // share),
        overlaps=-(-options.overlaps // share),
        record=RECORDS[database],
    )


def whole(seed: int, reports: list[Report], builds: dict[str, Tried]) -> dict[str, Any]:
    """The figures of all campaigns added up, and each by itself."""
    added = ("kills", "overlapping_outages", "acked", "recorded", "lost", "doubled", "skipped")
    return {
        "seed": seed,
        **{name: sum(getattr(report, name) for report in reports) for name in added},
        "mutants_caught": sum(one.caught for one in builds.values()) if builds else None,
        "mutants": {name: {**asdict(one), "caught": one.caught} for name, one in builds.items()},
        "campaigns": [report.table() for report in reports],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100, help="SIGKILLs at least (default 100)")
    parser.add_argument("--overlaps", type=int, default=20, help="bouts of two or more faults at least (default 20)")
    parser.add_argument("--database", nargs="+", choices=RECORDS, default=list(RECORDS))
    parser.add_argument("--no-mutants", action="store_true", help="leave out the builds that must be caught")
    parser.add_argument("--report", type=Path, help="write the report there as JSON")
    parser.add_argument("--keep", help="a folder for every file and log, kept (a temporary one otherwise)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
