"""The map that screens draw: what it is called, and its tiles from the `.pmtiles` of the imported extract.

No tile server outside ever learns where anybody looks. The file is mapped into memory and read as it lies there.
"""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from pmtiles.reader import Reader
from pmtiles.tile import Compression

from hub_backend.errors import HubError

MOST_ZOOM = 24


class TileReader(Protocol):
    """What we use of `pmtiles.reader.Reader`."""

    def header(self) -> dict[str, object]: ...

    def get(self, z: int, x: int, y: int) -> bytes | None: ...


class MapError(HubError):
    """The map directory cannot be used; the message names the file."""


class MapInfo(msgspec.Struct, frozen=True):
    """`map.json` of an imported map. `bounds`: west, south, east, north in degrees."""

    name: str
    bounds: tuple[float, float, float, float]
    attribution: str
    counts: dict[str, int] = {}


@dataclass(frozen=True)
class Tile:
    """A vector tile as it lies in the file."""

    body: bytes
    gzipped: bool


class Basemap:
    """An imported map. Raises `MapError` when its files are missing or damaged."""

    def __init__(self, map_dir: Path) -> None:
        try:
            self.info = msgspec.json.decode((map_dir / "map.json").read_bytes(), type=MapInfo)
            with (map_dir / "basemap.pmtiles").open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._reader = _reader(self._bytes)
            header = self._reader.header()
        except (OSError, ValueError, KeyError, msgspec.DecodeError) as error:
            raise MapError(f"map_dir {map_dir}: no map that can be drawn ({error}); import it again") from error
        self.min_zoom = int(str(header["min_zoom"]))
        self.max_zoom = int(str(header["max_zoom"]))
        self._gzipped = header["tile_compression"] == Compression.GZIP

    def tile(self, z: int, x: int, y: int) -> Tile | None:
        """The tile, None where the map has nothing. Raises `ValueError` for what is no tile."""
        if not (0 <= z <= MOST_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            raise ValueError(f"tile: {z}/{x}/{y} does not exist")
        body = self._reader.get(z, x, y)
        return None if body is None else Tile(body, self._gzipped)


def _reader(mapped: mmap.mmap) -> TileReader:
    def read(offset: int, length: int) -> bytes:
        return mapped[offset : offset + length]

    reader: TileReader = Reader(read)  # type: ignore[no-untyped-call]  # pmtiles has no types
    return reader
