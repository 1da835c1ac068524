"""What is asked of the record all day long costs the same in the evening as in the morning: SQLite's own plans."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from edge_gateway.contract.messages import NodeStatus, Outcome, Scan, ScanPurpose, ScanResult, Vehicle
from edge_gateway.contract.topics import Address
from hub_backend import shown
from hub_backend.app import Hub, build
from hub_backend.intake.ledger import Ledger
from hub_backend.projections.followers import Followers
from hub_backend.record import GatewayRow, HubRow, VanRow, VanStateRow
from hub_backend.shown import Change
from hub_backend.store import Store
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.made import T0, FakeClock, batch, cooler, position, read, tour, visit

pytestmark = pytest.mark.whole

GROWING = ("events", "series", "stops", "orders", "parcels", "visits", "plans", "triggers", "excursions")
"""Tables that have more rows every day."""


@pytest.fixture
def hub(sqlite_url: str, clock: FakeClock) -> Iterator[Hub]:
    hub = build(made.settings(sqlite_url, mqtt_port=free_port()), clock=clock)
    yield hub
    hub.kit.store.close()


@contextmanager
def overheard(store: Store) -> Iterator[list[str]]:
    """Every question that is put to SQLite meanwhile, by whomever, with its values in it."""
    questions: dict[str, None] = {}

    def hear(statement: str) -> None:
        if statement.startswith(("SELECT", "UPDATE", "INSERT")):
            questions[statement] = None

    def listen(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(hear)

    event.listen(store.engine, "checkout", listen)
    found: list[str] = []
    yield found
    event.remove(store.engine, "checkout", listen)
    found += questions


def walks(store: Store, questions: list[str]) -> list[str]:
    """The questions for which SQLite goes through a growing table from end to end, or sorts its rows."""
    found = []
    with closing(sqlite3.connect(store.engine.url.database or "")) as connection:
        for statement in questions:
            steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            scans = [step for step in steps if step.startswith("SCAN") and step.split()[1] in GROWING]
            if any(table in statement for table in GROWING):
                scans += [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step]
            if scans:
                found.append(f"{scans}: {statement}")
    return found


def a_bit_of_a_day(hub: Hub) -> None:
    """Something of every kind, in through ingest and on through every follower."""
    with hub.kit.store.write() as session:
        made.order_a_stop(session, kind="swap")
    scan = Scan(
        source="van-1", boot=1, seq=50, t_s=T0, code="P-s1", symbology="]C1", purpose=ScanPurpose.LOAD,
        result=ScanResult.RIGHT,
    )  # fmt: skip
    events = [
        position(0),
        Vehicle(source="van-1", boot=1, seq=1, t_s=T0, soc_percent=20.0, odometer_km=1.0),
        scan,
        tour(2, "departed_hub", t_s=T0 + 1),
        position(40),
        tour(3, "arrived", "s1", t_s=T0 + 90),
        position(2000),
        visit(4, "s1", Outcome.NO_ANSWER, t_s=T0 + 200, delivered=("P-s1",), collected=("C-s1",)),
        NodeStatus(source="van-1", boot=1, seq=5, t_s=T0, node="cooler", online=True),
        *(cooler(seq, 12.0) for seq in range(30)),
    ]
    arrived = [read(Address("buurenzo", "colmschate", "van-1"), batch(events, first_n=1), future_s=1e6)]
    Ledger(hub.kit.store).write(arrived, now_s=T0)
    for part in hub.parts:
        if isinstance(part, Followers):
            part.catch_up()


def test_ingest_and_followers_never_walk_through_what_grows(hub: Hub) -> None:
    with overheard(hub.kit.store) as questions:
        a_bit_of_a_day(hub)
    asked = " ".join(questions)
    assert all(f"INTO {table}" in asked for table in ("events", "series", "visits", "triggers", "excursions"))
    assert walks(hub.kit.store, questions) == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/health",
        "/api/vans",
        "/api/coolers",
        "/api/excursions",
        "/api/gateways",
        "/api/rejects",
        "/api/rejects/kinds",
    ],
)
def test_what_every_screen_asks_never_walks_through_what_grows(hub: Hub, path: str) -> None:
    a_bit_of_a_day(hub)
    with overheard(hub.kit.store) as questions:
        assert TestClient(hub.web).get(path).status_code == 200
    assert questions
    assert walks(hub.kit.store, questions) == []


def test_many_vans_that_changed_at_once_are_asked_for_as_two_are(hub: Hub) -> None:
    """Each kind of row once, for the screens and for who asks for every van."""
    asked = {}
    for many in (2, 30):
        with hub.kit.store.write() as session:
            session.merge(HubRow(id="h", name="Hub", lat=52.25, lon=6.2))
            session.flush()
            for number in range(many):
                session.merge(VanStateRow(van=f"van-{number}", fix="none", phase="", odometer_day="", extra_s=0.0))
                session.merge(GatewayRow(gateway=f"van-{number}", hub="h", online=True, boot=1, t_s=T0, software=""))
                session.merge(VanRow(id=f"van-{number}", hub="h", concierge="Jo", skills=[], capacity={}))
        with overheard(hub.kit.store) as told:
            asyncio.run(_told(hub, [("van", f"van-{number}") for number in range(many)]))
        with overheard(hub.kit.store) as listed:
            assert len(TestClient(hub.web).get("/api/vans").json()) == many
        asked[many] = len(told), len(listed)
    assert asked[30] == asked[2]


async def _told(hub: Hub, changes: list[Change]) -> None:
    """A screen listens, and is told."""
    stream = hub.kit.live.stream()
    await anext(stream)
    shown.tell(hub.kit, changes)
    assert (await anext(stream)).count(b"event: van") == len(changes)
    await stream.aclose()
