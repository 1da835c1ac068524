"""`python -m tests.chaos`: campaigns on both databases, the power cut, and the mutants, as one report.

Exit code 0 when every promise held and every mutant was caught, 1 otherwise.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.chaos import mutants, scenarios
from tests.chaos.campaign import run
from tests.chaos.postgres import postgres
from tests.chaos.verdict import Report
from tests.chaos.world import Database

DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Runs what was asked for and prints the report."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL runs as its own user below it
        reports = [_campaign(folder / name, name, options) for name in options.database]
        caught = {} if options.no_mutants else catch(folder)
    whole = _whole(options.seed, reports, caught)
    text = json.dumps(whole, indent=1)
    print(text)
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text + "\n")
    return 0 if all(report.holds() for report in reports) and all(caught.values()) else 1


def catch(folder: Path) -> dict[str, bool]:
    """Tells each short story with the real build and with the mutant: caught when only the mutant loses."""
    stories = {
        mutants.DELETES_ON_PUBACK: scenarios.lost_when_hub_and_broker_die,
        mutants.SPEAKS_BEFORE_COMMIT: scenarios.lost_when_both_die_at_work,
        mutants.TRUSTS_NORMAL: scenarios.lost_when_the_power_goes,
    }
    caught = {}
    for name, story in stories.items():
        ours = story(folder / f"{name}-not")
        theirs = story(folder / name, mutants.program(name))
        caught[name] = ours == 0 and theirs > 0
        print(f"  {name}: {theirs} lost, by the real build {ours}", flush=True)
    return caught


def _campaign(folder: Path, database: str, options: argparse.Namespace) -> Report:
    with ExitStack() as servers:
        record = Database(f"sqlite:///{folder / 'hub.sqlite'}")
        if database == "postgresql":
            record = servers.enter_context(postgres(folder.with_name("postgres")))
        print(f"campaign on {database}, seed {options.seed}", flush=True)
        share = len(options.database)
        return run(
            folder,
            seed=options.seed,
            kills=-(-options.kills // share),
            overlaps=-(-options.overlaps // share),
            database=record,
        )


def _whole(seed: int, reports: list[Report], caught: dict[str, bool]) -> dict[str, Any]:
    """The figures of all campaigns added up, and each by itself."""
    added = ("kills", "overlapping_outages", "acked", "recorded", "lost", "doubled", "skipped")
    return {
        "seed": seed,
        **{name: sum(getattr(report, name) for report in reports) for name in added},
        "mutants_caught": caught,
        "campaigns": [report.table() for report in reports],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100, help="SIGKILLs at least (default 100)")
    parser.add_argument("--overlaps", type=int, default=20, help="bouts of two or more faults at least (default 20)")
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--no-mutants", action="store_true", help="leave out the builds that must be caught")
    parser.add_argument("--report", type=Path, help="write the report there as JSON")
    parser.add_argument("--keep", help="a folder for every file and log, kept (a temporary one otherwise)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
