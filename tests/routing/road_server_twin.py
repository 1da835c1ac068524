"""A server on this machine that answers as OSRM and Valhalla do.

The answers' form is that of OSRM 26.10 and Valhalla 3.9, taken down from servers that ran over a real extract.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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
