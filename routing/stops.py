"""What a sequence is made of: visits without times, and what the timing needs to know of each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from routing.cargo import EMPTY, Load, Some, some, vector
from routing.model import Problem, Rest, Ride, StepKind, Task

NEVER = 1 << 40
"""Later than any time of a problem, in seconds."""

AT_DEPOT = (StepKind.RELOAD, StepKind.CHARGE)
NOBODY = (StepKind.RELOAD, StepKind.CHARGE, StepKind.REST)
"""Kinds of visits that no task or ride asks for."""


class Visit(NamedTuple):
    """One stop of a sequence before it has times.

    `id` is the task's, `TASK/fetch`, `RIDE/pickup`, `RIDE/dropoff`, the depot's or the rest's.
    """

    kind: StepKind
    id: str
    charge_s: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """What the timing needs to know of a task, of one end of a ride, or of goods to be fetched."""

    place: int
    windows: tuple[tuple[int, int], ...]
    service_s: int
    deliver: Load = EMPTY
    collect: Load = EMPTY
    release_s: int = -NEVER
    gives: Some = ()  # deliver and collect without their zeros
    takes: Some = ()


def stops_of(problem: Problem) -> dict[str, Stop]:
    """By the name of a visit."""
    return dict(_stops(problem))


def _stops(problem: Problem) -> Iterator[tuple[str, Stop]]:
    for task in problem.tasks:
        yield task.id, _task_stop(task)
        if task.fetch is not None:
            yield f"{task.id}/fetch", _fetch_stop(task)
    for ride in problem.rides:
        yield f"{ride.id}/pickup", _pickup_stop(ride)
        yield f"{ride.id}/dropoff", _dropoff_stop(ride)


def _task_stop(task: Task) -> Stop:
    deliver, collect = vector(task.deliver), vector(task.collect)
    return Stop(
        place=task.place,
        windows=tuple(sorted([(window.from_s, window.to_s) for window in task.windows])),
        service_s=task.service_s,
        deliver=deliver,
        collect=collect,
        release_s=-NEVER if task.release_s is None else task.release_s,
        gives=some(deliver),
        takes=some(collect),
    )


def _fetch_stop(task: Task) -> Stop:
    assert task.fetch is not None
    load = vector(task.deliver)
    window = (task.fetch.window.from_s, task.fetch.window.to_s)
    return Stop(task.fetch.place, (window,), task.fetch.service_s, collect=load, takes=some(load))


def _pickup_stop(ride: Ride) -> Stop:
    seats = vector({"seats": ride.seats})
    window = (ride.pickup.from_s, ride.pickup.to_s)
    return Stop(ride.pickup_place, (window,), ride.pickup_s, collect=seats, takes=some(seats))


def _dropoff_stop(ride: Ride) -> Stop:
    seats = vector({"seats": ride.seats})
    window = (ride.dropoff.from_s, ride.dropoff.to_s)
    return Stop(ride.dropoff_place, (window,), ride.dropoff_s, deliver=seats, gives=some(seats))


def done_after(visits: Sequence[Visit]) -> int:
    """After how many visits nothing but rests follows."""
    return max((index for index, visit in enumerate(visits, 1) if visit.kind is not StepKind.REST), default=0)


def back_after(visits: Sequence[Visit]) -> int:
    """After how many visits nothing but rests and charging follows: the van is back."""
    idle = (StepKind.REST, StepKind.CHARGE)
    return max((index for index, visit in enumerate(visits, 1) if visit.kind not in idle), default=0)


def start_in(rest: Rest, arrive_s: int) -> tuple[int, int]:
    """When a rest begins after this arrival, and by how much that is too late."""
    return max(arrive_s, rest.window.from_s), max(0, arrive_s - rest.window.to_s)
