"""Proposals over HTTP: the plan that waits for the planner, with what it would change; accepted or rejected."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub_backend import shown
from hub_backend.api.day import Day, must_be_day
from hub_backend.api.plans import PlanOut, plan_out
from hub_backend.dispatching.dispatch import Dispatch
from hub_backend.dispatching.plans import open_proposal
from hub_backend.kit import Kit
from hub_backend.record import PlanRow
from hub_backend.spoken import Words
from hub_backend.trigger import ask


class Decided(BaseModel):
    """What became of a proposal. An accepted one is timed anew before it goes to the vans; that plan comes later."""

    plan: str
    revision: int
    state: str


def router(kit: Kit, dispatch: Dispatch) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["planning"])

    @routes.get("/days/{day}/proposal")
    def get_proposal(day: Day) -> PlanOut | None:
        """The plan that waits for a decision, null when there is none."""
        must_be_day(day)
        with kit.store.read() as session:
            row = open_proposal(session, day)
            return None if row is None else plan_out(session, row, zone=kit.settings.zone)

    @routes.post("/plans/{plan_id}/accept", status_code=202)
    def accept(plan_id: str) -> Decided:
        """Let a proposal become the plan."""
        now_s = kit.clock.now_s()
        with kit.store.write() as session:
            row = _open(session, plan_id)
            row.state, row.decided_s = "accepted", now_s
            ask(session, kind="accepted", t_s=now_s, subject=row.id, words=Words(row.reason, row.reason_en))
            decided = _decided(row)
        dispatch.wake()
        shown.tell(kit, [("plan", plan_id)])
        return decided

    @routes.post("/plans/{plan_id}/reject")
    def reject(plan_id: str) -> Decided:
        """Leave the plan as it is. What the proposal was for is looked at again with the next event."""
        with kit.store.write() as session:
            row = _open(session, plan_id)
            row.state, row.decided_s = "rejected", kit.clock.now_s()
            decided = _decided(row)
        shown.tell(kit, [("plan", plan_id)])
        return decided

    return routes


def _open(session: Session, plan_id: str) -> PlanRow:
    row = session.get(PlanRow, plan_id)
    if row is None:
        raise HTTPException(404, f"plan: unknown plan {plan_id!r}")
    if row.state != "proposed":
        raise HTTPException(409, f"plan: revision {row.revision} is {row.state}, there is nothing to decide")
    return row


def _decided(row: PlanRow) -> Decided:
    return Decided(plan=row.id, revision=row.revision, state=row.state)
