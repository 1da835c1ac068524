"""Plans in the record: adopting one, reading the newest, and what each gateway is told of it.

A plan's row is kept for ever with the hash of the question it answers. Its body is a `PlanBody` as JSON.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub_backend.dispatching.router.problem import Changed, Left, PlannedRoute, PlannedStep
from hub_backend.record import PlanRow
from hub_backend.stop_ref import REST

RENEWED_PROMISE_S = 900
"""A resident's promised time moves only when the plan differs more than this: a quarter of an hour either way."""


LOADING = "loading"
"""The ref of the loading before a van leaves its hub: on no screen, for it is not driven to."""


class PlanBody(Struct, frozen=True, kw_only=True):
    """What a plan says: each van's remaining route, and who nobody comes for."""

    now_s: int
    routes: tuple[PlannedRoute, ...]
    unserved: tuple[Left, ...]
    notes: tuple[str, ...] = ()
    notes_en: tuple[str, ...] = ()
    cost_s: int | None = None
    quick_cost_s: int | None = None
    """What it would have cost to insert what is new and move nothing: the search saved the difference."""
    taken_from: dict[str, str] = {}
    """By the task of a step, the van that cannot go on from which goods or a passenger are taken over there."""


def to_json(body: PlanBody) -> dict[str, Any]:
    """The body as the record's JSON column takes it."""
    result: dict[str, Any] = msgspec.to_builtins(body)
    return result


def body_of(row: PlanRow) -> PlanBody:
    """The body of a plan's row. Raises `msgspec.ValidationError` for one that this version cannot read."""
    return msgspec.convert(row.body, PlanBody)


def changes_of(row: PlanRow) -> list[Changed]:
    """What the plan changed."""
    return msgspec.convert(row.changes, list[Changed])


def newest_plan(session: Session, day: str) -> PlanRow | None:
    """The plan that holds for `day`, None before the first."""
    return _newest(session, day, "adopted")


def has_plan(session: Session, day: str) -> bool:
    """Whether `day` has a plan that holds, without reading it."""
    return session.scalar(select(PlanRow.id).where(PlanRow.day == day, PlanRow.state == "adopted").limit(1)) is not None


def open_proposal(session: Session, day: str) -> PlanRow | None:
    """The plan that waits for the planner's decision; there is at most one a day."""
    return _newest(session, day, "proposed")


def _newest(session: Session, day: str, state: str) -> PlanRow | None:
    rows = select(PlanRow).where(PlanRow.day == day, PlanRow.state == state)
    return session.scalars(rows.order_by(PlanRow.revision.desc()).limit(1)).first()


def next_revision(session: Session, day: str) -> int:
    """1 for a day's first plan; proposals count."""
    highest = session.scalar(select(func.max(PlanRow.revision)).where(PlanRow.day == day))
    return (highest or 0) + 1


def driven_to(route: PlannedRoute) -> list[PlannedStep]:
    """The steps that the van drives to or stands at: all but its loading before it leaves."""
    return at_one_stop(step for step in route.steps if step.ref != LOADING)


def stops_in(body: PlanBody) -> int:
    """How many stops a plan has, reloads and charges among them."""
    return sum(len(driven_to(route)) for route in body.routes)


def idle_s(route: PlannedRoute | None, *, now_s: int, shift: tuple[int, int]) -> int:
    """Seconds left of a van's shift in which it neither drives nor stands at a stop: it waits, or has nothing to do.

    `now_s`: when the plan was made; what lies before it counts for nothing.
    """
    left_s = shift[1] - max(now_s, shift[0])
    if route is not None:
        at_stops_s = sum(max(0, step.depart_s - max(now_s, step.start_s)) for step in route.steps)
        left_s -= route.drive_s + at_stops_s
    return max(0, left_s)


def talk_s(route: PlannedRoute | None) -> int:
    """Spare seconds that a van's remaining day hands out as contact time."""
    return 0 if route is None else sum(step.talk_s for step in route.steps)


def depart_times(body: PlanBody | None) -> dict[tuple[str, str], int]:
    """When each van leaves each of its planned stops, by van and ref."""
    routes = body.routes if body is not None else ()
    return {(route.van, step.ref): step.depart_s for route in routes for step in route.steps}


def fetched_at(body: PlanBody | None) -> dict[tuple[str, str], list[str]]:
    """Whose goods each van takes over at each of its planned stops, by van and ref: tasks of the router's."""
    fetches: dict[tuple[str, str], list[str]] = {}
    for route in body.routes if body is not None else ():
        for step in route.steps:
            if step.kind == "fetch":
                fetches.setdefault((route.van, step.ref), []).append(step.task)
    return fetches


def named(route: PlannedRoute, *, begun: Sequence[str], current: PlannedStep | None, at_hub: bool) -> PlannedRoute:
    """The route with each step's ref, behind the step at which the van stands now.

    A van that stands at its hub loads before it leaves: a reload that comes first is that loading and no stop. A
    task's or a ride's ref is its own id, a rest's is that of the roster. Reloads and charges are counted on from those
    the van has begun, so that a new plan calls the reload it is driving to by the same name; all that is taken over
    from one van at a time is one stop.
    """
    counts = {kind: sum(ref.startswith(f"{kind}.") for ref in begun) for kind in ("reload", "charge", "fetch")}
    steps = [] if current is None else [current]
    for number, step in enumerate(route.steps):
        ref = step.task
        before = route.steps[number - 1] if number else None
        if number == 0 and step.kind == "reload" and at_hub:
            ref = LOADING
        elif step.kind == "rest":
            ref = f"{REST}{step.task}"
        elif step.kind in counts:
            counts[step.kind] += not _is_same_fetch(before, step)
            ref = f"{step.kind}.{counts[step.kind]}"
        steps.append(msgspec.structs.replace(step, ref=ref))
    return msgspec.structs.replace(route, steps=tuple(steps))


def _is_same_fetch(before: PlannedStep | None, step: PlannedStep) -> bool:
    if before is None or step.kind != "fetch" or before.kind != "fetch":
        return False
    return (before.lat, before.lon) == (step.lat, step.lon)


def at_one_stop(steps: Iterable[PlannedStep]) -> list[PlannedStep]:
    """The steps with one for each planned stop: of all that is taken over from a van together the first, to the end."""
    stops: list[PlannedStep] = []
    for step in steps:
        if stops and step.kind == "fetch" and stops[-1].ref == step.ref:
            stops[-1] = msgspec.structs.replace(stops[-1], depart_s=step.depart_s)
        else:
            stops.append(step)
    return stops
