"""A made-up Dutch neighbourhood, written as OpenStreetMap data: same seed, same bytes.

Comes in: a seed. Goes out: an `.osm.pbf` of about 2.5 by 2 km with a ring road, curved residential streets of the
"bloemkoolwijk" kind, one-way streets, woonerven, a street cut by a bollard, a canal with two bridges for cars and one
for bicycles, parks, some 700 addresses, and marked sites: two hubs, suppliers at the edge, a market square. Names of
streets and postcodes are invented; nobody lives there.

How: a grid of streets, some of them left out, bent by a smooth displacement of the whole plane. A smooth displacement
keeps streets from crossing where there is no junction, so whatever the seed, the map is a proper one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from math import atan2, cos, hypot, pi, radians, sin
from pathlib import Path
from random import Random

import osmium
import osmium.osm.mutable as writable

from routing.osm import SITE_TAG
from routing.places import MapError

COLUMNS, ROWS = 10, 8  # crossings of the grid
CELL_X_M, CELL_Y_M = 245.0, 235.0
CENTRE_LAT, CENTRE_LON = 52.2610, 6.2370  # east of Deventer, so that clocks, sun and distances are Dutch
CANAL_ROW = 3  # the canal runs north of this row of crossings
BASIN_COLUMN = 7  # and ends before this column
BRIDGE_COLUMN, CYCLE_COLUMN = 4, 6
LOT_M = 31.0
POSTCODE_DIGITS = "7499"  # not given out by PostNL as far as we know

Spot = tuple[float, float]  # metres east and north of the centre
Crossing = tuple[int, int]  # column, row

_FIRST = {
    "bomen": [
        "Wilg",
        "Beuk",
        "Linde",
        "Meidoorn",
        "Hazelaar",
        "Esdoorn",
        "Kastanje",
        "Lijsterbes",
        "Vlier",
        "Sleedoorn",
        "Berken",
        "Essen",
    ],
    "vogels": [
        "Merel",
        "Kievit",
        "Grutto",
        "Zwaluw",
        "Roodborst",
        "Koekoek",
        "Wulp",
        "Leeuwerik",
        "Spreeuw",
        "Putter",
        "Fuut",
        "Reiger",
    ],
    "kruiden": [
        "Salie",
        "Tijm",
        "Munt",
        "Kervel",
        "Lavas",
        "Bieslook",
        "Dragon",
        "Marjolein",
        "Kamille",
        "Venkel",
        "Dille",
        "Anijs",
    ],
    "ambachten": [
        "Wevers",
        "Kuipers",
        "Smeden",
        "Mandenmakers",
        "Touwslagers",
        "Bakkers",
        "Molenaars",
        "Leidekkers",
        "Klompenmakers",
    ],
}
_LAST = {
    "residential": ["straat", "laan", "weg", "singel", "pad", "kamp"],
    "living_street": ["hof", "erf", "gaarde", "plantsoen", "brink"],
}
_LETTERS = "ABCDEGHJKLMNPRSTVWXZ"


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


@dataclass(frozen=True)
class Element:
    """A node (`spot`) or a way (`nodes`) about to be written."""

    id: int
    tags: dict[str, str]
    spot: Spot | None = None
    nodes: tuple[int, ...] = ()


def make(seed: int, path: Path) -> None:
    """Write the neighbourhood of a seed; an existing file is replaced only when the new one is complete.

    Raises:
        MapError: the name does not end in `.osm.pbf`, or cannot be written.
    """
    if not path.name.endswith(".osm.pbf"):
        raise MapError(f"{path}: the name must end in .osm.pbf")
    half = path.with_name(f".half-{path.name}")
    try:
        _write(_Neighbourhood(Random(seed)).elements(), half)
        half.replace(path)
    except (RuntimeError, OSError) as error:  # osmium raises nothing narrower
        raise MapError(f"{path}: cannot be written: {error}") from error
    finally:
        half.unlink(missing_ok=True)


def _write(elements: Iterable[Element], path: Path) -> None:
    header = osmium.io.Header()
    header.set("generator", "buurtrit")
    stamp = datetime(2026, 1, 1, tzinfo=UTC)
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for element in sorted(elements, key=lambda element: (element.spot is None, element.id)):
            number, tags = element.id, element.tags
            if element.spot is not None:
                where = _lon_lat(element.spot)
                writer.add_node(writable.Node(location=where, id=number, version=1, timestamp=stamp, tags=tags))
            else:
                nodes = list(element.nodes)
                writer.add_way(writable.Way(nodes=nodes, id=number, version=1, timestamp=stamp, tags=tags))


def _lon_lat(spot: Spot) -> tuple[float, float]:
    lat = CENTRE_LAT + spot[1] / 111_195.0
    lon = CENTRE_LON + spot[0] / (111_195.0 * cos(radians(CENTRE_LAT)))
    return round(lon, 7), round(lat, 7)


class _Neighbourhood:
    """Lays out streets, then houses, then everything else, and hands out ids."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._warp = _warp(random)
        self._elements: list[Element] = []
        self._node_at: dict[Spot, int] = {}
        self._houses = _Crowd()
        self._roads = _Crowd()
        self._water = _Crowd()
        self._basin: Spot = (0.0, 0.0)
        self._postcode_of: dict[str, str] = {}
        self._next_number: dict[str, dict[int, int]] = {}  # by street and side; stretches of one name go on

    def elements(self) -> list[Element]:
        streets = self._streets()
        self._name(streets)
        for street in streets:
            self._draw_street(street)
        self._draw_water()
        parks = self._draw_green()
        self._draw_sites()
        for street in streets:
            if street.kind in ("residential", "living_street"):
                self._build_houses(street, parks)
        self._draw_ground()
        return self._elements

    # ------------------------------------------------------------ streets

    def _streets(self) -> list[Street]:
        streets = [street for street in _grid() if not _over_water(street)]
        self._leave_out(streets)
        ends = _degrees(streets)
        for street in streets:
            if street.kind == "residential" and min(ends[street.a], ends[street.b]) == 1:
                street.kind = "living_street"
        self._make_erven(streets, ends)
        self._make_oneway(streets)
        through = [s for s in streets if s.kind == "residential" and not s.oneway]
        for street in self._random.sample(through, len(through)):
            if _all_reachable([s for s in streets if s is not street]):
                street.bollard = True
                break
        for street in streets:
            street.line = self._line(street)
        streets.append(self._cycle_bridge())
        streets.extend(self._approaches())
        return streets

    def _leave_out(self, streets: list[Street]) -> None:
        """Take away a third of the inner streets, as long as everything stays connected."""
        inner = [street for street in streets if street.kind == "residential"]
        wanted = len(inner) * 36 // 100
        for street in self._random.sample(inner, len(inner)):
            rest = [other for other in streets if other is not street]
            if wanted and _all_reachable(rest) and len(_degrees(rest)) == len(_degrees(streets)):
                streets.remove(street)
                wanted -= 1

    def _make_erven(self, streets: list[Street], ends: dict[Crossing, int]) -> None:
        quiet = [s for s in streets if s.kind == "residential" and ends[s.a] + ends[s.b] <= 5]
        for street in self._random.sample(quiet, min(6, len(quiet))):
            street.kind = "living_street"

    def _make_oneway(self, streets: list[Street]) -> None:
        """Six one-way streets, each only if everywhere can still be reached from everywhere."""
        candidates = [street for street in streets if street.kind == "residential"]
        made = 0
        for street in self._random.sample(candidates, len(candidates)):
            if made == 6:
                return
            if self._random.random() < 0.5:
                street.a, street.b = street.b, street.a
            street.oneway = True
            if _all_reachable(streets):
                made += 1
            else:
                street.oneway = False

    def _line(self, street: Street) -> list[Spot]:
        """The bent line of a street: a bow of its own on top of the bend of the plane."""
        (ax, ay), (bx, by) = _flat(street.a), _flat(street.b)
        quiet = street.kind in ("residential", "living_street")
        bow = self._random.uniform(-26.0, 26.0) if quiet else self._random.uniform(-8.0, 8.0)
        swing = self._random.uniform(-10.0, 10.0) if quiet else 0.0
        if street.bridge:
            bow = swing = 0.0
        length = hypot(bx - ax, by - ay)
        nx, ny = -(by - ay) / length, (bx - ax) / length
        steps = 12
        spots = []
        for step in range(steps + 1):
            t = step / steps
            side = bow * sin(pi * t) + swing * sin(2 * pi * t)
            spots.append(self._warp((ax + (bx - ax) * t + nx * side, ay + (by - ay) * t + ny * side)))
        return spots

    def _cycle_bridge(self) -> Street:
        street = Street((CYCLE_COLUMN, CANAL_ROW), (CYCLE_COLUMN, CANAL_ROW + 1), "cycleway", "Kanaalpad", bridge=True)
        street.line = self._line(street)
        return street

    def _approaches(self) -> list[Street]:
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
            x, y = self._warp(_flat(crossing))
            street = Street(crossing, crossing, "secondary", name)
            street.line = [
                (x + dx * t / 8 + 14 * sin(t), y + dy * t / 8 + 14 * sin(t) * (abs(dx) > abs(dy))) if t else (x, y)
                for t in range(9)
            ]
            roads.append(street)
        return roads

    def _name(self, streets: list[Street]) -> None:
        """One name for a run of streets in one line; themes by quarter, as Dutch towns do."""
        used: set[str] = set()
        runs: dict[tuple[str, int, int], str] = {}
        for street in streets:
            if street.name:
                continue
            if street.kind == "tertiary":
                street.name = "Rondweg" if _on_ring(street) else "Marktlaan"
                continue
            (ac, ar), (_, br) = sorted((street.a, street.b))
            line = ("across", ar, ac // 3) if ar == br else ("up", ac, ar // 3)
            key = (f"{street.kind}{line[0]}", line[1], line[2])
            if key not in runs:
                runs[key] = self._new_name(street, used)
            street.name = runs[key]

    def _new_name(self, street: Street, used: set[str]) -> str:
        west, south = street.a[0] < BRIDGE_COLUMN, street.a[1] <= CANAL_ROW
        theme = {(True, True): "kruiden", (False, True): "bomen", (True, False): "vogels"}.get(
            (west, south), "ambachten"
        )
        while True:
            name = self._random.choice(_FIRST[theme]) + self._random.choice(_LAST[street.kind])
            if name not in used:
                used.add(name)
                return name

    def _draw_street(self, street: Street) -> None:
        tags = {"highway": street.kind, "name": street.name}
        if street.kind == "tertiary":
            tags["maxspeed"] = "50"
        elif street.kind == "secondary":
            tags["maxspeed"] = "80"
        elif street.kind == "residential":
            tags["maxspeed"] = "30"
        elif street.kind == "cycleway":
            tags["motor_vehicle"] = "no"
        if street.oneway:
            tags["oneway"] = "yes"
        nodes = [self._node(spot) for spot in street.line]
        if street.bollard:
            middle = street.line[len(street.line) // 2]
            self._tag_node(middle, {"barrier": "bollard", "bicycle": "yes", "foot": "yes"})
        for spot in street.line:
            self._roads.add(spot)
        if street.bridge:
            third = len(nodes) // 3
            self._way(nodes[: third + 1], tags)
            self._way(nodes[third : 2 * third + 1], tags | {"bridge": "yes", "layer": "1"})
            self._way(nodes[2 * third :], tags)
        else:
            self._way(nodes, tags)

    # ------------------------------------------------------------ houses

    def _build_houses(self, street: Street, parks: list[Spot]) -> None:
        """Houses on both sides, odd numbers on the left."""
        number = self._next_number.setdefault(street.name, {-1: 1, 1: 2})
        offset = 13.0 if street.kind == "living_street" else 16.0
        along = 24.0
        for spot, angle in _walk(street.line, start=along, step=LOT_M):
            for side in (-1, 1):
                out = angle - side * pi / 2
                centre = (spot[0] + offset * cos(out), spot[1] + offset * sin(out))
                if self._free(centre, spot, parks):
                    self._house(centre, angle, street.name, number[side])
                    number[side] += 2

    def _free(self, centre: Spot, spot: Spot, parks: list[Spot]) -> bool:
        if self._random.random() < 0.12:
            return False
        own = hypot(centre[0] - spot[0], centre[1] - spot[1])
        return (
            not self._roads.within(centre, own - 3.5)
            and not self._houses.within(centre, 17.0)
            and all(_apart(centre, park) > 88.0 for park in parks)
            and not self._wet(centre)
        )

    def _house(self, centre: Spot, angle: float, street: str, number: int) -> None:
        self._houses.add(centre)
        width, depth = self._random.uniform(8.0, 12.0), self._random.uniform(7.0, 9.0)
        tags = {
            "building": "house",
            "addr:street": street,
            "addr:housenumber": str(number) + ("A" if self._random.random() < 0.03 else ""),
            "addr:postcode": self._postcode(street),
        }
        self._area(_box(centre, angle, width, depth), tags)

    def _postcode(self, street: str) -> str:
        if street not in self._postcode_of:
            taken = set(self._postcode_of.values())
            while True:
                letters = self._random.choice(_LETTERS) + self._random.choice(_LETTERS)
                code = f"{POSTCODE_DIGITS} {letters}"
                if code not in taken and letters not in ("SA", "SD", "SS"):  # never given out
                    self._postcode_of[street] = code
                    break
        return self._postcode_of[street]

    # ------------------------------------------------------------ water, green, ground, sites

    def _canal_line(self) -> list[Spot]:
        y = _flat((0, CANAL_ROW))[1] + CELL_Y_M / 2
        west, east = _flat((0, 0))[0] - 700.0, _flat((BASIN_COLUMN, 0))[0] - 110.0
        return [self._warp((west + (east - west) * step / 40, y)) for step in range(41)]

    def _draw_water(self) -> None:
        line = self._canal_line()
        left, right = [], []
        for (ax, ay), (bx, by) in pairwise(line):
            length = hypot(bx - ax, by - ay)
            nx, ny = -(by - ay) / length * 14.0, (bx - ax) / length * 14.0
            left.append((ax + nx, ay + ny))
            right.append((ax - nx, ay - ny))
        left.append((line[-1][0], line[-1][1] + 14.0))
        right.append((line[-1][0], line[-1][1] - 14.0))
        self._area(left + right[::-1], {"natural": "water", "water": "canal", "name": "Nieuwe Vaart"})
        self._way([self._node(spot) for spot in line], {"waterway": "canal", "name": "Nieuwe Vaart"})
        self._area(_blob(line[-1], 48.0, self._random), {"natural": "water", "name": "Havenkom"})
        self._basin = line[-1]
        for spot in line:
            self._water.add(spot)

    def _wet(self, spot: Spot) -> bool:
        return bool(self._water.within(spot, 34.0)) or _apart(spot, self._basin) < 70.0

    def _draw_green(self) -> list[Spot]:
        """Parks in the middle of cells, from which houses stay away."""
        cells = [(column, row) for column in range(COLUMNS - 1) for row in range(ROWS - 1) if row != CANAL_ROW]
        parks: list[Spot] = []
        kinds = [("leisure", "park"), ("leisure", "playground"), ("landuse", "forest"), ("leisure", "pitch")]
        for index, (column, row) in enumerate(self._random.sample(cells, 9)):
            x, y = _flat((column, row))
            centre = self._warp((x + CELL_X_M / 2, y + CELL_Y_M / 2))
            key, value = kinds[index % len(kinds)]
            self._area(_blob(centre, self._random.uniform(52.0, 68.0), self._random), {key: value})
            if index == 0:
                self._area(_blob(centre, 22.0, self._random), {"natural": "water", "water": "pond"})
            parks.append(centre)
        return parks

    def _draw_sites(self) -> None:
        square = self._cell((BRIDGE_COLUMN, 5))
        self._area(_box(square, 0.1, 90.0, 70.0), {"place": "square", "name": "Marktplein"})
        market = self._near_road(square)
        self._site("market", "Marktplein", market)
        self._site("hub", "Buurthub Noord", self._hub((2, ROWS - 2), "Buurthub Noord"))
        self._site("hub", "Buurthub Zuid", self._hub((6, 1), "Buurthub Zuid"))
        names = {
            "Noorderweg": ["Wasserij Helder", "Zorgwinkel Oost"],
            "Zuiderweg": ["Keuken De Pan", "Supermarkt Boons"],
            "Oosterweg": ["Pakketpunt Oost", "Bakkerij Graan"],
            "Westerweg": ["Apotheek De Linde"],
        }
        for road, _, name in self._approach_ends():
            for index, supplier in enumerate(names[name]):
                spot = (road[0] + 34.0 * (1 if index else -1), road[1] + 30.0)
                self._area(_box(spot, 0.0, 34.0, 22.0), {"building": "commercial", "name": supplier})
                self._houses.add(spot)
                self._site("supplier", supplier, spot)

    def _approach_ends(self) -> list[tuple[Spot, Crossing, str]]:
        return [(street.line[-2], street.a, street.name) for street in self._approaches()]

    def _hub(self, crossing: Crossing, name: str) -> Spot:
        """A building beside the road nearest to the middle of a cell, with land around it."""
        spot = self._near_road(self._cell(crossing))
        self._area(_box(spot, 0.05, 46.0, 34.0), {"landuse": "commercial"})
        self._area(_box(spot, 0.05, 24.0, 14.0), {"building": "commercial", "name": name})
        self._houses.add(spot)
        return spot

    def _near_road(self, spot: Spot) -> Spot:
        road = min(self._roads.all, key=lambda other: _apart(spot, other))
        away = atan2(spot[1] - road[1], spot[0] - road[0])
        return road[0] + 26.0 * cos(away), road[1] + 26.0 * sin(away)

    def _cell(self, crossing: Crossing) -> Spot:
        x, y = _flat(crossing)
        return self._warp((x + CELL_X_M / 2, y + CELL_Y_M / 2))

    def _site(self, kind: str, name: str, spot: Spot) -> None:
        self._elements.append(Element(self._new_id(), {SITE_TAG: kind, "name": name}, spot=spot))

    def _draw_ground(self) -> None:
        corners = [(0, 0), (COLUMNS - 1, 0), (COLUMNS - 1, ROWS - 1), (0, ROWS - 1)]
        ring: list[Spot] = []
        for (ac, ar), (bc, br) in zip(corners, corners[1:] + corners[:1], strict=True):
            (ax, ay), (bx, by) = _flat((ac, ar)), _flat((bc, br))
            ring += [self._warp((ax + (bx - ax) * t / 24, ay + (by - ay) * t / 24)) for t in range(24)]
        self._area(ring, {"landuse": "residential"})
        for name, crossing in (("De Vaart-Noord", (4, 6)), ("De Vaart-Zuid", (4, 1))):
            tags = {"place": "neighbourhood", "name": name}
            self._elements.append(Element(self._new_id(), tags, spot=self._cell(crossing)))

    # ------------------------------------------------------------ elements

    def _new_id(self) -> int:
        return len(self._elements) + 1

    def _node(self, spot: Spot) -> int:
        """The node at a spot (to the centimetre), made if need be: streets meet by sharing it."""
        key = (round(spot[0], 2), round(spot[1], 2))
        if key not in self._node_at:
            self._node_at[key] = self._new_id()
            self._elements.append(Element(self._node_at[key], {}, spot=spot))
        return self._node_at[key]

    def _tag_node(self, spot: Spot, tags: dict[str, str]) -> None:
        number = self._node(spot)
        self._elements[number - 1] = Element(number, tags, spot=spot)

    def _way(self, nodes: list[int], tags: dict[str, str]) -> None:
        self._elements.append(Element(self._new_id(), tags, nodes=tuple(nodes)))

    def _area(self, ring: list[Spot], tags: dict[str, str]) -> None:
        nodes = [self._node(spot) for spot in ring]
        self._way([*nodes, nodes[0]], tags)


# ---------------------------------------------------------------- the grid


def _grid() -> list[Street]:
    streets = []
    for column in range(COLUMNS):
        for row in range(ROWS):
            for other in ((column + 1, row), (column, row + 1)):
                if other[0] < COLUMNS and other[1] < ROWS:
                    street = Street((column, row), other, "residential")
                    if _on_ring(street) or street.a[0] == street.b[0] == BRIDGE_COLUMN:
                        street.kind = "tertiary"
                    street.bridge = _crosses_canal(street) and street.kind == "tertiary"
                    streets.append(street)
    return streets


def _on_ring(street: Street) -> bool:
    (ac, ar), (bc, br) = street.a, street.b
    return (ac == bc and ac in (0, COLUMNS - 1)) or (ar == br and ar in (0, ROWS - 1))


def _crosses_canal(street: Street) -> bool:
    rows = sorted((street.a[1], street.b[1]))
    return rows == [CANAL_ROW, CANAL_ROW + 1] and street.a[0] < BASIN_COLUMN


def _over_water(street: Street) -> bool:
    return _crosses_canal(street) and not street.bridge


def _flat(crossing: Crossing) -> Spot:
    """Where a crossing lies before the plane is bent."""
    return (crossing[0] - (COLUMNS - 1) / 2) * CELL_X_M, (crossing[1] - (ROWS - 1) / 2) * CELL_Y_M


def _warp(random: Random) -> Callable[[Spot], Spot]:
    """A smooth bending of the plane; its slope stays below one half, so it folds nothing."""
    waves = [
        (random.uniform(500, 1100), random.uniform(500, 1100), random.uniform(0, 2 * pi), random.uniform(0, 2 * pi))
        for _ in range(3)
    ]

    def warp(spot: Spot) -> Spot:
        x, y = spot
        dx = sum(0.024 * lx * sin(2 * pi * y / lx + phase) for lx, _, phase, _ in waves)
        dy = sum(0.024 * ly * sin(2 * pi * x / ly + phase) for _, ly, _, phase in waves)
        return x + dx, y + dy

    return warp


def _degrees(streets: Iterable[Street]) -> dict[Crossing, int]:
    ends: dict[Crossing, int] = {}
    for street in streets:
        ends[street.a] = ends.get(street.a, 0) + 1
        ends[street.b] = ends.get(street.b, 0) + 1
    return ends


def _all_reachable(streets: list[Street]) -> bool:
    """Whether a van can drive from every crossing to every other."""
    out: dict[Crossing, list[Crossing]] = {}
    back: dict[Crossing, list[Crossing]] = {}
    for street in streets:
        pairs = [(street.a, street.b)] + ([] if street.oneway else [(street.b, street.a)])
        for a, b in pairs:
            out.setdefault(a, []).append(b)
            back.setdefault(b, []).append(a)
    everywhere = set(_degrees(streets))
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


# ---------------------------------------------------------------- shapes


def _apart(a: Spot, b: Spot) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])


class _Crowd:
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
        return [spot for square in squares for spot in square if _apart(centre, spot) < radius_m]


def _walk(line: list[Spot], *, start: float, step: float) -> Iterable[tuple[Spot, float]]:
    """Spots along a line with the direction there, from `start` metres on and not nearer to its end."""
    total = sum(_apart(a, b) for a, b in pairwise(line))
    wanted, gone = start, 0.0
    for (ax, ay), (bx, by) in pairwise(line):
        piece = hypot(bx - ax, by - ay)
        while wanted <= gone + piece and wanted <= total - start:
            t = (wanted - gone) / piece
            yield (ax + (bx - ax) * t, ay + (by - ay) * t), atan2(by - ay, bx - ax)
            wanted += step
        gone += piece


def _box(centre: Spot, angle: float, width: float, depth: float) -> list[Spot]:
    along, across = (cos(angle), sin(angle)), (-sin(angle), cos(angle))
    return [
        (
            centre[0] + along[0] * w * width / 2 + across[0] * d * depth / 2,
            centre[1] + along[1] * w * width / 2 + across[1] * d * depth / 2,
        )
        for w, d in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]


def _blob(centre: Spot, radius: float, random: Random) -> list[Spot]:
    """A round shape with a wavering edge."""
    phase = random.uniform(0, 2 * pi)
    ring = []
    for step in range(24):
        angle = 2 * pi * step / 24
        reach = radius * (1 + 0.13 * sin(3 * angle + phase) + 0.07 * sin(5 * angle))
        ring.append((centre[0] + reach * cos(angle), centre[1] + reach * sin(angle)))
    return ring
