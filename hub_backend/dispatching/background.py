"""Bettering the plan that holds while nothing happens: longer searches with two seeds, adopted only if worth it.

A plan that people were told is not changed for a minute's driving: what is saved must be enough for each address that
gets another van or another time.
"""

import time
from collections.abc import Callable

from sqlalchemy import select

from hub_backend.dispatching.drafting import Draft, Drafting, Planner
from hub_backend.dispatching.plans import RENEWED_PROMISE_S, newest_plan, open_proposal
from hub_backend.dispatching.router.problem import PlanAnswer
from hub_backend.kit import Kit
from hub_backend.record import StopRow
from hub_backend.workday import day_of

SEEDS = (11, 12)
LEAST_SAVING_S = 180
"""Of driving, in all; less is not worth anybody's attention."""

LEAST_SAVING_PER_CHANGE_S = 90
"""Of driving, for each address whose van or promise changes: in the middle of the surcharges that routing.md gives."""


def saving_s(answer: PlanAnswer) -> int | None:
    """Seconds of driving saved against leaving everything as it was told; None when that is not known."""
    return None if answer.quick_cost_s is None else answer.quick_cost_s - answer.cost_s


def is_worth_it(answer: PlanAnswer) -> bool:
    """Whether what is saved outweighs what changes for people."""
    saved_s = saving_s(answer)
    if saved_s is None or any(change.kind == "dropped" for change in answer.changes):
        return False
    changed = [c for c in answer.changes if c.kind == "moved" or abs(c.shift_s or 0) > RENEWED_PROMISE_S]
    return saved_s >= max(LEAST_SAVING_S, LEAST_SAVING_PER_CHANGE_S * len(changed))


class Background:
    """Betters today's plan now and then. Paced by the machine's time: it is the machine's work that it spares."""

    def __init__(self, kit: Kit, planner: Planner) -> None:
        self._kit = kit
        self._planner = planner
        self._next_s = time.monotonic() + kit.settings.background_every_s

    def due(self) -> str | None:
        """The day to better now, None when it is not time or there is nothing to better."""
        if self._kit.settings.background_every_s <= 0 or time.monotonic() < self._next_s:
            return None
        self._next_s = time.monotonic() + self._kit.settings.background_every_s
        day = day_of(self._kit.clock.now_s(), zone=self._kit.settings.zone)
        with self._kit.store.read() as session:
            ahead = select(StopRow.id).where(StopRow.day == day, StopRow.state == "open").limit(1)
            if newest_plan(session, day) is None or session.scalar(ahead) is None:
                return None
            return None if open_proposal(session, day) is not None else day

    def draft(self, day: str, overtaken: Callable[[], bool]) -> Draft | None:
        """The better of two searches, None when neither is worth it. Raises `SolverError`, `OvertakenError`."""
        drafting = Drafting(
            self._kit,
            self._planner,
            day,
            seconds=self._kit.settings.solve_background_s,
            overtaken=overtaken,
        )
        drafts = [drafting.draft(seed=seed) for seed in SEEDS]
        found = [draft for draft in drafts if draft is not None and is_worth_it(draft.answer)]
        return min(found, key=lambda draft: draft.answer.cost_s, default=None)
