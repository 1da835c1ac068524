"""What an older plan told people: which van, and when."""

from collections.abc import Mapping

from routing.draft import Draft
from routing.live import Live
from routing.model import Plan
from routing.stops import NOBODY

MOVED_S = 900


def moves(previous: Plan, plan: Plan) -> int:
    """How many stops change van, or are a quarter of an hour or more from what was said."""
    vans, said = previous_vans(previous), told_s(previous)
    return sum(
        step.task in vans and (vans[step.task] != route.van or abs(step.start_s - said[step.task]) >= MOVED_S)
        for route in plan.routes
        for step in route.steps
        if step.kind not in NOBODY
    )


def previous_vans(previous: Plan) -> Mapping[str, str]:
    """In which van each task was planned."""
    return {step.task: route.van for route in previous.routes for step in route.steps if step.kind not in NOBODY}


def told_s(previous: Plan) -> dict[str, int]:
    """When each task was planned to start."""
    return {step.task: step.start_s for route in previous.routes for step in route.steps if step.kind not in NOBODY}


HOLD_S = 1800
"""A new plan comes within half an hour of what the previous one said, unless the event itself makes that impossible."""


def held(live: Live, start: Draft, said: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """From when to when each start may move in the search: what was said, what insertion made of it, and some room."""
    held: dict[str, tuple[int, int]] = {}
    for van, visits in start.visits.items():
        timed = live.table.run(live.table.vans[van], visits)
        for visit, begins in zip(visits, timed.start, strict=True):
            if visit.id in said and visit.id in live.table.stops:
                earlier, later = sorted((said[visit.id], begins))
                held[visit.id] = earlier - HOLD_S, later + HOLD_S
    return held
