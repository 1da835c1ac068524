"""Whether an answer answers its question at all: what a process that has gone wrong sends is not let into the record.

The checker in the router's process judges promises; this looks from the hub's side only whether ids, times and places
can be meant.
"""

import math
from collections import Counter

from hub_backend.dispatching.router.problem import DayProblem, PlanAnswer, PlannedRoute, PlanRequest

ADDRESSES = ("task", "fetch", "pickup", "dropoff")
"""Kinds of steps that somebody waits for; all others are the van's or the concierge's own."""


def nonsense(request: PlanRequest, answer: PlanAnswer) -> str | None:
    """What cannot be meant, None when everything can."""
    vans = Counter(route.van for route in answer.routes)
    if set(vans) != {van.id for van in request.problem.vans} or any(times > 1 for times in vans.values()):
        return f"routes: for {sorted(vans)}, and not one for each van"
    for route in answer.routes:
        if fault := _fault(route):
            return f"route of {route.van}: {fault}"
    return _fault_of_ids(request.problem, answer)


def _fault(route: PlannedRoute) -> str | None:
    at_s = None
    for step in route.steps:
        if not (math.isfinite(step.lat) and math.isfinite(step.lon)):
            return f"{step.task}: no place on earth"
        if not step.arrive_s <= step.start_s <= step.depart_s or (at_s is not None and step.arrive_s < at_s):
            return f"{step.task}: time runs backwards"
        at_s = step.depart_s
    return None if route.distance_m >= 0 and route.drive_s >= 0 else "less than nothing was driven"


def _fault_of_ids(problem: DayProblem, answer: PlanAnswer) -> str | None:
    planned = Counter(step.task for route in answer.routes for step in route.steps if step.kind in ADDRESSES)
    if twice := [task for task, times in planned.items() if times > 1]:
        return f"{twice[0]}: planned twice"
    left = {one.task for one in answer.unserved}
    wanted = {task.id: {task.id} for task in problem.tasks}
    for task in problem.tasks:
        if task.fetch is not None:
            wanted[task.id].add(f"{task.id}/fetch")
    for ride in problem.rides:
        ends = ("dropoff",) if ride.aboard is not None else ("pickup", "dropoff")
        wanted[ride.id] = {f"{ride.id}/{end}" for end in ends}
    known = {name for names in wanted.values() for name in names}
    if strangers := sorted(planned.keys() - known) + sorted(left - wanted.keys()):
        return f"{strangers[0]}: was not asked"
    for name, steps in wanted.items():
        if (name in left) == (steps <= planned.keys()):
            return f"{name}: neither planned nor left out, or both"
    return None
