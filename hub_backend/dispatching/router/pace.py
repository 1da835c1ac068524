"""Travel times as the streets are at the hours a plan is for: roads slowed by what was learned from the vans' tracks.

The newest `speeds-DATE.json` beside the map counts, from the next question after it was written. Times that were asked
before are remembered, for each set of hours apart. Where a road server is set, it is asked first; when it fails, the
whole matrix comes from our own roads, never a mixture, and the server is left alone for a while.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from routing import speed_file
from routing.learned_speeds import UNKNOWN, SpeedFactors
from routing.model import Travel
from routing.places import MapError
from routing.road_net import Snap
from routing.road_servers import SourceError
from routing.roads import RoadGraph
from routing.travel_table import TravelTable

log = logging.getLogger(__name__)

MOST_TABLES = 4
"""Hours are asked for one after the other."""


SERVER_PAUSE_S = 60.0
"""Machine seconds for which a server that failed is not asked again: a plan waits for it only once."""


class Matrices(Protocol):
    """Says seconds and metres between all places."""

    def matrix(self, places: Sequence[Snap]) -> Travel: ...


class ServedFirst:
    """A road server's times; our own where it fails."""

    def __init__(self, server: TravelTable, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._rests_until_s = float("-inf")

    def matrix(self, places: Sequence[Snap], own: Matrices) -> Travel:
        """Never raises for what the server did."""
        if self._clock() < self._rests_until_s:
            return own.matrix(places)
        try:
            return self._server.matrix(places)
        except SourceError as error:
            log.error("road_server_failed own_roads_instead=true pause_s=%.0f error=%s", SERVER_PAUSE_S, error)
            self._rests_until_s = self._clock() + SERVER_PAUSE_S
            return own.matrix(places)


@dataclass(frozen=True)
class _Both:
    served: ServedFirst
    own: TravelTable

    def matrix(self, places: Sequence[Snap]) -> Travel:
        return self.served.matrix(places, self.own)


class Pace:
    """Travel tables over one map, by hours; `server` is asked before it."""

    def __init__(self, graph: RoadGraph, map_dir: Path, server: ServedFirst | None = None) -> None:
        self._server = server
        self._graph = graph
        self._map_dir = map_dir
        self._file: Path | None = None
        self._factors: SpeedFactors = UNKNOWN
        self._tables: dict[tuple[int, ...], TravelTable] = {}
        self._digest = ""

    def digest(self, map_sha256: str) -> str:
        """Of the map and what was learned of its streets, hexadecimal; the map's own where nothing was."""
        return hashlib.sha256(f"{map_sha256}{self._digest}".encode()).hexdigest() if self._digest else map_sha256

    def at(self, hours: Sequence[int]) -> Matrices:
        """The table for these local hours; none: as the roads are by their tags."""
        self._look()
        key = tuple(hours)
        if key not in self._tables:
            if len(self._tables) >= MOST_TABLES:
                del self._tables[next(iter(self._tables))]
            known = bool(key) and self._factors is not UNKNOWN
            roads = self._graph.paced(self._factors.column(key)) if known else self._graph
            self._tables[key] = TravelTable(roads)
        own = self._tables[key]
        return own if self._server is None else _Both(self._server, own)

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
