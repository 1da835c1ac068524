"""Twenty screens open at once: what they cost the hub, as a real process over real HTTP."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_backend.gateway_twin import GatewayTwin
from tests.hub_backend.made import batch, position
from tests.hub_backend.test_process import Running, hub, van  # noqa: F401 - fixtures

pytestmark = [pytest.mark.servers, pytest.mark.slow]
SCREENS = 20
EVENTS_S = 2  # three vans that drive and five coolers tell about one a second
LISTENING_S = 10.0
MOST_CORE = 0.10
MOST_MB = 100.0


class Screens:
    """Open live streams; counts the messages of all of them."""

    def __init__(self, port: int, count: int) -> None:
        self.messages = 0
        self._lock = threading.Lock()
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        self._threads = [threading.Thread(target=self._read, args=(one,), daemon=True) for one in self._sockets]
        for one, thread in zip(self._sockets, self._threads, strict=True):
            one.sendall(b"GET /api/live HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n\r\n")
            thread.start()

    def close(self) -> None:
        for one in self._sockets:
            one.close()

    def _read(self, stream: socket.socket) -> None:
        while data := stream.recv(65536):
            with self._lock:
                self.messages += data.count(b"event: van")


@pytest.fixture
def screens(hub: Running) -> Iterator[Screens]:  # noqa: F811 - the fixture above
    opened = Screens(hub.port, SCREENS)
    until = time.monotonic() + 20
    while hub.health()["live_listeners"] != SCREENS and time.monotonic() < until:
        time.sleep(0.1)
    yield opened
    opened.close()


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def test_twenty_screens_cost_little(hub: Running, van: GatewayTwin, screens: Screens) -> None:  # noqa: F811
    van.deliver([position(0)])
    before_s, began = cpu_s(hub.process.pid), time.monotonic()
    sent = 1
    while time.monotonic() - began < LISTENING_S:
        van.send_batch(batch([position(sent)], first_n=sent + 1, base_n=1))
        sent += 1
        time.sleep(1 / EVENTS_S)
    core = (cpu_s(hub.process.pid) - before_s) / (time.monotonic() - began)
    memory_mb = resident_mb(hub.process.pid)
    assert screens.messages > 0.8 * sent * SCREENS
    assert core < MOST_CORE, f"{core:.1%} of a core"
    assert memory_mb < MOST_MB
