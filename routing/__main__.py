"""`python -m routing`: answer an instance of a benchmark, or hold the routers side by side over a folder of them.

Exit codes: 0 done, 1 the file cannot be read, 2 the file or an option cannot be meant, 3 no answer holds.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from routing import instances
from routing.answer import LEAST_S, Answer, AnswerError, answer
from routing.engine import Budget
from routing.instances import DISTANCES
from routing.model import RoutingError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the given words (the process's own by default) and return its exit code."""
    begun = time.monotonic() if argv is not None else _process_start()
    options = _parser().parse_args(argv)
    try:
        if options.action == "bench":
            from routing.bench_command import run

            return run(options)
        return _solve(options, begun)
    except AnswerError as error:
        print(f"routing: {error}", file=sys.stderr)
        return 3
    except RoutingError as error:
        print(f"routing: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"routing: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m routing", description="Routes for benchmark instances.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="solve|bench")

    solving = actions.add_parser("solve", help="answer one instance, in Solomon's or VRPLIB's format")
    solving.add_argument("file", type=Path)
    solving.add_argument(
        "--seconds", type=_seconds, default=5.0, help="wall time of the whole command, loading included (default 5)"
    )
    solving.add_argument(
        "--cpu-seconds", type=_seconds, help="instead of seconds: CPU seconds of each search, for a busy machine"
    )
    solving.add_argument(
        "--iterations", type=_positive, help="instead of seconds: each search's tries, always the same answer"
    )
    solving.add_argument("--seed", type=int, default=1, help="another seed, another search (default 1)")
    solving.add_argument("--json", action="store_true", help="answer as JSON")

    bench = actions.add_parser("bench", help="ours, plain PyVRP and OR-Tools over a folder of instances")
    bench.add_argument("folder", type=Path, nargs="+", help="folders of .txt and .vrp files, or such files")
    bench.add_argument("--seconds", type=_seconds, nargs="+", default=[1.0, 5.0], help="budgets (default 1 and 5)")
    bench.add_argument("--seed", type=int, nargs="+", default=[1], help="seeds (default 1)")
    bench.add_argument("--out", type=Path, default=Path("build/bench-routing.json"))
    bench.add_argument("--cpu", action="store_true", help="the seconds are CPU seconds of a thread, for a busy machine")
    bench.add_argument("--without-ortools", action="store_true", help="leave OR-Tools out")

    for action in (solving, bench):
        action.add_argument(
            "--distances",
            choices=DISTANCES,
            default="dimacs",
            help="how lengths become numbers (default dimacs: truncated to one decimal)",
        )
    return parser


def _seconds(word: str) -> float:
    value = float(word)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 86400")
    return value


def _positive(word: str) -> int:
    value = int(word)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _process_start() -> float:
    """When this process began, by `time.monotonic()`: what Python took to load counts too."""
    try:
        ticks = float(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError, ValueError):
        return time.monotonic()  # not Linux
    return time.monotonic() - max(0.0, age)


def _solve(options: argparse.Namespace, begun: float) -> int:
    instance = instances.read(options.file, options.distances)
    if options.iterations is not None:
        budget = Budget(iterations=options.iterations)
    elif options.cpu_seconds is not None:  # what loading took counts here too
        budget = Budget(cpu_s=max(LEAST_S, options.cpu_seconds - time.process_time()))
    else:
        budget = Budget(until=begun + options.seconds)
    found = answer(instance, budget, seed=options.seed, distances=options.distances)
    cpu = time.process_time()
    wall = time.monotonic() - begun
    print(json.dumps(_record(found, instance.name, options, cpu, wall)) if options.json else _lines(found, cpu, wall))
    return 0


def _record(found: Answer, name: str, options: argparse.Namespace, cpu_s: float, wall_s: float) -> dict[str, object]:
    return {
        "instance": name,
        "routes": found.routes,
        "cost": found.cost,
        "scale": found.scale,
        "distances": options.distances,
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(wall_s, 3),
        "seed": options.seed,
        "iterations": found.iterations,
        "method": found.method,
        "versions": {"buurtrit": version("buurtrit"), "python": platform.python_version()},
    }


def _lines(found: Answer, cpu_s: float, wall_s: float) -> str:
    """As CVRPLIB writes solutions."""
    routes = [f"Route #{i}: {' '.join(map(str, route))}" for i, route in enumerate(found.routes, 1)]
    return "\n".join([*routes, f"Cost {found.cost}", f"# {cpu_s:.2f} CPU s, {wall_s:.2f} s, {found.method}"])


if __name__ == "__main__":
    sys.exit(main())
