"""A town of a few streets, small enough to reckon with by hand.

A ---- B ---- C      100 m between crossings, north is up, A at the origin
|      |      |
D ---- E ---- F
"""

from routing.osm import Extract, Way
from routing.places import Point

LAT, LON = 52.0, 6.0
METRE_LAT = 1 / 111_195.0
METRE_LON = METRE_LAT / 0.6156614753256583  # cos 52 degrees

CORNERS = {"A": (0, 0), "B": (100, 0), "C": (200, 0), "D": (0, -100), "E": (100, -100), "F": (200, -100)}
NUMBERS = {name: number for number, name in enumerate(CORNERS, start=1)}


def at(east_m: float, north_m: float) -> Point:
    return Point(LAT + north_m * METRE_LAT, LON + east_m * METRE_LON)


def street(number: int, corners: str, **tags: str) -> Way:
    """A residential street along corners, unless the tags say otherwise (`highway`, `oneway`, ...)."""
    nodes = tuple(NUMBERS[corner] for corner in corners)
    points = tuple(at(*CORNERS[corner]) for corner in corners)
    return Way(number, {"highway": "residential", "name": corners, **tags}, nodes, points)


def town(*ways: Way, nodes: dict[str, dict[str, str]] | None = None) -> Extract:
    return Extract(ways=list(ways), node_tags={NUMBERS[name]: tags for name, tags in (nodes or {}).items()})


def square(**of_top: str) -> Extract:
    """The two blocks; `of_top` are tags of the street A-B-C."""
    return town(street(1, "ABC", **of_top), street(2, "DEF"), street(3, "AD"), street(4, "BE"), street(5, "CF"))
