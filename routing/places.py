"""Places on a map: points, addresses, marked sites; and what is said when a map is none."""

from dataclasses import dataclass
from typing import NamedTuple

from routing.model import RoutingError


class MapError(RoutingError):
    """A file that is no map, or a map that cannot be used: the message says which file and why."""


class Point(NamedTuple):
    """A place on earth, WGS84 degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Address:
    """A house number. `street` and `postcode` are empty where the map does not know them."""

    street: str
    number: str
    postcode: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Site:
    """A place that the map's maker marked for us: kind is hub, supplier or market."""

    kind: str
    name: str
    lat: float
    lon: float
