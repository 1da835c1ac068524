"""Benchmark instances of one depot: the Solomon and VRPLIB formats, read with errors that name the field and the line.

Comes in: a file's text. Goes out: an `Instance`, whose distances, times and travel durations are whole numbers of
1/`scale` of the file's unit. Understood are capacity, time windows, service times, and several trips with release times
(`VEHICLES_RELOAD_DEPOT_SECTION`, `RELEASE_TIME_SECTION`). What a file asks beyond that is refused by name, because
leaving it out would solve another problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, lcm
from pathlib import Path

from routing.instance_lines import Draft, InstanceError, Lines
from routing.solomon import solomon
from routing.vrplib import vrplib

__all__ = ["DISTANCES", "Instance", "InstanceError", "parse", "read"]

DISTANCES = ("dimacs", "round", "trunc", "exact")
"""How Euclidean distances become whole numbers: to one decimal, rounded, truncated, to three decimals.

The first is the rule of the DIMACS challenge for time windows; CVRPLIB publishes its best known values under the
second. Distances that a file gives outright are kept as they are.
"""

_SCALE = {"dimacs": 10, "round": 1, "trunc": 1, "exact": 1000}


@dataclass(frozen=True)
class Instance:
    """One depot, which is place 0, and customers 1 to n, numbered as the file's solutions number them.

    Everything that is a distance or a time is in 1/`scale` of the file's unit. `late[i]` is None where there is no
    end; `vehicles` is None where the fleet is not limited; `max_reloads` is 0 where a vehicle makes one trip.
    """

    name: str
    scale: int
    places: tuple[tuple[Fraction, Fraction], ...]
    """Coordinates in the file's unit; empty where the file gives distances outright."""
    travel: tuple[tuple[int, ...], ...]
    """Distance and duration from place to place, n + 1 rows of n + 1; plain numbers, so that reading needs no NumPy."""
    capacity: Fraction | None
    vehicles: int | None
    demand: tuple[Fraction, ...]
    early: tuple[int, ...]
    late: tuple[int | None, ...]
    service: tuple[int, ...]
    release: tuple[int, ...]
    max_reloads: int | None = 0
    """None where there is no limit."""

    @property
    def customers(self) -> range:
        return range(1, len(self.demand))

    @property
    def has_windows(self) -> bool:
        return any(late is not None for late in self.late)


def read(path: Path, distances: str = "dimacs") -> Instance:
    """The instance in a file, of whichever of the two formats it is in.

    Raises `InstanceError` for anything that cannot be meant, and `OSError` where the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InstanceError(f"{path.name}: not a text file ({error.reason} at byte {error.start})") from error
    return parse(text, path.name, distances)


def parse(text: str, name: str, distances: str = "dimacs") -> Instance:
    """As `read`, of a text; `name` is what errors call it."""
    if distances not in DISTANCES:
        raise InstanceError(f"distances: {distances!r} is none of {', '.join(DISTANCES)}")
    lines = Lines(name, text)
    draft = vrplib(lines) if any(":" in line or "_SECTION" in line for _, line in lines) else solomon(lines)
    return _finish(draft, lines, distances)


def _finish(draft: Draft, lines: Lines, distances: str) -> Instance:
    if len(draft.demand) < 2:
        raise lines.error(None, "CUSTOMER", "has no customers")
    for place, (early, late) in enumerate(zip(draft.early, draft.late, strict=True)):
        if late is not None and late < early:
            who = f"of customer {place}" if place else "of the depot"
            reason = f"{who} ends at {float(late):g}, before it begins at {float(early):g}"
            raise lines.error(draft.line_of(place), "the window", reason)
    if draft.capacity is not None:
        for place, demand in enumerate(draft.demand):
            if demand > draft.capacity:
                reason = f"of customer {place} is {float(demand):g}, no vehicle carries over {float(draft.capacity):g}"
                raise lines.error(None, "the demand", reason)
    if draft.explicit is None:
        scale = _SCALE[distances]
        travel = _euclidean(draft.places, distances)
    else:
        scale = _common_scale([value for row in draft.explicit for value in row])
        travel = tuple(tuple(int(value * scale) for value in row) for row in draft.explicit)
    return Instance(
        name=draft.name,
        scale=scale,
        places=tuple(draft.places) if draft.explicit is None else (),
        travel=travel,
        capacity=draft.capacity,
        vehicles=draft.vehicles,
        demand=tuple(draft.demand),
        early=tuple(-int(-value * scale // 1) for value in draft.early),
        late=tuple(None if value is None else int(value * scale // 1) for value in draft.late),
        service=tuple(-int(-value * scale // 1) for value in draft.service),
        release=tuple(-int(-value * scale // 1) for value in draft.release),
        max_reloads=draft.max_reloads,
    )


def _common_scale(values: Sequence[int | Fraction]) -> int:
    """The smallest power of ten that makes all values whole, at most 1000."""
    return next((scale for scale in (1, 10, 100) if all((v * scale).denominator == 1 for v in values)), 1000)


def _euclidean(places: Sequence[tuple[Fraction, Fraction]], distances: str) -> tuple[tuple[int, ...], ...]:
    """Exact: whole square roots of whole numbers, so that no rounding of floating point can tip a value."""
    unit = lcm(*(value.denominator for place in places for value in place))
    whole = [(int(x * unit), int(y * unit)) for x, y in places]
    times, squared = _SCALE[distances] ** 2, unit * unit
    rounded = distances in ("round", "exact")
    matrix = [[0] * len(places) for _ in places]
    for i, (x, y) in enumerate(whole):
        row = matrix[i]
        for j in range(i):
            u, v = whole[j]
            square = ((x - u) * (x - u) + (y - v) * (y - v)) * times
            # to the nearest: half the root of four times the square, and a half
            length = (isqrt(4 * square // squared) + 1) // 2 if rounded else isqrt(square // squared)
            row[j] = matrix[j][i] = length
    return tuple(tuple(row) for row in matrix)
