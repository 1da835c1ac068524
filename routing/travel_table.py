"""Travel times between places that are asked for again and again: a new place costs one row and one column.

Comes in: a source of travel times (own roads, or a server over HTTP). Goes out: `Travel` matrices; what was asked
before is not worked out again.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from routing.model import Travel
from routing.road_net import Snap

MOST_PLACES = 2_000
"""Remembered at once: 64 MB of times and distances. Vans move, and each of their places is one more."""


class TravelSource(Protocol):
    """Says seconds and metres, `(len(origins), len(destinations))`; negative where there is no way.

    Raises:
        RoutingError: it cannot say; the message names the source and what failed.
    """

    def between(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel: ...


class TravelTable:
    """Remembers what one source said."""

    def __init__(self, source: TravelSource, *, most: int = MOST_PLACES) -> None:
        self._source = source
        self._most = most
        self._index: dict[Snap, int] = {}
        self._duration_s = np.zeros((0, 0), dtype=np.int64)
        self._distance_m = np.zeros((0, 0), dtype=np.int64)

    def matrix(self, places: Sequence[Snap]) -> Travel:
        """Seconds and metres between all places, `(n, n)`. Raises what the source raises; then nothing is kept."""
        new = [place for place in dict.fromkeys(places) if place not in self._index]
        if len(self._index) + len(new) > self._most:
            self._keep([place for place in dict.fromkeys(places) if place in self._index])
        if new:
            self._add(new)
        rows = np.array([self._index[place] for place in places], dtype=np.int64)
        chosen = np.ix_(rows, rows)
        return Travel(duration_s=self._duration_s[chosen], distance_m=self._distance_m[chosen])

    def _keep(self, places: list[Snap]) -> None:
        rows = np.array([self._index[place] for place in places], dtype=np.int64)
        chosen = np.ix_(rows, rows)
        self._duration_s, self._distance_m = self._duration_s[chosen], self._distance_m[chosen]
        self._index = {place: row for row, place in enumerate(places)}

    def _add(self, new: list[Snap]) -> None:
        known = list(self._index)
        rows = self._source.between(new, [*known, *new])
        columns = self._source.between(known, new) if known else None
        size = len(known)
        self._duration_s = _grown(self._duration_s, rows.duration_s, None if columns is None else columns.duration_s)
        self._distance_m = _grown(self._distance_m, rows.distance_m, None if columns is None else columns.distance_m)
        self._index |= {place: size + row for row, place in enumerate(new)}


def _grown(held: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if columns is None:
        return np.asarray(rows, dtype=np.int64)
    return np.asarray(np.block([[np.hstack([held, columns])], [rows]]), dtype=np.int64)
