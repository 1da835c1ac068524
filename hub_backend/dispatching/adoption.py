"""Adopting a draft: a plan's row, each stop's van and promise, and what the plan changed.

What is under way, locked or loaded stays, whatever the router said: a draft that the day has overtaken is not adopted.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy.orm import Session

from hub_backend.dispatching.day.standing import Standing
from hub_backend.dispatching.drafting import Draft
from hub_backend.dispatching.plans import RENEWED_PROMISE_S, PlanBody, named, next_revision, to_json
from hub_backend.dispatching.router.problem import Changed, Left, PlanAnswer, PlannedRoute
from hub_backend.ordering.refs import RandomBelow, new_ref
from hub_backend.record import PlanRow
from hub_backend.stop_ref import DROPOFF, stop_of_ref


def plan_row(session: Session, draft: Draft, *, made_s: float, reason: str, random_below: RandomBelow) -> PlanRow:
    """The draft as a row of the record: with its reason, its question's hash, and its changes."""
    standing, answer = draft.standing, draft.answer
    row = PlanRow(
        id=new_ref(random_below),
        day=standing.day,
        revision=next_revision(session, standing.day),
        made_s=made_s,
        reason=reason,
        engine=answer.engine,
        seed=answer.seed,
        problem_hash=standing.problem.digest(),
        solve_s=answer.solve_s,
        body=to_json(body_with(answer, standing)),
        changes=msgspec.to_builtins([*gone(draft.previous, standing), *answer.changes]),
    )
    session.add(row)
    return row


def gone(previous: PlanBody | None, standing: Standing) -> list[Changed]:
    """What the previous plan had and the router was not asked: cancelled, or not to be planned any more."""
    if previous is None:
        return []
    reasons = {left.task: left.reason for left in standing.unplannable}
    reasons |= {id_: "opdracht vervallen" for id_, stop in standing.stops.items() if stop.row.state == "cancelled"}
    return [
        Changed(
            task=step.task,
            kind="dropped",
            van_before=route.van,
            van_after=None,
            shift_s=None,
            words=f"{standing.names.get(step.task, step.task)} vervalt: {reasons[stop_of_ref(step.task)]}.",
        )
        for route in previous.routes
        for step in route.steps
        if stop_of_ref(step.task) in reasons and not step.task.endswith(DROPOFF)
    ]


def body_with(answer: PlanAnswer, standing: Standing) -> PlanBody:
    """The plan's body: refs as the vans know them, the stop where each van stands first, all who are left out."""
    unserved = {stop_of_ref(left.task): left.reason for left in answer.unserved}
    unserved |= {left.task: left.reason for left in standing.unplannable}
    return PlanBody(
        now_s=standing.now_s,
        routes=(*_named_routes(answer.routes, standing), *_standing_routes(answer.routes, standing)),
        unserved=tuple(Left(task=task, reason=reason) for task, reason in sorted(unserved.items())),
        notes=tuple(standing.notes),
        cost_s=answer.cost_s,
    )


def _named_routes(routes: Sequence[PlannedRoute], standing: Standing) -> list[PlannedRoute]:
    return [
        named(
            route,
            begun=standing.tour(route.van).depot_stops,
            current=standing.current.get(route.van),
            at_hub=not standing.tour(route.van).left_hub,
        )
        for route in routes
    ]


def _standing_routes(routes: Sequence[PlannedRoute], standing: Standing) -> list[PlannedRoute]:
    """A van that was taken out of service at a door still finishes there."""
    return [
        PlannedRoute(
            van=van,
            start_s=step.arrive_s,
            end_s=step.depart_s,
            distance_m=0,
            drive_s=0,
            soc_end_percent=None,
            steps=(step,),
        )
        for van, step in standing.current.items()
        if van not in {route.van for route in routes}
    ]


def still_fits(draft: Draft, today: Standing) -> bool:
    """Whether what is under way, locked, loaded or out of service now is as the router was told."""
    asked = draft.standing
    routes = {route.van: [step.task for step in route.steps] for route in draft.answer.routes}
    if {van.id for van in asked.problem.vans} != {van.id for van in today.problem.vans}:
        return False
    for van, ref in today.under_way.items():
        current = asked.current.get(van)
        if current is not None and current.ref == ref:
            continue
        if routes.get(van, [""])[:1] not in ([ref], [stop_of_ref(ref)]):
            return False
    planned = {stop_of_ref(task): van for van, tasks in routes.items() for task in tasks}
    return all(_fits(today, stop, van) for stop, van in planned.items() if stop in today.stops)


def _fits(today: Standing, id_: str, van: str) -> bool:
    """Whether this van may still be the one that comes to this stop."""
    stop = today.stops[id_]
    if stop.row.state == "done":
        return True
    if stop.row.state == "cancelled" or (stop.row.locked and stop.row.van not in (None, van)):
        return False
    return not stop.aboard or stop.aboard == {van}


def assign(today: Standing, body: PlanBody) -> None:
    """Give each planned stop its van and its promise; a promise moves only by a quarter of an hour or more."""
    for route in body.routes:
        for step in route.steps:
            stop = today.stops.get(stop_of_ref(step.ref))
            if stop is None:
                continue
            stop.row.van = route.van
            if step.ref.endswith(DROPOFF) or stop.row.state != "open":
                continue
            promised_s = stop.row.promised_s
            if promised_s is None or abs(step.start_s - promised_s) > RENEWED_PROMISE_S:
                stop.row.promised_s = float(step.start_s)
    for left in body.unserved:
        stop = today.stops.get(left.task)
        if stop is not None and not stop.row.locked and not stop.aboard and stop.row.state == "open":
            stop.row.van = None
            stop.row.promised_s = None
