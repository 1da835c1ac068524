"""How soon and how fast the gateway's outbox has events on disk, beside ThingsBoard Gateway's store."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_gateway.contract.messages import Position, Scan, ScanPurpose, ScanResult
from edge_gateway.outbox import Outbox
from tests.bench.figures import Goal, Row, percentile
from tests.bench.setting import Setting
from tests.conftest import ROOT

PER_S = 100
AT_ONCE = 1000  # as many as ThingsBoard's writer commits together
PEER = "thingsboard-gateway"
PEER_PROGRAM = Path(__file__).with_name("thingsboard_store.py")
ENVIRONMENT = ROOT / "build" / "thingsboard"


def measure(setting: Setting) -> list[Row]:
    return [_ack(setting), _burst(setting)]


def _ack(setting: Setting) -> Row:
    """Business events one by one, `PER_S` a second: how long until each is on disk."""
    count = setting.of(2_000, short=300)
    took_ms = []
    with _outbox(setting.folder / "ack") as outbox:
        due_s = time.monotonic()
        for i in range(count):
            due_s += 1 / PER_S
            time.sleep(max(0.0, due_s - time.monotonic()))
            began = time.perf_counter()
            outbox.commit([_scan(i)])
            took_ms.append(1000 * (time.perf_counter() - began))
    return Row(
        part="outbox",
        what=f"outbox, durable ack at {PER_S} events/s, p99",
        unit="ms",
        figure=percentile(took_ms, 0.99),
        goal=Goal("at most", 10),
        also={"p50 ms": percentile(took_ms, 0.5), "longest ms": max(took_ms), "events": count},
    )


def _burst(setting: Setting) -> Row:
    """A burst, on disk before it is answered, and the same burst into ThingsBoard's store, in turns."""
    count = setting.of(50_000, short=10_000)
    what = "outbox, a burst on disk, of ThingsBoard Gateway's on-disk rate"
    ours, theirs, answered = [], [], []
    python = _environment(setting)
    for i in range(setting.of(5, short=1)):
        ours.append(_ours(setting.folder / f"burst-{i}", count))
        if isinstance(python, Path):
            folder = setting.folder / f"thingsboard-{i}"
            folder.mkdir()
            command = [str(python), str(PEER_PROGRAM), str(folder), str(count)]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
            theirs.append(told["events_per_s"])
            answered.append(told["answered_per_s"])
    also = {"ours, events/s, durable before the answer": percentile(ours, 0.5)}
    if not theirs:
        return Row("outbox", what, "ratio", None, Goal("at least", 1.0), note=f"not beside it: {python}", also=also)
    also[f"{PEER}, events/s on disk"] = percentile(theirs, 0.5)
    also[f"{PEER}, events/s answered before the disk"] = percentile(answered, 0.5)
    ratio = percentile([one / other for one, other in zip(ours, theirs, strict=True)], 0.5)
    setting.say(f"burst: {ratio:.2f} of ThingsBoard Gateway's rate")
    return Row("outbox", what, "ratio", ratio, Goal("at least", 1.0), also=also)


def _ours(folder: Path, count: int) -> float:
    events = [_position(i) for i in range(count)]
    with _outbox(folder) as outbox:
        began = time.monotonic()
        for at in range(0, count, AT_ONCE):
            outbox.commit(events[at : at + AT_ONCE])
        return count / (time.monotonic() - began)


@contextmanager
def _outbox(folder: Path) -> Iterator[Outbox]:
    outbox = Outbox(
        folder / "outbox.sqlite", source="van-1", now_s=time.time, commit_s=1.0, max_bytes=10**9, ballast_bytes=0
    )
    try:
        yield outbox
    finally:
        outbox.close()


def _scan(number: int) -> Scan:
    return Scan(
        source="van-1",
        boot=0,
        seq=0,
        t_s=round(time.time(), 3),
        code=f"BENCH{number:08d}",
        purpose=ScanPurpose.DOOR,
        result=ScanResult.RIGHT,
    )


def _position(number: int) -> Position:
    return Position(
        source="van-1",
        boot=0,
        seq=0,
        t_s=1795417200.0 + number,
        fix="3d",
        lat=52.251234,
        lon=6.212345,
        speed_m_s=8.3,
        heading_deg=271.5,
    )


def _environment(setting: Setting) -> Path | str:
    """The Python of an environment that has ThingsBoard Gateway, made when absent; or why there is none."""
    python = ENVIRONMENT / "bin" / "python"
    if _imports(python):
        return python
    setting.say(f"installing {PEER} into {ENVIRONMENT.relative_to(ROOT)}, once")
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER],
    ):
        why = _run(command)
        if why:
            return why
    return python if _imports(python) else f"{PEER} was installed and cannot be imported"


def _imports(python: Path) -> bool:
    program = "import thingsboard_gateway.storage.sqlite.sqlite_event_storage"
    return python.exists() and _run([str(python), "-c", program]) == ""


def _run(command: Sequence[str]) -> str:
    """Empty when it went well, else the last that it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["failed"])[-1]
