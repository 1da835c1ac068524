"""The streets of the made-up neighbourhood: which of the grid remain, what each is, and the line it takes."""

from math import hypot, pi, sin
from random import Random

from routing.neighbourhood.grid import (
    BRIDGE_COLUMN,
    CANAL_ROW,
    COLUMNS,
    CYCLE_COLUMN,
    ROWS,
    Bend,
    Crossing,
    Street,
    all_reachable,
    degrees,
    flat,
    full_grid,
    over_water,
)
from routing.neighbourhood.shapes import Crowd, Spot
from routing.neighbourhood.sheet import Sheet


def lay_out(random: Random, bend: Bend) -> list[Street]:
    """All streets, each with its line; those for vans reach each other."""
    streets = [street for street in full_grid() if not over_water(street)]
    _leave_out(streets, random)
    ends = degrees(streets)
    for street in streets:
        if street.kind == "residential" and min(ends[street.a], ends[street.b]) == 1:
            street.kind = "living_street"
    _make_erven(streets, ends, random)
    _make_oneway(streets, random)
    through = [s for s in streets if s.kind == "residential" and not s.oneway]
    for street in random.sample(through, len(through)):
        if all_reachable([s for s in streets if s is not street]):
            street.bollard = True
            break
    for street in streets:
        street.line = _line(street, random, bend)
    streets.append(_cycle_bridge(random, bend))
    streets.extend(approaches(bend))
    return streets


def _leave_out(streets: list[Street], random: Random) -> None:
    """Take away a third of the inner streets, as long as everything stays connected."""
    inner = [street for street in streets if street.kind == "residential"]
    wanted = len(inner) * 36 // 100
    for street in random.sample(inner, len(inner)):
        rest = [other for other in streets if other is not street]
        if wanted and all_reachable(rest) and len(degrees(rest)) == len(degrees(streets)):
            streets.remove(street)
            wanted -= 1


def _make_erven(streets: list[Street], ends: dict[Crossing, int], random: Random) -> None:
    quiet = [s for s in streets if s.kind == "residential" and ends[s.a] + ends[s.b] <= 5]
    for street in random.sample(quiet, min(6, len(quiet))):
        street.kind = "living_street"


def _make_oneway(streets: list[Street], random: Random) -> None:
    """Six one-way streets, each only if everywhere can still be reached from everywhere."""
    candidates = [street for street in streets if street.kind == "residential"]
    made = 0
    for street in random.sample(candidates, len(candidates)):
        if made == 6:
            return
        if random.random() < 0.5:
            street.a, street.b = street.b, street.a
        street.oneway = True
        if all_reachable(streets):
            made += 1
        else:
            street.oneway = False


def _line(street: Street, random: Random, bend: Bend) -> list[Spot]:
    """The bent line of a street: a bow of its own on top of the bend of the plane."""
    (ax, ay), (bx, by) = flat(street.a), flat(street.b)
    quiet = street.kind in ("residential", "living_street")
    bow = random.uniform(-26.0, 26.0) if quiet else random.uniform(-8.0, 8.0)
    swing = random.uniform(-10.0, 10.0) if quiet else 0.0
    if street.bridge:
        bow = swing = 0.0
    length = hypot(bx - ax, by - ay)
    nx, ny = -(by - ay) / length, (bx - ax) / length
    steps = 12
    spots = []
    for step in range(steps + 1):
        t = step / steps
        side = bow * sin(pi * t) + swing * sin(2 * pi * t)
        spots.append(bend((ax + (bx - ax) * t + nx * side, ay + (by - ay) * t + ny * side)))
    return spots


def _cycle_bridge(random: Random, bend: Bend) -> Street:
    street = Street((CYCLE_COLUMN, CANAL_ROW), (CYCLE_COLUMN, CANAL_ROW + 1), "cycleway", "Kanaalpad", bridge=True)
    street.line = _line(street, random, bend)
    return street


def approaches(bend: Bend) -> list[Street]:
    """Roads out of the neighbourhood, to where suppliers sit."""
    middle = BRIDGE_COLUMN
    starts: list[tuple[Crossing, Spot, str]] = [
        ((middle, ROWS - 1), (60.0, 620.0), "Noorderweg"),
        ((middle, 0), (-80.0, -600.0), "Zuiderweg"),
        ((COLUMNS - 1, 4), (640.0, 50.0), "Oosterweg"),
        ((0, 2), (-630.0, -70.0), "Westerweg"),
    ]
    roads = []
    for crossing, (dx, dy), name in starts:
        x, y = bend(flat(crossing))
        street = Street(crossing, crossing, "secondary", name)
        street.line = [
            (x + dx * t / 8 + 14 * sin(t), y + dy * t / 8 + 14 * sin(t) * (abs(dx) > abs(dy))) if t else (x, y)
            for t in range(9)
        ]
        roads.append(street)
    return roads


_TAGS = {
    "tertiary": {"maxspeed": "50"},
    "secondary": {"maxspeed": "80"},
    "residential": {"maxspeed": "30"},
    "cycleway": {"motor_vehicle": "no"},
}


def draw(street: Street, sheet: Sheet, roads: Crowd) -> None:
    """Put a street on the sheet, and its spots among the roads."""
    tags = {"highway": street.kind, "name": street.name, **_TAGS.get(street.kind, {})}
    if street.oneway:
        tags["oneway"] = "yes"
    nodes = [sheet.node(spot) for spot in street.line]
    if street.bollard:
        middle = street.line[len(street.line) // 2]
        sheet.tag_node(middle, {"barrier": "bollard", "bicycle": "yes", "foot": "yes"})
    for spot in street.line:
        roads.add(spot)
    if street.bridge:
        third = len(nodes) // 3
        sheet.way(nodes[: third + 1], tags)
        sheet.way(nodes[third : 2 * third + 1], tags | {"bridge": "yes", "layer": "1"})
        sheet.way(nodes[2 * third :], tags)
    else:
        sheet.way(nodes, tags)
