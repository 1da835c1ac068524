"""A record that cannot be written: the connection stays, nothing is acked, and it goes on when there is room again."""

import re
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from edge_gateway.contract.clock import ClockPage
from hub_backend import store as store_module
from hub_backend.app import build
from hub_backend.store import Store
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.conftest import Mosquitto
from tests.hub_backend.gateway_twin import GatewayTwin
from tests.hub_backend.made import KEYS, FakeClock, position
from tests.hub_backend.test_ingest import CONFIG, Hub, seqs, wait

pytestmark = pytest.mark.whole

EVENTS = [position(seq) for seq in range(2000)]


@pytest.fixture
def van(broker: Mosquitto) -> Iterator[GatewayTwin]:
    twin = GatewayTwin(broker.port)
    twin.wait_until_connected()
    yield twin
    twin.close()


def delivering(van: GatewayTwin) -> threading.Thread:
    thread = threading.Thread(target=van.deliver, args=(EVENTS,), kwargs={"size": 50, "within_s": 60}, daemon=True)
    thread.start()
    return thread


def stands_still(van: GatewayTwin) -> int:
    """Waits until nothing more is committed; the committed n."""
    known, since = van.n(), time.monotonic()
    end = since + 30
    while time.monotonic() - since < 2.0:
        assert time.monotonic() < end, "it never stood still"
        if van.n() != known:
            known, since = van.n(), time.monotonic()
        time.sleep(0.05)
    return known


@pytest.mark.servers
def test_a_full_disk_holds_the_acks_and_room_again_lets_it_go_on(
    broker: Mosquitto, van: GatewayTwin, sqlite_url: str, tmp_path: Path
) -> None:
    """The real process; its files may not grow, which to SQLite is a failed write in the middle of a commit."""
    page, config = tmp_path / "clock", tmp_path / "hub.toml"
    ClockPage(page, start_s=made.T0)
    config.write_text(
        CONFIG.format(url=sqlite_url, mqtt_port=broker.port, http_port=free_port(), page=page, key=KEYS["van-1"])
    )
    hub = subprocess.Popen([sys.executable, "-m", "hub_backend", "--config", str(config), "--log-level", "error"])
    store = Store(sqlite_url)
    try:
        van.deliver(EVENTS[:50], within_s=60)
        resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        sender = delivering(van)
        committed = stands_still(van)
        assert committed < len(EVENTS)
        assert seqs(store)[:committed] == list(range(committed))  # what was answered is there
        assert hub.poll() is None
        resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        sender.join(60)
        assert seqs(store) == list(range(len(EVENTS)))
        assert van.n() == len(EVENTS)
    finally:
        hub.kill()
        hub.wait()
        store.close()


@pytest.mark.servers
def test_a_full_record_holds_the_acks_and_keeps_the_connection(
    broker: Mosquitto, van: GatewayTwin, sqlite_url: str
) -> None:
    pages = {"most": 150}

    def limit(connection: DBAPIConnection, _entry: object) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count={pages['most']}")

    with Hub(sqlite_url, broker.port) as hub:
        event.listen(hub.kit.store.engine, "checkout", lambda connection, entry, _proxy: limit(connection, entry))
        sender = delivering(van)
        committed = stands_still(van)
        assert committed < len(EVENTS)
        assert hub.mqtt.connected
        assert hub.ingest.alive
        pages["most"] = 1_000_000
        sender.join(60)
        assert hub.seqs() == list(range(len(EVENTS)))


@pytest.mark.servers
def test_a_record_that_another_program_locks_holds_the_acks(
    broker: Mosquitto, van: GatewayTwin, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_MS", 50)
    with Hub(sqlite_url, broker.port) as hub:
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        van.send_batch(made.batch([position(0)]))
        time.sleep(0.5)
        assert van.committed == []
        other.execute("COMMIT")
        other.close()
        wait(lambda: van.n() == 1)
        assert hub.seqs() == [0]


WRITES: list[tuple[str, object]] = [
    (f"/api/days/{made.DAY}/plan", {"reason": "nu"}),
    ("/api/directory", {"hubs": [{"id": "colmschate", "name": "C", "lat": 52.2, "lon": 6.2}]}),
    ("/api/orders", {"orders": [{"supplier": "keuken", "resident": "c-1", "from_s": made.T0, "to_s": made.T0 + 60}]}),
    ("/api/orders/o-1/cancel", {}),
    ("/api/shipments", {"supplier": "keuken", "hub": "colmschate", "t_s": made.T0}),
    ("/api/stops/s-1/lock", {"locked": True, "van": None}),
    ("/api/vans/van-1/service", {"in_service": False, "reason": "lek"}),
    ("/api/plans/p-1/accept", {}),
    ("/api/plans/p-1/reject", {}),
    ("/api/excursions/van-1%2Fcooler@1/close", {"by": "A", "comment": "B", "disposition": "released"}),
]


def test_every_write_is_asked_here(sqlite_url: str, clock: FakeClock) -> None:
    hub = build(made.settings(sqlite_url, mqtt_port=free_port()), clock=clock)
    hub.kit.store.close()
    posts = {path for path, ways in hub.web.openapi()["paths"].items() if "post" in ways or "put" in ways}
    forms = {re.compile("^" + re.sub(r"\{[^}]*\}", "[^/]+", path) + "$") for path in posts}
    assert [form.pattern for form in forms if not any(form.match(path) for path, _ in WRITES)] == []


@pytest.mark.parametrize(("path", "body"), WRITES, ids=[path for path, _ in WRITES])
def test_who_asks_while_the_record_cannot_be_written_is_told_so(
    sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, path: str, body: object
) -> None:
    monkeypatch.setattr(store_module, "BUSY_MS", 10)
    hub = build(made.settings(sqlite_url, mqtt_port=free_port()), clock=clock)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = TestClient(hub.web).post(path, json=body)
        assert answer.status_code == 503
        assert answer.json() == {"detail": "the record: database is locked"}
    finally:
        other.close()
        hub.kit.store.close()
