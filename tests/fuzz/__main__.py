"""The long form: `python -m tests.fuzz --cases 10000000 --report build/fuzz.json`. Non-zero when there is a fault."""

import argparse
import json
import logging
import multiprocessing
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.seeds import mutated
from tests.fuzz.targets import TARGETS

CPU_S = 1.0
"""A case that takes more of the processor than this is a hang: whatever else the machine is doing."""

WALL_S = 20.0
"""A case that takes longer than this waits for something."""

PORTION = 50_000
"""Cases between two words of progress."""


@dataclass(frozen=True)
class Portion:
    """Some cases of one target, with dice of their own."""

    target: str
    dice: str
    cases: int


@dataclass(frozen=True)
class Outcome:
    """How a portion ended. `fault` is the first case that failed, in hex, and `raised` why."""

    target: str
    cases: int
    slowest_s: float
    cpu_s: float
    fault: str = ""
    raised: str = ""


def run(portion: Portion) -> Outcome:
    """All cases of a portion, or those up to its first fault."""
    logging.getLogger("isotp").setLevel(logging.CRITICAL)
    chance = random.Random(portion.dice)
    began_s, slowest_s = time.process_time(), 0.0
    for done in range(portion.cases):
        data = mutated(portion.target, chance)
        case_s, case_cpu_s = time.perf_counter(), time.process_time()
        raised = _raised_by(portion.target, data)
        took_s, took_cpu_s = time.perf_counter() - case_s, time.process_time() - case_cpu_s
        slowest_s = max(slowest_s, took_cpu_s)
        if not raised and (took_cpu_s > CPU_S or took_s > WALL_S):
            raised = f"took {took_cpu_s:.1f} s of the processor, {took_s:.1f} s in all"
        if raised:
            return Outcome(portion.target, done, slowest_s, time.process_time() - began_s, data.hex(), raised)
    return Outcome(portion.target, portion.cases, slowest_s, time.process_time() - began_s)


def _raised_by(target: str, data: bytes) -> str:
    try:
        TARGETS[target](data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return repr(error)
    return ""


def portions(cases: int, *, seed: int) -> list[Portion]:
    """So many cases over all targets, the targets in turn."""
    share = -(-cases // len(TARGETS))
    starts = range(0, share, PORTION)
    return [
        Portion(target, f"{seed} {target} {start}", min(PORTION, share - start))
        for start in starts
        for target in TARGETS
    ]


def summed(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """One row a target, with the first fault of each that has one."""
    rows: list[dict[str, object]] = []
    for target in TARGETS:
        mine = [one for one in outcomes if one.target == target]
        row: dict[str, object] = {
            "target": target,
            "cases": sum(one.cases for one in mine),
            "slowest_s": round(max((one.slowest_s for one in mine), default=0.0), 4),
            "cpu_s": round(sum(one.cpu_s for one in mine), 1),
        }
        if bad := next((one for one in mine if one.raised), None):
            row |= {"fault": bad.fault, "raised": bad.raised}
        rows.append(row)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--report", type=Path, default=Path("build/fuzz.json"))
    options = parser.parse_args()
    asked = portions(options.cases, seed=options.seed)
    outcomes: list[Outcome] = []
    with multiprocessing.Pool(options.jobs) as pool:
        for outcome in pool.imap_unordered(run, asked):
            outcomes.append(outcome)
            cases, faults = sum(one.cases for one in outcomes), sum(bool(one.raised) for one in outcomes)
            print(f"{len(outcomes)}/{len(asked)} portions, {cases:,} cases, {faults} faults", file=sys.stderr)
    report = {"cases": cases, "faults": faults, "seed": options.seed, "targets": summed(outcomes)}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
