"""VRPLIB's format: specifications, then sections of rows. A text's lines in, a `Draft` out.

What is asked beyond the sections and specifications that are named here is refused: to leave it out would solve another
problem.
"""

from collections.abc import Callable
from fractions import Fraction

from routing.instance_lines import Draft, Lines

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

_SHAPES: dict[str, Callable[[int, int], range]] = {
    "FULL_MATRIX": lambda row, size: range(size),
    "LOWER_ROW": lambda row, size: range(row),
    "LOWER_DIAG_ROW": lambda row, size: range(row + 1),
    "UPPER_ROW": lambda row, size: range(row + 1, size),
}
"""The columns that a row of a matrix gives, by EDGE_WEIGHT_FORMAT."""

_Rows = list[tuple[int, list[str]]]
_Matrix = list[list[int | Fraction]]


def vrplib(lines: Lines) -> Draft:
    """What the file says.

    Raises `InstanceError` for anything that cannot be meant.
    """
    return _File(lines).draft()


def _split(lines: Lines) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, _Rows]]]:
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


class _File:
    """One file, taken apart into its specifications and sections, each with the line it stands in."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._specs, self._sections = _split(lines)

    def draft(self) -> Draft:
        size = self._spec_whole("DIMENSION")
        if size is None or size < 2:
            line = self._specs["DIMENSION"][0] if "DIMENSION" in self._specs else None
            raise self._lines.error(
                line, "DIMENSION", "is missing" if size is None else f"is {size}, must be at least 2"
            )
        self._check_depot()
        vehicles = self._spec_whole("VEHICLES")
        if vehicles == 0:
            raise self._lines.error(self._specs["VEHICLES"][0], "VEHICLES", "is 0, must be at least 1")
        windows = self._table("TIME_WINDOW_SECTION", size, 2)
        capacity = self._spec("CAPACITY")
        if "DEMAND_SECTION" in self._sections and capacity is None:
            raise self._lines.error(None, "CAPACITY", "is missing, though there is a DEMAND_SECTION")
        demand = self._column("DEMAND_SECTION", size, Fraction(0))
        spread = [Fraction(0)] + [self._spec("SERVICE_TIME") or Fraction(0)] * (size - 1)
        return Draft(
            name=self._specs["NAME"][1] if "NAME" in self._specs else self._lines.name,
            places=self._places(size),
            demand=demand,
            early=[row[0] for _, row in windows] if windows else [Fraction(0)] * size,
            late=[row[1] for _, row in windows] if windows else [None] * size,
            service=self._column("SERVICE_TIME_SECTION", size, None) or spread,
            release=self._column("RELEASE_TIME_SECTION", size, Fraction(0)),
            capacity=capacity,
            vehicles=vehicles,
            max_reloads=self._reloads(vehicles),
            explicit=self._explicit(size),
            line_of=lambda place: windows[place][0] if windows else None,
        )

    def _spec(self, name: str) -> Fraction | None:
        return self._lines.number(self._specs[name][0], name, self._specs[name][1]) if name in self._specs else None

    def _spec_whole(self, name: str) -> int | None:
        return self._lines.whole(self._specs[name][0], name, self._specs[name][1]) if name in self._specs else None

    def _nodes(self, name: str, size: int, width: int) -> list[tuple[int, list[str]]]:
        """A section's rows in the file's order, each with its values; nodes count from 1 (or from 0) without gaps."""
        start, rows = self._sections[name]
        seen: dict[int, int] = {}
        first = 0
        for line, words in rows:
            if len(words) != width + 1:
                raise self._lines.error(line, name, f"has {len(words)} values, must have {width + 1}")
            number = self._lines.whole(line, f"{name} node", words[0])
            if number in seen:
                raise self._lines.error(line, name, f"node {number} was already given in line {seen[number]}")
            if not seen:
                first = min(number, 1)
            if number != first + len(seen):
                raise self._lines.error(line, name, f"node is {number}, must be {first + len(seen)}")
            seen[number] = line
        if len(rows) != size:
            raise self._lines.error(start, name, f"has {len(rows)} nodes, DIMENSION says {size}")
        return [(line, words[1:]) for line, words in rows]

    def _table(self, name: str, size: int, width: int) -> list[tuple[int, list[Fraction]]]:
        if name not in self._sections:
            return []
        rows = self._nodes(name, size, width)
        return [(line, [self._lines.number(line, name, word) for word in words]) for line, words in rows]

    def _column(self, name: str, size: int, otherwise: Fraction | None) -> list[Fraction]:
        values = [row[0] for _, row in self._table(name, size, 1)]
        return values or ([] if otherwise is None else [otherwise] * size)

    def _places(self, size: int) -> list[tuple[Fraction, Fraction]]:
        name = "NODE_COORD_SECTION"
        if name not in self._sections:
            return []
        rows = self._nodes(name, size, 2)
        return [
            (self._lines.coordinate(at, name, words[0]), self._lines.coordinate(at, name, words[1]))
            for at, words in rows
        ]

    def _check_depot(self) -> None:
        if "DEPOT_SECTION" not in self._sections:
            return
        words = [(line, word) for line, row in self._sections["DEPOT_SECTION"][1] for word in row if word != "-1"]
        for line, word in words:
            if word not in ("0", "1") or len(words) != 1:
                raise self._lines.error(
                    line, "DEPOT_SECTION", "must name the first node alone: one depot is understood"
                )

    def _reloads(self, vehicles: int | None) -> int | None:
        """0: one trip a vehicle; None: any number."""
        name = "VEHICLES_RELOAD_DEPOT_SECTION"
        if name not in self._sections:
            return 0
        start, rows = self._sections[name]
        if vehicles is None or len(rows) != vehicles:
            raise self._lines.error(start, name, f"has {len(rows)} rows, VEHICLES says {vehicles}")
        for line, words in rows:
            if words[1:] != ["1"]:
                raise self._lines.error(line, name, "must let every vehicle reload at depot 1")
        return self._spec_whole("VEHICLES_MAX_RELOADS")

    def _explicit(self, size: int) -> _Matrix | None:
        """Distances that the file gives outright; None where they follow from coordinates."""
        line, kind = self._specs.get("EDGE_WEIGHT_TYPE", (None, "missing"))
        if kind == "EUC_2D":
            if "NODE_COORD_SECTION" not in self._sections:
                raise self._lines.error(line, "NODE_COORD_SECTION", "is missing, though EDGE_WEIGHT_TYPE is EUC_2D")
            return None
        if kind != "EXPLICIT":
            raise self._lines.error(line, "EDGE_WEIGHT_TYPE", f"is {kind}, understood are EUC_2D and EXPLICIT")
        if "EDGE_WEIGHT_SECTION" not in self._sections:
            raise self._lines.error(line, "EDGE_WEIGHT_SECTION", "is missing, though EDGE_WEIGHT_TYPE is EXPLICIT")
        return self._matrix(size, *self._specs.get("EDGE_WEIGHT_FORMAT", (line, "missing")))

    def _matrix(self, size: int, line: int | None, form: str) -> _Matrix:
        if form not in _SHAPES:
            raise self._lines.error(line, "EDGE_WEIGHT_FORMAT", f"is {form}, understood are {', '.join(_SHAPES)}")
        start, values = self._weights()
        cells = [(row, column) for row in range(size) for column in _SHAPES[form](row, size)]
        if len(values) != len(cells):
            raise self._lines.error(start, "EDGE_WEIGHT_SECTION", f"has {len(values)} values, must have {len(cells)}")
        matrix: _Matrix = [[0] * size for _ in range(size)]
        for (row, column), value in zip(cells, values, strict=True):
            matrix[row][column] = value
            if form != "FULL_MATRIX":
                matrix[column][row] = value
        return matrix

    def _weights(self) -> tuple[int, list[int | Fraction]]:
        """Plain numbers where it can be: a matrix has tens of thousands of them."""
        start, rows = self._sections["EDGE_WEIGHT_SECTION"]
        return start, [
            int(word) if word.isdecimal() and len(word) <= 12 else self._lines.number(at, "EDGE_WEIGHT_SECTION", word)
            for at, words in rows
            for word in words
        ]
