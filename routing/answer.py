"""An instance answered: by the engine, or by PyVRP where this platform has none; counted anew before it goes out."""

import time
from dataclasses import dataclass
from math import lcm

from routing import engine
from routing.engine import NEVER, Budget, Rounds, Tuning
from routing.instances import Instance
from routing.model import RoutingError
from routing.recount import Count, recount
from routing.searches import search

CLOSING_S = 0.03
"""Kept back of the seconds, for counting anew and for the way out of the process."""

LEAST_S = 0.05
"""Searched even where loading took all the time, so that a busy machine still gets an answer worth having."""


class AnswerError(RoutingError):
    """No answer that holds; the message says what is wrong with the best one."""


@dataclass(frozen=True)
class Answer:
    """Routes as the instance numbers its customers (0: back at the depot to load), and what they took to find."""

    routes: tuple[tuple[int, ...], ...]
    cost: int
    scale: int
    method: str
    iterations: int


def rounds_of(instance: Instance) -> Rounds:
    """The engine's numbers of an instance; loads become whole numbers."""
    unit = lcm(*(demand.denominator for demand in instance.demand))
    everything = int(sum(instance.demand) * unit)
    capacity = everything if instance.capacity is None else min(everything, int(instance.capacity * unit))
    return Rounds(
        cost=instance.travel,
        duration=instance.travel,
        demand=[int(demand * unit) for demand in instance.demand],
        early=instance.early,
        late=[NEVER if late is None else late for late in instance.late],
        service=instance.service,
        release=instance.release,
        capacity=capacity,
        vehicles=instance.vehicles or len(instance.customers),
        max_trips=None if instance.max_reloads is None else instance.max_reloads + 1,
    )


def answer(
    instance: Instance, budget: Budget, *, seed: int, distances: str = "dimacs", tuning: Tuning | None = None
) -> Answer:
    """The best answer within a budget, of which a little is kept back for counting anew.

    Raises `AnswerError` when nothing holds by `recount`, `EngineError` for numbers beyond the engine.
    """
    if engine.available():
        close = budget
        if budget.until is not None:
            end = budget.until - CLOSING_S - 5e-5 * len(instance.demand)
            close = Budget(until=max(end, time.monotonic() + LEAST_S))
        found = search(rounds_of(instance), close, seed, tuning=tuning)
        routes, method, tries = tuple(_flat(route) for route in found.routes), "ruin and recreate", found.iterations
    else:
        from routing.rivals import pyvrp_answer

        plain = pyvrp_answer(instance, budget, seed=seed)
        routes, method, tries = plain.routes, plain.method, plain.iterations
    count = recount(instance, routes, distances)
    if count.faults:
        raise AnswerError(f"no answer was found that holds: {_some(count)}")
    return Answer(routes, count.cost, instance.scale, method, tries)


def _flat(route: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    flat: list[int] = []
    for trip in route:
        flat += [*([0] if flat else []), *trip]
    return tuple(flat)


def _some(count: Count) -> str:
    more = f" and {len(count.faults) - 3} more" if len(count.faults) > 3 else ""
    return "; ".join(count.faults[:3]) + more
