"""Figures of the live model: `python -m tests.routing.bench_day [--short] [--part NAME] [--json FILE]`.

Prints a table and adds its parts to the JSON file: `after_event` (six vans, some 130 tasks, five orders and three
cancellations at ten o'clock), `dynamic_day` (orders that come in all day, visits longer and shorter than planned,
against greedy insertion and against the plan made with hindsight), `events` (random events over random problems),
`talk`. Every plan is held against `check`.
"""

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import routing.draft
from routing import Plan, Problem, after, check, insert, plan, replan
from routing.live import Live
from routing.said import previous_vans
from routing.timetable import Timetable
from tests.routing.full_day import full_day, played, struck
from tests.routing.happenings import chain
from tests.routing.worlds import DAY, HOUR


def worth_s(problem: Problem, previous: Plan, found: Plan) -> int:
    """A plan's cost as the replan counts it, with 100,000 s for each must that is left out."""
    live = Live(Timetable(problem), previous_vans(previous))
    measure = live.measure(live.from_plan(found))
    return measure.cost_s + 100_000 * measure.missing


def changed_vans(previous: Plan, found: Plan) -> int:
    told = previous_vans(previous)
    return sum(told[name] != van for name, van in previous_vans(found).items() if name in told)


def percentile(values: list[float], part: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, math.ceil(part * len(ranked)) - 1)]


def after_event(seeds: list[int], reference_s: float) -> dict[str, Any]:
    """First feasible, the answer at 0.5 s against a longer one, what changes van and what that costs."""
    first, t0, gaps, moves, prices, broken = [], [], [], [], [], 0
    for seed in seeds:
        morning = full_day(seed)
        standing = plan(morning, seconds=3.0, seed=seed)
        problem, _ = played(morning, standing, DAY + 10 * HOUR)
        standing = replan(problem, standing, seconds=0.5, seed=seed, talk=False)
        events = struck(seed, problem)
        events = [event for event in events if "new" in str(event) or any(t.id == event.id for t in problem.tasks)]  # type: ignore[union-attr]
        problem = after(problem, events)
        begun = time.process_time()
        quick = replan(problem, standing, seconds=0, talk=False)
        first.append((time.process_time() - begun) * 1000)
        one = after(problem, [])
        begun = time.process_time()
        insert(one, standing, "new0")
        t0.append((time.process_time() - begun) * 1000)
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
        gaps.append(100.0 * (worth_s(problem, standing, found) - best) / best)
        moves.append(changed_vans(standing, found))
        prices.append(100.0 * (found.cost_s - free.cost_s) / free.cost_s)
    return {
        "seeds": len(seeds),
        "reference_s": reference_s,
        "first_feasible_cpu_ms": {"median": statistics.median(first), "most": max(first), "goal": 50},
        "insertion_cpu_ms": {"median": statistics.median(t0), "most": max(t0), "goal": 10},
        "gap_at_half_a_second_percent": {"mean": statistics.mean(gaps), "most": max(gaps), "goal": 1.5},
        "stops_that_change_van": {"median": statistics.median(moves), "p95": percentile(moves, 0.95), "goal": [0, 2]},
        "cost_of_stability_percent": {"mean": statistics.mean(prices), "goal": 2.0},
        "plans_that_break_a_rule": broken,
    }


def dynamic_day(seeds: list[int], seconds: float) -> dict[str, Any]:
    """Seconds driven in a whole day, with half an hour for each must nobody came for; three ways."""
    rows = []
    for seed in seeds:
        greedy = _day(seed, 0.0)
        ours = _day(seed, seconds)
        hindsight = plan(_all_known(seed), seconds=max(2.0, 10 * seconds), seed=seed, talk=False)
        known = sum(route.drive_s for route in hindsight.routes) + 1800 * len(hindsight.unserved)
        rows.append((greedy, ours, known))
    less = [100.0 * (greedy - ours) / greedy for greedy, ours, _ in rows]
    above = [100.0 * (ours - known) / known for _, ours, known in rows]
    half = 1.96 * statistics.stdev(less) / math.sqrt(len(less)) if len(less) > 1 else math.nan
    return {
        "seeds": len(seeds),
        "seconds_an_answer": seconds,
        "less_than_greedy_percent": {"mean": statistics.mean(less), "half_of_95_percent_interval": half, "goal": 10},
        "above_hindsight_percent": {"mean": statistics.mean(above)},
    }


def _all_known(seed: int) -> Problem:
    problem = full_day(seed, tasks=60, vans=3, rides=2)
    return replace(problem, tasks=[replace(task, talk_max_s=0) for task in problem.tasks])


def _day(seed: int, seconds: float) -> int:
    """Two orders in five are known at eight, the others come in until two; the day is played in quarters of an hour."""
    random = Random(seed)
    whole = _all_known(seed)
    coming = {}
    for task in whole.tasks:
        latest = max(window.to_s for window in task.windows) - 2 * HOUR
        coming[task.id] = (
            whole.now_s if random.random() < 0.4 else random.randint(whole.now_s, max(whole.now_s, latest))
        )
    lasts = {task.id: random.choice([0.6, 0.9, 1.0, 1.0, 1.2, 2.0]) for task in whole.tasks}
    waiting = [task for task in whole.tasks if coming[task.id] > whole.now_s]
    problem = replace(whole, tasks=[task for task in whole.tasks if coming[task.id] <= whole.now_s])
    current = plan(problem, seconds=seconds * 4, seed=seed, talk=False)
    driven = missed = 0
    for t in range(whole.now_s + 900, DAY + 17 * HOUR, 900):
        problem, seconds_driven = played(problem, current, t, lasts)
        driven += seconds_driven
        late = [task.id for task in problem.tasks if max(window.to_s for window in task.windows) < t]
        missed += len(late)
        problem = _without(problem, set(late))
        new = [task for task in waiting if coming[task.id] <= t]
        waiting = [task for task in waiting if coming[task.id] > t]
        problem = replace(problem, tasks=[*problem.tasks, *new])
        current = replan(problem, current, seconds=seconds, seed=seed, talk=False)
    driven += sum(int(problem.travel.duration_s[van.place, 0 if van.depot == "noord" else 1]) for van in problem.vans)
    return driven + 1800 * (missed + len(problem.tasks) + len(problem.rides))


def _without(problem: Problem, names: set[str]) -> Problem:
    vans = [replace(van, on_board=van.on_board - names) for van in problem.vans]
    return replace(problem, vans=vans, tasks=[task for task in problem.tasks if task.id not in names])


def events(count: int, failing: Path) -> dict[str, Any]:
    """Random events over random problems; what fails is written down, so that it can be made again."""
    answers, bad = 0, []
    seed = 10_000
    while answers < count:
        for broken in chain(seed, 10, iterations=8):
            answers += 1
            if broken is not None:
                bad.append({"seed": broken.seed, "event": broken.event, "what": broken.what})
        seed += 1
    if bad:
        failing.parent.mkdir(parents=True, exist_ok=True)
        failing.write_text(json.dumps(bad, indent=1), encoding="utf-8")
    return {"events": answers, "with_a_broken_rule_or_a_failed_search": len(bad), "goal": 0}


def talk(seeds: list[int]) -> dict[str, Any]:
    """Minutes of contact time handed out a day, beside the kilometres: shared work against the least driving."""
    rows = []
    for seed in seeds:
        problem = full_day(seed)
        found = plan(problem, seconds=3.0, seed=seed)
        silent = replace(problem, tasks=[replace(task, talk_max_s=0) for task in problem.tasks])
        least = plan(silent, seconds=3.0, seed=seed)
        km = [sum(route.distance_m for route in one.routes) / 1000 for one in (found, least)]
        rows.append((found.talk_s / 60, *km))
    return {
        "seeds": len(seeds),
        "minutes_handed_out_a_day": statistics.mean(row[0] for row in rows),
        "km_a_day": statistics.mean(row[1] for row in rows),
        "km_a_day_when_nobody_is_given_time": statistics.mean(row[2] for row in rows),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few seeds, for a look")
    parser.add_argument("--part", action="append", choices=["after_event", "dynamic_day", "events", "talk"])
    parser.add_argument("--json", type=Path, default=Path("build/bench-routing.json"))
    options = parser.parse_args(arguments)
    short = options.short
    parts: dict[str, Any] = {
        "after_event": lambda: after_event(list(range(1, 4 if short else 13)), 5.0 if short else 20.0),
        "dynamic_day": lambda: dynamic_day(list(range(1, 5 if short else 21)), 0.15 if short else 0.3),
        "events": lambda: events(200 if short else 10_000, options.json.with_name("failing-events.json")),
        "talk": lambda: talk(list(range(1, 3 if short else 9))),
    }
    known = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
    for name in options.part or parts:
        cpu = time.process_time()
        row = parts[name]()
        row |= {"cpu_s": round(time.process_time() - cpu, 1), "pyvrp": version("pyvrp"), "ortools": version("ortools")}
        known[name] = row
        sys.stdout.write(f"{name}\n")
        for key, value in row.items():
            sys.stdout.write(f"  {key:<36} {_shown(value)}\n")
        sys.stdout.flush()
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return 0


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
