"""Two answers made into a third: neighbouring routes of the one, and the routes of the other that those leave whole.

Comes in and goes out: codes as `engine.Engine.code` has them. Whoever is in no route any more is absent, and put
back by the search that begins from there.
"""

from array import array
from collections.abc import Iterable, Sequence
from random import Random

from routing.engine import Rounds

Vehicle = tuple[int, ...]
"""A vehicle's customers, 0 between two trips."""


def vehicles_of(code: Iterable[int]) -> list[Vehicle]:
    vehicles: list[Vehicle] = []
    stops: list[int] = []
    for place in code:
        if place >= 0:
            stops.append(place)
        else:
            vehicles.append(tuple(stops))
            stops = []
    return vehicles


def code_of(vehicles: Iterable[Vehicle]) -> "array[int]":
    code = array("i")
    for stops in vehicles:
        code.extend((*stops, -1))
    return code


def crossed(mother: "array[int]", father: "array[int]", rounds: Rounds, random: Random) -> "array[int]":
    """The mother's answer with some routes of the father's around one customer, up to half of them."""
    hers, his = vehicles_of(mother), vehicles_of(father)
    chosen = _around(1 + random.randrange(rounds.size), his, random.randint(1, max(1, len(his) // 2)), rounds)
    taken = {place for stops in chosen for place in stops if place}
    kept = sorted(hers, key=lambda stops: len(taken.intersection(stops)))[: max(0, len(hers) - len(chosen))]
    rest = (_without(stops, taken) for stops in kept)
    return code_of([*chosen, *(stops for stops in rest if stops)])


def _around(customer: int, vehicles: Sequence[Vehicle], count: int, rounds: Rounds) -> list[Vehicle]:
    """So many vehicles that pass nearest to a customer."""
    to, cost = rounds.cost[customer], rounds.cost
    vehicle_of = {place: number for number, stops in enumerate(vehicles) for place in stops if place}
    near = sorted(vehicle_of, key=lambda place: to[place] + cost[place][customer])
    numbers = list(dict.fromkeys(vehicle_of[place] for place in near))
    return [vehicles[number] for number in numbers[:count]]


def _without(stops: Vehicle, taken: set[int]) -> Vehicle:
    """A vehicle without some customers, and without the trips that then carry nothing."""
    left: list[int] = []
    for place in stops:
        if place not in taken and (place or (left and left[-1])):
            left.append(place)
    return tuple(left[:-1] if left and not left[-1] else left)
