"""Fuzzing that follows what the code does: `python -m tests.fuzz.guided barcodes --seconds 60`. Needs atheris.

It starts from the seeds, keeps each input that reaches something new, and goes on from there. Ends with an error at the
first fault, whose bytes it leaves in `build/`. Which targets it is worth it for: decision 0019.
"""

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["firmware", "edge_gateway"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.seeds import SEEDS

LONGEST_BYTES = 300
KEPT = Path("build/fuzz")


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fuzz.guided", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    corpus = KEPT / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[options.target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={options.seconds}", f"-max_len={LONGEST_BYTES}", f"-seed={options.seed}"]
    atheris.Setup([sys.argv[0], str(corpus), *limits, f"-artifact_prefix={KEPT}/"], TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
