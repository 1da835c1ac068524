"""Holds a plan against its problem, rule by rule. Shares nothing with the search: times, loads and range are computed
here again, from the problem's records and the plan's steps alone.

Rules (`Violation.rule`):

| rule | the promise |
|---|---|
| `known` | every route is of a van in service, once; every step names what the problem knows; times are in order |
| `once` | every task and ride is done once or is in `unserved`, never both, never neither |
| `place` | a step is where its task is |
| `travel` | nobody is anywhere sooner than the roads allow, or drives where there is no way |
| `service` | a visit lasts as long as it must and as was handed out, a loading as long as the depot needs |
| `talk` | contact time is handed out to residents only, and no more than they may have |
| `committed` | what is committed comes first, in its order, in its van |
| `on_board` | goods that are in a van ride in no other |
| `locked` | a locked task is done by its van only |
| `depot` | goods come from their own hub, a van loads and charges at its own, and charges where that can be done |
| `skills` | the van's concierge may do it |
| `window` | service starts within one of the windows |
| `loaded` | goods are handed over only after they were loaded or fetched (or were on board) |
| `release` | nothing is loaded before it is at the depot |
| `capacity` | no compartment holds more than it can |
| `apart` | no passenger rides with food or laundry where no wall parts them |
| `aboard` | goods are in the van no longer than they may |
| `ride` | pickup before drop-off, same van, not longer than the longest ride time |
| `seated` | no passenger is aboard during loading, charging or a rest |
| `rest` | a rest of the roster is taken within its window, or the van is back before that ends |
| `open` | loading takes place while the depot is open |
| `shift` | the van starts after and is back before its shift's ends |
| `range` | the battery stays above its least, as far as it is known, but on the way to charge and go on |
| `figures` | the plan's metres, seconds, cost and charge are what its steps say |

What is committed may break windows, skills, capacity, time aboard, shift and range: it is a fact and not a choice. So
may the drop-off of a passenger who already sits in the van, when it follows at once. A rest may be late when it is the
next thing that is done.
"""

from collections import Counter
from collections.abc import Iterator

from routing.check_route import RouteCheck
from routing.model import Plan, Problem, Ride, Step, StepKind, Van, Violation

_NOT_ASKED = (StepKind.RELOAD, StepKind.CHARGE, StepKind.REST)


def check(problem: Problem, plan: Plan) -> list[Violation]:
    """All rules that a plan breaks; an empty list is a plan that can be driven."""
    found = list(_whole(problem, plan))
    if any(violation.rule == "known" for violation in found):
        return found  # the rest would stumble over unknown names
    vans = {van.id: van for van in problem.vans}
    for route in plan.routes:
        found += RouteCheck(problem, vans[route.van], route).violations()
    found += _cost(problem, plan)
    return found


def _whole(problem: Problem, plan: Plan) -> Iterator[Violation]:
    in_service = {van.id: van for van in problem.vans if van.in_service}
    for name, count in Counter(route.van for route in plan.routes).items():
        if name not in in_service:
            yield Violation("known", name, None, "a route of a van that is not in service")
        elif count > 1:
            yield Violation("known", name, None, f"{count} routes of one van")
    for name in sorted(in_service.keys() - {route.van for route in plan.routes}):
        yield Violation("known", name, None, "no route for a van in service")
    tasks = {task.id for task in problem.tasks}
    fetches = {f"{task.id}/fetch" for task in problem.tasks if task.fetch is not None}
    rides = {ride.id: ride for ride in problem.rides}
    depots = {depot.id for depot in problem.depots}
    done: Counter[str] = Counter()
    for route in plan.routes:
        rests = _rests(in_service.get(route.van))
        for step in route.steps:
            of_roster = step.kind is StepKind.REST
            known = step.task in rests if of_roster else _is_known(step, tasks | fetches, rides, depots)
            if not known or (step.kind is StepKind.TASK) != (step.task in tasks):
                yield Violation("known", route.van, step.task, f"no {step.kind} of this name in the problem")
            if of_roster:
                rests.discard(step.task)  # the same rest again is not known
            elif step.kind not in _NOT_ASKED:
                done[step.task] += 1
    yield from _once(problem, plan, done)


def _rests(van: Van | None) -> set[str]:
    return set() if van is None else {rest.id for rest in van.rests}


def _is_known(step: Step, tasks: set[str], rides: dict[str, Ride], depots: set[str]) -> bool:
    if step.kind in (StepKind.TASK, StepKind.FETCH):
        return step.task in tasks
    if step.kind in (StepKind.RELOAD, StepKind.CHARGE):
        return step.task in depots
    ride, slash, end = step.task.rpartition("/")
    return bool(slash) and ride in rides and end == step.kind.value


def _once(problem: Problem, plan: Plan, done: Counter[str]) -> Iterator[Violation]:
    left = Counter(row.task for row in plan.unserved)
    for row in plan.unserved:
        if not row.reason:
            yield Violation("once", None, row.task, "left out without a reason")
    names = {task.id for task in problem.tasks} | {ride.id for ride in problem.rides}
    for name in sorted(left.keys() - names):
        yield Violation("once", None, name, "left out, but no task of the problem")
    must_fetch = {name for van in problem.vans if van.in_service for name in van.committed}
    for task in problem.tasks:
        if done[task.id] + left[task.id] != 1:
            words = f"done {done[task.id]} times and left out {left[task.id]} times"
            yield Violation("once", None, task.id, words)
        fetch = f"{task.id}/fetch"
        if done[fetch] and done[fetch] != max(done[task.id], fetch in must_fetch):
            yield Violation("once", None, task.id, f"fetched {done[fetch]} times, handed over {done[task.id]} times")
    for ride in problem.rides:
        ups, downs = done[f"{ride.id}/pickup"], done[f"{ride.id}/dropoff"]
        expected_ups = 0 if ride.aboard is not None or left[ride.id] else 1
        if downs + left[ride.id] != 1 or ups != expected_ups:
            words = f"picked up {ups}, dropped off {downs}, left out {left[ride.id]} times"
            yield Violation("once", None, ride.id, words)


def _cost(problem: Problem, plan: Plan) -> Iterator[Violation]:
    left = {row.task for row in plan.unserved}
    value = sum(task.value or 0 for task in problem.tasks if task.id in left)
    cost = sum(route.drive_s for route in plan.routes) + value
    if cost != plan.cost_s:
        yield Violation("figures", None, None, f"cost is {cost} s, the plan says {plan.cost_s} s")
