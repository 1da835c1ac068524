"""OSRM and Valhalla as sources, against a local server that answers as they do."""

import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from hub_backend.dispatching.router.fetching import Fetching
from hub_backend.dispatching.router.pace import SERVER_PAUSE_S, ServedFirst
from routing.road_build import build
from routing.road_net import Snap
from routing.road_servers import OsrmSource, SourceError, ValhallaSource
from routing.roads import RoadGraph
from routing.travel_table import TravelSource, TravelTable
from tests.routing.road_server_twin import Answer, Server, osrm_answer, valhalla_answer
from tests.routing.towns import at, square

pytestmark = pytest.mark.whole


@pytest.fixture
def server() -> Generator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="module")
def roads() -> RoadGraph:
    return build(square()).graph


@pytest.fixture
def places(roads: RoadGraph) -> list[Snap]:
    return [roads.snap(*at(east, -100)) for east in (10, 60, 110, 150, 190)]


def source_of(kind: str, server: Server, *, timeout_s: float = 2.0, block: int = 50) -> TravelSource:
    made = OsrmSource if kind == "OSRM" else ValhallaSource
    server.answer = osrm_answer if kind == "OSRM" else valhalla_answer
    return made(server.url, Fetching(timeout_s), block=block)


@pytest.mark.parametrize("kind", ["OSRM", "Valhalla"])
@pytest.mark.parametrize("block", [2, 50])
def test_times_come_as_the_server_says_them(kind: str, block: int, server: Server, places: list[Snap]) -> None:
    travel = source_of(kind, server, block=block).between(places[:3], places)
    lons = np.array([round(place.lon, 6) for place in places])
    expected = np.abs(lons[:3, None] - lons[None, :]) * 1e5
    assert np.abs(travel.duration_s - expected).max() <= 0.51
    assert np.abs(travel.distance_m - expected * 10).max() <= 1.01
    assert len(server.asked) == (1 if block == 50 else 2 * 3)


NOT_SO: list[tuple[str, int, object, str]] = [
    (
        "OSRM",
        400,
        {"code": "InvalidQuery", "message": "Query string malformed close to position 35"},
        "InvalidQuery: Query",
    ),
    ("OSRM", 400, {"code": "TooBig", "message": "Too many table coordinates"}, "TooBig: Too many"),
    ("OSRM", 200, {"code": "Ok", "durations": [[None]], "distances": [[None]]}, "no way from place 0 to place 0"),
    ("OSRM", 200, {"code": "Ok", "durations": [[1.0, 2.0]], "distances": [[1.0, 2.0]]}, "shape"),
    ("OSRM", 200, {"code": "Ok"}, "shape"),
    ("OSRM", 502, b"<html>Bad Gateway</html>", "status 502, and no JSON"),
    (
        "Valhalla",
        400,
        {"error_code": 150, "error": "Exceeded max locations: 2500.000000", "status_code": 400},
        "150: Exceeded",
    ),
    (
        "Valhalla",
        400,
        {"error_code": 125, "error": "No costing method found: 'flying'", "status_code": 400},
        "125: No costing",
    ),
    (
        "Valhalla",
        200,
        {"sources_to_targets": [[{"from_index": 0, "to_index": 0, "time": None, "distance": None}]]},
        "no way",
    ),
    ("Valhalla", 200, {"sources_to_targets": {"durations": [[1]]}}, "another shape"),
    ("Valhalla", 200, [], "another shape"),
]


@pytest.mark.parametrize("case", NOT_SO, ids=lambda case: f"{case[0]}-{case[3]}")
def test_what_failed_is_named(case: tuple[str, int, object, str], server: Server, places: list[Snap]) -> None:
    kind, status, said, words = case
    source = source_of(kind, server)
    server.answer = lambda path, body: (status, said)
    with pytest.raises(SourceError, match=f"^{kind} at {server.url}.*{words}"):
        source.between(places[:1], places[:1])


def test_late_server_is_left(server: Server, places: list[Snap]) -> None:
    source = source_of("OSRM", server, timeout_s=0.1)

    def late(path: str, body: bytes) -> Answer:
        time.sleep(0.5)
        return 200, {}

    server.answer = late
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"no answer: .*timed out"):
        source.between(places, places)
    assert time.monotonic() - began < 0.45


def test_absent_server_is_named(server: Server, places: list[Snap]) -> None:
    source = source_of("Valhalla", server)
    server.close()
    with pytest.raises(SourceError, match=r"Valhalla at .*no answer"):
        source.between(places, places)
    server._http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # for the fixture to close
    threading.Thread(target=server._http.serve_forever, daemon=True).start()


def test_own_roads_stand_behind_and_are_never_mixed_in(server: Server, roads: RoadGraph, places: list[Snap]) -> None:
    now = [0.0]
    first = ServedFirst(TravelTable(source_of("OSRM", server)), clock=lambda: now[0])
    own = TravelTable(roads)
    served = first.matrix(places[:3], own)
    assert served.duration_s[0, 1] != roads.matrix(places).duration_s[0, 1]
    server.answer = lambda path, body: (503, {"code": "Busy", "message": "later"})
    assert np.array_equal(first.matrix(places, own).duration_s, roads.matrix(places).duration_s)
    asked = len(server.asked)
    first.matrix(places, own)
    assert len(server.asked) == asked  # left alone for a while
    server.answer = osrm_answer
    now[0] = SERVER_PAUSE_S
    again = first.matrix(places, own)
    assert np.array_equal(again.duration_s[:3, :3], served.duration_s)
