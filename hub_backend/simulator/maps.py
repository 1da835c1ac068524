"""Which map the demo takes place on: the one that the project makes up, an extract (imported once), or one by name.

Maps are kept in the demo's own directory, so that only the first demo waits for them.
"""

import fcntl
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from hub_backend.simulator.errors import DemoError
from routing import atlas, neighbourhood
from routing.places import MapError

MADE_UP_SEED = 1
MADE_UP_NAME = "verzonnen-buurt"


def find_map(asked: str | None, *, maps_dir: Path, say: Callable[[str], None]) -> Path:
    """The directory of an imported map. Raises `DemoError` for what is no map."""
    maps_dir.mkdir(parents=True, exist_ok=True)
    try:
        with (maps_dir / ".lock").open("w") as lock:  # two demos may begin in one folder
            fcntl.flock(lock, fcntl.LOCK_EX)
            if asked is None:
                extract = maps_dir / f"{MADE_UP_NAME}.osm.pbf"
                neighbourhood.make(MADE_UP_SEED, extract)
                return _imported(extract, MADE_UP_NAME, maps_dir, say)
            if Path(asked).is_file():
                return _imported(Path(asked), _name_of(Path(asked)), maps_dir, say)
        for home in (maps_dir, atlas.maps_dir()):
            if (home / asked / "map.json").is_file():
                return home / asked
    except MapError as error:
        raise DemoError(f"--map {asked or 'made up'}: {error}") from error
    raise DemoError(
        f"--map {asked}: neither a file nor the name of an imported map in {maps_dir} or {atlas.maps_dir()}"
    )


def _imported(extract: Path, name: str, maps_dir: Path, say: Callable[[str], None]) -> Path:
    """Imported already, from this very file, or now."""
    held = maps_dir / name
    digest = hashlib.sha256(extract.read_bytes()).hexdigest()
    try:
        if atlas.read_info(held).source_sha256 == digest:
            return held
    except MapError:
        say(f"map {name}: importing {extract.name}")
    atlas.import_map(extract, name, maps_dir, replace=True, progress=say)
    return held


def _name_of(extract: Path) -> str:
    stem = extract.name.partition(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]", "-", stem).strip("-_")[:40] or "map"
