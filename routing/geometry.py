"""Metres between places on earth, on a flat one: good to 0.1 % within a town."""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, radians

import numpy as np
from numpy.typing import NDArray

from routing.places import Point

M_PER_DEGREE = 111_195.0
"""Of latitude."""


def metres_between(a: Point, b: Point) -> float:
    """Distance over the ground."""
    east = (b.lon - a.lon) * cos(radians((a.lat + b.lat) / 2.0))
    return hypot(east, b.lat - a.lat) * M_PER_DEGREE


def length_m(points: Sequence[Point]) -> float:
    """Length of a line."""
    return sum(metres_between(a, b) for a, b in pairwise(points))


def metres_to_line(place: Point, points: Sequence[Point]) -> float:
    """From a place to the nearest point of a line of at least two points."""
    east = cos(radians(place.lat)) * M_PER_DEGREE
    x = np.array([(point.lon - place.lon) * east for point in points])
    y = np.array([(point.lat - place.lat) * M_PER_DEGREE for point in points])
    _, away = to_segments(x[:-1], y[:-1], x[1:], y[1:])
    return float(away.min())


def to_segments(
    ax: NDArray[np.float64], ay: NDArray[np.float64], bx: NDArray[np.float64], by: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far along (0..1) each segment from a to b is nearest to the origin, and how far away it is there."""
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    along = np.clip(-(ax * dx + ay * dy) / np.where(length2 > 0, length2, 1.0), 0.0, 1.0)
    return along, np.hypot(ax + along * dx, ay + along * dy)


def fractions(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the length at each point of a line, 0 at its first and 1 at its last point."""
    pieces = np.hypot(np.diff(lon) * cos(radians(float(lat[0]))), np.diff(lat))
    total = float(pieces.sum())
    if total == 0.0:
        return np.linspace(0.0, 1.0, len(lat))
    shares = np.concatenate(([0.0], np.cumsum(pieces) / total))
    shares[-1] = 1.0
    return shares
