"""What is in a van along its sequence: goods by compartment, what was collected, passengers."""

from collections.abc import Mapping, Sequence

from routing.model import COMPARTMENTS, Ride, Van
from routing.reasons import Fault

SEATS = COMPARTMENTS.index("seats")
EMPTY = (0,) * len(COMPARTMENTS)

Load = tuple[int, ...]
"""Amounts in the order of COMPARTMENTS."""


def vector(loads: Mapping[str, int]) -> Load:
    """A record's amounts as a load."""
    return tuple(int(loads.get(name, 0)) for name in COMPARTMENTS)


def plus(a: Load, b: Load) -> Load:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def minus(a: Load, b: Load) -> Load:
    return tuple(x - y for x, y in zip(a, b, strict=True))


class CargoFault(Exception):  # noqa: N818 - says where a sequence fails, and is always caught
    """A compartment overflows, a passenger is where none may be, goods are handed over that are not there."""

    def __init__(self, fault: Fault, at: int) -> None:
        super().__init__(fault.code)
        self.fault, self.at = fault, at


class Cargo:
    """Follows a sequence visit by visit; raises `CargoFault` where it cannot be. Handing over goes before taking along.

    What is committed (the first `frozen` visits) may overflow: it is a fact, not a choice.
    """

    def __init__(self, van: Van, capacity: Load, frozen: int, seated: Sequence[Ride]) -> None:
        self._capacity = capacity
        self._frozen = frozen
        self._aboard = EMPTY  # to be handed over
        self._collected = vector(van.collected)
        self._riding = {ride.id for ride in seated}
        self._seats = sum(ride.seats for ride in seated)

    def begin(self, handed_over: Sequence[Load], staying: Sequence[Load]) -> None:
        """Goods on board at the start: those this sequence hands over, and those it does not."""
        for load in handed_over:
            self._aboard = plus(self._aboard, load)
        for load in staying:  # until the van is emptied at the depot
            self._collected = plus(self._collected, load)

    def at_depot(self, index: int) -> None:
        if self._riding and index >= self._frozen:
            raise CargoFault(Fault.SEATED, index)

    def load(self, index: int, loads: Sequence[Load], *, all_frozen: bool) -> None:
        self._collected = EMPTY
        added = EMPTY
        for load in loads:
            added = plus(added, load)
        self._aboard = plus(self._aboard, added)
        if not all_frozen:
            self._fits(self._aboard, added, index)

    def pickup(self, index: int, ride: str, seats: int) -> None:
        self._riding.add(ride)
        self._seats += seats
        if index >= self._frozen and self._seats > self._capacity[SEATS]:
            raise CargoFault(Fault.CAPACITY, index)

    def dropoff(self, index: int, ride: str, seats: int) -> None:
        if ride not in self._riding:
            raise CargoFault(Fault.SEATED, index)
        self._riding.discard(ride)
        self._seats -= seats

    def exchange(self, index: int, deliver: Load, collect: Load) -> None:
        self._aboard = minus(self._aboard, deliver)
        if any(collect):
            self._collected = plus(self._collected, collect)
            if index >= self._frozen:
                self._fits(plus(self._aboard, self._collected), collect, index)

    def end(self, index: int) -> None:
        if self._riding:
            raise CargoFault(Fault.SEATED, index)

    def _fits(self, load: Load, added: Load, index: int) -> None:
        """Only what is added can be too much; what was there already is a fact."""
        if any(more and amount > room for amount, more, room in zip(load, added, self._capacity, strict=True)):
            raise CargoFault(Fault.CAPACITY, index)


def ride_of(name: str) -> str:
    """The ride of `RIDE/pickup` or `RIDE/dropoff`."""
    return name.rsplit("/", 1)[0]
