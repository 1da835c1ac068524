"""Solomon's format: the fleet on one line, then a row for each customer. A text's lines in, a `Draft` out."""

from collections.abc import Sequence
from fractions import Fraction

from routing.instance_lines import Draft, Lines

_COLUMNS = ("CUST NO.", "XCOORD.", "YCOORD.", "DEMAND", "READY TIME", "DUE DATE", "SERVICE TIME")


def solomon(lines: Lines) -> Draft:
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
    draft = Draft(rows[0][1], [], [], [], [], [], [], capacity, vehicles, 0, None, lambda place: where[place])
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


def _after(lines: Lines, rows: Sequence[tuple[int, str]], title: str, header: str) -> list[tuple[int, str]]:
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
