"""A small day to reckon with by hand: places in a row, a minute and 500 m apart; the hub is place 0."""

from dataclasses import replace

import numpy as np

from routing import Depot, Plan, Problem, Ride, Route, Task, Travel, Van, Window

NOW = 1_795_421_000
HOUR = 3600


def row_of_places(count: int = 12) -> Travel:
    apart = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :]).astype(np.int64)
    return Travel(apart * 60, apart * 500)


def window(from_s: int, to_s: int) -> tuple[Window, ...]:
    """Seconds from now."""
    return (Window(NOW + from_s, NOW + to_s),)


ALL_DAY = window(0, 8 * HOUR)


def task(name: str, place: int, **fields: object) -> Task:
    """A visit of five minutes at any time, without goods."""
    return replace(Task(name, place, ALL_DAY, 300), **fields)  # type: ignore[arg-type]


def parcel(name: str, place: int, **fields: object) -> Task:
    return replace(task(name, place, deliver={"parcels": 1}), **fields)  # type: ignore[arg-type]


def van(name: str = "van-1", **fields: object) -> Van:
    """At the hub, ready now, eight hours, room for four of everything."""
    room = dict.fromkeys(("chilled", "hot", "ambient", "parcels", "laundry"), 4) | {"seats": 2}
    return replace(Van(name, "hub", 0, NOW, Window(NOW, NOW + 8 * HOUR), room), **fields)  # type: ignore[arg-type]


def day(tasks: list[Task], vans: list[Van] | None = None, rides: list[Ride] | None = None) -> Problem:
    hub = Depot("hub", 0, Window(NOW - HOUR, NOW + 10 * HOUR), reload_s=300)
    other = Depot("other", 11, Window(NOW - HOUR, NOW + 10 * HOUR), reload_s=300)
    return Problem(NOW, [hub, other], vans or [van()], tasks, row_of_places(), rides or [])


def route(plan: Plan, name: str = "van-1") -> Route:
    return next(route for route in plan.routes if route.van == name)


def order(plan: Plan, name: str = "van-1") -> list[str]:
    """What a van does, in order; `load` and `charge` at the hub."""
    words = {"reload": "load", "charge": "charge"}
    return [words.get(step.kind.value, step.task) for step in route(plan, name).steps]


def start_s(plan: Plan, task_id: str) -> int:
    """When a step's service starts, seconds from now."""
    return next(step.start_s - NOW for r in plan.routes for step in r.steps if step.task == task_id)


def left_out(plan: Plan) -> dict[str, str]:
    return {row.task: row.code for row in plan.unserved}
