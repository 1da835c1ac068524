"""From a real broker into the record: exactly once, whatever dies between."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from edge_gateway.contract import messages, topics
from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.messages import Lane, Presence
from hub_backend import patience
from hub_backend.intake.ingest import BATCH_MESSAGES, ROOM_MESSAGES, Ingest
from hub_backend.kit import Kit
from hub_backend.live import Live
from hub_backend.mqtt import Mqtt
from hub_backend.mqtt_client import Client, Message
from hub_backend.record import EventRow, GatewayRow, LaneRow, RejectRow
from hub_backend.store import Store
from tests.edge_gateway.conftest import Mosquitto as GuardedMosquitto
from tests.edge_gateway.conftest import running
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.conftest import Mosquitto
from tests.hub_backend.gateway_twin import GatewayTwin
from tests.hub_backend.made import KEYS, FakeClock, batch, position

pytestmark = pytest.mark.servers


class Hub:
    """The hub's ingest, with no more than it needs."""

    def __init__(self, url: str, port: int, *, mqtt: type[Mqtt] = Mqtt) -> None:
        settings = made.settings(url, mqtt_port=port, future_s=80_000)
        self.kit = Kit(settings=settings, clock=FakeClock(), store=Store(url), live=Live())
        self.kit.store.open()
        self.commits = 0
        self.mqtt = mqtt(settings)
        self.ingest = Ingest(self.kit, self.mqtt, on_commit=[self._count])

    def __enter__(self) -> "Hub":
        self.ingest.start()
        wait(lambda: self.mqtt.connected)
        return self

    def __exit__(self, *_: object) -> None:
        self.ingest.stop()
        self.kit.store.close()

    def _count(self) -> None:
        self.commits += 1

    def seqs(self) -> list[int]:
        return seqs(self.kit.store)

    def rejects(self) -> list[RejectRow]:
        with self.kit.store.read() as session:
            return list(session.scalars(select(RejectRow).order_by(RejectRow.id)))


def seqs(store: Store) -> list[int]:
    with store.read() as session:
        return list(session.scalars(select(EventRow.seq).order_by(EventRow.seq)))


def wait(until: Callable[[], object], *, seconds: float = 60.0) -> None:  # a busy machine is slow
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def van(broker: Mosquitto) -> Iterator[GatewayTwin]:
    twin = GatewayTwin(broker.port)
    twin.wait_until_connected()
    yield twin
    twin.close()


def test_events_arrive_once_and_are_answered(broker: Mosquitto, van: GatewayTwin, any_url: str) -> None:
    with Hub(any_url, broker.port) as hub:
        van.deliver([position(seq) for seq in range(500)])
        assert hub.seqs() == list(range(500))
        assert van.n() == 500
        assert hub.commits < 72  # messages are committed together, not one by one


def test_a_repeat_is_answered_too(broker: Mosquitto, van: GatewayTwin, any_url: str) -> None:
    with Hub(any_url, broker.port) as hub:
        for _ in range(3):
            before = len(van.committed)
            van.send_batch(batch([position(0)]))
            wait(lambda before=before: len(van.committed) > before)
        assert hub.seqs() == [0]
        assert [one.n for one in van.committed] == [1, 1, 1]


class DiesBeforeAck(Mqtt):
    """Commits, and is dead before it can ack or answer."""

    def ack_all(self, messages: Iterable[Message]) -> None:
        """Not any more."""

    def send_all(self, leaf: str, payloads: Iterable[tuple[str, bytes]]) -> None:
        """Not any more."""


def test_killed_between_commit_and_ack_the_broker_sends_again_and_nothing_doubles(
    broker: Mosquitto, van: GatewayTwin, any_url: str
) -> None:
    with Hub(any_url, broker.port, mqtt=DiesBeforeAck) as dying:
        van.send_batch(batch([position(0), position(1)]))
        wait(lambda: dying.seqs() == [0, 1])
    assert van.committed == []
    with Hub(any_url, broker.port) as hub:
        wait(lambda: van.n() == 2)  # not sent again by the gateway: the broker's own redelivery
        assert hub.seqs() == [0, 1]


def test_what_comes_while_the_hub_is_away_waits_in_its_session(
    broker: Mosquitto, van: GatewayTwin, any_url: str
) -> None:
    with Hub(any_url, broker.port):
        van.deliver([position(0)])
    van.send_batch(batch([position(1)], first_n=2, base_n=2))
    with Hub(any_url, broker.port) as hub:
        wait(lambda: van.n() == 2)
        assert hub.seqs() == [0, 1]


def test_poison_is_set_aside_and_never_stops_the_good(broker: Mosquitto, van: GatewayTwin, any_url: str) -> None:
    stranger = GatewayTwin(broker.port, name="van-2")
    stranger.wait_until_connected()
    topic = van.address.topic(topics.EVENTS)
    with Hub(any_url, broker.port) as hub:
        for _ in range(600):  # more than a batch, more than a broker's default window
            van.send(b"poison")
        van.send(van.seal.close(b'{"outbox":"box"}', topic=topic))
        van.send(van.seal.close(b"not json", topic=topic))
        van.send(van.seal.close(messages.encode(batch([position(0)])), topic="another/topic"))
        newer = b'{"version":9,"outbox":"b","lane":"business","base_n":1,"first_n":1,"events":[]}'
        van.send(van.seal.close(newer, topic=topic))
        van.client.publish("buurtrit/v1/buurenzo/colmschate/van-99/up/events", b"x", qos=1)
        van.client.publish(stranger.address.topic(topics.EVENTS), van.seal.close(b"{}", topic=topic), qos=1)
        van.send_batch(batch([messages.encode(position(0)), b'{"kind":"lid"}', messages.encode(position(1))]))
        wait(lambda: van.n() == 3)
        # At least: what cannot be read has no identity, and a broker may bring it again after a break of the line.
        least = {"lane": 1, "payload": 603, "source": 1, "topic": 1, "version": 1}

        def set_aside() -> Counter[str]:
            return sum((Counter({row.field: row.count}) for row in hub.rejects()), Counter())

        wait(lambda: set(set_aside()) == set(least) and set_aside() >= Counter(least))
        assert len(hub.rejects()) < 20, "the same again is counted, not written again"
        assert any("van-99" in row.reason for row in hub.rejects())
        van.outbox = "after"
        van.deliver([position(seq) for seq in range(30)])
        assert hub.seqs() == list(range(30))
    stranger.close()


def test_a_missing_batch_is_waited_for_and_a_lost_one_is_counted(
    broker: Mosquitto, van: GatewayTwin, any_url: str
) -> None:
    with Hub(any_url, broker.port) as hub:
        van.send_batch(batch([position(0)]))
        van.send_batch(batch([position(2)], first_n=3))
        wait(lambda: van.committed)  # once for both, where they came together
        assert van.n() == 1
        van.send_batch(batch([position(1)], first_n=2, base_n=2))
        wait(lambda: van.n() == 2)
        assert hub.seqs() == [0, 1, 2], "what lies beyond is kept, and not answered until what is missing is here"
        van.send_batch(batch([position(9)], first_n=10, base_n=10))
        wait(lambda: van.n() == 10)
        with hub.kit.store.read() as session:
            assert session.scalars(select(LaneRow)).one().missing == 7


def test_a_broker_that_sends_more_than_it_may_has_to_wait(sqlite_url: str) -> None:
    """As mosquitto 2.0.11 does to a hub that is slow: what is dropped there is not sent again on that connection."""
    count = ROOM_MESSAGES + 2 * BATCH_MESSAGES
    hub = Hub(sqlite_url, free_port())
    van = hub.mqtt.addresses["van-1"].topic(topics.EVENTS)
    sealed = [
        hub.mqtt.seals["van-1"].close(messages.encode(batch([position(seq)], first_n=seq + 1)), topic=van)
        for seq in range(count)
    ]
    sending = threading.Thread(target=lambda: [hub.mqtt.on_messages([Message(van, one, b"\0\1", 0)]) for one in sealed])
    hub.ingest.start()
    try:
        with hub.kit.store.write():  # nobody else writes meanwhile
            sending.start()
            sending.join(timeout=1.0)
        sending.join(timeout=20.0)
        wait(lambda: len(hub.seqs()) == count, seconds=30)
    finally:
        hub.ingest.stop()
        hub.kit.store.close()


def test_what_the_broker_refuses_the_hub_is_counted_with_its_reason(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the end of the connection, which mosquitto 2.0.11 adds to it, is taken for what it is."""
    monkeypatch.setattr(patience, "FIRST_S", 0.05)
    monkeypatch.setattr(patience, "LONGEST_S", 0.05)
    heard = "topic read buurtrit/v1/buurenzo/+/+/up/#\n"  # and it may say nothing: not that it is there, and no plan
    with running(GuardedMosquitto(tmp_path, acl=heard)) as broker:
        hub = Hub(sqlite_url, broker.port)
        hub.ingest.start()
        try:
            wait(lambda: sum(row.count for row in hub.rejects()) > patience.SHORT_LIVED)
            (row,) = hub.rejects()
            assert (row.origin, row.field, row.reason) == ("broker", "publish", "Not authorized")
        finally:
            hub.__exit__()


def test_a_hub_whose_place_another_takes_says_so_and_stands_back(
    broker: Mosquitto, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_S", 0.05)
    other = Client("buurtrit-hub-buurenzo-colmschate")  # and it fights
    other.wait_before_reconnect(0.2)
    with Hub(sqlite_url, broker.port) as hub:
        other.connect("127.0.0.1", broker.port)
        other.loop_start()
        try:
            wait(hub.rejects)
            (row,) = hub.rejects()
            assert (row.origin, row.field, row.count) == ("broker", "disconnect", 1) and "another hub" in row.reason
            wait(other.is_connected)
            time.sleep(1.0)
            assert other.is_connected() and not hub.mqtt.connected, "it does not fight"
        finally:
            other.disconnect()
            other.loop_stop()


def test_presence_and_the_last_will_are_kept(broker: Mosquitto, van: GatewayTwin, any_url: str) -> None:
    topic = van.address.topic(topics.PRESENCE)

    def online(hub: Hub) -> bool | None:
        with hub.kit.store.read() as session:
            return session.scalar(select(GatewayRow.online))

    with Hub(any_url, broker.port) as hub:
        for state in (True, False):
            presence = Presence(online=state, boot=1, t_s=made.T0)
            van.send(van.seal.close(messages.encode(presence), topic=topic), leaf=topics.PRESENCE)
            wait(lambda state=state: online(hub) is state)


def test_a_broker_that_dies_and_comes_back_costs_nothing(broker: Mosquitto, van: GatewayTwin, any_url: str) -> None:
    with Hub(any_url, broker.port) as hub:
        van.deliver([position(seq) for seq in range(50)])
        broker.kill()
        broker.start()
        van.deliver([position(seq) for seq in range(150)])
        assert hub.seqs() == list(range(150))


CONFIG = """
org = "buurenzo"
hubs = ["colmschate"]
database_url = "{url}"
mqtt_port = {mqtt_port}
http_port = {http_port}
future_s = 80000
clock_page = "{page}"
[gateways.van-1]
hub = "colmschate"
role = "van"
key = "{key}"
"""


@pytest.mark.slow
@pytest.mark.timeout(400)  # four starts of the hub
def test_hub_and_broker_killed_again_and_again_together_lose_and_double_nothing(
    broker: Mosquitto, van: GatewayTwin, sqlite_url: str, tmp_path: Path
) -> None:
    """The real process, kill -9 at moments of chance, the broker sometimes with it."""
    rng = random.Random(4)
    page = tmp_path / "clock"
    ClockPage(page, start_s=made.T0)
    config = tmp_path / "hub.toml"
    config.write_text(
        CONFIG.format(url=sqlite_url, mqtt_port=broker.port, http_port=free_port(), page=page, key=KEYS["van-1"])
    )
    events = [position(seq) for seq in range(1200)]
    delivering = threading.Thread(target=van.deliver, args=(events,), kwargs={"size": 3, "within_s": 90}, daemon=True)
    delivering.start()
    store = Store(sqlite_url)
    for share in (0.05, 0.3, 0.6, 1.0):
        hub = subprocess.Popen([sys.executable, "-m", "hub_backend", "--config", str(config), "--log-level", "error"])
        try:
            enough = int(share * len(events)) - rng.randrange(40)
            wait(lambda enough=enough: len(seqs(store)) >= enough, seconds=60)
            if share == 1.0:
                delivering.join()
            elif rng.random() < 0.6:
                broker.kill()
                broker.start()
        finally:
            hub.kill()
            hub.wait()
    assert seqs(store) == list(range(1200))
    assert van.n(Lane.TELEMETRY) == 1200
    with store.read() as session:
        assert session.scalars(select(LaneRow)).one().missing == 0
        assert session.scalars(select(RejectRow)).all() == []
    store.close()
