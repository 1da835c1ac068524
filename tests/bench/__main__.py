"""`make bench-edge`: what the edge reaches and what it costs, on the real hub, gateway and mosquitto.

Prints a table and writes it as JSON. Ratios are of runs in one go on one machine; absolute figures are this machine's.
Exit code 0 when every part could be measured, also where a goal is not met: that is what the table is for.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.bench import door, growth, idle, ingest, ladder, outbox
from tests.bench.figures import Row, table
from tests.bench.line import LineError
from tests.bench.setting import Setting
from tests.bench.world import MissingError, Ports
from tests.conftest import ROOT

PARTS: dict[str, Callable[[Setting], list[Row]]] = {
    "ladder": ladder.measure,
    "ingest": ingest.measure,
    "outbox": outbox.measure,
    "door": door.measure,
    "gateway": idle.measure,
    "growth": growth.measure,
}


def main() -> int:
    """Measures what was asked for, prints the table, writes the report."""
    options = _parser().parse_args()
    began_s = time.monotonic()

    def say(words: str) -> None:
        print(f"  {time.monotonic() - began_s:6.1f} s  {words}", file=sys.stderr, flush=True)

    rows: list[Row] = []
    options.json.parent.mkdir(parents=True, exist_ok=True)
    ports, random = Ports(options.port), Random(options.seed)
    # Beside the report and not in /tmp, which may be memory: FULL is to mean a disk.
    with tempfile.TemporaryDirectory(prefix="bench-edge-", dir=options.json.parent) as temporary:
        for name in options.part:
            say(f"{name} …")
            folder = Path(temporary) / name
            folder.mkdir()
            setting = Setting(folder.resolve(), ports, random, options.short, say)
            try:
                rows += PARTS[name](setting)
            except (MissingError, LineError, TimeoutError) as error:
                rows.append(Row(name, f"{name}: not measured", "", None, note=str(error)))
    print(table(rows))
    options.json.write_text(json.dumps(_report(options, rows), indent=1) + "\n")
    print(f"written to {options.json}")
    return 0 if all(row.figure is not None for row in rows) else 1


def _report(options: argparse.Namespace, rows: list[Row]) -> dict[str, object]:
    return {
        "seed": options.seed,
        "short": options.short,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load_1_min": round(os.getloadavg()[0], 1),
        },
        "rows": [row.told() for row in rows],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer and smaller runs: minutes become half a minute")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random in the load (default 1)")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS), help="only these parts")
    parser.add_argument("--port", type=int, default=0, help="the first port to use (default: any that is free)")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench-edge.json", help="where the report goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
