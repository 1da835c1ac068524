"""Series in InfluxDB: what is sent, what happens when it is away, what it refuses.

The server here only speaks the shape of the v2 API. Flux, tokens and buckets are not tried: no InfluxDB 2 can be
installed from Debian or PyPI.
"""

import gzip
import http.server
import threading
import urllib.parse
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from edge_gateway.contract.messages import AnyEvent, Lid
from hub_backend.kit import Kit
from hub_backend.projections.follower import AwayError
from hub_backend.projections.followers import Followers, newest_event
from hub_backend.projections.influx import InfluxSeries, RefusedPointsError
from hub_backend.projections.series import Point, SeriesFollower
from hub_backend.record import RejectRow, SeriesRow
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.made import T0, position

pytestmark = pytest.mark.servers


class WriteApi(http.server.ThreadingHTTPServer):
    """A server that answers as the v2 API's documentation says; it keeps lines, and can be told to fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lines: list[str] = []
        self.requests: list[tuple[str, dict[str, list[str]], dict[str, str], str]] = []
        self.status = 204
        self.answer = b""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: WriteApi

    def do_POST(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = (gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body).decode()
        query = urllib.parse.parse_qs(address.query)
        self.server.requests.append((address.path, query, dict(self.headers), text))
        if address.path == "/api/v2/write" and self.server.status == 204:
            self.server.lines += text.splitlines()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/csv" if self.server.answer else "application/json")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def write_api() -> Iterator[WriteApi]:
    server = WriteApi()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()


def influx(kit: Kit, url: str) -> InfluxSeries:
    more = {"influx_url": url, "influx_token": "t", "influx_org": "buurenzo", "influx_bucket": "buurtrit"}
    return InfluxSeries(made.settings(kit.settings.database_url, series="influx", **more))


def follow(kit: Kit, series: InfluxSeries, *events: AnyEvent) -> Followers:
    made.record(kit, *events)
    followers = Followers(kit, [SeriesFollower(series)])
    followers.catch_up()
    return followers


def test_influx_gets_one_line_a_reading_with_its_own_time_in_one_request(kit: Kit, write_api: WriteApi) -> None:
    lid = Lid(source="van-1/cooler", boot=1, seq=9, t_s=T0 + 0.25, open=True)
    follow(kit, influx(kit, f"http://127.0.0.1:{write_api.server_port}"), position(0), lid)
    assert write_api.lines == [
        "reading,source=van-1 lat=52.25,lon=6.2,speed_m_s=5 1795424400000000",
        "reading,source=van-1/cooler lid_open=1 1795424400250000",
    ]
    ((path, query, headers, _text),) = write_api.requests
    assert path == "/api/v2/write"
    assert query == {"bucket": ["buurtrit"], "org": ["buurenzo"], "precision": ["us"]}
    assert headers["Authorization"] == "Token t"
    with kit.store.read() as session:
        assert session.scalar(select(func.count()).select_from(SeriesRow)) == 0


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_influx_away_holds_the_cursor_and_nothing_is_lost(kit: Kit, write_api: WriteApi, status: int) -> None:
    series = influx(kit, f"http://127.0.0.1:{write_api.server_port}")
    write_api.status = status
    made.record(kit, position(0))
    followers = Followers(kit, [SeriesFollower(series)])
    with pytest.raises(AwayError, match=str(status)):
        followers.catch_up()
    assert followers.behind(newest_event(kit)) == {"series": 1}
    write_api.status = 204
    followers.catch_up()
    assert len(write_api.lines) == 1


def test_influx_not_there_at_all_holds_the_cursor(kit: Kit) -> None:
    made.record(kit, position(0))
    followers = Followers(kit, [SeriesFollower(influx(kit, f"http://127.0.0.1:{free_port()}"))])
    with pytest.raises(AwayError):
        followers.catch_up()
    assert followers.behind(newest_event(kit)) == {"series": 1}


def test_points_that_influx_refuses_are_set_aside_and_nothing_stops(kit: Kit, write_api: WriteApi) -> None:
    series = influx(kit, f"http://127.0.0.1:{write_api.server_port}")
    write_api.status = 400
    assert follow(kit, series, position(0)).behind(newest_event(kit)) == {"series": 0}
    with kit.store.read() as session:
        assert RefusedPointsError.__name__ in session.scalars(select(RejectRow)).one().reason


def test_influx_is_asked_and_read_in_the_shape_of_its_documentation(kit: Kit, write_api: WriteApi) -> None:
    """Flux itself is not tried here: there is no InfluxDB 2 to install."""
    write_api.status = 200
    write_api.answer = (
        b"#datatype,string,long,dateTime:RFC3339,double,string,string,string\r\n"
        b"#group,false,false,false,false,true,true,true\r\n"
        b"#default,_result,,,,,,\r\n"
        b",result,table,_time,_value,_field,_measurement,source\r\n"
        b",,0,2026-11-23T09:00:00.25Z,52.25,lat,reading,van-1\r\n"
        b",,1,2026-11-23T09:00:00.25Z,6.2,lon,reading,van-1\r\n\r\n"
    )
    points = influx(kit, f"http://127.0.0.1:{write_api.server_port}").read(
        "van-1", ["lat", "lon"], from_s=T0, to_s=T0 + 9
    )
    assert points == [Point("van-1", "lat", T0 + 0.25, 52.25), Point("van-1", "lon", T0 + 0.25, 6.2)]
    ((path, _query, _headers, text),) = write_api.requests
    assert path == "/api/v2/query"
    assert "range(start: 2026-11-23T09:00:00Z, stop: 2026-11-23T09:00:09.000001Z)" in text.replace("\\u003e", ">")


def test_influx_is_dropped_by_its_delete_api(kit: Kit, write_api: WriteApi) -> None:
    influx(kit, f"http://127.0.0.1:{write_api.server_port}").drop()
    ((path, query, _headers, text),) = write_api.requests
    assert path == "/api/v2/delete"
    assert query == {"org": ["buurenzo"], "bucket": ["buurtrit"]}
    assert '_measurement=\\"reading\\"' in text
