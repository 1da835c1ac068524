"""Addresses that no van can come near, each with the reason: the road that would have led there.

Comes in: addresses, the graph, the roads left out of it. Goes out: a list for whoever imports the map; such an address
is refused by name when an order for it comes, and never has an infinite time.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from routing.geometry import M_PER_DEGREE, metres_to_line
from routing.places import Address, MapError, Point
from routing.roads import OffMapError, RoadGraph

WALK_M = 150.0
"""A concierge walks no further than this from the van with somebody's shopping; own choice."""

FAR_M = 5000.0
"""No road as far away as this is looked for."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stretch of road that is not in the graph; `reason` completes `this road ...`."""

    way: int
    name: str
    reason: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Unreached:
    """An address and why no van comes near; `distance_m` to the nearest road in use, None when it is far off."""

    address: Address
    distance_m: float | None
    reason: str


def unreached(addresses: Iterable[Address], graph: RoadGraph, left_out: Sequence[LeftOut]) -> list[Unreached]:
    """The addresses further than `WALK_M` from every road in use."""
    found = []
    for row in _far_from_points(list(addresses), graph):
        try:
            distance_m: float | None = graph.snap(row.lat, row.lon, max_m=FAR_M).distance_m
        except OffMapError:
            distance_m = None
        if distance_m is None or distance_m > WALK_M:
            found.append(Unreached(row, distance_m, _reason(row, distance_m, left_out)))
    return found


def _far_from_points(addresses: list[Address], graph: RoadGraph) -> list[Address]:
    """The addresses with no bend or end of a road within `WALK_M`: only these need to be looked at one by one."""
    if not addresses:
        return []
    east = cos(radians(addresses[0].lat))
    tree = KDTree(np.column_stack((graph.edges.lat, graph.edges.lon * east)) * M_PER_DEGREE)
    places = np.array([(row.lat, row.lon * east) for row in addresses]) * M_PER_DEGREE
    near = np.asarray(tree.query_ball_point(places, WALK_M, return_length=True), dtype=np.int64)
    return [row for row, points in zip(addresses, near.tolist(), strict=True) if not points]


def _reason(address: Address, distance_m: float | None, left_out: Sequence[LeftOut]) -> str:
    place = Point(address.lat, address.lon)
    away = [metres_to_line(place, road.points) for road in left_out]
    nearest = int(np.argmin(away)) if away else -1
    limit = FAR_M if distance_m is None else distance_m
    if nearest < 0 or away[nearest] >= limit:
        return "there is no road on the map"
    road = left_out[nearest]
    return f"the nearest road, {road.name or 'without a name'} (way {road.way}), {road.reason}"


_COLUMNS = ["street", "number", "postcode", "lat", "lon", "distance_m", "reason"]


def save_unreached(rows: Iterable[Unreached], path: Path) -> None:
    """Write the csv; `distance_m` is empty where no road is anywhere near."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for row in rows:
            at = row.address
            away = "" if row.distance_m is None else f"{row.distance_m:.0f}"
            writer.writerow([at.street, at.number, at.postcode, f"{at.lat:.7f}", f"{at.lon:.7f}", away, row.reason])


def load_unreached(map_dir: Path) -> list[Unreached]:
    """Read `unreachable.csv` of a map directory.

    Raises:
        MapError: absent or not of this form.
    """
    path = map_dir / "unreachable.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Unreached(
                    Address(row["street"], row["number"], row["postcode"], float(row["lat"]), float(row["lon"])),
                    float(row["distance_m"]) if row["distance_m"] else None,
                    row["reason"],
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise MapError(f"{path}: no readable list of unreachable addresses: {error}") from error
