"""The grid that the made-up neighbourhood grows from: crossings, streets between them, and the bending of the plane.

Metres east and north of the centre; a crossing is a column and a row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import pi, sin
from random import Random

from routing.neighbourhood.shapes import Spot

COLUMNS, ROWS = 10, 8  # crossings of the grid
CELL_X_M, CELL_Y_M = 245.0, 235.0
CANAL_ROW = 3  # the canal runs north of this row of crossings
BASIN_COLUMN = 7  # and ends before this column
BRIDGE_COLUMN, CYCLE_COLUMN = 4, 6

Crossing = tuple[int, int]  # column, row
Bend = Callable[[Spot], Spot]


@dataclass
class Street:
    """A run of the grid between two crossings, with what it is."""

    a: Crossing
    b: Crossing
    kind: str
    name: str = ""
    oneway: bool = False
    bollard: bool = False
    bridge: bool = False
    line: list[Spot] = field(default_factory=list)


def full_grid() -> list[Street]:
    streets = []
    for column in range(COLUMNS):
        for row in range(ROWS):
            for other in ((column + 1, row), (column, row + 1)):
                if other[0] < COLUMNS and other[1] < ROWS:
                    street = Street((column, row), other, "residential")
                    if on_ring(street) or street.a[0] == street.b[0] == BRIDGE_COLUMN:
                        street.kind = "tertiary"
                    street.bridge = _crosses_canal(street) and street.kind == "tertiary"
                    streets.append(street)
    return streets


def on_ring(street: Street) -> bool:
    (ac, ar), (bc, br) = street.a, street.b
    return (ac == bc and ac in (0, COLUMNS - 1)) or (ar == br and ar in (0, ROWS - 1))


def _crosses_canal(street: Street) -> bool:
    rows = sorted((street.a[1], street.b[1]))
    return rows == [CANAL_ROW, CANAL_ROW + 1] and street.a[0] < BASIN_COLUMN


def over_water(street: Street) -> bool:
    return _crosses_canal(street) and not street.bridge


def flat(crossing: Crossing) -> Spot:
    """Where a crossing lies before the plane is bent."""
    return (crossing[0] - (COLUMNS - 1) / 2) * CELL_X_M, (crossing[1] - (ROWS - 1) / 2) * CELL_Y_M


def bending(random: Random) -> Callable[[Spot], Spot]:
    """A smooth bending of the plane; its slope stays below one half, so it folds nothing."""
    waves = [
        (random.uniform(500, 1100), random.uniform(500, 1100), random.uniform(0, 2 * pi), random.uniform(0, 2 * pi))
        for _ in range(3)
    ]

    def bent(spot: Spot) -> Spot:
        x, y = spot
        dx = sum(0.024 * lx * sin(2 * pi * y / lx + phase) for lx, _, phase, _ in waves)
        dy = sum(0.024 * ly * sin(2 * pi * x / ly + phase) for _, ly, _, phase in waves)
        return x + dx, y + dy

    return bent


def degrees(streets: Iterable[Street]) -> dict[Crossing, int]:
    ends: dict[Crossing, int] = {}
    for street in streets:
        ends[street.a] = ends.get(street.a, 0) + 1
        ends[street.b] = ends.get(street.b, 0) + 1
    return ends


def all_reachable(streets: list[Street]) -> bool:
    """Whether a van can drive from every crossing to every other."""
    out: dict[Crossing, list[Crossing]] = {}
    back: dict[Crossing, list[Crossing]] = {}
    for street in streets:
        pairs = [(street.a, street.b)] + ([] if street.oneway else [(street.b, street.a)])
        for a, b in pairs:
            out.setdefault(a, []).append(b)
            back.setdefault(b, []).append(a)
    everywhere = set(degrees(streets))
    start = streets[0].a
    return _reached(start, out) == everywhere == _reached(start, back)


def _reached(start: Crossing, onward: dict[Crossing, list[Crossing]]) -> set[Crossing]:
    seen = {start}
    waiting = [start]
    while waiting:
        for other in onward.get(waiting.pop(), []):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def middle_of(cell: Crossing, bend: Bend) -> Spot:
    """The middle of the cell north-east of a crossing, on the bent plane."""
    x, y = flat(cell)
    return bend((x + CELL_X_M / 2, y + CELL_Y_M / 2))
