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


def measure(setting: Setting) -> list[Row]:
    """Raises `MissingError` without mosquitto and its clients."""
    rounds = setting.of(5, short=1)
    live = [_live(setting, i) for i in range(rounds)]
    packed = [_packed(setting, i) for i in range(rounds)]
    return [_live_row(live), *_packed_rows(packed)]


# ---------------------------------------------------------------- one event a message


def _live(setting: Setting, number: int) -> tuple[float, float, float]:
    """(raw, ours) messages a second, and the hub's processor µs for a message."""
    count = setting.of(20_000, short=3_000)
    folder = setting.folder / f"live-{number}"
    known = gateways(VANS)
    with broker(folder / "broker", setting.ports) as port:
        with hub(folder / "hub", setting.ports, broker_port=port, known=known) as running:
            fleet = Fleet(port, known, setting.random)
            warm(fleet)
            packets = fleet.packets(count)
            ours, cpu_us = _deliver(fleet, running, packets)
            caught_up(running)
            fleet.line.close()
        raw = raw_messages(port, size=len(packets[0]) - 40, count=count)
    setting.say(f"live: {ours:,.0f} committed of {raw:,.0f} raw messages a second ({ours / raw:.2f})")
    return raw, ours, cpu_us


def _live_row(runs: Sequence[tuple[float, float, float]]) -> Row:
    return Row(
        part="ingest",
        what="live ingest, acked after a FULL commit, of raw mosquitto_pub -> _sub",
        unit="ratio",
        figure=statistics.median(ours / raw for raw, ours, _ in runs),
        goal=Goal("at least", 0.70),
        also={
            "raw messages/s": statistics.median(raw for raw, _, _ in runs),
            "committed messages/s": statistics.median(ours for _, ours, _ in runs),
            "hub, processor µs a message (with its followers)": statistics.median(cpu for _, _, cpu in runs),
        },
    )


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


def _packed(setting: Setting, number: int) -> tuple[float, float, float]:
    """(SQLite alone, ours) events a second, and the hub's processor µs for an event."""
    count = setting.of(2_000, short=300)
    folder = setting.folder / f"packed-{number}"
    known = gateways(VANS)
    with (
        broker(folder / "broker", setting.ports) as port,
        hub(folder / "hub", setting.ports, broker_port=port, known=known) as running,
    ):
        fleet = Fleet(port, known, setting.random)
        warm(fleet)
        messages, cpu_us = _deliver(fleet, running, fleet.packets(count, events=PACKED))
        ours, cpu_us = messages * PACKED, cpu_us / PACKED
        fleet.line.close()
    alone = sqlite_rows(folder / "alone.sqlite", count=count * PACKED)
    setting.say(f"packed: {ours:,.0f} committed events a second of {alone:,.0f} by SQLite alone ({ours / alone:.2f})")
    return alone, ours, cpu_us


def _packed_rows(runs: Sequence[tuple[float, float, float]]) -> list[Row]:
    ours = statistics.median(one for _, one, _ in runs)
    alone = statistics.median(one for one, _, _ in runs)
    return [
        Row("ingest", "packed 50 a message, acked after a FULL commit", "events/s", ours, Goal("at least", 50_000)),
        Row(
            part="ingest",
            what="the same, of SQLite alone at FULL with 1000 rows a commit",
            unit="ratio",
            figure=statistics.median(one / bare for bare, one, _ in runs),
            goal=Goal("at least", 0.6),
            also={
                "SQLite alone, rows/s": alone,
                "hub, processor µs an event": statistics.median(cpu for _, _, cpu in runs),
            },
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


def _deliver(fleet: Fleet, running: Hub, packets: Sequence[bytes]) -> tuple[float, float]:
    """Messages a second until the hub said of the last that it is committed; the hub's processor µs for each."""
    before, began = running.process.used(), time.monotonic()
    fleet.line.send(packets, window=WINDOW, within_s=WITHIN_S)
    fleet.wait(within_s=WITHIN_S)
    took_s = time.monotonic() - began
    caught_up(running)
    cpu_s = running.process.used().cpu_s - before.cpu_s
    return len(packets) / took_s, 1e6 * cpu_s / len(packets)


def caught_up(running: Hub) -> None:
    """Until the screens show all that the record holds."""
    wait_until(lambda: not any(running.ask("/api/health")["followers"].values()), "the followers")
