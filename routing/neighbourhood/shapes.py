"""Shapes on a plane of metres: boxes, round things, spots along a line, and a crowd of spots asked for by nearness."""

from collections.abc import Iterable
from itertools import pairwise
from math import atan2, cos, hypot, pi, sin
from random import Random

Spot = tuple[float, float]  # metres east and north of the centre


def apart(a: Spot, b: Spot) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])


class Crowd:
    """Spots that are asked for by nearness, in squares of 40 m."""

    def __init__(self) -> None:
        self.all: list[Spot] = []
        self._squares: dict[tuple[int, int], list[Spot]] = {}

    def add(self, spot: Spot) -> None:
        self.all.append(spot)
        self._squares.setdefault((int(spot[0] // 40), int(spot[1] // 40)), []).append(spot)

    def within(self, centre: Spot, radius_m: float) -> list[Spot]:
        """All spots nearer than `radius_m`, at most 40."""
        x, y = int(centre[0] // 40), int(centre[1] // 40)
        squares = [self._squares.get((x + dx, y + dy), []) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        return [spot for square in squares for spot in square if apart(centre, spot) < radius_m]


def walk(line: list[Spot], *, start: float, step: float) -> Iterable[tuple[Spot, float]]:
    """Spots along a line with the direction there, from `start` metres on and not nearer to its end."""
    total = sum(apart(a, b) for a, b in pairwise(line))
    wanted, gone = start, 0.0
    for (ax, ay), (bx, by) in pairwise(line):
        piece = hypot(bx - ax, by - ay)
        while wanted <= gone + piece and wanted <= total - start:
            t = (wanted - gone) / piece
            yield (ax + (bx - ax) * t, ay + (by - ay) * t), atan2(by - ay, bx - ax)
            wanted += step
        gone += piece


def box(centre: Spot, angle: float, width: float, depth: float) -> list[Spot]:
    along, across = (cos(angle), sin(angle)), (-sin(angle), cos(angle))
    return [
        (
            centre[0] + along[0] * w * width / 2 + across[0] * d * depth / 2,
            centre[1] + along[1] * w * width / 2 + across[1] * d * depth / 2,
        )
        for w, d in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]


def blob(centre: Spot, radius: float, random: Random) -> list[Spot]:
    """A round shape with a wavering edge."""
    phase = random.uniform(0, 2 * pi)
    ring = []
    for step in range(24):
        angle = 2 * pi * step / 24
        reach = radius * (1 + 0.13 * sin(3 * angle + phase) + 0.07 * sin(5 * angle))
        ring.append((centre[0] + reach * cos(angle), centre[1] + reach * sin(angle)))
    return ring
