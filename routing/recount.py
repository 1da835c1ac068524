"""What an answer to an instance costs and what is wrong with it, counted from the file's own numbers.

It shares no code with any search: distances come from the coordinates again (in decimal arithmetic where the instance
has coordinates), times are added up visit by visit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext

from routing.instances import Instance

_QUANTA = {"dimacs": ("0.1", ROUND_DOWN), "round": ("1", ROUND_HALF_UP), "trunc": ("1", ROUND_DOWN)}
_QUANTA["exact"] = ("0.001", ROUND_HALF_UP)


@dataclass(frozen=True)
class Count:
    """The cost in 1/`scale` of the file's unit, and every fault as a sentence; without faults the answer holds."""

    cost: int
    faults: tuple[str, ...]


def recount(instance: Instance, routes: Sequence[Sequence[int]], distances: str = "dimacs") -> Count:
    """Counts anew. A route is a vehicle's customers in order; a 0 within it is a return to the depot to load."""
    faults: list[str] = []
    seen: set[int] = set()
    cost = 0
    for number, route in enumerate(routes, 1):
        trips = _trips(route)
        if any(not trip for trip in trips):
            faults.append(f"route {number}: a trip without customers")
        if instance.max_reloads is not None and len(trips) > instance.max_reloads + 1:
            faults.append(f"route {number}: {len(trips)} trips, at most {instance.max_reloads + 1} allowed")
        clock = instance.early[0]
        for trip in trips:
            strange = [c for c in trip if c not in instance.customers]
            if strange:
                faults.append(f"route {number}: there is no customer {strange[0]}")
                continue
            for customer in trip:
                if customer in seen:
                    faults.append(f"customer {customer} is visited more than once")
                seen.add(customer)
            length, clock, found = _drive(instance, trip, clock, distances)
            cost += length
            faults += [f"route {number}: {fault}" for fault in found]
    faults += [f"customer {c} is not visited" for c in instance.customers if c not in seen]
    if instance.vehicles is not None and len(routes) > instance.vehicles:
        faults.append(f"{len(routes)} vehicles are used, there are {instance.vehicles}")
    return Count(cost, tuple(faults))


def _trips(route: Sequence[int]) -> list[list[int]]:
    trips: list[list[int]] = [[]]
    for place in route:
        if place == 0:
            trips.append([])
        else:
            trips[-1].append(place)
    return trips


def _drive(instance: Instance, trip: Sequence[int], clock: int, distances: str) -> tuple[int, int, list[str]]:
    """One trip from the depot at the earliest moment: its length, when it is back, and its faults."""
    faults: list[str] = []
    load = sum(instance.demand[customer] for customer in trip)
    if instance.capacity is not None and load > instance.capacity:
        faults.append(f"a trip carries {float(load):g}, over {float(instance.capacity):g}")
    clock = max([clock, *(instance.release[customer] for customer in trip)])
    length, here = 0, 0
    for place in [*trip, 0]:
        leg = _distance(instance, here, place, distances)
        length += leg
        clock = max(clock + leg, instance.early[place])
        late = instance.late[place]
        if late is not None and clock > late:
            who = f"customer {place}" if place else "the depot"
            faults.append(f"{who} is reached {(clock - late) / instance.scale:g} too late")
        if place:
            clock += instance.service[place]
        here = place
    return length, clock, faults


def _distance(instance: Instance, here: int, there: int, distances: str) -> int:
    if not instance.places:
        return instance.travel[here][there]
    quantum, rounding = _QUANTA[distances]
    with localcontext() as context:
        context.prec = 60
        sides = [
            Decimal((a - b).numerator) / Decimal((a - b).denominator)
            for a, b in zip(instance.places[here], instance.places[there], strict=True)
        ]
        length = (sides[0] * sides[0] + sides[1] * sides[1]).sqrt()
        return int(length.quantize(Decimal(quantum), rounding=rounding) * instance.scale)
