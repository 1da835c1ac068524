"""What is in a van along its sequence: goods by compartment, what was collected, passengers."""

from collections.abc import Mapping, Sequence
from operator import mul

from routing.model import COMPARTMENTS, Ride, Van
from routing.reasons import Fault

SEATS = COMPARTMENTS.index("seats")
LOOSE = tuple(COMPARTMENTS.index(name) for name in ("chilled", "hot", "ambient", "laundry"))
"""Food and laundry: no company for a passenger where no wall parts them."""

EMPTY = (0,) * len(COMPARTMENTS)

Load = tuple[int, ...]
"""Amounts in the order of COMPARTMENTS."""


_COLUMN = {name: column for column, name in enumerate(COMPARTMENTS)}


def vector(loads: Mapping[str, int]) -> Load:
    """A record's amounts as a load."""
    if not loads:
        return EMPTY
    load = list(EMPTY)
    for name, amount in loads.items():
        load[_COLUMN[name]] = int(amount)
    return tuple(load)


Some = tuple[tuple[int, int], ...]
"""The amounts of a load that are not zero, each with its column: most tasks have one."""


def some(load: Load) -> Some:
    return () if load is EMPTY else tuple([(column, amount) for column, amount in enumerate(load) if amount])


class CargoFault(Exception):  # noqa: N818 - says where a sequence fails, and is always caught
    """A compartment overflows, a passenger is where none may be, goods are handed over that are not there."""

    def __init__(self, fault: Fault, at: int) -> None:
        super().__init__(fault.code)
        self.fault, self.at = fault, at


class Cargo:
    """Follows a sequence visit by visit; raises `CargoFault` where it cannot be. Handing over goes before taking along.

    What is committed (the first `frozen` visits) may overflow: it is a fact, not a choice.
    """

    def __init__(self, van: Van, capacity: Load, frozen: int, seated: Sequence[Ride], unit_kg: Sequence[float]) -> None:
        self._capacity, self._unit_kg = capacity, unit_kg
        self._frozen = frozen
        self._apart = van.partition
        self._aboard = list(EMPTY)  # to be handed over
        self._collected = list(vector(van.collected))
        self._riding = {ride.id for ride in seated}
        self._seats = sum(ride.seats for ride in seated)
        self.kg = sum(map(mul, self._collected, unit_kg)) + self._seats * unit_kg[SEATS]
        """What all of it weighs."""

    def begin(self, handed_over: Sequence[Some], staying: Sequence[Some]) -> None:
        """Goods on board at the start: those this sequence hands over, and those it does not."""
        for goods in handed_over:
            self._take(self._aboard, goods)
        for goods in staying:  # until the van is emptied at the depot
            self._take(self._collected, goods)

    def nobody_rides(self, index: int) -> None:
        """At the depot and during a rest no passenger may sit in the van."""
        if self._riding and index >= self._frozen:
            raise CargoFault(Fault.SEATED, index)

    def load(self, index: int, loads: Sequence[Some], *, all_frozen: bool) -> None:
        self.kg -= sum(map(mul, self._collected, self._unit_kg))
        self._collected = list(EMPTY)
        for goods in loads:
            self._take(self._aboard, goods)
        if not all_frozen:
            for goods in loads:
                self._fits(goods, index)
            self._kept_apart(index)

    def fetch(self, index: int, goods: Some) -> None:
        """Take goods over from where they lie."""
        self._take(self._aboard, goods)
        if index >= self._frozen:
            self._fits(goods, index)
            self._kept_apart(index)

    def pickup(self, index: int, ride: str, seats: int) -> None:
        self._riding.add(ride)
        self._seats += seats
        self.kg += seats * self._unit_kg[SEATS]
        if index >= self._frozen:
            if self._seats > self._capacity[SEATS]:
                raise CargoFault(Fault.CAPACITY, index)
            self._kept_apart(index)

    def dropoff(self, index: int, ride: str, seats: int) -> None:
        if ride not in self._riding:
            raise CargoFault(Fault.SEATED, index)
        self._riding.discard(ride)
        self._seats -= seats
        self.kg -= seats * self._unit_kg[SEATS]

    def exchange(self, index: int, deliver: Some, collect: Some) -> None:
        for column, amount in deliver:
            self._aboard[column] -= amount
            self.kg -= amount * self._unit_kg[column]
        if collect:
            self._take(self._collected, collect)
            if index >= self._frozen:
                self._fits(collect, index)
                self._kept_apart(index)

    def end(self, index: int) -> None:
        if self._riding:
            raise CargoFault(Fault.SEATED, index)

    def _take(self, hold: list[int], goods: Some) -> None:
        for column, amount in goods:
            hold[column] += amount
            self.kg += amount * self._unit_kg[column]

    def _fits(self, added: Some, index: int) -> None:
        """Only what is added can be too much; what was there already is a fact."""
        for column, _ in added:
            if self._aboard[column] + self._collected[column] > self._capacity[column]:
                raise CargoFault(Fault.CAPACITY, index)

    def _kept_apart(self, index: int) -> None:
        """A passenger and loose food or laundry come together here, without a wall between them."""
        if self._apart or not self._riding:
            return
        if any(self._aboard[column] + self._collected[column] > 0 for column in LOOSE):
            raise CargoFault(Fault.MIXED, index)


def ride_of(name: str) -> str:
    """The ride of `RIDE/pickup` or `RIDE/dropoff`, the task of `TASK/fetch`."""
    return name.rsplit("/", 1)[0]
