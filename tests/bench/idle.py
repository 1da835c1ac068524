"""What a gateway costs while nothing special happens: all its inputs at real rates, and the concierge's page open."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hub_backend.simulator.cooler import Cooler
from hub_backend.simulator.nmea import Fix, sentences
from hub_backend.simulator.node import HEAP, twin_program
from hub_backend.simulator.slcan import Dashboard, frames
from tests.bench.figures import Goal, Row
from tests.bench.setting import Setting
from tests.bench.van import Van, send, van
from tests.bench.world import broker, gateways, hub
from tests.conftest import ROOT

BUS_PER_S = 10  # rounds of the four frames that are listened to


def measure(setting: Setting) -> list[Row]:
    """Raises `MissingError` without mosquitto."""
    seconds, settle_s = setting.of(120, short=10), setting.of(20, short=3)
    known = gateways(1)
    with ExitStack() as running:
        port = running.enter_context(broker(setting.folder / "broker", setting.ports))
        running.enter_context(hub(setting.folder / "hub", setting.ports, broker_port=port, known=known))
        inputs = ("gps", "can", "scanner", "cooler")
        one = running.enter_context(
            van(setting.folder / "van", setting.ports, broker_port=port, who=known[0], inputs=inputs)
        )
        running.enter_context(_at_work(setting.folder, one))
        running.enter_context(_page_open(one.port))
        time.sleep(settle_s)
        before, began_s = one.process.used(), time.monotonic()
        time.sleep(seconds)
        after, took_s = one.process.used(), time.monotonic() - began_s
    core = 100 * (after.cpu_s - before.cpu_s) / took_s
    setting.say(f"gateway: {core:.1f} % of a core, {after.rss_mb:.0f} MB")
    what = "gateway at real rates (GPS 1/s, bus 40 frames/s, cooler, scanner, page open)"
    return [
        Row("gateway", what, "% of a core", core, Goal("at most", 3.0), also={"measured s": took_s}),
        Row("gateway", "the same, resident", "MB", after.rss_mb, Goal("at most", 60.0)),
    ]


@contextmanager
def _at_work(folder: Path, one: Van) -> Iterator[None]:
    """GPS, bus and cooler go on until the end."""
    with _node(folder, one) as node:
        stop = threading.Event()
        cooler = Cooler.settled(set_c=3.0, outside_c=18.0)
        began = time.monotonic()

        def gps() -> None:
            age = time.monotonic() - began
            send(one.lines["gps"], sentences(Fix(time.time(), 52.25 + age * 5e-5, 6.2, 5.5, 0.0)))

        def bus() -> None:
            age = time.monotonic() - began
            send(one.lines["can"], frames(Dashboard(80.0 - age / 600, 31200.0 + age * 0.0055, 5.5, plugged=False)))

        def cold() -> None:
            cooler.pass_time(1.0)
            ticks_ms = round((time.monotonic() - began) * 1000)
            words = f"{ticks_ms} air={cooler.air_c:.3f} product={cooler.product_c:.3f} lid=0\n"
            assert node.stdin is not None
            node.stdin.write(words.encode())
            node.stdin.flush()

        threads = [
            threading.Thread(target=_regularly, args=(stop, period_s, act), daemon=True)
            for period_s, act in ((1.0, gps), (1 / BUS_PER_S, bus), (1.0, cold))
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(timeout=5)


@contextmanager
def _node(folder: Path, one: Van) -> Iterator["subprocess.Popen[bytes]"]:
    """A cooler's node on real MicroPython."""
    config = folder / "node.json"
    config.write_text(json.dumps({"name": "cooler", "kind": "cooler"}))
    line = one.lines["cooler"].device
    command = [sys.executable, "-m", "micropython_unix", "-X", HEAP, str(twin_program()), "--uart-fd", str(line)]
    command += ["--flash", str(folder / "node.flash"), "--config", str(config)]
    with (folder / "node.log").open("ab") as sink:
        node = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=sink, stderr=sink, pass_fds=[line])
    try:
        yield node
    finally:
        node.kill()
        node.wait()


@contextmanager
def _page_open(port: int) -> Iterator[None]:
    """A tablet that listens."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
    reader = threading.Thread(target=_drink, args=(stream,), daemon=True)
    reader.start()
    try:
        yield
    finally:
        stream.shutdown(socket.SHUT_RDWR)
        reader.join(timeout=5)
        stream.close()


def _drink(stream: socket.socket) -> None:
    while stream.recv(65536):
        pass


def _regularly(stop: threading.Event, period_s: float, act: Callable[[], None]) -> None:
    due_s = time.monotonic()
    while not stop.is_set():
        act()
        due_s += period_s
        stop.wait(max(0.0, due_s - time.monotonic()))
