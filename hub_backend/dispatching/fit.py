"""Whether a draft still fits the day: what is under way, locked, loaded or out of service stays, whatever it says."""

from itertools import takewhile

from hub_backend.dispatching.day.standing import Standing
from hub_backend.dispatching.drafting import Draft
from hub_backend.stop_ref import end_of_ref, stop_of_ref


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
    for asked_van in today.problem.vans:
        fetching = {name for name in asked_van.committed if end_of_ref(name) == "fetch"}
        if not fetching <= set(takewhile(lambda task: end_of_ref(task) == "fetch", routes.get(asked_van.id, []))):
            return False
    planned = {stop_of_ref(task): van for van, tasks in routes.items() for task in tasks}
    return all(_fits(today, stop, van) for stop, van in planned.items() if stop in today.stops)


def _fits(today: Standing, id_: str, van: str) -> bool:
    """Whether this van may still be the one that comes to this stop."""
    stop = today.stops[id_]
    if stop.row.state == "done":
        return True
    if stop.row.state in ("cancelled", "moved") or today.facts.lock_of(stop) not in (None, van):
        return False
    return stop.aboard - today.facts.stranded <= {van}
