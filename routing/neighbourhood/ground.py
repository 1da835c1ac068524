"""What the made-up neighbourhood lies on: canal and basin, parks, the quarter itself."""

from itertools import pairwise
from math import hypot
from random import Random

from routing.neighbourhood.grid import (
    BASIN_COLUMN,
    CANAL_ROW,
    CELL_Y_M,
    COLUMNS,
    ROWS,
    Bend,
    flat,
    middle_of,
)
from routing.neighbourhood.shapes import Crowd, Spot, apart, blob
from routing.neighbourhood.sheet import Sheet


class Water:
    """A canal that ends in a basin."""

    def __init__(self, sheet: Sheet, random: Random, bend: Bend) -> None:
        line = _canal_line(bend)
        left, right = [], []
        for (ax, ay), (bx, by) in pairwise(line):
            length = hypot(bx - ax, by - ay)
            nx, ny = -(by - ay) / length * 14.0, (bx - ax) / length * 14.0
            left.append((ax + nx, ay + ny))
            right.append((ax - nx, ay - ny))
        left.append((line[-1][0], line[-1][1] + 14.0))
        right.append((line[-1][0], line[-1][1] - 14.0))
        sheet.area(left + right[::-1], {"natural": "water", "water": "canal", "name": "Nieuwe Vaart"})
        sheet.way([sheet.node(spot) for spot in line], {"waterway": "canal", "name": "Nieuwe Vaart"})
        sheet.area(blob(line[-1], 48.0, random), {"natural": "water", "name": "Havenkom"})
        self._basin = line[-1]
        self._canal = Crowd()
        for spot in line:
            self._canal.add(spot)

    def is_near(self, spot: Spot) -> bool:
        """Too near to build."""
        return bool(self._canal.within(spot, 34.0)) or apart(spot, self._basin) < 70.0


def _canal_line(bend: Bend) -> list[Spot]:
    y = flat((0, CANAL_ROW))[1] + CELL_Y_M / 2
    west, east = flat((0, 0))[0] - 700.0, flat((BASIN_COLUMN, 0))[0] - 110.0
    return [bend((west + (east - west) * step / 40, y)) for step in range(41)]


def draw_green(sheet: Sheet, random: Random, bend: Bend) -> list[Spot]:
    """Parks in the middle of cells, from which houses stay away."""
    cells = [(column, row) for column in range(COLUMNS - 1) for row in range(ROWS - 1) if row != CANAL_ROW]
    parks: list[Spot] = []
    kinds = [("leisure", "park"), ("leisure", "playground"), ("landuse", "forest"), ("leisure", "pitch")]
    for index, cell in enumerate(random.sample(cells, 9)):
        centre = middle_of(cell, bend)
        key, value = kinds[index % len(kinds)]
        sheet.area(blob(centre, random.uniform(52.0, 68.0), random), {key: value})
        if index == 0:
            sheet.area(blob(centre, 22.0, random), {"natural": "water", "water": "pond"})
        parks.append(centre)
    return parks


def draw_quarter(sheet: Sheet, bend: Bend) -> None:
    """The built-up area within the ring road, and its two names."""
    corners = [(0, 0), (COLUMNS - 1, 0), (COLUMNS - 1, ROWS - 1), (0, ROWS - 1)]
    ring: list[Spot] = []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        (ax, ay), (bx, by) = flat(a), flat(b)
        ring += [bend((ax + (bx - ax) * t / 24, ay + (by - ay) * t / 24)) for t in range(24)]
    sheet.area(ring, {"landuse": "residential"})
    for name, cell in (("De Vaart-Noord", (4, 6)), ("De Vaart-Zuid", (4, 1))):
        sheet.mark(middle_of(cell, bend), {"place": "neighbourhood", "name": name})
