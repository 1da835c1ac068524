"""Figures of the live model: `python -m tests.routing.bench_day [--short] [--cpu] [--part NAME]`.

Prints a table and adds its parts to the JSON file: `after_event` (six vans, some 130 tasks, five orders and three
cancellations at ten o'clock), `dynamic_day` (a day as it comes, against greedy insertion and against the plan made with
hindsight), `events` (random events over random problems), `talk`. Every plan of every part is held against `check`.

`--cpu`: the search's seconds are CPU seconds of its thread, for a machine that is busy with other work. Days and chains
of events are shared out over `--jobs` processes; what is timed runs alone.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy import stats

import routing.draft
from routing import Ordered, Plan, Problem, after, check, insert, plan, replan, search
from routing.live import Live
from routing.rivals import MaxCpu
from routing.said import Said
from routing.timetable import Timetable
from tests.routing.dynamic_day import Outcome, in_hindsight, lived, story
from tests.routing.full_day import full_day, played, struck
from tests.routing.happenings import Broken, chain
from tests.routing.worlds import DAY, HOUR

Each = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]
"""How a part's seeds are gone through: `map`, or an executor's."""


def worth_s(problem: Problem, previous: Plan, found: Plan) -> int:
    """A plan's cost as the replan counts it, with 100,000 s for each must that is left out."""
    live = Live(Timetable(problem), Said.by(previous))
    measure = live.measure(live.from_plan(found))
    return measure.cost_s + 100_000 * measure.missing


def changed_vans(previous: Plan, found: Plan) -> int:
    told = Said.by(previous).vans
    return sum(told[name] != van for name, van in Said.by(found).vans.items() if name in told)


def percentile(values: list[float], part: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, math.ceil(part * len(ranked)) - 1)]


def after_event(seeds: list[int], reference_s: float) -> dict[str, Any]:
    """First feasible, the answer at 0.5 s against a longer one, what changes van and what that costs."""
    first, t0, gaps, worths, moves, prices, broken = [], [], [], [], [], [], 0
    for seed in seeds:
        morning = full_day(seed)
        standing = plan(morning, seconds=3.0, seed=seed)
        problem, _ = played(morning, standing, DAY + 10 * HOUR)
        standing = replan(problem, standing, seconds=0.5, seed=seed, talk=False)
        at_ten, events = problem, struck(seed, problem)
        problem = after(problem, events)
        begun = time.process_time()
        quick = replan(problem, standing, seconds=0, talk=False)
        first.append((time.process_time() - begun) * 1000)
        one = after(at_ten, [next(event for event in events if isinstance(event, Ordered))])
        begun = time.process_time()
        offer = insert(one, standing, "new0")
        t0.append((time.process_time() - begun) * 1000)
        broken += bool(check(one, offer.plan))
        found = replan(problem, standing, seconds=0.5, seed=seed)
        long = replan(problem, standing, seconds=reference_s, seed=seed, talk=False)
        surcharge = routing.draft.CHANGE_S
        routing.draft.CHANGE_S = 0
        try:
            free = replan(problem, standing, seconds=0.5, seed=seed, talk=False)
        finally:
            routing.draft.CHANGE_S = surcharge
        broken += sum(bool(check(problem, one)) for one in (quick, found, long, free))
        best = min(worth_s(problem, standing, one) for one in (quick, found, long))
        worths.append(worth_s(problem, standing, found))
        gaps.append(100.0 * (worths[-1] - best) / best)
        moves.append(changed_vans(standing, found))
        prices.append(100.0 * (found.cost_s - free.cost_s) / free.cost_s)
    return {
        "seeds": len(seeds),
        "reference_s": reference_s,
        "first_feasible_cpu_ms": {"median": statistics.median(first), "most": max(first), "goal": 50},
        "insertion_cpu_ms": {"median": statistics.median(t0), "most": max(t0), "goal": 10},
        "gap_at_half_a_second_percent": {"mean": statistics.mean(gaps), "most": max(gaps), "goal": 1.5},
        "measure_at_half_a_second_s": {"mean": statistics.mean(worths)},
        "stops_that_change_van": {"median": statistics.median(moves), "p95": percentile(moves, 0.95), "goal": [0, 2]},
        "cost_of_stability_percent": {"mean": statistics.mean(prices), "goal": 2.0},
        "plans_that_break_a_rule": broken,
    }


def dynamic_day(seeds: list[int], seconds: float, each: Each) -> dict[str, Any]:
    """What a whole day costs, three ways, and how many musts nobody came for."""
    rows = list(each(_Day(seconds), seeds))
    less = [100.0 * (greedy.cost_s - ours.cost_s) / greedy.cost_s for greedy, ours, _ in rows]
    above = [100.0 * (ours.cost_s - known.cost_s) / known.cost_s for _, ours, known in rows]
    together = [sum(row[way].cost_s for row in rows) for way in range(3)]
    return {
        "seeds": len(seeds),
        "seconds_an_answer": seconds,
        "less_than_greedy_percent": _mean_of(less) | {"goal": 10},
        "less_than_greedy_all_days_together_percent": 100.0 * (together[0] - together[1]) / together[0],
        "above_hindsight_percent": _mean_of(above),
        "musts_missed_a_day": {
            name: statistics.mean(row[way].missed for row in rows)
            for way, name in enumerate(("greedy", "ours", "hindsight"))
        },
        "answers": sum(outcome.answers for row in rows for outcome in row),
        "plans_that_break_a_rule": sum(outcome.refused for row in rows for outcome in row),
    }


@dataclass(frozen=True)
class _Day:
    """A value, so that it can be sent to another process."""

    seconds: float

    def __call__(self, seed: int) -> tuple[Outcome, Outcome, Outcome]:
        told = story(seed)
        ours = lived(told, self.seconds, seed)
        return lived(told, 0.0, seed), ours, in_hindsight(told, max(2.0, 10 * self.seconds), seed)


def _mean_of(values: list[float]) -> dict[str, float]:
    """With half of its 95 % interval, by Student's t."""
    count = len(values)
    half = stats.t.ppf(0.975, count - 1) * statistics.stdev(values) / math.sqrt(count) if count > 1 else math.nan
    return {"mean": statistics.mean(values), "half_of_95_percent_interval": float(half)}


def events(count: int, failing: Path, each: Each) -> dict[str, Any]:
    """Random events over random problems; what fails is written down, so that it can be made again."""
    answers, bad = 0, []
    for ran, broken in each(_ten_events, range(10_000, 10_000 + math.ceil(count / 10))):
        answers += ran
        bad += [asdict(one) for one in broken]
    if bad:
        failing.parent.mkdir(parents=True, exist_ok=True)
        failing.write_text(json.dumps(bad, indent=1), encoding="utf-8")
    return {"events": answers, "with_a_broken_rule_or_a_failed_search": len(bad), "goal": 0}


def _ten_events(seed: int) -> tuple[int, list[Broken]]:
    found = list(chain(seed, 10, iterations=8))
    return len(found), [one for one in found if one is not None]


def talk(seeds: list[int]) -> dict[str, Any]:
    """Minutes of contact time handed out a day, beside the kilometres: shared work against the least driving."""
    rows, broken = [], 0
    for seed in seeds:
        problem = full_day(seed)
        found = plan(problem, seconds=3.0, seed=seed)
        silent = replace(problem, tasks=[replace(task, talk_max_s=0) for task in problem.tasks])
        least = plan(silent, seconds=3.0, seed=seed)
        km = [sum(route.distance_m for route in one.routes) / 1000 for one in (found, least)]
        broken += bool(check(problem, found)) + bool(check(silent, least))
        rows.append((found.talk_s / 60, *km))
    return {
        "seeds": len(seeds),
        "minutes_handed_out_a_day": statistics.mean(row[0] for row in rows),
        "km_a_day": statistics.mean(row[1] for row in rows),
        "km_a_day_when_nobody_is_given_time": statistics.mean(row[2] for row in rows),
        "plans_that_break_a_rule": broken,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few seeds, for a look")
    parser.add_argument("--cpu", action="store_true", help="seconds are CPU seconds, for a busy machine")
    parser.add_argument("--seeds", type=int, help="so many cases or days of a part, instead of its own number")
    parser.add_argument("--first", type=int, default=1, help="the first seed, for cases that nothing was chosen by")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for days and events")
    parser.add_argument("--part", action="append", choices=["after_event", "dynamic_day", "events", "talk"])
    parser.add_argument("--json", type=Path, default=Path("build/bench-routing.json"))
    options = parser.parse_args(arguments)
    short = options.short
    if options.cpu:
        by_cpu()
    with ProcessPoolExecutor(options.jobs, initializer=by_cpu if options.cpu else None) as pool:
        seeds = {"after_event": 3, "dynamic_day": 4, "talk": 2} if short else {}
        seeds = {"after_event": 20, "dynamic_day": 20, "talk": 8} | seeds

        def of(part: str) -> list[int]:
            return list(range(options.first, options.first + (options.seeds or seeds[part])))

        failing = options.json.with_name("failing-events.json")
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "after_event": lambda: after_event(of("after_event"), 5.0 if short else 20.0),
            "dynamic_day": lambda: dynamic_day(of("dynamic_day"), 0.15 if short else 0.4, pool.map),
            "events": lambda: events(200 if short else 10_000, failing, _in_chunks(pool)),
            "talk": lambda: talk(of("talk")),
        }
        for name in options.part or parts:
            begun = time.monotonic()
            row = parts[name]() | {"clock": "cpu" if options.cpu else "wall"}
            row |= {"wall_s": round(time.monotonic() - begun, 1)}
            row |= {"pyvrp": version("pyvrp"), "ortools": version("ortools")}
            _write(name, row, options.json)
    return 0


def _in_chunks(pool: ProcessPoolExecutor) -> Each:
    return partial(pool.map, chunksize=10)


def by_cpu() -> None:
    """Every search of this process counts CPU seconds of its thread."""
    search.MaxRuntime = MaxCpu  # type: ignore[assignment,misc]


def _write(name: str, row: dict[str, Any], out: Path) -> None:
    """Shows a part, and puts it beside what the file has already."""
    sys.stdout.write(f"{name}\n")
    for key, value in row.items():
        sys.stdout.write(f"  {key:<44} {_shown(value)}\n")
    sys.stdout.flush()
    known = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(known | {name: row}, indent=1), encoding="utf-8")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
