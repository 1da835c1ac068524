"""Travel times as the streets are at the hours a plan is for: roads slowed by what was learned from the vans' tracks.

The newest `speeds-DATE.json` beside the map counts, from the next question after it was written. Times that were asked
before are remembered, for each set of hours apart.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from routing import speed_file
from routing.learned_speeds import UNKNOWN, SpeedFactors
from routing.places import MapError
from routing.roads import RoadGraph
from routing.travel_table import TravelTable

log = logging.getLogger(__name__)

MOST_TABLES = 4
"""Hours are asked for one after the other."""


class Pace:
    """Travel tables over one map, by hours."""

    def __init__(self, graph: RoadGraph, map_dir: Path) -> None:
        self._graph = graph
        self._map_dir = map_dir
        self._file: Path | None = None
        self._factors: SpeedFactors = UNKNOWN
        self._tables: dict[tuple[int, ...], TravelTable] = {}
        self._digest = ""

    def digest(self, map_sha256: str) -> str:
        """Of the map and what was learned of its streets, hexadecimal; the map's own where nothing was."""
        return hashlib.sha256(f"{map_sha256}{self._digest}".encode()).hexdigest() if self._digest else map_sha256

    def at(self, hours: Sequence[int]) -> TravelTable:
        """The table for these local hours; none: as the roads are by their tags."""
        self._look()
        key = tuple(hours)
        if key not in self._tables:
            if len(self._tables) >= MOST_TABLES:
                del self._tables[next(iter(self._tables))]
            known = bool(key) and self._factors is not UNKNOWN
            roads = self._graph.paced(self._factors.column(key)) if known else self._graph
            self._tables[key] = TravelTable(roads)
        return self._tables[key]

    def _look(self) -> None:
        """A file that cannot be read stops no plan: what was known before goes on."""
        newest = speed_file.newest(self._map_dir)
        if newest == self._file:
            return
        self._file = newest
        try:
            self._factors = speed_file.load(newest)
            self._digest = "" if newest is None else hashlib.sha256(newest.read_bytes()).hexdigest()
        except MapError as error:
            log.error("speeds_unreadable error=%s", error)
            return
        log.info("speeds file=%s", None if newest is None else newest.name)
        self._tables.clear()
