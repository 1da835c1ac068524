"""Travel times from a server that speaks HTTP: OSRM's table service, Valhalla's sources_to_targets.

Comes in: places, and a `Fetch` that does the talking (this library opens no connection of its own). Goes out: `Travel`,
or a `SourceError` that names the server and what failed: late, unreachable, refused, no way between two places, or an
answer of another shape. Both are asked in blocks that their usual limits allow.

OSRM: GET /table/v1/PROFILE/lon,lat;...?sources=...&destinations=...&annotations=duration,distance; seconds, metres.
Valhalla: POST /sources_to_targets with sources, targets and costing; seconds and, asked so, kilometres.
"""

import json
from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from routing.model import RoutingError, Travel
from routing.road_net import Snap

OSRM_BLOCK = 50
"""Sources and destinations at a time: `--max-table-size` is 100 places unless set."""
VALHALLA_BLOCK = 50
"""`max_matrix_location_pairs` is 2500 unless set."""


class SourceError(RoutingError):
    """A server did not say how long ways take: the message names it and what failed."""


class Fetch(Protocol):
    """GET, or POST with a body; gives status and body. Raises `OSError` (a timeout is one) where there is no answer."""

    def __call__(self, url: str, body: bytes | None) -> tuple[int, bytes]: ...


class OsrmSource:
    """An OSRM server, such as `http://127.0.0.1:5000`."""

    def __init__(self, url: str, fetch: Fetch, *, profile: str = "driving", block: int = OSRM_BLOCK) -> None:
        self._url = url.rstrip("/")
        self._fetch = fetch
        self._profile = profile
        self._block = block

    def between(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel:
        """Seconds and metres. Raises `SourceError`."""
        return _in_blocks(self._table, origins, destinations, self._block)

    def _table(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel:
        places = ";".join(f"{place.lon:.6f},{place.lat:.6f}" for place in (*origins, *destinations))
        first = ";".join(str(index) for index in range(len(origins)))
        second = ";".join(str(index + len(origins)) for index in range(len(destinations)))
        url = (
            f"{self._url}/table/v1/{self._profile}/{places}"
            f"?sources={first}&destinations={second}&annotations=duration,distance"
        )
        answer = _asked("OSRM", self._url, self._fetch, url, None)
        if answer.get("code") != "Ok":
            raise SourceError(f"OSRM at {self._url}: {answer.get('code')}: {answer.get('message', 'no words')}")
        shape = (len(origins), len(destinations))
        return Travel(
            duration_s=_whole("OSRM", self._url, answer.get("durations"), shape),
            distance_m=_whole("OSRM", self._url, answer.get("distances"), shape),
        )


class ValhallaSource:
    """A Valhalla server, such as `http://127.0.0.1:8002`."""

    def __init__(self, url: str, fetch: Fetch, *, costing: str = "auto", block: int = VALHALLA_BLOCK) -> None:
        self._url = url.rstrip("/")
        self._fetch = fetch
        self._costing = costing
        self._block = block

    def between(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel:
        """Seconds and metres. Raises `SourceError`."""
        return _in_blocks(self._table, origins, destinations, self._block)

    def _table(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel:
        asked = {
            "sources": [{"lat": round(place.lat, 6), "lon": round(place.lon, 6)} for place in origins],
            "targets": [{"lat": round(place.lat, 6), "lon": round(place.lon, 6)} for place in destinations],
            "costing": self._costing,
            "units": "kilometers",
        }
        url = f"{self._url}/sources_to_targets"
        answer = _asked("Valhalla", self._url, self._fetch, url, json.dumps(asked).encode())
        if "error" in answer:
            raise SourceError(f"Valhalla at {self._url}: {answer.get('error_code')}: {answer['error']}")
        try:
            rows = cast(list[list[dict[str, float | None]]], answer["sources_to_targets"])
            seconds = [[cell["time"] for cell in row] for row in rows]
            metres = [[None if (km := cell["distance"]) is None else km * 1000 for cell in row] for row in rows]
        except (KeyError, TypeError) as error:
            raise SourceError(f"Valhalla at {self._url}: an answer of another shape: {error!r}") from error
        shape = (len(origins), len(destinations))
        return Travel(
            duration_s=_whole("Valhalla", self._url, seconds, shape),
            distance_m=_whole("Valhalla", self._url, metres, shape),
        )


class _Table(Protocol):
    def __call__(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel: ...


def _in_blocks(table: _Table, origins: Sequence[Snap], destinations: Sequence[Snap], block: int) -> Travel:
    duration_s = np.zeros((len(origins), len(destinations)), dtype=np.int64)
    distance_m = np.zeros_like(duration_s)
    for row in range(0, len(origins), block):
        for column in range(0, len(destinations), block):
            part = table(origins[row : row + block], destinations[column : column + block])
            where = slice(row, row + block), slice(column, column + block)
            duration_s[where], distance_m[where] = part.duration_s, part.distance_m
    return Travel(duration_s=duration_s, distance_m=distance_m)


def _asked(name: str, where: str, fetch: Fetch, url: str, body: bytes | None) -> dict[str, object]:
    try:
        status, said = fetch(url, body)
    except OSError as error:
        raise SourceError(f"{name} at {where}: no answer: {error}") from error
    try:
        answer = json.loads(said)
    except ValueError as error:
        raise SourceError(f"{name} at {where}: status {status}, and no JSON: {said[:80]!r}") from error
    if not isinstance(answer, dict):
        raise SourceError(f"{name} at {where}: status {status}, an answer of another shape")
    return answer


def _whole(name: str, where: str, rows: object, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Whole numbers, of the shape that was asked for; a pair without a way is an error that names it."""
    try:
        values = np.array(rows, dtype=np.float64)  # null becomes NaN
    except (TypeError, ValueError) as error:
        raise SourceError(f"{name} at {where}: an answer of another shape: {error}") from error
    if values.shape != shape:
        raise SourceError(f"{name} at {where}: an answer of shape {values.shape} instead of {shape}")
    bad = np.argwhere(~(values >= 0.0) | ~np.isfinite(values))
    if len(bad):
        row, column = (int(index) for index in bad[0])
        raise SourceError(f"{name} at {where}: no way from place {row} to place {column}, of {len(bad)} such pairs")
    return np.rint(values).astype(np.int64)
