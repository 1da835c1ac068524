"""How fast the hub takes events: acknowledged only when it said that they are committed, against what could be at most.

Ratios are of runs that follow each other, several times, and the median of those ratios counts: on a busy machine
single runs say little.
"""

import sqlite3
import statistics
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Goal, Row
from tests.bench.fleet import Fleet
from tests.bench.setting import Setting
from tests.bench.world import Hub, broker, gateways, hub, need, wait_until

VANS = 20
WINDOW = 100  # messages of all vans together under way; each van may have 20
PACKED = 50
SQLITE_ROWS = 1000
WITHIN_S = 300.0


@dataclass(frozen=True)
class Run:
    """Events a second, ours and what could be at most; the hub's processor µs an event until all was committed, and
    until its followers had caught up as well."""

    ours: float
    at_most: float
    ingest_us: float
    whole_us: float

    @property
    def ratio(self) -> float:
        return self.ours / self.at_most


def measure(setting: Setting) -> list[Row]:
    """Raises `MissingError` without mosquitto and its clients."""
    rounds = setting.of(5, short=1)
    live = [_live(setting, i) for i in range(rounds)]
    packed = [_packed(setting, i) for i in range(rounds)]
    return [_live_row(live), *_packed_rows(packed)]


# ---------------------------------------------------------------- one event a message


def _live(setting: Setting, number: int) -> Run:
    count = setting.of(20_000, short=3_000)
    folder = setting.folder / f"live-{number}"
    known = gateways(VANS)
    with broker(folder / "broker", setting.ports) as port:
        with hub(folder / "hub", setting.ports, broker_port=port, known=known) as running:
            fleet = Fleet(port, known, setting.random)
            warm(fleet)
            packets = fleet.packets(count)
            ours, ingest_us, whole_us = _deliver(fleet, running, packets)
            fleet.line.close()
        raw = raw_messages(port, size=len(packets[0]) - 40, count=count)
    setting.say(f"live: {ours:,.0f} committed of {raw:,.0f} raw messages a second ({ours / raw:.2f})")
    return Run(ours, raw, ingest_us, whole_us)


def _live_row(runs: Sequence[Run]) -> Row:
    return Row(
        part="ingest",
        what="live ingest, acked after a FULL commit, of raw mosquitto_pub -> _sub",
        unit="ratio",
        figure=statistics.median(run.ratio for run in runs),
        goal=Goal("at least", 0.70),
        also={
            "raw messages/s": statistics.median(run.at_most for run in runs),
            "committed messages/s": statistics.median(run.ours for run in runs),
            **_processor(runs),
        },
    )


def _processor(runs: Sequence[Run]) -> dict[str, float]:
    """The least of all runs: what others do on the machine only ever adds to it."""
    return {
        "hub, processor µs an event until it is committed": min(run.ingest_us for run in runs),
        "hub, processor µs an event, with all that its followers do": min(run.whole_us for run in runs),
    }


def raw_messages(port: int, *, size: int, count: int) -> float:
    """Messages a second of `size` bytes from mosquitto_pub through the broker to mosquitto_sub, QoS 1."""
    at = ["-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", "raw"]
    hears = [need("mosquitto_sub"), *at, "-i", "raw-sub", "-c"]
    subprocess.run([*hears, "-E"], check=True, timeout=10)  # from here on the broker keeps what comes for it
    lines = b"".join(b"%0*d\n" % (size, i) for i in range(count))
    subscriber = subprocess.Popen([*hears, "-C", str(count)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        began = time.monotonic()
        subprocess.run([need("mosquitto_pub"), *at, "-l"], input=lines, check=True, timeout=WITHIN_S)
        subscriber.wait(timeout=WITHIN_S)
        return count / (time.monotonic() - began)
    finally:
        subscriber.kill()
        subscriber.wait()


# ---------------------------------------------------------------- fifty events a message


def _packed(setting: Setting, number: int) -> Run:
    count = setting.of(2_000, short=300)
    folder = setting.folder / f"packed-{number}"
    known = gateways(VANS)
    with (
        broker(folder / "broker", setting.ports) as port,
        hub(folder / "hub", setting.ports, broker_port=port, known=known) as running,
    ):
        fleet = Fleet(port, known, setting.random)
        warm(fleet)
        messages, ingest_us, whole_us = _deliver(fleet, running, fleet.packets(count, events=PACKED))
        ours = messages * PACKED
        fleet.line.close()
    alone = sqlite_rows(folder / "alone.sqlite", count=count * PACKED)
    setting.say(f"packed: {ours:,.0f} committed events a second of {alone:,.0f} by SQLite alone ({ours / alone:.2f})")
    return Run(ours, alone, ingest_us / PACKED, whole_us / PACKED)


def _packed_rows(runs: Sequence[Run]) -> list[Row]:
    ours = statistics.median(run.ours for run in runs)
    return [
        Row("ingest", "packed 50 a message, acked after a FULL commit", "events/s", ours, Goal("at least", 50_000)),
        Row(
            part="ingest",
            what="the same, of SQLite alone at FULL with 1000 rows a commit",
            unit="ratio",
            figure=statistics.median(run.ratio for run in runs),
            goal=Goal("at least", 0.6),
            also={"SQLite alone, rows/s": statistics.median(run.at_most for run in runs), **_processor(runs)},
        ),
    ]


def sqlite_rows(file: Path, *, count: int) -> float:
    """Rows a second of an event's columns with its identity, at FULL, 1000 a commit, straight into a file."""
    body = '{"kind":"position","lat":52.251234,"lon":6.212345,"fix":"3d","speed_m_s":8.3,"heading_deg":271.5}' * 2
    rows = [("van-1", "van-1", 1, i, "position", 1795417200.0 + i, 1795417200.0, body[:170]) for i in range(count)]
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute(
            "create table events (id integer primary key, gateway text, source text, boot integer, seq integer, "
            "kind text, t_s real, received_s real, body text, unique (source, boot, seq))"
        )
        columns = "gateway, source, boot, seq, kind, t_s, received_s, body"
        insert = f"insert into events ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?)"
        began = time.monotonic()
        for at in range(0, count, SQLITE_ROWS):
            connection.execute("begin immediate")
            connection.executemany(insert, rows[at : at + SQLITE_ROWS])
            connection.execute("commit")
        return count / (time.monotonic() - began)


# ---------------------------------------------------------------- both


def warm(fleet: Fleet) -> None:
    """One message of each van, so that everything that is made at first use is made."""
    fleet.line.send(fleet.packets(len(fleet.known)), window=WINDOW, within_s=WITHIN_S)
    fleet.wait(within_s=WITHIN_S)


def _deliver(fleet: Fleet, running: Hub, packets: Sequence[bytes]) -> tuple[float, float, float]:
    """Messages a second until the hub said of the last that it is committed; the hub's processor µs for each until
    then, and until all is shown."""
    before_s, began = running.process.used().cpu_s, time.monotonic()
    fleet.line.send(packets, window=WINDOW, within_s=WITHIN_S)
    fleet.wait(within_s=WITHIN_S)
    took_s, committed_s = time.monotonic() - began, running.process.used().cpu_s
    caught_up(running)
    shown_s = running.process.used().cpu_s
    each_us = 1e6 / len(packets)
    return len(packets) / took_s, each_us * (committed_s - before_s), each_us * (shown_s - before_s)


def caught_up(running: Hub) -> None:
    """Until the screens show all that the record holds. Asked seldom: the hub's answer would be measured with it."""
    wait_until(lambda: not any(running.ask("/api/health")["followers"].values()), "the followers", every_s=0.25)
