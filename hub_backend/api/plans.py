"""Plans over HTTP: what holds, how it came about, and asking for another."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.api.day import Day, must_be_day
from hub_backend.api.plan_routes import PlanRoute, routes_of
from hub_backend.dispatching.day.stops import read_stops
from hub_backend.dispatching.dispatch import Dispatch
from hub_backend.dispatching.plans import PlanBody, body_of, changes_of, newest_plan, stops_in
from hub_backend.kit import Kit
from hub_backend.ordering.words import Text
from hub_backend.record import PlanRow, TriggerRow
from hub_backend.spoken import Words, said
from hub_backend.trigger import ask


class PlanUnserved(BaseModel):
    stop: str
    client: str
    address: str
    reason: str
    reason_en: str = Field(description="empty where there is no English")
    code: str = Field(description="what the reason is, for programs; empty where it has no code")
    moved_to: str | None = Field(description="the day on which it comes along")


class PlanChange(BaseModel):
    """What this plan changed, in Dutch and in English; empty where there is no English."""

    stop: str
    kind: str
    van_before: str | None
    van_after: str | None
    shift_s: int | None
    words: str
    words_en: str
    saving_s: int | None = Field(description="driving that moving it saves; null: not known")


class PlanSummary(BaseModel):
    """A plan of the day's history."""

    id: str
    day: str
    revision: int
    made_s: float
    reason: str
    reason_en: str = Field(description="empty where there is no English")
    state: str = Field(description="adopted, proposed, accepted, rejected or overtaken")
    decided_s: float | None = Field(description="when a proposal was decided on, or overtaken")
    engine: str
    seed: int
    inputs_hash: str
    solve_s: float
    stops: int
    unserved: int
    distance_m: int
    saving_s: int | None = Field(description="driving saved against inserting what was new and moving nothing")
    triggers: list[str]
    triggers_en: list[str]
    kinds: list[str] = Field(description="what kinds of things it answers, for programs")
    changes: list[PlanChange]


class PlanOut(PlanSummary):
    """A plan with each van's day."""

    routes: list[PlanRoute]
    left: list[PlanUnserved]
    notes: list[str]
    notes_en: list[str]


class ReplanIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Text = Field("", max_length=300)


class Asked(BaseModel):
    """A plan was asked for; it comes when it is there."""

    trigger: int
    day: str


def router(kit: Kit, dispatch: Dispatch) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["planning"])
    _asking(routes, kit, dispatch)
    _reading(routes, kit)
    return routes


def _asking(routes: APIRouter, kit: Kit, dispatch: Dispatch) -> None:
    @routes.post("/days/{day}/plan", status_code=202)
    def ask_plan(day: Day, request: ReplanIn, response: Response) -> Asked:
        """Ask for a plan of this day, with the reason that it will carry."""
        must_be_day(day)
        with kit.store.write() as session:
            first = newest_plan(session, day) is None
            row = ask(
                session,
                kind="morning" if first else "manual",
                t_s=kit.clock.now_s(),
                subject=day,
                words=Words(request.reason) if request.reason else said("morning" if first else "planned_again"),
            )
            asked = Asked(trigger=row.id, day=day)
        dispatch.wake()
        response.headers["Location"] = f"/api/days/{day}/plan"
        return asked


def _reading(routes: APIRouter, kit: Kit) -> None:
    @routes.get("/days/{day}/plan")
    def get_plan(day: Day) -> PlanOut:
        """The plan that holds; 404 before the first."""
        must_be_day(day)
        with kit.store.read() as session:
            row = newest_plan(session, day)
            if row is None:
                raise HTTPException(404, f"day: no plan for {day} yet")
            return plan_out(session, row, zone=kit.settings.zone)

    @routes.get("/days/{day}/plans")
    def list_plans(day: Day) -> list[PlanSummary]:
        """Every plan of the day, the newest first, proposals among them."""
        must_be_day(day)
        with kit.store.read() as session:
            rows = session.scalars(select(PlanRow).where(PlanRow.day == day).order_by(PlanRow.revision.desc())).all()
            return [_summary(session, row, body_of(row)) for row in rows]


def _summary(session: Session, row: PlanRow, body: PlanBody) -> PlanSummary:
    asked = session.execute(
        select(TriggerRow.words, TriggerRow.words_en, TriggerRow.kind)
        .where(TriggerRow.plan == row.id)
        .order_by(TriggerRow.id)
    ).all()
    words = dict.fromkeys((nl, en or nl) for nl, en, _ in asked)
    return PlanSummary(
        id=row.id,
        day=row.day,
        revision=row.revision,
        made_s=row.made_s,
        reason=row.reason,
        reason_en=row.reason_en,
        state=row.state,
        decided_s=row.decided_s,
        engine=row.engine,
        seed=row.seed,
        inputs_hash=row.inputs_hash,
        solve_s=row.solve_s,
        stops=stops_in(body),
        unserved=len(body.unserved),
        distance_m=sum(route.distance_m for route in body.routes),
        saving_s=None if body.cost_s is None or body.quick_cost_s is None else body.quick_cost_s - body.cost_s,
        triggers=[nl for nl, _ in words],
        triggers_en=[en for _, en in words],
        kinds=sorted({kind for _, _, kind in asked}),
        changes=[
            PlanChange(
                stop=change.task,
                kind=change.kind,
                van_before=change.van_before,
                van_after=change.van_after,
                shift_s=change.shift_s,
                words=change.words,
                words_en=change.words_en,
                saving_s=change.saving_s,
            )
            for change in changes_of(row)
        ],
    )


def plan_out(session: Session, row: PlanRow, *, zone: ZoneInfo) -> PlanOut:
    """The plan as the planner sees it now."""
    body = body_of(row)
    stops = read_stops(session, row.day)
    return PlanOut(
        **_summary(session, row, body).model_dump(),
        routes=routes_of(session, row, body, stops, zone=zone),
        left=[
            PlanUnserved(
                stop=left.task,
                client=stops[left.task].row.resident,
                address=stops[left.task].address,
                reason=left.reason,
                reason_en=left.reason_en,
                code=left.code,
                moved_to=stops[left.task].row.moved_to,
            )
            for left in body.unserved
            if left.task in stops
        ],
        notes=list(body.notes),
        notes_en=list(body.notes_en),
    )
