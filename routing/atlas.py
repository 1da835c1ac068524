"""The maps of a data directory: each a directory with `roads.npz`, `basemap.pmtiles`, `addresses.csv` and `map.json`.

Beside them `unreachable.csv`: the addresses that no van comes near, each with the reason; and what was learned of the
streets, `speed_file`.

Comes in: an OpenStreetMap extract. Goes out: a map directory, whole or not at all: it is made beside its place and
renamed when it is complete.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from routing import speed_file
from routing.addresses import Addresses
from routing.places import MapError, Site

if TYPE_CHECKING:
    from routing import osm

FORMAT = 2
"""Of `map.json` and its neighbours; a map of another format must be imported again."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class MapInfo:
    """What `map.json` says. `bounds` are west, south, east, north in degrees; `sites` is empty for real maps."""

    name: str
    bounds: tuple[float, float, float, float]
    attribution: str
    counts: Mapping[str, int]
    source_sha256: str
    sites: tuple[Site, ...]


def maps_dir() -> Path:
    """Where maps live unless told otherwise: `$XDG_DATA_HOME/buurtrit/maps`, or below `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "buurtrit" / "maps"


def read_info(map_dir: Path) -> MapInfo:
    """Read `map.json`.

    Raises:
        MapError: no map there, or one of another format.
    """
    path = map_dir / "map.json"
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        if text["format"] != FORMAT:
            raise MapError(f"{path}: format {text['format']} instead of {FORMAT}; import the map again")
        west, south, east, north = (float(value) for value in text["bounds"])
        return MapInfo(
            name=str(text["name"]),
            bounds=(west, south, east, north),
            attribution=str(text["attribution"]),
            counts={str(key): int(value) for key, value in text["counts"].items()},
            source_sha256=str(text["source_sha256"]),
            sites=tuple(Site(**site) for site in text["sites"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MapError(f"{path}: no readable map: {type(error).__name__}: {error}") from error


def import_map(
    source: Path,
    name: str,
    directory: Path,
    *,
    replace: bool = False,
    without_addresses: bool = False,
    progress: Progress = lambda _: None,
) -> MapInfo:
    """Make the map `directory/name` of an extract; `progress` hears what is being done, a short line each.

    Raises:
        MapError: the source is no map, holds no road, holds no address and `without_addresses` is not set, or the name
            is taken and `replace` is not set.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise MapError(f"name {name!r}: use 1 to 40 of a-z, 0-9, - and _, starting with a letter or digit")
    from routing import osm  # here, for who only reads a map would wait half a second for what makes one

    target = directory / name
    if target.exists() and not replace:
        raise MapError(f"{target}: there is a map of this name already")
    progress(f"reading {source.name}")
    extract = osm.read(source)
    if not extract.addresses and not without_addresses:
        raise MapError(
            f"{source}: holds no address (nothing with addr:housenumber), so no order could be found on it by its "
            f"address; take an extract with addresses, or import it --without-addresses to go by coordinates alone"
        )
    directory.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=directory))
    try:
        info = _make(extract, source, name, making, progress)
        _put(making / name, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return info


def _make(extract: "osm.Extract", source: Path, name: str, making: Path, progress: Progress) -> MapInfo:
    from routing import basemap, road_build
    from routing.unreached import save_unreached, unreached

    whole, work = making / name, making / "work"
    whole.mkdir()
    work.mkdir()
    progress(f"roads from {len(extract.ways)} ways and {len(extract.restrictions)} turn restrictions")
    built = road_build.build(extract)
    built.graph.save(whole / "roads.npz")
    progress(f"{len(extract.addresses)} addresses")
    Addresses(extract.addresses).save(whole / "addresses.csv")
    apart = unreached(extract.addresses, built.graph, built.left_out)
    if apart:
        progress(f"{len(apart)} of them out of reach of every van, see unreachable.csv")
    save_unreached(apart, whole / "unreachable.csv")
    progress("drawing the map, some seconds a square kilometre")
    attribution = "Verzonnen buurt" if extract.sites else basemap.ATTRIBUTION
    basemap.draw(extract, whole / "basemap.pmtiles", work, attribution=attribution)
    info = MapInfo(
        name=name,
        bounds=_bounds(extract),
        attribution=attribution,
        counts={
            "road_nodes": built.road_nodes,
            "connected_nodes": built.connected_nodes,
            "cut_nodes": built.cut_nodes,
            "road_edges": built.graph.size,
            "turn_restrictions": built.restrictions,
            "odd_restrictions": built.odd_restrictions,
            "buildings": extract.buildings,
            "addresses": len(extract.addresses),
            "unreachable_addresses": len(apart),
            "streets": len({row.street for row in extract.addresses if row.street}),
        },
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        sites=tuple(extract.sites),
    )
    text = json.dumps({"format": FORMAT, **asdict(info)}, ensure_ascii=False, indent=1)
    (whole / "map.json").write_text(text + "\n", encoding="utf-8")
    return info


def _put(whole: Path, target: Path) -> None:
    """Rename into place; an older map steps aside first and is only then removed."""
    if target.exists():
        for speeds in target.glob(speed_file.PATTERN):  # by class of road: they outlive a newer extract
            shutil.copy2(speeds, whole / speeds.name)
        old = whole.parent / "old"
        target.rename(old)
    whole.rename(target)


def _bounds(extract: "osm.Extract") -> tuple[float, float, float, float]:
    points = [point for way in extract.ways for point in way.points if point is not None]
    lats, lons = [point.lat for point in points], [point.lon for point in points]
    return min(lons), min(lats), max(lons), max(lats)
