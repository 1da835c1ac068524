"""What is drawn of the made-up neighbourhood, as OpenStreetMap elements: nodes shared where lines meet, ways, areas.

Metres come in; WGS84 goes to the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import cos, radians
from pathlib import Path

import osmium
import osmium.osm.mutable as writable

from routing.neighbourhood.shapes import Spot
from routing.osm import SITE_TAG

CENTRE_LAT, CENTRE_LON = 52.2610, 6.2370  # east of Deventer, so that clocks, sun and distances are Dutch


@dataclass(frozen=True)
class Element:
    """A node (`spot`) or a way (`nodes`) about to be written."""

    id: int
    tags: dict[str, str]
    spot: Spot | None = None
    nodes: tuple[int, ...] = ()


class Sheet:
    """Collects elements and hands out their ids, from 1."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self._node_at: dict[Spot, int] = {}

    def _new_id(self) -> int:
        return len(self.elements) + 1

    def node(self, spot: Spot) -> int:
        """The node at a spot (to the centimetre), made if need be: streets meet by sharing it."""
        key = (round(spot[0], 2), round(spot[1], 2))
        if key not in self._node_at:
            self._node_at[key] = self._new_id()
            self.elements.append(Element(self._node_at[key], {}, spot=spot))
        return self._node_at[key]

    def tag_node(self, spot: Spot, tags: dict[str, str]) -> None:
        """Say what the node at a spot is."""
        number = self.node(spot)
        self.elements[number - 1] = Element(number, tags, spot=spot)

    def mark(self, spot: Spot, tags: dict[str, str]) -> None:
        """A node of its own: a site, a place's name."""
        self.elements.append(Element(self._new_id(), tags, spot=spot))

    def site(self, kind: str, name: str, spot: Spot) -> None:
        """A hub, supplier or market."""
        self.mark(spot, {SITE_TAG: kind, "name": name})

    def way(self, nodes: list[int], tags: dict[str, str]) -> None:
        self.elements.append(Element(self._new_id(), tags, nodes=tuple(nodes)))

    def area(self, ring: list[Spot], tags: dict[str, str]) -> None:
        nodes = [self.node(spot) for spot in ring]
        self.way([*nodes, nodes[0]], tags)


def write(elements: Iterable[Element], path: Path) -> None:
    """Write elements as `.osm.pbf`, nodes first, by id. Raises what osmium raises: `RuntimeError`."""
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
