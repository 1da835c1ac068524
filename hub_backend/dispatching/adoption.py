"""Adopting a draft, or proposing it: a plan's row, and for an adopted one each stop's van and each gateway's day.

A draft that the day has overtaken is neither.
"""

import logging
from dataclasses import dataclass

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub_backend.dispatching.approval import needs_approval
from hub_backend.dispatching.day.standing import Standing, read_standing
from hub_backend.dispatching.downlink import Downlinks
from hub_backend.dispatching.drafting import Draft
from hub_backend.dispatching.evidence import Evidence
from hub_backend.dispatching.fit import still_fits
from hub_backend.dispatching.plan_body import body_with, changes_in
from hub_backend.dispatching.plans import (
    RENEWED_PROMISE_S,
    PlanBody,
    body_of,
    fetched_at,
    newest_plan,
    next_revision,
    open_proposal,
    stops_in,
    to_json,
)
from hub_backend.dispatching.waiting import Waiting
from hub_backend.kit import Kit
from hub_backend.ordering.refs import RandomBelow, new_ref
from hub_backend.record import PlanRow, TriggerRow
from hub_backend.spoken import Words
from hub_backend.stop_ref import DROPOFF, stop_of_ref

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adoption:
    """Writes plans into the record."""

    kit: Kit
    downlinks: Downlinks
    random_below: RandomBelow

    def settle(self, waiting: Waiting, draft: Draft) -> str | None:
        """Adopt the draft, or propose it where the planner decides; gives the plan's id.

        None when the day has moved on in a way that it does not fit: nothing was written, ask again.
        """
        with self.kit.store.write() as session:
            now_s = self.kit.clock.now_s()
            held = newest_plan(session, waiting.day)
            fetches = fetched_at(None if held is None else body_of(held))
            today = read_standing(session, waiting.day, now_s=now_s, zone=self.kit.settings.zone, fetches=fetches)
            if not still_fits(draft, today):
                log.info("plan_overtaken day=%s", waiting.day)
                return None
            before = open_proposal(session, waiting.day)
            row, body = self._row(session, draft, now_s=now_s, reason=waiting.reason)
            row.state = "proposed" if self._waits(session, waiting, draft) else "adopted"
            if before is not None:
                before.state, before.decided_s = "overtaken", now_s
            session.add(row)
            session.flush()
            session.execute(update(TriggerRow).where(TriggerRow.id.in_(waiting.ids)).values(plan=row.id))
            if row.state == "adopted":
                assign(today, body)
                self.downlinks.write(session, today, row, body)
            row_id = row.id
        log.info(
            "plan_%s day=%s revision=%d stops=%d unserved=%d tier=%s solve_s=%.2f triggers=%s",
            row.state,
            waiting.day,
            row.revision,
            stops_in(body),
            len(body.unserved),
            draft.answer.tier,
            draft.answer.solve_s,
            ",".join(sorted(waiting.kinds)),
        )
        return row_id

    def close(self, waiting: Waiting) -> None:
        """The triggers are answered with "the old plan stands"; the reason is on the health page."""
        with self.kit.store.write() as session:
            row = newest_plan(session, waiting.day)
            for trigger in session.scalars(select(TriggerRow).where(TriggerRow.id.in_(waiting.ids))):
                trigger.plan = row.id if row is not None else "none"

    def _waits(self, session: Session, waiting: Waiting, draft: Draft) -> bool:
        return needs_approval(
            self.kit.settings.approval,
            waiting.kinds,
            draft.answer.changes,
            is_first=newest_plan(session, waiting.day) is None,
        )

    def _row(self, session: Session, draft: Draft, *, now_s: float, reason: Words) -> tuple[PlanRow, PlanBody]:
        answer = draft.answer
        evidence = Evidence.of(draft.request, answer)
        body = body_with(answer, draft.standing, stood_in=answer.tier == "insertion" and draft.request.seconds > 0)
        row = PlanRow(
            id=new_ref(self.random_below),
            day=draft.standing.day,
            revision=next_revision(session, draft.standing.day),
            made_s=now_s,
            reason=reason.nl,
            reason_en=reason.en,
            engine=answer.engine,
            seed=answer.seed,
            inputs_hash=evidence.inputs_hash,
            solve_s=answer.solve_s,
            body=to_json(body),
            changes=msgspec.to_builtins(changes_in(draft)),
            evidence=evidence.packed(),
        )
        return row, body


def assign(today: Standing, body: PlanBody) -> None:
    """Give each planned stop its van, promise and talk; a promise moves only by a quarter of an hour or more."""
    for route in body.routes:
        for step in route.steps:
            stop = today.stops.get(stop_of_ref(step.ref))
            if stop is None:
                continue
            stop.row.locked = stop.row.locked and stop.row.van == route.van  # a lock that yielded is let go
            stop.row.van = route.van
            if step.ref.endswith(DROPOFF) or stop.row.state != "open":
                continue
            promised_s = stop.row.promised_s
            if promised_s is None or abs(step.start_s - promised_s) > RENEWED_PROMISE_S:
                stop.row.promised_s = float(step.start_s)
            stop.row.talk_s = float(step.talk_s)
    for left in body.unserved:
        stop = today.stops.get(left.task)
        if stop is not None and not stop.row.locked and not stop.aboard and stop.row.state == "open":
            stop.row.van = None
            stop.row.promised_s = None
            stop.row.talk_s = 0.0
