"""gpsd: the real one on a pty, and ones that hang, lie or are not there."""

import json
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from edge_gateway import gpsd_receiver
from edge_gateway.contract.messages import Position
from edge_gateway.errors import ReceiverError
from edge_gateway.gps import Fix, Gps, Pace
from edge_gateway.gpsd_receiver import GpsdReceiver
from tests.edge_gateway.rig import START_S, Parts, can_connect, end, parts, serial_line, wait_until
from tests.free_port import free_port


@contextmanager
def following(gateway: Parts, port: int, *, fix_timeout_s: float = 5.0) -> Iterator[None]:
    stopping = threading.Event()
    gps = Gps(
        GpsdReceiver(f"gpsd://127.0.0.1:{port}", poll_s=0.01, stopping=stopping),
        Pace(moving_period_s=5, standing_period_s=60, fix_timeout_s=fix_timeout_s),
        source="van-1",
        intake=gateway.intake,
        state=gateway.state,
        rejects=gateway.rejects,
        time=gateway.time,
        random=random.Random(1),
        poll_s=0.01,
    )
    gps.start()
    try:
        yield
    finally:
        stopping.set()
        gps.stop()


def positions(gateway: Parts) -> list[Position]:
    return [event for event in gateway.events() if isinstance(event, Position)]


class FakeGpsd:
    """Speaks gpsd's protocol; `tpv` is what it says at each poll, None: it hangs."""

    def __init__(self, port: int) -> None:
        self.tpv: dict[str, object] | None = {"class": "TPV", "mode": 1}
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw") as lines:
            try:
                self._say(lines, {"class": "VERSION", "release": "3.22"})
                for line in lines:
                    if "WATCH" in line:
                        self._say(lines, {"class": "DEVICES", "devices": []})
                        self._say(lines, {"class": "WATCH", "enable": True})
                    elif self.tpv is None:
                        time.sleep(60)
                    else:
                        self._say(lines, {"class": "POLL", "active": 1, "tpv": [self.tpv], "sky": [{"class": "SKY"}]})
            except (OSError, ValueError):
                return

    def _say(self, lines: object, message: dict[str, object]) -> None:
        lines.write(json.dumps(message) + "\n")  # type: ignore[attr-defined]
        lines.flush()  # type: ignore[attr-defined]


def tpv(second: int, **more: object) -> dict[str, object]:
    return {"class": "TPV", "mode": 3, "time": f"2026-11-23T07:00:{second:02d}.000Z", "lat": 52.25, "lon": 6.2, **more}


@pytest.fixture
def fake() -> Iterator[FakeGpsd]:
    server = FakeGpsd(free_port())
    yield server
    server.close()


def port_of(fake: FakeGpsd) -> int:
    return int(fake._listener.getsockname()[1])


@pytest.mark.servers
def test_what_gpsd_leaves_out_is_unknown_not_zero(fake: FakeGpsd, tmp_path: Path) -> None:
    fake.tpv = tpv(0)
    with parts(tmp_path) as gateway, following(gateway, port_of(fake)):
        wait_until(lambda: any(position.fix == "3d" for position in positions(gateway)))
        fix = positions(gateway)[-1]
        assert (fix.lat, fix.lon, fix.t_s) == (52.25, 6.2, START_S)
        assert (fix.speed_m_s, fix.heading_deg, fix.accuracy_m) == (None, None, None)
        fake.tpv = tpv(6, speed=3.0, track=90.0, epx=3.0, epy=4.0)
        wait_until(lambda: positions(gateway)[-1].speed_m_s == 3.0)
        fix = positions(gateway)[-1]
        assert (fix.heading_deg, fix.accuracy_m) == (90.0, 5.0)


@pytest.mark.servers
def test_a_fix_that_gpsd_repeats_grows_stale(fake: FakeGpsd, tmp_path: Path) -> None:
    fake.tpv = tpv(0)
    with parts(tmp_path) as gateway, following(gateway, port_of(fake)):
        wait_until(lambda: [position.fix for position in positions(gateway)][-1:] == ["3d"])
        gateway.clock.t_s += 6
        wait_until(lambda: positions(gateway)[-1].fix == "none")
        assert positions(gateway)[-1].lat is None


@pytest.mark.servers
def test_a_gpsd_that_hangs_is_left_and_tried_again(
    fake: FakeGpsd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpsd_receiver, "ANSWER_S", 0.2)
    fake.tpv = None
    with parts(tmp_path) as gateway, following(gateway, port_of(fake)):
        wait_until(lambda: fake.connections >= 2)
        fake.tpv = tpv(0)
        wait_until(lambda: any(position.fix == "3d" for position in positions(gateway)))


@pytest.mark.servers
def test_a_gpsd_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    with parts(tmp_path) as gateway, following(gateway, port):
        wait_until(lambda: [position.fix for position in positions(gateway)] == ["none"])
        fake = FakeGpsd(port)
        fake.tpv = tpv(0)
        wait_until(lambda: any(position.fix == "3d" for position in positions(gateway)))
        fake.close()


def test_what_is_no_gpsd_is_refused_with_a_reason() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    threading.Thread(target=answer, daemon=True).start()
    port = listener.getsockname()[1]
    receiver = GpsdReceiver(f"gpsd://127.0.0.1:{port}", poll_s=0.01, stopping=threading.Event())
    with pytest.raises(ReceiverError, match="gpsd"):
        receiver.open()
    receiver.close()
    listener.close()


@pytest.mark.servers
def test_a_real_log_through_a_real_gpsd_is_that_track(shared_data: Path, tmp_path: Path) -> None:
    binary = shutil.which("gpsd") or shutil.which("gpsd", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("no gpsd on this machine (Debian: gpsd)")
    log = [line for line in (shared_data / "nmea/bt451.log").read_bytes().splitlines() if line.startswith(b"$")]
    port = free_port()
    with serial_line(tmp_path / "gps") as line, parts(tmp_path / "data") as gateway:
        device = os.path.realpath(line.path)
        gpsd = subprocess.Popen(
            [binary, "-N", "-n", "-S", str(port), device], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: can_connect(port))
            with following(gateway, port):
                for sentence in log:
                    line.send(sentence + b"\r\n")
                    if sentence.startswith(b"$GPRMC"):
                        gateway.clock.t_s += 1
                        time.sleep(0.15)
                wait_until(lambda: any(position.fix != "none" for position in positions(gateway)))
                gateway.clock.t_s += 10
                wait_until(lambda: positions(gateway)[-1].fix == "none")
        finally:
            end(gpsd)
        good = [position for position in positions(gateway) if position.fix != "none"]
        assert good
        for position in good:
            assert position.lat == pytest.approx(55.8, abs=0.3)
            assert position.lon == pytest.approx(23.6, abs=0.5)
            assert position.t_s > START_S - 1


LOGS = ("bt451", "bu303-nofix", "nl2008u", "nmea-fuzzy-cases", "tomtom-mkII")


@pytest.mark.servers
@pytest.mark.parametrize("name", LOGS)
def test_every_real_log_gives_gpsds_own_values(shared_data: Path, tmp_path: Path, name: str) -> None:
    """Sentence by sentence through the real gpsd; what we read is one of the values that gpsd's authors wrote down.

    All but the last moment of each piece of a log, which their gpsd did not report any more. Times are not compared:
    gpsd puts old logs 1024 weeks on, as it must for a receiver whose weeks rolled over.
    """
    binary = shutil.which("gpsd") or shutil.which("gpsd", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("no gpsd on this machine (Debian: gpsd)")
    folder = shared_data / "nmea"
    sentences = [line for line in (folder / f"{name}.log").read_bytes().splitlines() if line.startswith(b"$")]
    said = [json.loads(line) for line in (folder / f"{name}.log.chk").read_text().splitlines() if '"TPV"' in line]
    fixes: list[Fix] = []
    port = free_port()
    with serial_line(tmp_path / "gps") as line:
        command = [binary, "-N", "-n", "-b", "-S", str(port), os.path.realpath(line.path)]
        gpsd = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        receiver = GpsdReceiver(f"gpsd://127.0.0.1:{port}", poll_s=0.0, stopping=threading.Event())
        try:
            wait_until(lambda: can_connect(port))
            receiver.open()
            for _ in range(2 if len(sentences) < 40 else 1):  # gpsd needs a few to know the receiver
                for sentence in sentences:
                    line.send(sentence + b"\r\n")
                    time.sleep(0.02)
                    fixes += receiver.read()
        finally:
            receiver.close()
            end(gpsd)
    good = [fix for fix in fixes if fix.kind != "none" and fix.time_s is not None]
    written = [tpv for tpv in said if tpv["mode"] > 1]
    assert bool(good) is bool(written), "a fix where gpsd saw one, and none elsewhere"
    moments = list(dict.fromkeys(fix.time_s for fix in good if fix.time_s is not None))
    ends = {at for at, then in pairwise([*moments, 0.0]) if not 0 <= then - at <= 2}
    for fix in good:
        assert fix.time_s in ends or any(is_same(fix, tpv) for tpv in written), (fix, len(written))
    times = {tpv["time"] for tpv in written if "time" in tpv}
    assert len({fix.time_s for fix in good}) >= 0.5 * len(times), "most of its moments were seen"


def is_same(fix: Fix, tpv: dict[str, object]) -> bool:
    def close(ours: float | None, field: str, within: float) -> bool:
        theirs = tpv.get(field)
        return ours is None or theirs is None or abs(ours - float(str(theirs))) <= within

    return (
        close(fix.lat, "lat", 1e-6)
        and close(fix.lon, "lon", 1e-6)
        and close(fix.speed_m_s, "speed", 0.01)
        and close(fix.heading_deg, "track", 0.1)
    )
