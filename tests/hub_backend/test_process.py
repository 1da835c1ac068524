"""The hub as a process: it starts, shows a van within two seconds, stops cleanly, and is light."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from edge_gateway.contract.clock import ClockPage
from hub_backend.projections.series import SqlSeries
from hub_backend.record import EventRow
from hub_backend.store import Store
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.conftest import Mosquitto
from tests.hub_backend.gateway_twin import GatewayTwin
from tests.hub_backend.made import KEYS, batch, cooler, position

pytestmark = pytest.mark.servers

CONFIG = """
org = "buurenzo"
hubs = ["colmschate"]
database_url = "{url}"
mqtt_port = {mqtt_port}
http_port = {http_port}
clock_page = "{page}"
[gateways.van-1]
hub = "colmschate"
role = "van"
key = "{key}"
"""


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    port: int
    config: Path
    url: str

    def get(self, path: str) -> object:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def health(self) -> dict[str, object]:
        answer = self.get("/api/health")
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def hub(broker: Mosquitto, sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    page = tmp_path / "clock"
    ClockPage(page, start_s=made.T0)
    config = tmp_path / "hub.toml"
    port = free_port()
    config.write_text(
        CONFIG.format(url=sqlite_url, mqtt_port=broker.port, http_port=port, page=page, key=KEYS["van-1"])
    )
    process = subprocess.Popen([sys.executable, "-m", "hub_backend", "--config", str(config), "--log-level", "error"])
    running = Running(process, port, config, sqlite_url)
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield running
    process.kill()
    process.wait()


@pytest.fixture
def van(broker: Mosquitto) -> Iterator[GatewayTwin]:
    twin = GatewayTwin(broker.port)
    twin.wait_until_connected()
    yield twin
    twin.close()


class Stream:
    """A screen's live stream over real HTTP."""

    def __init__(self, port: int, *, last_id: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        self.connection.request("GET", "/api/live", headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.headers["Content-Type"].startswith("text/event-stream")

    def next(self) -> tuple[str, str, dict[str, object]]:
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                return fields["id"], fields["event"], json.loads(fields["data"])


def test_a_fix_is_on_the_screen_within_two_seconds_and_nothing_is_missed(hub: Running, van: GatewayTwin) -> None:
    stream = Stream(hub.port)
    began = time.monotonic()
    van.send_batch(batch([position(0)]))
    seen, name, told = stream.next()
    assert time.monotonic() - began < 2
    assert (name, told["id"], told["fix"], told["lat"]) == ("van", "van-1", "3d", 52.25)
    stream.connection.close()
    van.send_batch(batch([cooler(0, 4.0)], first_n=2))
    while van.n() < 2:
        time.sleep(0.01)
    again = Stream(hub.port, last_id=seen)
    _id, name, told = again.next()
    assert (name, told["source"], told["state"]) == ("cooler", "van-1/cooler", "ok")


def test_it_is_light_and_stops_at_once_even_with_a_screen_open(hub: Running, van: GatewayTwin) -> None:
    van.send_batch(batch([position(0)]))
    stream = Stream(hub.port)
    health = hub.health()
    assert health["status"] == "ok"
    assert isinstance(health["rss_mb"], float)
    assert 30 < health["rss_mb"] < 140  # without a map, so without the solver's process
    hub.process.send_signal(signal.SIGTERM)
    assert hub.process.wait(timeout=8) in (0, -signal.SIGTERM)
    stream.connection.close()


def test_series_are_replayed_from_the_record(hub: Running, van: GatewayTwin) -> None:
    van.deliver([position(seq) for seq in range(20)])
    until = time.monotonic() + 10
    while any(hub.health()["followers"].values()) and time.monotonic() < until:  # type: ignore[attr-defined]
        time.sleep(0.05)
    track = f"/api/vans/van-1/track?from_s={made.T0}&to_s={made.T0 + 60}"
    before = hub.get(track)
    assert isinstance(before, list)
    assert len(before) == 20
    hub.process.terminate()
    hub.process.wait()
    command = [sys.executable, "-m", "hub_backend", "replay-series", "--config", str(hub.config)]
    replayed = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "20 events" in replayed.stdout
    store = Store(hub.url)
    points = SqlSeries(store).read("van-1", ["lat", "lon"], from_s=made.T0, to_s=made.T0 + 60)
    store.close()
    places = {(point.t_s, point.field): point.value for point in points}
    assert len(places) == 40
    assert [(places[one["t_s"], "lat"], places[one["t_s"], "lon"]) for one in before] == [
        (one["lat"], one["lon"]) for one in before
    ]


def test_bad_settings_end_it_with_every_fault_named(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('org = "Buur&Zo"\nmqtt_port = 0\n')
    command = [sys.executable, "-m", "hub_backend", "--config", str(config)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    for field in ("org", "hubs", "gateways", "mqtt_port"):
        assert field in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_first_start_makes_the_record_and_one_that_cannot_says_so_once(tmp_path: Path) -> None:
    def start(url: str, command: str) -> subprocess.CompletedProcess[str]:
        config = tmp_path / "hub.toml"
        config.write_text(
            CONFIG.format(url=url, mqtt_port=1, http_port=free_port(), page=tmp_path / "clock", key=KEYS["van-1"])
        )
        arguments = [sys.executable, "-m", "hub_backend", command, "--config", str(config), "--log-level", "error"]
        return subprocess.run(arguments, check=False, capture_output=True, text=True)

    assert start(f"sqlite:///{tmp_path / 'new.sqlite'}", "migrate").returncode == 0
    store = Store(f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert not store.is_older
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRow)) == 0
    store.close()
    failed = start(f"sqlite:///{tmp_path / 'absent' / 'new.sqlite'}", "serve")
    assert failed.returncode == 2
    assert failed.stderr.count("database_url: ") == 1
