"""The houses of the made-up neighbourhood: on both sides of a street, odd numbers on the left."""

from collections.abc import Callable
from math import cos, hypot, pi, sin
from random import Random

from routing.neighbourhood.grid import Street
from routing.neighbourhood.names import Postcodes
from routing.neighbourhood.shapes import Crowd, Spot, box, walk
from routing.neighbourhood.sheet import Sheet

LOT_M = 31.0


class Houses:
    """Builds along one street after another. `built` are buildings there already, `shut` says where nobody builds."""

    def __init__(
        self, sheet: Sheet, random: Random, *, roads: Crowd, built: Crowd, shut: Callable[[Spot], bool]
    ) -> None:
        self._sheet = sheet
        self._random = random
        self._roads = roads
        self._built = built
        self._shut = shut
        self._postcodes = Postcodes(random)
        self._next_number: dict[str, dict[int, int]] = {}  # by street and side; stretches of one name go on

    def build(self, street: Street) -> None:
        """Houses along a street where there is room."""
        number = self._next_number.setdefault(street.name, {-1: 1, 1: 2})
        offset = 13.0 if street.kind == "living_street" else 16.0
        for spot, angle in walk(street.line, start=24.0, step=LOT_M):
            for side in (-1, 1):
                out = angle - side * pi / 2
                centre = (spot[0] + offset * cos(out), spot[1] + offset * sin(out))
                if self._is_free(centre, spot):
                    self._house(centre, angle, street.name, number[side])
                    number[side] += 2

    def _is_free(self, centre: Spot, spot: Spot) -> bool:
        if self._random.random() < 0.12:
            return False
        own = hypot(centre[0] - spot[0], centre[1] - spot[1])
        return (
            not self._roads.within(centre, own - 3.5)
            and not self._built.within(centre, 17.0)
            and not self._shut(centre)
        )

    def _house(self, centre: Spot, angle: float, street: str, number: int) -> None:
        self._built.add(centre)
        width, depth = self._random.uniform(8.0, 12.0), self._random.uniform(7.0, 9.0)
        tags = {
            "building": "house",
            "addr:street": street,
            "addr:housenumber": str(number) + ("A" if self._random.random() < 0.03 else ""),
            "addr:postcode": self._postcodes.of(street),
        }
        self._sheet.area(box(centre, angle, width, depth), tags)
