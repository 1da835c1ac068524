"""Benchmark instances of one depot: the Solomon and VRPLIB formats, read with errors that name the field and the line.

Comes in: a file's text. Goes out: an `Instance`, whose distances, times and travel durations are whole numbers of
1/`scale` of the file's unit. Understood are capacity, time windows, service times, and several trips with release times
(`VEHICLES_RELOAD_DEPOT_SECTION`, `RELEASE_TIME_SECTION`). What a file asks beyond that is refused by name, because
leaving it out would solve another problem.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, lcm
from pathlib import Path

from routing.model import RoutingError

DISTANCES = ("dimacs", "round", "trunc", "exact")
"""How Euclidean distances become whole numbers: to one decimal, rounded, truncated, to three decimals.

The first is the rule of the DIMACS challenge for time windows; CVRPLIB publishes its best known values under the
second. Distances that a file gives outright are kept as they are.
"""

_SCALE = {"dimacs": 10, "round": 1, "trunc": 1, "exact": 1000}
_LARGEST = 10**12
_ANY_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class InstanceError(RoutingError):
    """A file that cannot be meant: the message names the file, the line, the field and the reason."""


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
    lines = _Lines(name, text)
    draft = _vrplib(lines) if any(":" in line or "_SECTION" in line for _, line in lines) else _solomon(lines)
    return _finish(draft, lines, distances)


# ---------------------------------------------------------------- lines and numbers


class _Lines:
    """A text's lines that say something, each with its number counted from 1."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = [(i, line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._lines)

    def error(self, line: int | None, field: str, reason: str) -> InstanceError:
        where = self.name if line is None else f"{self.name}, line {line}"
        return InstanceError(f"{where}: {field} {reason}")

    def number(self, line: int, field: str, word: str) -> Fraction:
        """A finite number that is not negative."""
        if word.isdecimal() and len(word) <= 12:
            return Fraction(int(word))
        if not _ANY_NUMBER.fullmatch(word):
            raise self.error(line, field, f"is {word!r}, not a number")
        value = Fraction(word)
        if value < 0:
            raise self.error(line, field, f"is {word}, must not be negative")
        if value > _LARGEST:
            raise self.error(line, field, f"is {word}, larger than {_LARGEST:.0e}")
        return value

    def coordinate(self, line: int, field: str, word: str) -> Fraction:
        value = self.number(line, field, word.removeprefix("-"))
        return -value if word.startswith("-") else value

    def whole(self, line: int, field: str, word: str) -> int:
        value = self.number(line, field, word)
        if value.denominator != 1:
            raise self.error(line, field, f"is {word}, must be a whole number")
        return int(value)


@dataclass
class _Draft:
    """What a file said, in its own units, before distances are known."""

    name: str
    places: list[tuple[Fraction, Fraction]]
    demand: list[Fraction]
    early: list[Fraction]
    late: list[Fraction | None]
    service: list[Fraction]
    release: list[Fraction]
    capacity: Fraction | None
    vehicles: int | None
    max_reloads: int | None
    explicit: list[list[int | Fraction]] | None
    line_of: Callable[[int], int | None]
    """The line of a place's window, for errors."""


# ---------------------------------------------------------------- Solomon

_COLUMNS = ("CUST NO.", "XCOORD.", "YCOORD.", "DEMAND", "READY TIME", "DUE DATE", "SERVICE TIME")


def _solomon(lines: _Lines) -> _Draft:
    rows = list(lines)
    if not rows:
        raise lines.error(None, "the file", "is empty")
    fleet = _after(lines, rows, "VEHICLE", "NUMBER")
    table = _after(lines, rows, "CUSTOMER", "CUST")
    if not fleet:
        raise lines.error(None, "VEHICLE", "has no line with number and capacity")
    line, words = fleet[0][0], fleet[0][1].split()
    if len(words) != 2:
        raise lines.error(line, "VEHICLE", f"has {len(words)} values, must have 2: number and capacity")
    vehicles, capacity = lines.whole(line, "NUMBER", words[0]), lines.number(line, "CAPACITY", words[1])
    if vehicles < 1:
        raise lines.error(line, "NUMBER", "is 0, must be at least 1")
    draft = _Draft(rows[0][1], [], [], [], [], [], [], capacity, vehicles, 0, None, lambda place: where[place])
    where: list[int] = []
    seen: dict[int, int] = {}
    for line, text in table:
        words = text.split()
        if len(words) != len(_COLUMNS):
            raise lines.error(line, "CUSTOMER", f"has {len(words)} values, must have {len(_COLUMNS)}")
        number = lines.whole(line, _COLUMNS[0], words[0])
        if number in seen:
            raise lines.error(line, _COLUMNS[0], f"{number} was already given in line {seen[number]}")
        if number != len(where):
            raise lines.error(line, _COLUMNS[0], f"is {number}, must be {len(where)}: 0 is the depot, then 1, 2, 3")
        seen[number] = line
        where.append(line)
        x, y = (lines.coordinate(line, _COLUMNS[i], words[i]) for i in (1, 2))
        demand, early, late, service = (lines.number(line, _COLUMNS[i], words[i]) for i in (3, 4, 5, 6))
        draft.places.append((x, y))
        draft.demand.append(demand)
        draft.early.append(early)
        draft.late.append(late)
        draft.service.append(service)
        draft.release.append(Fraction(0))
    return draft


def _after(lines: _Lines, rows: Sequence[tuple[int, str]], title: str, header: str) -> list[tuple[int, str]]:
    """The rows below a title and its header, up to the next title."""
    at = next((i for i, (_, text) in enumerate(rows) if text.upper() == title), None)
    if at is None:
        raise lines.error(None, title, "is missing (and no VRPLIB section was found either)")
    if at + 1 == len(rows) or not rows[at + 1][1].upper().startswith(header):
        raise lines.error(rows[at][0], title, f"must be followed by a line that starts with {header}")
    found: list[tuple[int, str]] = []
    for row in rows[at + 2 :]:
        if row[1].upper() in ("VEHICLE", "CUSTOMER"):
            break
        found.append(row)
    return found


# ---------------------------------------------------------------- VRPLIB

_SECTIONS = (
    "NODE_COORD_SECTION",
    "DEMAND_SECTION",
    "DEPOT_SECTION",
    "TIME_WINDOW_SECTION",
    "SERVICE_TIME_SECTION",
    "RELEASE_TIME_SECTION",
    "EDGE_WEIGHT_SECTION",
    "VEHICLES_RELOAD_DEPOT_SECTION",
)
_SPECS = (
    "NAME",
    "COMMENT",
    "TYPE",
    "DIMENSION",
    "VEHICLES",
    "CAPACITY",
    "SERVICE_TIME",
    "EDGE_WEIGHT_TYPE",
    "EDGE_WEIGHT_FORMAT",
    "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE",
    "VEHICLES_MAX_RELOADS",
)

_Rows = list[tuple[int, list[str]]]


def _vrplib(lines: _Lines) -> _Draft:
    specs, sections = _split(lines)
    size = _spec_whole(lines, specs, "DIMENSION")
    if size is None or size < 2:
        line = specs["DIMENSION"][0] if "DIMENSION" in specs else None
        raise lines.error(line, "DIMENSION", "is missing" if size is None else f"is {size}, must be at least 2")
    _check_depot(lines, sections)
    vehicles = _spec_whole(lines, specs, "VEHICLES")
    if vehicles == 0:
        raise lines.error(specs["VEHICLES"][0], "VEHICLES", "is 0, must be at least 1")
    windows = _table(lines, sections, "TIME_WINDOW_SECTION", size, 2)
    capacity = _spec(lines, specs, "CAPACITY")
    if "DEMAND_SECTION" in sections and capacity is None:
        raise lines.error(None, "CAPACITY", "is missing, though there is a DEMAND_SECTION")
    demand = _column(lines, sections, "DEMAND_SECTION", size, Fraction(0))
    spread = [Fraction(0)] + [_spec(lines, specs, "SERVICE_TIME") or Fraction(0)] * (size - 1)
    return _Draft(
        name=specs["NAME"][1] if "NAME" in specs else lines.name,
        places=_places(lines, sections, size),
        demand=demand,
        early=[row[0] for _, row in windows] if windows else [Fraction(0)] * size,
        late=[row[1] for _, row in windows] if windows else [None] * size,
        service=_column(lines, sections, "SERVICE_TIME_SECTION", size, None) or spread,
        release=_column(lines, sections, "RELEASE_TIME_SECTION", size, Fraction(0)),
        capacity=capacity,
        vehicles=vehicles,
        max_reloads=_reloads(lines, specs, sections, vehicles),
        explicit=_explicit(lines, specs, sections, size),
        line_of=lambda place: windows[place][0] if windows else None,
    )


def _split(lines: _Lines) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, _Rows]]]:
    specs: dict[str, tuple[int, str]] = {}
    sections: dict[str, tuple[int, _Rows]] = {}
    rows: _Rows | None = None
    for line, text in lines:
        head = text.rstrip(": \t").upper()
        if head == "EOF":
            break
        if head.endswith("_SECTION"):
            if head not in _SECTIONS:
                raise lines.error(line, head, "is not understood by this router")
            if head in sections:
                raise lines.error(line, head, f"was already given in line {sections[head][0]}")
            rows = []
            sections[head] = (line, rows)
        elif ":" in text:
            name, value = (part.strip() for part in text.split(":", 1))
            name, rows = name.upper(), None
            if name not in _SPECS:
                raise lines.error(line, name, "is not understood by this router")
            if name in specs:
                raise lines.error(line, name, f"was already given in line {specs[name][0]}")
            specs[name] = (line, value)
        elif rows is None:
            raise lines.error(line, repr(text), "belongs to no section")
        else:
            rows.append((line, text.split()))
    return specs, sections


def _spec(lines: _Lines, specs: Mapping[str, tuple[int, str]], name: str) -> Fraction | None:
    return lines.number(specs[name][0], name, specs[name][1]) if name in specs else None


def _spec_whole(lines: _Lines, specs: Mapping[str, tuple[int, str]], name: str) -> int | None:
    return lines.whole(specs[name][0], name, specs[name][1]) if name in specs else None


def _nodes(
    lines: _Lines, sections: Mapping[str, tuple[int, _Rows]], name: str, size: int, width: int
) -> list[tuple[int, list[str]]]:
    """A section's rows in the file's order, each with its values; nodes numbered from 1 (or from 0) without gaps."""
    start, rows = sections[name]
    seen: dict[int, int] = {}
    first = 0
    for line, words in rows:
        if len(words) != width + 1:
            raise lines.error(line, name, f"has {len(words)} values, must have {width + 1}")
        number = lines.whole(line, f"{name} node", words[0])
        if number in seen:
            raise lines.error(line, name, f"node {number} was already given in line {seen[number]}")
        if not seen:
            first = min(number, 1)
        if number != first + len(seen):
            raise lines.error(line, name, f"node is {number}, must be {first + len(seen)}")
        seen[number] = line
    if len(rows) != size:
        raise lines.error(start, name, f"has {len(rows)} nodes, DIMENSION says {size}")
    return [(line, words[1:]) for line, words in rows]


def _table(
    lines: _Lines, sections: Mapping[str, tuple[int, _Rows]], name: str, size: int, width: int
) -> list[tuple[int, list[Fraction]]]:
    if name not in sections:
        return []
    rows = _nodes(lines, sections, name, size, width)
    return [(line, [lines.number(line, name, word) for word in words]) for line, words in rows]


def _column(
    lines: _Lines,
    sections: Mapping[str, tuple[int, _Rows]],
    name: str,
    size: int,
    otherwise: Fraction | None,
) -> list[Fraction]:
    values = [row[0] for _, row in _table(lines, sections, name, size, 1)]
    return values or ([] if otherwise is None else [otherwise] * size)


def _places(lines: _Lines, sections: Mapping[str, tuple[int, _Rows]], size: int) -> list[tuple[Fraction, Fraction]]:
    name = "NODE_COORD_SECTION"
    if name not in sections:
        return []
    rows = _nodes(lines, sections, name, size, 2)
    return [(lines.coordinate(at, name, words[0]), lines.coordinate(at, name, words[1])) for at, words in rows]


def _check_depot(lines: _Lines, sections: Mapping[str, tuple[int, _Rows]]) -> None:
    if "DEPOT_SECTION" not in sections:
        return
    words = [(line, word) for line, row in sections["DEPOT_SECTION"][1] for word in row if word != "-1"]
    for line, word in words:
        if word not in ("0", "1") or len(words) != 1:
            raise lines.error(line, "DEPOT_SECTION", "must name the first node alone: one depot is understood")


def _reloads(
    lines: _Lines,
    specs: Mapping[str, tuple[int, str]],
    sections: Mapping[str, tuple[int, _Rows]],
    vehicles: int | None,
) -> int | None:
    name = "VEHICLES_RELOAD_DEPOT_SECTION"
    if name not in sections:
        return 0
    start, rows = sections[name]
    if vehicles is None or len(rows) != vehicles:
        raise lines.error(start, name, f"has {len(rows)} rows, VEHICLES says {vehicles}")
    for line, words in rows:
        if words[1:] != ["1"]:
            raise lines.error(line, name, "must let every vehicle reload at depot 1")
    return _spec_whole(lines, specs, "VEHICLES_MAX_RELOADS")


def _explicit(
    lines: _Lines,
    specs: Mapping[str, tuple[int, str]],
    sections: Mapping[str, tuple[int, _Rows]],
    size: int,
) -> list[list[int | Fraction]] | None:
    line, kind = specs.get("EDGE_WEIGHT_TYPE", (None, "missing"))
    if kind == "EUC_2D":
        if "NODE_COORD_SECTION" not in sections:
            raise lines.error(line, "NODE_COORD_SECTION", "is missing, though EDGE_WEIGHT_TYPE is EUC_2D")
        return None
    if kind != "EXPLICIT":
        raise lines.error(line, "EDGE_WEIGHT_TYPE", f"is {kind}, understood are EUC_2D and EXPLICIT")
    if "EDGE_WEIGHT_SECTION" not in sections:
        raise lines.error(line, "EDGE_WEIGHT_SECTION", "is missing, though EDGE_WEIGHT_TYPE is EXPLICIT")
    start, rows = sections["EDGE_WEIGHT_SECTION"]
    values: list[int | Fraction] = [  # plain numbers where it can be: a matrix has tens of thousands of them
        int(word) if word.isdecimal() and len(word) <= 12 else lines.number(at, "EDGE_WEIGHT_SECTION", word)
        for at, words in rows
        for word in words
    ]
    form = specs.get("EDGE_WEIGHT_FORMAT", (line, "missing"))
    shapes: dict[str, Callable[[int], range]] = {
        "FULL_MATRIX": lambda row: range(size),
        "LOWER_ROW": range,
        "LOWER_DIAG_ROW": lambda row: range(row + 1),
        "UPPER_ROW": lambda row: range(row + 1, size),
    }
    if form[1] not in shapes:
        raise lines.error(form[0], "EDGE_WEIGHT_FORMAT", f"is {form[1]}, understood are {', '.join(shapes)}")
    cells = [(row, column) for row in range(size) for column in shapes[form[1]](row)]
    if len(values) != len(cells):
        raise lines.error(start, "EDGE_WEIGHT_SECTION", f"has {len(values)} values, must have {len(cells)}")
    matrix: list[list[int | Fraction]] = [[0] * size for _ in range(size)]
    for (row, column), value in zip(cells, values, strict=True):
        matrix[row][column] = value
        if form[1] != "FULL_MATRIX":
            matrix[column][row] = value
    return matrix


# ---------------------------------------------------------------- whole numbers


def _finish(draft: _Draft, lines: _Lines, distances: str) -> Instance:
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
