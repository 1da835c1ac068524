"""An OpenStreetMap extract as values: ways with their nodes' places, shapes for the map, addresses, marked sites.

Comes in: an `.osm.pbf` (or any file osmium reads). Goes out: an `Extract`; what is a road for a van is decided in
`road_rules`, what is drawn in `basemap`. Nodes that the extract's border cut off have no place and end a way.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import osmium
import osmium.geom

from routing.places import Address, MapError, Point, Site
from routing.restrictions import Member, Restriction, read_restriction
from routing.road_rules import FERRY

SITE_TAG = "buurtrit:site"
"""Our own tag, on nodes of generated maps: hub, supplier or market."""

_AREA_KEYS = ("building", "landuse", "natural", "leisure", "waterway", "water", "amenity", "place")
_LINE_KEYS = ("waterway",)
_NODE_KEYS = ("barrier", "highway")


@dataclass(frozen=True, slots=True)
class Way:
    """A way with a `highway` tag, or a ferry; a node without a place (outside the extract) is None in `points`."""

    id: int
    tags: Mapping[str, str]
    nodes: tuple[int, ...]
    points: tuple[Point | None, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn that is no road: a GeoJSON geometry with its tags."""

    tags: Mapping[str, str]
    geometry: Mapping[str, object]


@dataclass
class Extract:
    """All that we read from a map file."""

    ways: list[Way] = field(default_factory=list)
    restrictions: list[Restriction] = field(default_factory=list)
    node_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    shapes: list[Shape] = field(default_factory=list)
    places: list[tuple[Point, dict[str, str]]] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    buildings: int = 0


def read(path: Path) -> Extract:
    """Read a map file.

    Raises:
        MapError: the file is absent, is no OpenStreetMap file, is cut short, holds no road, or holds more than one
            version of things (a history or change file).
    """
    if not path.is_file():
        raise MapError(f"{path}: no such file")
    reader = _Reader()
    try:
        processor = osmium.FileProcessor(str(path))
        if processor.header.has_multiple_object_versions:
            raise MapError(f"{path}: a history or change file holds many versions of a road; take a plain extract")
        for entity in processor.with_areas():
            reader.take(entity)
    except (RuntimeError, UnicodeDecodeError) as error:  # osmium raises nothing narrower
        raise MapError(f"{path}: no readable OpenStreetMap file, or cut short: {error}") from error
    except _SeenTwiceError as error:
        raise MapError(f"{path}: {error} comes twice; take a plain extract, not a history or change file") from error
    extract = reader.extract
    if not extract.ways:
        raise MapError(f"{path}: holds no road (no way with a highway tag)")
    extract.addresses.extend(_addresses(reader.numbered, reader.street_of))
    return extract


class _SeenTwiceError(Exception):
    """The same thing in two versions."""


class _Reader:
    """Sorts entities into an extract; house numbers wait for the relations that name their street."""

    def __init__(self) -> None:
        self.extract = Extract()
        self.numbered: list[tuple[int, dict[str, str], Point]] = []  # key: way id, or minus node id
        self.street_of: dict[int, str] = {}
        self._shaper = osmium.geom.GeoJSONFactory()
        self._last = ("", 0)

    def take(self, entity: object) -> None:
        if not isinstance(entity, osmium.osm.Area):
            this = (type(entity).__name__.lower(), entity.id)  # type: ignore[attr-defined]
            if this == self._last:
                raise _SeenTwiceError(f"{this[0]} {this[1]}")
            self._last = this
        if isinstance(entity, osmium.osm.Node):
            self._take_node(entity)
        elif isinstance(entity, osmium.osm.Way):
            self._take_way(entity)
        elif isinstance(entity, osmium.osm.Area):
            self._take_area(entity)
        elif isinstance(entity, osmium.osm.Relation):
            self._take_relation(entity)

    def _take_node(self, node: osmium.osm.Node) -> None:
        if not len(node.tags) or not node.location.valid():
            return
        tags = {tag.k: tag.v for tag in node.tags}
        point = Point(node.location.lat, node.location.lon)
        if any(key in tags for key in _NODE_KEYS):
            self.extract.node_tags[node.id] = tags
        if "addr:housenumber" in tags:
            self.numbered.append((-node.id, tags, point))
        if "place" in tags and "name" in tags:
            self.extract.places.append((point, tags))
        if SITE_TAG in tags:
            self.extract.sites.append(Site(tags[SITE_TAG], tags.get("name", tags[SITE_TAG]), *point))

    def _take_way(self, way: osmium.osm.Way) -> None:
        tags = {tag.k: tag.v for tag in way.tags}
        if "building" in tags:
            self.extract.buildings += 1
        drawn_line = any(key in tags for key in _LINE_KEYS) and not way.is_closed()
        driven = "highway" in tags or tags.get("route") == FERRY
        if not (drawn_line or driven or "addr:housenumber" in tags):
            return
        nodes = tuple(ref.ref for ref in way.nodes)
        points = tuple(Point(ref.location.lat, ref.location.lon) if ref.location.valid() else None for ref in way.nodes)
        known = [point for point in points if point is not None]
        if driven:
            self.extract.ways.append(Way(way.id, tags, nodes, points))
        if "addr:housenumber" in tags and known:
            self.numbered.append((way.id, tags, _middle(known)))
        if drawn_line and len(known) > 1:
            line = {"type": "LineString", "coordinates": [[point.lon, point.lat] for point in known]}
            self.extract.shapes.append(Shape(tags, line))

    def _take_area(self, area: osmium.osm.Area) -> None:
        tags = {tag.k: tag.v for tag in area.tags}
        if not any(key in tags for key in _AREA_KEYS):
            return
        try:
            geometry = json.loads(self._shaper.create_multipolygon(area))
        except RuntimeError:  # a ring that does not close: nothing to draw, the roads do not need it
            return
        self.extract.shapes.append(Shape(tags, geometry))

    def _take_relation(self, relation: osmium.osm.Relation) -> None:
        tags = {tag.k: tag.v for tag in relation.tags}
        members = [Member(member.type, member.ref, member.role) for member in relation.members]
        restriction = read_restriction(relation.id, tags, members)
        if restriction is not None:
            self.extract.restrictions.append(restriction)
        if tags.get("type") != "associatedStreet" or "name" not in tags:
            return
        for member in members:
            if member.role == "house":
                self.street_of[-member.ref if member.kind == "n" else member.ref] = tags["name"]


def _addresses(numbered: list[tuple[int, dict[str, str], Point]], street_of: Mapping[int, str]) -> Iterator[Address]:
    for key, tags, point in numbered:
        street = tags.get("addr:street") or street_of.get(key) or tags.get("addr:place") or ""
        yield Address(street, tags["addr:housenumber"], tags.get("addr:postcode", ""), *point)


def _middle(points: list[Point]) -> Point:
    ring = points[:-1] if len(points) > 1 and points[0] == points[-1] else points
    return Point(sum(point.lat for point in ring) / len(ring), sum(point.lon for point in ring) / len(ring))
