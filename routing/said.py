"""What an older plan told people: which van, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.model import Plan, Problem
from routing.stops import NOBODY

MOVED_S = 900

HOLD_S = 1800
"""A new plan comes within half an hour of what the previous one said, unless the event itself makes that impossible."""

SURPRISE_S = 300
"""What a start beyond that costs, in seconds of driving, on top of each second beyond (own choice: as another van)."""


@dataclass(frozen=True)
class Said:
    """In which van each task (or ride's end, or fetch) was to come, and when it was to start."""

    vans: Mapping[str, str] = field(default_factory=dict)
    start_s: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def by(cls, plan: Plan, problem: Problem | None = None) -> "Said":
        """What this plan says; where the problem knows another time that somebody was told, that counts."""
        steps = [(step, route.van) for route in plan.routes for step in route.steps if step.kind not in NOBODY]
        start_s = {step.task: step.start_s for step, _ in steps}
        if problem is not None:
            start_s |= {task.id: task.told_s for task in problem.tasks if task.told_s is not None}
            start_s |= {f"{ride.id}/pickup": ride.told_s for ride in problem.rides if ride.told_s is not None}
        return cls({step.task: van for step, van in steps}, start_s)

    def surprise_s(self, name: str, start_s: int) -> int:
        """What this start costs by being another than was said, in seconds of driving."""
        said = self.start_s.get(name)
        if said is None:
            return 0
        beyond_s = abs(start_s - said) - HOLD_S
        return SURPRISE_S + beyond_s if beyond_s > 0 else 0


def moves(previous: Plan, plan: Plan) -> int:
    """How many stops change van, or are a quarter of an hour or more from what was said."""
    said = Said.by(previous)
    return sum(
        step.task in said.vans
        and (said.vans[step.task] != route.van or abs(step.start_s - said.start_s[step.task]) >= MOVED_S)
        for route in plan.routes
        for step in route.steps
        if step.kind not in NOBODY
    )
