"""From a draft to what a plan says: each van's stops by their names on the wire, who is left out, what changed."""

from collections.abc import Sequence

from hub_backend.dispatching.day.standing import Standing
from hub_backend.dispatching.drafting import Draft
from hub_backend.dispatching.plans import PlanBody, named
from hub_backend.dispatching.router.problem import Changed, Left, PlanAnswer, PlannedRoute
from hub_backend.stop_ref import DROPOFF, stop_of_ref

INSERTED = "Zoeken naar een beter plan lukte niet op tijd: wat nieuw was is alleen ingevoegd."


def changes_in(draft: Draft) -> list[Changed]:
    """What is different from the plan that people were told, weightiest first."""
    return [*gone(draft.previous, draft.standing), *draft.answer.changes]


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


def body_with(answer: PlanAnswer, standing: Standing, *, stood_in: bool) -> PlanBody:
    """The plan's body: refs as the vans know them, the stop where each van stands first, all who are left out.

    `stood_in`: the insertion's answer stands in for that of a search.
    """
    unserved = {stop_of_ref(left.task): left.reason for left in answer.unserved}
    unserved |= {left.task: left.reason for left in standing.unplannable}
    return PlanBody(
        now_s=standing.now_s,
        routes=(*_named_routes(answer.routes, standing), *_standing_routes(answer.routes, standing)),
        unserved=tuple(Left(task=task, reason=reason) for task, reason in sorted(unserved.items())),
        notes=(*standing.notes, *([INSERTED] if stood_in else [])),
        cost_s=answer.cost_s,
        quick_cost_s=answer.quick_cost_s,
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
