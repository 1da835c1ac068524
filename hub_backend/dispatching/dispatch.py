"""Dispatch: something happened, so plan again.

A thread waits for triggers, lets those that come together gather, has a plan drafted, and settles it: adopted, or put
before the planner. A search that something newer overtakes is ended and asked again with that in it. Without a good
answer the last plan stands, and that is shown. While nothing happens the plan is bettered in the background.
"""

import logging
import threading
import time
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError

from hub_backend import shown
from hub_backend.dispatching.adoption import Adoption
from hub_backend.dispatching.background import Background, saving_s
from hub_backend.dispatching.downlink import Downlinks
from hub_backend.dispatching.drafting import Drafting, Planner
from hub_backend.dispatching.morning import Morning
from hub_backend.dispatching.plan_body import INSERTED
from hub_backend.dispatching.retry import reopen_missed
from hub_backend.dispatching.router.solver import OvertakenError, SolverError, never
from hub_backend.dispatching.waiting import Waiting, WaitingList
from hub_backend.kit import Kit
from hub_backend.ordering.refs import RandomBelow
from hub_backend.record import DownlinkRow, TriggerRow
from hub_backend.spoken import Words, said

log = logging.getLogger(__name__)

SOON_S = 0.05  # machine: how often to look for triggers
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # machine: after a router that gave no plan
ATTEMPTS = 4
"""How often one plan is asked: as it stands, with late stops stretched, without what the checker refused, afresh."""

# Asked twenty times a second, in one question and without a session: a fifth of what asking for the rows costs.
WORK = select(exists().where(DownlinkRow.sent_s.is_(None)), exists().where(TriggerRow.plan.is_(None)))

MOST_OVERTAKEN = 3
"""How often in a row a search is ended by something newer: on a day full of events there must be a plan too."""

NO_TROUBLE = Words("")


@dataclass
class DispatchState:
    """What the health page shows."""

    solving: bool = False
    plans: int = 0
    failed: int = 0
    overtaken: int = 0
    last_error: Words = NO_TROUBLE


class Dispatch:
    """The dispatch thread."""

    def __init__(self, kit: Kit, planner: Planner, downlinks: Downlinks, *, random_below: RandomBelow) -> None:
        self._kit = kit
        self._planner = planner
        self._downlinks = downlinks
        self._adoption = Adoption(kit, downlinks, random_below)
        self._background = Background(kit, planner)
        self.state = DispatchState()
        self.waiting = WaitingList(kit)
        self._morning = Morning(kit, random_below)
        self._failures = 0
        self._overtaken = 0
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

    @property
    def alive(self) -> bool:
        """Whether the thread still runs, or was never started."""
        return self._thread.is_alive() or self._thread.ident is None

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
        self._morning.ask()
        with self._kit.store.connection() as connection:
            has_unsent, has_triggers = connection.execute(WORK).one()
        if has_unsent or not self._sent_all:
            self._downlinks.send(everything=not self._sent_all)
            self._sent_all = True
        if time.monotonic() < self._not_before:
            return False
        waiting = self.waiting.due() if has_triggers else None
        day = self._background.due() if waiting is None else None
        if waiting is None and day is None:
            return False
        self.state.solving = True
        try:
            row_id = self._answer(waiting) if waiting is not None else self._better(day or "")
        except OvertakenError:
            self.state.overtaken += 1
            self._overtaken += 1
            log.info("search_overtaken in_a_row=%d", self._overtaken)
            return False
        except SolverError as error:
            self._failed(said("router_failed", why=error))
            return False
        except LookupError as error:
            # The record misses something that a plan needs, such as a van's hub: planning again will not mend it.
            log.exception("dispatch_record_incomplete")
            self._failed(said("record_incomplete", why=f"{type(error).__name__}: {error}"))
            return False
        finally:
            self.state.solving = False
        return row_id is not None

    def _failed(self, words: Words) -> None:
        self.state.failed += 1
        self.state.last_error = words
        wait_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._not_before = time.monotonic() + wait_s
        log.error("plan_failed again_in_s=%.0f error=%s", wait_s, words.en)

    # ------------------------------------------------------------ one plan

    def _answer(self, waiting: Waiting) -> str | None:
        """Ask until there is a plan that breaks nothing and still fits the day; settle it. Gives the plan's id."""
        kit = self._kit
        if waiting.missed:
            with kit.store.write() as session:
                reopen_missed(session, waiting.missed, now_s=kit.clock.now_s(), zone=kit.settings.zone)
        drafting = Drafting(
            kit,
            self._planner,
            waiting.day,
            # What the planner accepted is timed anew and not searched through again.
            seconds=0.0 if waiting.kinds == {"accepted"} else kit.settings.solve_live_s,
            accepted=waiting.accepted,
            overtaken=never
            if self._overtaken >= MOST_OVERTAKEN
            else lambda: self._stop.is_set() or self.waiting.overtakes(waiting),
        )
        for number in range(ATTEMPTS):
            draft = drafting.draft(seed=number + 1)
            row_id = None if draft is None else self._adoption.settle(waiting, draft)
            if draft is not None and row_id is not None:
                stood_in = draft.answer.tier == "insertion" and draft.request.seconds > 0
                self._settled(row_id, INSERTED if stood_in else NO_TROUBLE)
                return row_id
        faults = sorted({f"{one.rule} {one.van or ''} {one.task or ''}" for one in drafting.broken})
        self.state.failed += 1
        self.state.last_error = said("not_adopted", rules="; ".join(faults)) if faults else said("day_went_on")
        log.error("plan_not_adopted day=%s broken=%s", waiting.day, "; ".join(faults))
        self._adoption.close(waiting)
        return None

    def _better(self, day: str) -> str | None:
        """Search longer from the plan that holds, until a trigger is due; settle what is worth it."""
        draft = self._background.draft(day, lambda: self._stop.is_set() or self.waiting.due() is not None)
        if draft is None:
            return None
        minutes = round((saving_s(draft.answer) or 0) / 60)
        reason = said("background", minutes=minutes)
        waiting = Waiting(day=day, ids=(), kinds=frozenset(), reason=reason, missed=())
        row_id = self._adoption.settle(waiting, draft)
        if row_id is not None:
            self._settled(row_id, NO_TROUBLE)
        return row_id

    def _settled(self, row_id: str, trouble: Words) -> None:
        self.state.plans += 1
        self.state.last_error = trouble
        self._failures = self._overtaken = 0
        self._downlinks.send()
        shown.tell(self._kit, [("plan", row_id)])
