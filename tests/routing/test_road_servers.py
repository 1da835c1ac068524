"""OSRM and Valhalla as sources, against a local server that answers as they do.

The answers' form is that of OSRM 26.10 and Valhalla 3.9, taken down from servers that ran over a real extract.
"""

import json
import threading
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from hub_backend.dispatching.router.fetching import Fetching
from hub_backend.dispatching.router.pace import SERVER_PAUSE_S, ServedFirst
from routing.road_build import build
from routing.road_net import Snap
from routing.road_servers import OsrmSource, SourceError, ValhallaSource
from routing.roads import RoadGraph
from routing.travel_table import TravelSource, TravelTable
from tests.routing.towns import at, square

Answer = tuple[int, object]


class Server:
    """Answers with what the test says; `asked` has path and body of every request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.answer: Callable[[str, bytes], Answer] = lambda path, body: (404, {})
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.path, body))
                status, said = server.answer(self.path, body)
                raw = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


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


def osrm_answer(path: str, _: bytes) -> Answer:
    """As OSRM says it, with made-up times: seconds 10 * source + destination by the place's longitude."""
    parts = urlsplit(path)
    coordinates = [tuple(map(float, pair.split(","))) for pair in parts.path.split("/")[-1].split(";")]
    query = parse_qs(parts.query)
    assert query["annotations"] == ["duration,distance"]
    sources, targets = ([coordinates[int(i)] for i in query[key][0].split(";")] for key in ("sources", "destinations"))
    seconds = [[round(abs(a[0] - b[0]) * 1e5, 1) for b in targets] for a in sources]
    waypoint = {"hint": "AAAA", "location": [4.790021, 51.264954], "name": "Vendelmansweg", "distance": 5.32}
    return 200, {
        "code": "Ok",
        "durations": seconds,
        "distances": [[s * 10 for s in row] for row in seconds],
        "sources": [waypoint] * len(sources),
        "destinations": [waypoint] * len(targets),
    }


def valhalla_answer(path: str, body: bytes) -> Answer:
    asked = json.loads(body)
    assert (path, asked["costing"], asked["units"]) == ("/sources_to_targets", "auto", "kilometers")
    rows = [
        [
            {
                "from_index": i,
                "to_index": j,
                "time": round(abs(a["lon"] - b["lon"]) * 1e5),
                "distance": round(abs(a["lon"] - b["lon"]) * 1e3, 3),
                "cost": 94.726,
                "begin_heading": 254.0,
            }
            for j, b in enumerate(asked["targets"])
        ]
        for i, a in enumerate(asked["sources"])
    ]
    return 200, {"sources_to_targets": rows, "units": "kilometers", "algorithm": "costmatrix"}


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
