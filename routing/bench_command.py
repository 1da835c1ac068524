"""`python -m routing bench`: ours, plain PyVRP and OR-Tools over the same instances, one after the other.

Ours runs as a command of its own, so that its seconds hold everything from the start of the process; PyVRP gets its
seconds for searching alone. The routers take turns on each instance, so that a busy moment of the machine meets all of
them; CPU seconds tell whether it did. Every cost is counted anew by `recount`. Goes out: a table, and a JSON file with
a row for each run.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import mean

from routing import instances
from routing.answer import Answer
from routing.engine import Budget
from routing.instances import Instance, InstanceError
from routing.recount import recount
from routing.rivals import ortools_answer, pyvrp_answer

OURS, PYVRP, ORTOOLS = "ours", "plain PyVRP", "OR-Tools"


@dataclass(frozen=True)
class Row:
    """One run: `cost` is None where the router has no answer that holds, `gap` in percent of `best`."""

    instance: str
    customers: int
    trips: bool
    router: str
    seconds: float
    seed: int
    cost: int | None = None
    best: int | None = None
    best_from: str = ""
    gap: float | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    iterations: int = 0


def run(options: argparse.Namespace) -> int:
    """Runs every router over every file, prints the table, writes the rows."""
    rows: list[Row] = []
    for path in _files(options.folder):
        try:
            instance = instances.read(path, options.distances)
        except InstanceError as error:
            print(f"left out: {error}")
            continue
        mine: list[Row] = []
        for seconds in options.seconds:
            for seed in options.seed:
                mine += _runs(instance, path, seconds, seed, options)
        rows += _with_gaps(mine, *_best_known(instance, path, options.distances))
        for row in rows[-len(mine) :]:
            print(_line(row), flush=True)
    print(_summary(rows))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(
        json.dumps(
            {
                "versions": _versions(),
                "clock": "cpu" if options.cpu else "wall",
                "static": [asdict(row) for row in rows],
            },
            indent=1,
        )
        + "\n"
    )
    return 0


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_file():
            yield folder
        else:
            yield from sorted(p for p in folder.iterdir() if p.suffix.lower() in (".txt", ".vrp"))


def _runs(instance: Instance, path: Path, seconds: float, seed: int, options: argparse.Namespace) -> Iterator[Row]:
    yield _ours(instance, path, seconds, seed, options)
    yield _rival(PYVRP, instance, seconds, seed, options)
    if not options.without_ortools and instance.max_reloads == 0:
        yield _rival(ORTOOLS, instance, seconds, seed, options)


def _ours(instance: Instance, path: Path, seconds: float, seed: int, options: argparse.Namespace) -> Row:
    limit = ["--cpu-seconds" if options.cpu else "--seconds", str(seconds)]
    words = ["solve", str(path), *limit, "--seed", str(seed), "--distances", options.distances, "--json"]
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "routing", *words], capture_output=True, text=True, check=False)
    row = replace(_empty(instance, OURS, seconds, seed), wall_s=round(time.monotonic() - begun, 2))
    if done.returncode != 0:
        print(f"{instance.name}: {done.stderr.strip()}")
        return row
    said = json.loads(done.stdout)
    cost = _counted(instance, OURS, said["routes"], options.distances)
    return replace(row, cost=cost, cpu_s=round(said["cpu_s"], 2), iterations=said["iterations"])


def _rival(router: str, instance: Instance, seconds: float, seed: int, options: argparse.Namespace) -> Row:
    begun, cpu = time.monotonic(), time.process_time()
    if router == PYVRP:
        budget = Budget(cpu_s=seconds) if options.cpu else Budget(until=begun + seconds)
        found: Answer | None = pyvrp_answer(instance, budget, seed=seed)
    else:
        found = ortools_answer(instance, seconds=seconds, of_cpu=options.cpu)
    cpu_s, wall_s = round(time.process_time() - cpu, 2), round(time.monotonic() - begun, 2)
    row = replace(_empty(instance, router, seconds, seed), cpu_s=cpu_s, wall_s=wall_s)
    if found is None:
        return row
    return replace(row, cost=_counted(instance, router, found.routes, options.distances), iterations=found.iterations)


def _empty(instance: Instance, router: str, seconds: float, seed: int) -> Row:
    return Row(instance.name, len(instance.customers), instance.max_reloads != 0, router, seconds, seed)


def _counted(instance: Instance, router: str, routes: Sequence[Sequence[int]], distances: str) -> int | None:
    count = recount(instance, routes, distances)
    if count.faults:
        print(f"{instance.name}, {router}: {'; '.join(count.faults[:3])}")
        return None
    return count.cost


def _best_known(instance: Instance, path: Path, distances: str) -> tuple[int | None, str]:
    beside = path.with_suffix(".sol")
    if beside.is_file():
        routes = [
            tuple(int(word) for word in line.split(":", 1)[1].split())
            for line in beside.read_text().splitlines()
            if line.lower().startswith("route")
        ]
        count = recount(instance, routes, distances)
        if routes and not count.faults:
            return count.cost, beside.name
    if distances == "dimacs":
        table = tomllib.loads(Path(__file__).with_name("best_known.toml").read_text())
        for source, costs in table.items():
            for name in (path.stem, instance.name):
                if name.upper() in costs:
                    return costs[name.upper()], source
    return None, ""


def _with_gaps(rows: Sequence[Row], best: int | None, source: str) -> list[Row]:
    """Held against the best known, or against the best of this run where none is known or a better one was found."""
    found = [row.cost for row in rows if row.cost is not None]
    if found and (best is None or min(found) < best):
        best, source = min(found), "best of this run"
    return [replace(row, best=best, best_from=source, gap=_gap(row.cost, best)) for row in rows]


def _gap(cost: int | None, best: int | None) -> float | None:
    return None if cost is None or not best else round(100 * (cost / best - 1), 3)


def _line(row: Row) -> str:
    cost = "no answer" if row.cost is None else str(row.cost)
    gap = "" if row.gap is None else f"{row.gap:.2f} %"
    return (
        f"{row.instance:<14} {row.customers:>5} {row.seconds:>5g} s  seed {row.seed:<3} {row.router:<12}"
        f" {cost:>10} {gap:>9}  best {row.best or '-'} ({row.best_from or '-'})"
        f"  {row.cpu_s:.2f} CPU s  {row.wall_s:.2f} s  {row.iterations} tries"
    )


def _summary(rows: Sequence[Row]) -> str:
    """Mean gaps by size and budget, next to what is to be reached."""
    lines = ["", f"{'':<28}{'runs':>5}{OURS:>10}{PYVRP:>14}{ORTOOLS:>11}   to reach"]
    goals = {("100", 1.0): "0.8", ("100", 5.0): "0.3", ("200", 5.0): "0.6", ("several trips", 5.0): "1.0"}
    for kind in sorted({_kind(row) for row in rows}):
        for seconds in sorted({row.seconds for row in rows}):
            some = [row for row in rows if _kind(row) == kind and row.seconds == seconds]
            gaps = {router: _mean(r.gap for r in some if r.router == router) for router in (OURS, PYVRP, ORTOOLS)}
            shown = [f"{'-' if gaps[r] is None else f'{gaps[r]:.2f} %'}" for r in (OURS, PYVRP, ORTOOLS)]
            goal = goals.get((kind, seconds))
            wanted = f"at most {goal} %, and half of plain PyVRP" if goal else "half of plain PyVRP"
            runs = sum(row.router == OURS for row in some)
            lines.append(f"{kind:<20}{seconds:>6g} s{runs:>5}{shown[0]:>10}{shown[1]:>14}{shown[2]:>11}   {wanted}")
    lines += [f"worse than plain PyVRP by more than 0.2 points: {text}" for text in _worse(rows)]
    return "\n".join(lines)


def _kind(row: Row) -> str:
    if row.trips:
        return "several trips"
    return str(100 * max(1, round(row.customers / 100)))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def _worse(rows: Sequence[Row]) -> list[str]:
    """By the mean over the seeds."""
    found = []
    for name, seconds in sorted({(row.instance, row.seconds) for row in rows}):
        some = [row for row in rows if (row.instance, row.seconds) == (name, seconds)]
        ours, plain = (_mean(row.gap for row in some if row.router == router) for router in (OURS, PYVRP))
        if plain is not None and (ours is None or ours > plain + 0.2):
            found.append(
                f"{name} at {seconds:g} s: {'no answer' if ours is None else f'{ours:.2f}'} against {plain:.2f} %"
            )
    return found


def _versions() -> dict[str, str]:
    known = {name: version(name) for name in ("buurtrit", "pyvrp", "ortools")}
    return known | {"python": platform.python_version(), "machine": platform.machine()}
