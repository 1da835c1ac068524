"""From a draft to what a plan says: each van's stops by their names on the wire, who is left out, what changed."""

from collections.abc import Sequence

import msgspec

from hub_backend.dispatching.day.places import standing_at
from hub_backend.dispatching.day.standing import Standing
from hub_backend.dispatching.drafting import Draft
from hub_backend.dispatching.plans import PlanBody, named
from hub_backend.dispatching.router.problem import Changed, PlanAnswer, PlannedRoute, PlannedStep
from hub_backend.spoken import Words, said, van_called
from hub_backend.stop_ref import stop_of_ref

INSERTED = said("inserted")


def changes_in(draft: Draft) -> list[Changed]:
    """What is different from the plan that people were told, weightiest first."""
    return [*gone(draft.previous, draft.standing), *unlocked(draft), *draft.answer.changes]


def unlocked(draft: Draft) -> list[Changed]:
    """Whose lock is let go, for another van than the planner's comes."""
    standing, found = draft.standing, dict[str, Changed]()
    for route in draft.answer.routes:
        for step in route.steps:
            stop = standing.stops.get(stop_of_ref(step.task))
            if stop is None or not standing.facts.lock_yields(stop) or stop.row.van == route.van:
                continue
            van = stop.row.van or ""
            words = said("lock_let_go", address=stop.address, van=van_called(van), other=van_called(route.van))
            found[stop.row.id] = Changed(
                task=stop.row.id,
                kind="unlocked",
                van_before=van,
                van_after=route.van,
                shift_s=None,
                words=words.nl,
                words_en=words.en,
            )
    return list(found.values())


def gone(previous: PlanBody | None, standing: Standing) -> list[Changed]:
    """What the previous plan had and the router was not asked: cancelled, or not to be planned any more."""
    if previous is None:
        return []
    reasons = {left.task: Words(left.reason, left.reason_en) for left in standing.unplannable}
    cancelled = said("cancelled")
    reasons |= {id_: cancelled for id_, stop in standing.stops.items() if stop.row.state == "cancelled"}
    return [
        _dropped(step.task, route.van, reasons[stop_of_ref(step.task)], standing)
        for route in previous.routes
        for step in route.steps
        if stop_of_ref(step.task) in reasons and step.kind not in ("dropoff", "fetch")
    ]


def _dropped(task: str, van: str, why: Words, standing: Standing) -> Changed:
    words = said("dropped", address=standing.names.get(task, task), why=why)
    return Changed(
        task=task, kind="dropped", van_before=van, van_after=None, shift_s=None, words=words.nl, words_en=words.en
    )


def body_with(answer: PlanAnswer, standing: Standing, *, stood_in: bool) -> PlanBody:
    """The plan's body: refs as the vans know them, the stop where each van stands first, all who are left out.

    `stood_in`: the insertion's answer stands in for that of a search.
    """
    steps = [step for route in answer.routes for step in route.steps]
    sources = {step.task: van for step in steps if (van := _taken_from(step, standing)) is not None}
    unserved = {stop_of_ref(left.task): left for left in answer.unserved}
    unserved |= {left.task: left for left in standing.unplannable}
    notes = (*standing.notes, *([INSERTED] if stood_in else []))
    return PlanBody(
        now_s=standing.now_s,
        routes=(*_named_routes(answer.routes, standing), *_standing_routes(answer.routes, standing)),
        unserved=tuple(msgspec.structs.replace(unserved[task], task=task) for task in sorted(unserved)),
        notes=tuple(note.nl for note in notes),
        notes_en=tuple(note.en for note in notes),
        cost_s=answer.cost_s,
        quick_cost_s=answer.quick_cost_s,
        taken_from=sources,
    )


def _named_routes(routes: Sequence[PlannedRoute], standing: Standing) -> list[PlannedRoute]:
    return [
        named(
            route,
            begun=standing.tour(route.van).numbered,
            current=standing.current.get(route.van),
            at_hub=not standing.tour(route.van).left_hub and _begins_here(route, standing),
        )
        for route in routes
    ]


def _begins_here(route: PlannedRoute, standing: Standing) -> bool:
    """Whether a van that is at its hub has nowhere to drive for its first loading: a hub may have moved by then."""
    here = standing_at(standing.facts.hub_places[standing.vans[route.van].hub], standing.now_s)
    return all(step.task == here.id for step in route.steps[:1] if step.kind == "reload")


def _taken_from(step: PlannedStep, standing: Standing) -> str | None:
    stop = standing.stops.get(stop_of_ref(step.task))
    if stop is None or step.kind not in ("fetch", "pickup"):
        return None
    if step.kind == "pickup":
        return standing.facts.stuck_in(stop)
    return min(stop.aboard & standing.facts.stranded, default=None)


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
