"""What happens in a day, and the problem that it leaves: values in, a new problem out.

Each event knows nothing of plans. `after` works them into a problem one by one, in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from routing.model import Fetch, Problem, ProblemError, Ride, Task, Travel, Van, Window

HAND_OVER_S = 90
"""Taking one resident's goods over from another van (own choice)."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """Somebody asked for something more."""

    what: Task | Ride


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A task or ride that nobody waits for any more; goods of it that are in a van stay there until it unloads."""

    id: str


@dataclass(frozen=True, slots=True)
class NotAtHome:
    """Nobody opened: the goods stay in `van`. `again`: when somebody comes back; None: not today."""

    id: str
    van: str
    again: Window | None = None


@dataclass(frozen=True, slots=True)
class Delayed:
    """A van is free only at `until_s`: traffic, or a talk that takes as long as it takes."""

    van: str
    until_s: int


@dataclass(frozen=True, slots=True)
class Stranded:
    """A van cannot go on from `place` (None: where the problem has it); others fetch its goods and passengers there.

    `by_s`: until when its goods can be taken over.
    """

    van: str
    by_s: int
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Ill:
    """A van stays without a driver. At the hub its goods go back to the hub; on the way it is as good as stranded."""

    van: str
    by_s: int


@dataclass(frozen=True, slots=True)
class CoolerFailed:
    """A van does not cool any more since `since_s`: what is chilled in it must be out within `limit_s`."""

    van: str
    since_s: int
    limit_s: int = 7200


@dataclass(frozen=True, slots=True)
class BatteryLow:
    """A van's battery has less in it than was thought."""

    van: str
    soc_percent: float


@dataclass(frozen=True, slots=True)
class RoadsChanged:
    """A road is closed or open again: the same places, other ways."""

    travel: Travel


Event = Ordered | Cancelled | NotAtHome | Delayed | Stranded | Ill | CoolerFailed | BatteryLow | RoadsChanged


def after(problem: Problem, events: Sequence[Event]) -> Problem:
    """The problem with the events worked into it.

    Raises:
        ProblemError: an event names a van, task or ride that the problem does not know.
    """
    for event in events:
        problem = _after(problem, event)
    return problem


def _after(problem: Problem, event: Event) -> Problem:  # noqa: PLR0911 - one way out for each kind
    match event:
        case Ordered(Task() as task):
            return replace(problem, tasks=[*problem.tasks, task])
        case Ordered(Ride() as ride):
            return replace(problem, rides=[*problem.rides, ride])
        case Cancelled(name):
            return _without(problem, name)
        case NotAtHome(name, by, again):
            return _not_at_home(problem, name, by, again)
        case Delayed(name, until_s):
            van = _van(problem, name)
            return _with_van(problem, replace(van, ready_s=max(van.ready_s, until_s)))
        case Stranded(name, by_s, place):
            return _stranded(problem, _van(problem, name), by_s, place)
        case Ill(name, by_s):
            van = _van(problem, name)
            return _back_at_hub(problem, van) if van.at_depot else _stranded(problem, van, by_s, None)
        case CoolerFailed(name, since_s, limit_s):
            return _warm(problem, _van(problem, name), since_s, limit_s)
        case BatteryLow(name, soc_percent):
            return _with_van(problem, replace(_van(problem, name), soc_percent=soc_percent))
        case RoadsChanged(travel):
            return replace(problem, travel=travel)
    raise ProblemError(f"event {event!r}: of no kind that is known")


def _van(problem: Problem, name: str) -> Van:
    van = next((van for van in problem.vans if van.id == name), None)
    if van is None:
        raise ProblemError(f"event: van {name!r} is unknown")
    return van


def _with_van(problem: Problem, van: Van) -> Problem:
    return replace(problem, vans=[van if other.id == van.id else other for other in problem.vans])


def _names(name: str) -> set[str]:
    return {name, f"{name}/pickup", f"{name}/dropoff", f"{name}/fetch"}


def _without(problem: Problem, name: str) -> Problem:
    """Without a task or ride; its goods ride along as something to be brought back."""
    task = next((task for task in problem.tasks if task.id == name), None)
    if task is None and all(ride.id != name for ride in problem.rides):
        raise ProblemError(f"event: task {name!r} is unknown")
    vans = []
    for van in problem.vans:
        collected = dict(van.collected)
        if task is not None and name in van.on_board:
            for key, amount in task.deliver.items():
                collected[key] = collected.get(key, 0) + amount
        committed = tuple(one for one in van.committed if one not in _names(name))
        vans.append(replace(van, on_board=van.on_board - {name}, committed=committed, collected=collected))
    return replace(
        problem,
        vans=vans,
        tasks=[task for task in problem.tasks if task.id != name],
        rides=[ride for ride in problem.rides if ride.id != name],
    )


def _not_at_home(problem: Problem, name: str, van_id: str, again: Window | None) -> Problem:
    task = next((task for task in problem.tasks if task.id == name), None)
    if task is None:
        raise ProblemError(f"event: task {name!r} is unknown")
    van = _van(problem, van_id)
    if again is None:
        return _without(problem, name)
    goods = any(task.deliver.values())
    later = replace(task, windows=(again,), fetch=None)
    tasks = [later if one.id == name else one for one in problem.tasks]
    committed = tuple(one for one in van.committed if one not in _names(name))
    on_board = van.on_board | {name} if goods else van.on_board
    return _with_van(replace(problem, tasks=tasks), replace(van, committed=committed, on_board=on_board))


def _stranded(problem: Problem, van: Van, by_s: int, place: int | None) -> Problem:
    """The van's goods and passengers are to be fetched from where it stands."""
    where = van.place if place is None else place
    span = Window(max(problem.now_s, min(van.ready_s, by_s)), max(problem.now_s, by_s))
    fetch = Fetch(where, span, HAND_OVER_S)
    tasks = [
        replace(task, fetch=fetch) if task.id in van.on_board and any(task.deliver.values()) else task
        for task in problem.tasks
    ]
    rides = [_from_there(ride, where, span) if ride.aboard == van.id else ride for ride in problem.rides]
    out = replace(
        van, in_service=False, place=where, on_board=frozenset(), committed=(), collected={}, at_depot=False, rests=()
    )
    return _with_van(_unlocked(replace(problem, tasks=tasks, rides=rides), van.id), out)


def _from_there(ride: Ride, place: int, span: Window) -> Ride:
    """A passenger waits where the van stands, and is home when they are."""
    home_by = max(ride.dropoff.to_s, span.to_s + ride.max_ride_s)
    return replace(ride, aboard=None, pickup_place=place, pickup=span, dropoff=Window(ride.dropoff.from_s, home_by))


def _unlocked(problem: Problem, van: str) -> Problem:
    """Nothing is locked to this van any more."""
    tasks = [replace(task, locked_van=None) if task.locked_van == van else task for task in problem.tasks]
    rides = [replace(ride, locked_van=None) if ride.locked_van == van else ride for ride in problem.rides]
    return replace(problem, tasks=tasks, rides=rides)


def _back_at_hub(problem: Problem, van: Van) -> Problem:
    """Its goods are unloaded where they were loaded."""
    tasks = [
        replace(task, depot=task.depot or van.depot, aboard_since_s=None) if task.id in van.on_board else task
        for task in problem.tasks
    ]
    out = replace(van, in_service=False, on_board=frozenset(), committed=(), rests=())
    return _with_van(_unlocked(replace(problem, tasks=tasks), van.id), out)


def _warm(problem: Problem, van: Van, since_s: int, limit_s: int) -> Problem:
    tasks = [
        _out_by(task, since_s, limit_s) if task.id in van.on_board and task.deliver.get("chilled", 0) else task
        for task in problem.tasks
    ]
    return _with_van(replace(problem, tasks=tasks), replace(van, capacity={**van.capacity, "chilled": 0}))


def _out_by(task: Task, since_s: int, limit_s: int) -> Task:
    until_s = since_s + limit_s
    if task.max_aboard_s is not None and task.aboard_since_s is not None:
        until_s = min(until_s, task.aboard_since_s + task.max_aboard_s)
    return replace(task, aboard_since_s=since_s, max_aboard_s=max(0, until_s - since_s))
