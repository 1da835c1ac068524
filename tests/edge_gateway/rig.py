"""What the gateway's tests share: a clock to turn by hand, a gateway's inner parts, a line like a serial one."""

import os
import pty
import socket
import subprocess
import time
import tty
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.contract.messages import AnyEvent, Lane, PlannedParcel, PlannedStop, Tour, VanPlan, decode_event
from edge_gateway.intake import Intake
from edge_gateway.outbox import Outbox
from edge_gateway.rejects import Rejects
from edge_gateway.settings import Settings, of_table
from edge_gateway.state import State, Surroundings
from edge_gateway.timekeeping import Timekeeper

START_S = 1_795_417_200.0  # 2026-11-23 07:00 UTC
KEY = "rwwhcUnVN8vWslcxhN1kh68qyfLmEnd16mA29OuNk/o="


@dataclass
class HandClock:
    """Turned by the test."""

    t_s: float = START_S

    def now_s(self) -> float:
        return self.t_s


def table(**changes: object) -> dict[str, object]:
    """Settings that are in order, but for `changes` (None leaves one out)."""
    whole: dict[str, object] = {
        "org": "buurenzo",
        "hub": "colmschate",
        "gateway": "van-1",
        "role": "van",
        "key": KEY,
        "mqtt_host": "127.0.0.1",
        "mqtt_port": 1883,
        "http_port": 8801,
        "data_dir": "/nowhere",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


@dataclass
class Parts:
    """A gateway without its inputs, its page and its hub."""

    settings: Settings
    clock: HandClock
    outbox: Outbox
    rejects: Rejects
    state: State
    intake: Intake
    time: Timekeeper

    def events(self, lane: Lane | None = None) -> list[AnyEvent]:
        """What lies on disk, flushed."""
        self.outbox.flush()
        lanes = list(Lane) if lane is None else [lane]
        return [
            decode_event.decode(body)
            for one in lanes
            for _n, body in self.outbox.read(one, from_n=1, max_events=100_000, max_bytes=10**9)
        ]

    def refusals(self) -> dict[tuple[str, str], int]:
        counts: Counter[tuple[str, str]] = Counter()
        for reject in self.rejects.shown():
            counts[reject.origin, reject.field] += reject.count
        return dict(counts)


@contextmanager
def parts(data_dir: Path, *, clock: HandClock | None = None, **changes: object) -> Iterator[Parts]:
    """A gateway's inner parts on a real outbox, closed at the end."""
    clock = clock or HandClock()
    settings = of_table(table(data_dir=str(data_dir), **changes))
    outbox = Outbox(
        data_dir / "outbox.sqlite",
        source=settings.gateway,
        now_s=clock.now_s,
        commit_s=settings.telemetry_commit_s,
        max_bytes=int(settings.outbox_max_mb * 1e6),
    )
    keeper = Timekeeper(clock, trusted=lambda: True, corrected=lambda *_: None, stepped=lambda _: None)
    rejects = Rejects(
        source=settings.gateway,
        now_s=clock.now_s,
        quality=lambda: keeper.quality,
        tell=outbox.offer,
    )
    state = State(settings, Surroundings(now_s=clock.now_s, depth=lambda: outbox.depth, rejects=rejects.shown))
    intake = Intake(
        gateway=settings.gateway, role=settings.role, outbox=outbox, state=state, rejects=rejects, time=keeper
    )
    intake.restore()
    try:
        yield Parts(settings, clock, outbox, rejects, state, intake, keeper)
    finally:
        outbox.close()


def tour(phase: str = "started", *, source: str = "van-1", boot: int = 0, seq: int = 0, **more: object) -> Tour:
    return Tour(source=source, boot=boot, seq=seq, t_s=START_S, phase=phase, **more)  # type: ignore[arg-type]


def parcel(code: str, **more: object) -> PlannedParcel:
    whole = {"code": code, "goods": "parcel", "temp_class": "ambient", "supplier": "webwinkel", **more}
    return PlannedParcel(**whole)  # type: ignore[arg-type]


def stop(ref: str, **more: object) -> PlannedStop:
    whole = {
        "stop": ref,
        "kind": "visit",
        "name": f"Mw. {ref}",
        "address": f"{ref}straat 1",
        "lat": 52.25,
        "lon": 6.2,
        "arrive_s": START_S,
        "depart_s": START_S + 300,
        "service_s": 300.0,
        **more,
    }
    return PlannedStop(**whole)  # type: ignore[arg-type]


def plan(*stops: PlannedStop, revision: int = 1, **more: object) -> VanPlan:
    whole = {
        "plan": f"p{revision}",
        "revision": revision,
        "made_s": START_S,
        "day": "2026-11-23",
        "van": "van-1",
        "concierge": "Sam",
        "stops": stops,
        **more,
    }
    return VanPlan(**whole)  # type: ignore[arg-type]


def wait_until(claim: Callable[[], object], *, within_s: float = 40.0) -> None:
    """Waits (machine time, of a busy machine) until `claim()` holds; fails after `within_s`."""
    ends_s = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < ends_s, f"not so within {within_s} s"
        time.sleep(0.01)


class SerialLine:
    """A pty behind a symlink: `path` is what the gateway opens, `master` the far end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master = -1
        self.replace()

    def replace(self) -> None:
        """Unplug it, and plug another one in."""
        self.unplug()
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        name = os.ttyname(slave)
        os.chmod(name, 0o666)  # noqa: PTH101 - gpsd drops its rights
        os.close(slave)
        fresh = self.path.with_suffix(".new")
        fresh.symlink_to(name)
        fresh.rename(self.path)

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.path.unlink(missing_ok=True)
            self.master = -1

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def receive(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except (BlockingIOError, OSError):
            return b""


@contextmanager
def serial_line(path: Path) -> Iterator[SerialLine]:
    line = SerialLine(path)
    try:
        yield line
    finally:
        line.unplug()


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that this test started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
