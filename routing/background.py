"""The background tier: a longer search beside the day, whose plan is adopted only where it is worth the unrest."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from routing.check import check
from routing.draft import Draft
from routing.live import Live
from routing.model import Plan, Problem
from routing.planning import replan
from routing.said import Said, moves
from routing.timetable import Timetable
from routing.validity import require_valid


@dataclass(frozen=True)
class Adoption:
    """What the background tier found. `adopted`: `plan` is its plan; otherwise `plan` is the one that stands."""

    plan: Plan
    adopted: bool
    saving_s: int
    moved: int


SAVING_PER_MOVE_S = 120
"""The least saving, in seconds of driving, for each stop that changes van or moves by a quarter of an hour."""


def background(
    problem: Problem,
    standing: Plan,
    *,
    seconds: float = 5.0,
    seeds: Sequence[int] = (1, 2),
    iterations: int | None = None,
    least_saving_s: int = SAVING_PER_MOVE_S,
    each: Callable[[Callable[[int], Plan], Iterable[int]], Iterable[Plan]] = map,
) -> Adoption:
    """A longer search beside the day, with several seeds; adopted only where it saves enough for each moved stop.

    `each` may be an executor's `map`, for a process a seed.

    Raises:
        ProblemError: a record that cannot be meant.
    """
    require_valid(problem)
    live = Live(Timetable(problem), Said.by(standing, problem))
    now = live.complete(live.from_plan(standing))
    best, saving, moved = standing, 0, 0
    for found in each(_Seeded(problem, standing, seconds, iterations), seeds):
        saved = _saving(live, now, live.from_plan(found))
        if saved > saving:
            best, saving, moved = found, saved, moves(standing, found)
    if best is not standing and saving >= least_saving_s * max(1, moved) and not check(problem, best):
        return Adoption(best, True, saving, moved)
    return Adoption(standing, False, saving, moved)


@dataclass(frozen=True)
class _Seeded:
    """One seed's search: a value, so that it can be sent to another process."""

    problem: Problem
    standing: Plan
    seconds: float
    iterations: int | None

    def __call__(self, seed: int) -> Plan:
        return replan(self.problem, self.standing, seconds=self.seconds, seed=seed, iterations=self.iterations)


def _saving(live: Live, now: Draft, then: Draft) -> int:
    """In seconds of driving; whoever is left out more or less weighs more than any driving."""
    before, later = live.measure(now), live.measure(then)
    return before.cost_s - later.cost_s + 1_000_000 * (before.missing - later.missing)
