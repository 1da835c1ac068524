"""The long form: `python -m tests.fuzz --cases 10000000 --report build/fuzz.json`. Ends non-zero at the first fault."""

import argparse
import json
import logging
import multiprocessing
import random
import sys
import time
from pathlib import Path

from tests.fuzz.seeds import mutated
from tests.fuzz.targets import TARGETS

SLOWEST_S = 1.0
"""A case that takes longer than this is a hang."""


def run(target: str, seed: int, cases: int) -> dict[str, object]:
    """So many cases of one target; `fault` is the first that failed, in hex, with what it raised."""
    logging.getLogger("isotp").setLevel(logging.CRITICAL)
    chance = random.Random(f"{seed} {target}")
    began_s = time.perf_counter()
    slowest_s = 0.0
    for done in range(cases):
        data = mutated(target, chance)
        case_s = time.perf_counter()
        try:
            TARGETS[target](data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            return {"target": target, "cases": done, "fault": data.hex(), "raised": repr(error)}
        slowest_s = max(slowest_s, time.perf_counter() - case_s)
        if slowest_s > SLOWEST_S:
            return {"target": target, "cases": done, "fault": data.hex(), "raised": f"took {slowest_s:.1f} s"}
    spent_s = time.perf_counter() - began_s
    return {"target": target, "cases": cases, "slowest_s": round(slowest_s, 4), "seconds": round(spent_s, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--report", type=Path, default=Path("build/fuzz.json"))
    options = parser.parse_args()
    share = -(-options.cases // len(TARGETS))
    with multiprocessing.Pool(options.jobs) as pool:
        results = pool.starmap(run, [(target, options.seed, share) for target in TARGETS], chunksize=1)
    faults = [result for result in results if "fault" in result]
    cases = sum(int(str(result["cases"])) for result in results)
    report = {"cases": cases, "faults": len(faults), "seed": options.seed, "targets": results}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
