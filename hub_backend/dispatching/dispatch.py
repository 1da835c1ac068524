"""Dispatch: something happened, so plan again.

A thread waits for triggers, lets those that come together gather, has a plan drafted, and adopts it: a plan's row, each
stop's van and promise, and a message for each gateway. Without a good answer the last plan stands, and that is shown.
"""

import logging
import threading
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from hub_backend import shown
from hub_backend.dispatching.adoption import assign, plan_row, still_fits
from hub_backend.dispatching.day.standing import read_standing
from hub_backend.dispatching.downlink import Downlinks
from hub_backend.dispatching.drafting import Draft, Drafting, Planner
from hub_backend.dispatching.morning import Morning
from hub_backend.dispatching.plans import body_of, newest_plan, stops_in
from hub_backend.dispatching.retry import reopen_missed
from hub_backend.dispatching.router.solver import SolverError
from hub_backend.dispatching.waiting import Waiting, WaitingList
from hub_backend.kit import Kit
from hub_backend.ordering.refs import RandomBelow
from hub_backend.record import TriggerRow

log = logging.getLogger(__name__)

SOON_S = 0.05  # machine: how often to look for triggers
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # machine: after a router that gave no plan
ATTEMPTS = 4
"""How often one plan is asked: as it stands, with late stops stretched, without what the checker refused, afresh."""


@dataclass
class DispatchState:
    """What the health page shows."""

    solving: bool = False
    plans: int = 0
    failed: int = 0
    last_error: str = ""


class Dispatch:
    """The dispatch thread."""

    def __init__(self, kit: Kit, planner: Planner, downlinks: Downlinks, *, random_below: RandomBelow) -> None:
        self._kit = kit
        self._planner = planner
        self._downlinks = downlinks
        self._random_below = random_below
        self.state = DispatchState()
        self.waiting = WaitingList(kit)
        self._morning = Morning(kit)
        self._failures = 0
        self._not_before = 0.0
        self._sent_all = False
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)

    # ------------------------------------------------------------ the part

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._bell.set()
        self._thread.join(timeout=2)

    def wake(self) -> None:
        """There may be new triggers, or a broker that has forgotten what it retained."""
        self._bell.set()

    def send_again(self) -> None:
        """Send every gateway its plan anew, for instance because the broker is another."""
        self._sent_all = False
        self._bell.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._bell.wait(SOON_S)
            self._bell.clear()
            try:
                self.step()
            except OperationalError as error:
                log.error("dispatch_wait error=%s", error)
                self._stop.wait(1.0)

    def step(self) -> bool:
        """Do what is due now: send what is unsent, answer triggers that have gathered. Says whether it planned."""
        self._downlinks.send(everything=not self._sent_all)
        self._sent_all = True
        self._morning.ask()
        waiting = self.waiting.due()
        if waiting is None or time.monotonic() < self._not_before:
            return False
        self.state.solving = True
        try:
            return self._answer(waiting)
        finally:
            self.state.solving = False

    # ------------------------------------------------------------ one plan

    def _answer(self, waiting: Waiting) -> bool:
        try:
            row_id = self._plan(waiting)
        except SolverError as error:
            self._failed(str(error))
            return False
        except LookupError as error:
            # The record misses something that a plan needs, such as a van's hub: planning again will not mend it.
            log.exception("dispatch_record_incomplete day=%s", waiting.day)
            self._failed(f"{type(error).__name__}: {error}")
            return False
        self._failures = 0
        if row_id is None:
            return False
        self._downlinks.send()
        shown.tell(self._kit, [("plan", row_id)])
        return True

    def _failed(self, words: str) -> None:
        self.state.failed += 1
        self.state.last_error = words
        wait_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._not_before = time.monotonic() + wait_s
        log.error("plan_failed again_in_s=%.0f error=%s", wait_s, words)

    def _plan(self, waiting: Waiting) -> str | None:
        """Ask until there is a plan that breaks nothing and still fits the day; adopt it. Gives the plan's id."""
        if waiting.missed:
            with self._kit.store.write() as session:
                reopen_missed(session, waiting.missed, now_s=self._kit.clock.now_s(), zone=self._kit.settings.zone)
        drafting = Drafting(self._kit, self._planner, waiting.day)
        for number in range(ATTEMPTS):
            draft = drafting.draft(seed=number + 1)
            row_id = None if draft is None else self._adopt(waiting, draft)
            if row_id is not None:
                return row_id
        faults = sorted({f"{one.rule} {one.van or ''} {one.task or ''}" for one in drafting.broken})
        words = "; ".join(faults) or "de dag liep door"
        self.state.last_error = f"geen plan aangenomen: {words}"
        log.error("plan_not_adopted day=%s broken=%s", waiting.day, words)
        self._close(waiting)
        return None

    def _adopt(self, waiting: Waiting, draft: Draft) -> str | None:
        """Write the plan, unless the day has moved on in a way it does not fit: then None, and ask again."""
        with self._kit.store.write() as session:
            now_s = self._kit.clock.now_s()
            today = read_standing(session, waiting.day, now_s=now_s, zone=self._kit.settings.zone)
            if not still_fits(draft, today):
                log.info("plan_overtaken day=%s", waiting.day)
                return None
            row = plan_row(session, draft, made_s=now_s, reason=waiting.reason, random_below=self._random_below)
            body = body_of(row)
            assign(today, body)
            session.flush()
            for trigger in session.scalars(select(TriggerRow).where(TriggerRow.id.in_(waiting.ids))):
                trigger.plan = row.id
            self._downlinks.write(session, today, row, body)
            row_id, revision = row.id, row.revision
        self.state.plans += 1
        self.state.last_error = ""
        log.info(
            "plan_adopted day=%s revision=%d stops=%d unserved=%d solve_s=%.2f triggers=%s",
            waiting.day,
            revision,
            stops_in(body),
            len(body.unserved),
            draft.answer.solve_s,
            ",".join(sorted(waiting.kinds)),
        )
        return row_id

    def _close(self, waiting: Waiting) -> None:
        """The triggers are answered with "the old plan stands"; the reason is on the health page."""
        self.state.failed += 1
        with self._kit.store.write() as session:
            row = newest_plan(session, waiting.day)
            for trigger in session.scalars(select(TriggerRow).where(TriggerRow.id.in_(waiting.ids))):
                trigger.plan = row.id if row is not None else "none"
