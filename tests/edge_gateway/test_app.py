"""The whole gateway as a process: starts with nothing there, is light, stops cleanly, comes back knowing its day."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.messages import Cooler, Position, Rejected, Scan, Vehicle, Visit
from edge_gateway.contract.topics import Address
from edge_gateway.vehicle_profile import load
from firmware import readings
from tests.conftest import ROOT
from tests.edge_gateway.conftest import Mosquitto
from tests.edge_gateway.fake_hub import FakeHub
from tests.edge_gateway.rig import START_S, SerialLine, end, parcel, plan, serial_line, stop, table, wait_until
from tests.edge_gateway.slcan_text import slcan
from tests.edge_gateway.test_serial_nodes import HandNode
from tests.free_port import free_port

pytestmark = pytest.mark.servers

ADDRESS = Address("buurenzo", "colmschate", "van-1")
LIMIT_MB = 80.0


@dataclass
class Process:
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(self.get("/api/health")["status"] == "ok")
        except OSError:
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


def toml(value: object) -> str:
    """`json` writes numbers, texts and flat lists as TOML does."""
    return json.dumps(value)


def write_settings(folder: Path, **changes: object) -> Path:
    whole = table(**{"data_dir": str(folder / "data"), "mqtt_port": free_port(), **changes})
    nodes = whole.pop("nodes", [])
    lines = [f"{name} = {toml(value)}" for name, value in whole.items()]
    for node in nodes:  # type: ignore[attr-defined]
        lines += ["[[nodes]]", *(f"{name} = {toml(value)}" for name, value in node.items())]
    file = folder / "gateway.toml"
    file.write_text("\n".join(lines))
    return file


@contextmanager
def gateway(folder: Path, **changes: object) -> Iterator[Process]:
    port = free_port()
    file = write_settings(folder, **{"http_port": port, **changes})
    log = folder / "log"
    with log.open("ab") as sink:
        process = subprocess.Popen([sys.executable, "-m", "edge_gateway", "--config", str(file)], cwd=ROOT, stderr=sink)
    try:
        one = Process(port, process, log)
        wait_until(one.is_up, within_s=20)
        yield one
    finally:
        end(process)


def test_with_nothing_there_it_starts_is_light_and_stops_cleanly(tmp_path: Path) -> None:
    kinds = ("cooler", "scanner", "shunt")
    nowhere = {
        "gps": f"gpsd://127.0.0.1:{free_port()}",
        "vehicle_can": f"slcan:{tmp_path}/can",
        "nodes": [{"name": name, "kind": name, "port": f"{tmp_path}/{name}"} for name in kinds],
    }
    with gateway(tmp_path, **nowhere) as van:
        health = van.get("/api/health")
        assert not health["hub_connected"] and not any(health["nodes"].values())
        assert 0 < health["rss_mb"] < LIMIT_MB
        assert van.stop() == 0
    assert "event=stopped" in van.log.read_text()
    for line in van.log.read_text().splitlines():
        assert line.startswith("ts=") and " level=" in line and " event=" in line, line


def test_the_van_works_alone_and_comes_back_knowing_its_day(tmp_path: Path) -> None:
    with gateway(tmp_path) as van:
        van.post("/api/records", [{"id": "visit-001", "kind": "visit", "stop": "s1", "outcome": "letterbox"}])
        boot = van.get("/api/health")["boot"]
        van.process.kill()
        van.process.wait()
    with gateway(tmp_path) as van:
        assert van.get("/api/health")["boot"] == boot + 1
        state = van.get("/api/state")
        assert [visit["stop"] for visit in state["visits"]] == ["s1"]
        assert state["pending"]["business"] == 1
        answer = van.post("/api/records", [{"id": "visit-001", "kind": "visit", "stop": "s1", "outcome": "letterbox"}])
        assert answer["stored"] == ["visit-001"]
        assert van.get("/api/state")["pending"]["business"] == 1


def test_a_damaged_outbox_is_told_and_the_van_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/outbox.sqlite").write_bytes(b"no database" * 1000)
    with gateway(tmp_path) as van:
        [reject] = [reject for reject in van.get("/api/state")["rejects"] if reject["origin"] == "outbox"]
        assert reject["field"] == "file" and "outbox.sqlite.damaged-1" in reject["reason"]
        assert van.post("/api/scans", {"code": "3SABCD1234567"})["result"] == "unknown"
    assert (tmp_path / "data/outbox.sqlite.damaged-1").exists()


def test_an_address_in_use_is_a_clear_error_and_not_a_hang(tmp_path: Path) -> None:
    with gateway(tmp_path) as van:
        (tmp_path / "b").mkdir()
        file = write_settings(tmp_path / "b", http_port=van.port)
        done = subprocess.run(
            [sys.executable, "-m", "edge_gateway", "--config", str(file)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
        assert "event=cannot_listen" in done.stderr and f"port={van.port}" in done.stderr


def test_an_open_page_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with gateway(tmp_path) as van:
        stream = urllib.request.urlopen(f"http://127.0.0.1:{van.port}/api/live", timeout=10)
        first = [stream.readline() for _ in range(3)]
        assert first[0].startswith(b"id: ") and first[1] == b"event: state\n"
        assert json.loads(first[2].removeprefix(b"data: "))["gateway"] == "van-1"
        van.post("/api/records", [{"id": "tour-0001", "kind": "tour", "phase": "started"}])
        while b'"phase":"started"' not in stream.readline():
            pass
        assert van.stop(signal.SIGINT) == 0
        stream.close()


def nmea(body: str) -> bytes:
    check = 0
    for byte in body.encode():
        check ^= byte
    return f"${body}*{check:02X}\r\n".encode()


def test_the_whole_way_in_and_up_in_a_simulated_world(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Bytes on serial lines and the page's tap in; the hub's events out; all stamps are the simulated world's."""
    world = ClockPage(tmp_path / "clock", start_s=START_S)
    lines: dict[str, SerialLine] = {}
    with (
        serial_line(tmp_path / "gps") as lines["gps"],
        serial_line(tmp_path / "can") as lines["can"],
        serial_line(tmp_path / "cooler") as lines["cooler"],
        gateway(
            tmp_path,
            mqtt_port=mosquitto.port,
            clock_page=str(tmp_path / "clock"),
            telemetry_commit_s=0.05,
            gps=f"nmea:{tmp_path}/gps",
            vehicle_can=f"slcan:{tmp_path}/can",
            nodes=[{"name": "cooler", "kind": "cooler", "port": f"{tmp_path}/cooler"}],
        ) as van,
    ):
        hub = FakeHub(mosquitto.port, ADDRESS).wait_ready()
        hub.send_plan(plan(stop("s1", lat=52.25, lon=6.2, deliver=(parcel("3SABCD1234567"),))))
        wait_until(lambda: van.get("/api/state")["next_stop"] == "s1")
        world.run(world_s=START_S + 60, rate=0, limit_s=START_S + 60)
        lines["gps"].send(nmea("GPRMC,070100.00,A,5215.0000,N,00612.0600,E,0.0,0.0,231126,,,A"))
        lines["can"].send(slcan(load("psa-ecmp"), {"soc_percent": 80.0, "odometer_km": 1234.5}))
        hand = HandNode(lines["cooler"])
        wait_until(hand.is_asked)
        hand.hello()
        wait_until(hand.heard(0))
        hand.data(0, 0, readings.Cooler(60, 0, (4.0, 3.0, 5.0), (3.0, 3.0, 3.0)).pack(), age_ms=1000)
        wait_until(hand.heard(1))
        assert van.post("/api/scans", {"code": "3SABCD1234567", "purpose": "load"})["result"] == "right"
        wait_until(lambda: (van.get("/api/state")["position"] or {}).get("fix") == "2d")
        visit = {"id": "visit-001", "kind": "visit", "stop": "s1", "outcome": "contact_door", "step": 1}
        van.post("/api/records", [{**visit, "delivered": ["3SABCD1234567"]}])

        def of(kind: type) -> list[Any]:
            return [event for event in hub.events if isinstance(event, kind)]

        wait_until(lambda: of(Visit) and of(Scan) and of(Cooler) and of(Vehicle))
        wait_until(lambda: any(position.fix == "2d" for position in of(Position)))
        fix = next(position for position in of(Position) if position.fix == "2d")
        assert (fix.t_s, fix.lat) == (START_S + 60, pytest.approx(52.25))
        assert of(Cooler)[0].t_s == START_S + 59 and of(Cooler)[0].source == "van-1/cooler"
        assert of(Visit)[0].t_s == START_S + 60 and of(Visit)[0].distance_m == pytest.approx(68, abs=2)
        assert of(Vehicle)[0].soc_percent == 80.0
        state = van.get("/api/state")
        assert (state["next_stop"], state["loaded"]) == (None, [])
        world.run(world_s=START_S + 120, rate=0, limit_s=START_S + 120)
        wait_until(lambda: of(Position)[-1].fix == "none")
        wait_until(
            lambda: van.get("/api/state")["pending"] == {"business": 0, "telemetry": 0, "dropped": 0, "thinned": 0}
        )
        assert not of(Rejected)
        assert van.get("/api/health")["rss_mb"] < LIMIT_MB
        assert van.stop() == 0
        wait_until(lambda: not hub.presence[-1].online)
        hub.stop()


def test_a_part_that_fails_ends_the_process_so_that_it_is_started_anew(tmp_path: Path) -> None:
    """A thread that dies quietly would leave a van that looks well and records nothing."""
    script = """
import sys, threading, time, signal
from pathlib import Path
from edge_gateway import app
def fail(self):
    time.sleep(0.5)
    raise RuntimeError("a fault nobody thought of")
app.Gateway._look = fail
sys.exit(app.run(Path(sys.argv[1])))
"""
    file = write_settings(tmp_path, http_port=free_port())
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 1
    assert "event=thread_failed thread=lookout" in done.stderr and "event=stopped" in done.stderr
