"""The line to the hub, over a real mosquitto: what was acknowledged arrives, whatever dies; only the hub deletes."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_gateway import hub_link
from edge_gateway.contract import topics
from edge_gateway.contract.messages import HostState, HubManifest, Lane, PlanReceived, Tour, encode
from edge_gateway.contract.sealing import Seal, new_key
from edge_gateway.contract.topics import PLAN
from edge_gateway.drain import BATCH_BYTES, BATCH_EVENTS, TELEMETRY_WINDOW, WINDOW, Drain
from edge_gateway.hub_link import HubLink
from tests.chaos.relay import Relay
from tests.edge_gateway.conftest import Mosquitto, running
from tests.edge_gateway.fake_hub import FakeHub
from tests.edge_gateway.rig import START_S, Parts, can_connect, parts, plan, stop, tour, wait_until

pytestmark = pytest.mark.servers


@contextmanager
def linked(folder: Path, port: int, *, kind: type[HubLink] = HubLink, **changes: object) -> Iterator[Parts]:
    """A gateway's parts with their line to the hub."""
    settings = {"mqtt_port": port, "telemetry_commit_s": 0.05, "committed_timeout_s": 0.5, **changes}
    with parts(folder / "gateway", **settings) as gateway:
        link = kind(
            gateway.settings,
            outbox=gateway.outbox,
            intake=gateway.intake,
            state=gateway.state,
            rejects=gateway.rejects,
            now_s=gateway.clock.now_s,
            random=random.Random(1),
        )
        link.start()
        try:
            yield gateway
        finally:
            link.stop()


@contextmanager
def hub_on(broker: Mosquitto, gateway: Parts) -> Iterator[FakeHub]:
    hub = FakeHub(broker.port, gateway.settings.address)
    try:
        yield hub.wait_ready()
    finally:
        hub.stop()


def extras(hub: FakeHub) -> list[float | None]:
    return sorted(event.extra_s for event in hub.events if isinstance(event, Tour) and event.extra_s is not None)


def keep(gateway: Parts, count: int, *, first: int = 0) -> None:
    gateway.outbox.commit([tour("longer", extra_s=float(first + i)) for i in range(count)])


def test_events_arrive_once_and_leave_the_outbox(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        keep(gateway, 500)
        wait_until(lambda: gateway.outbox.depth.business == 0)
        assert extras(hub) == [float(i) for i in range(500)]
        assert gateway.state.hub_connected
        assert all(len(batch.events) <= BATCH_EVENTS for batch in hub.batches)
        wait_until(lambda: hub.presence and hub.presence[-1].online)


def test_a_puback_without_the_hubs_word_deletes_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        hub.acknowledges = False
        keep(gateway, 30)
        wait_until(lambda: len(hub.batches) >= 3)  # the first, and again, and again
        assert gateway.outbox.depth.business == 30
        assert len(gateway.events(Lane.BUSINESS)) == 30
        hub.acknowledges = True
        wait_until(lambda: gateway.outbox.depth.business == 0)
        assert len(extras(hub)) == 30


def test_the_window_is_bounded_and_business_always_has_room(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port, committed_timeout_s=30.0) as gateway, hub_on(mosquitto, gateway) as hub:
        hub.acknowledges = False
        for _ in range(3000):
            gateway.outbox.offer(tour("longer"))  # a business event, but with the group commit
        gateway.outbox.flush()
        wait_until(lambda: len(hub.batches) == WINDOW)
        threading.Event().wait(0.3)
        assert len(hub.batches) == WINDOW
    from edge_gateway.contract.messages import Position

    with linked(tmp_path / "b", mosquitto.port, committed_timeout_s=30.0) as gateway, hub_on(mosquitto, gateway) as hub:
        hub.acknowledges = False
        for _ in range(3000):
            gateway.outbox.offer(Position(source="van-1", boot=0, seq=0, t_s=START_S, fix="none"))
        gateway.outbox.flush()
        wait_until(lambda: len(hub.batches) == TELEMETRY_WINDOW)
        keep(gateway, 1)
        wait_until(lambda: hub.batches[-1].lane is Lane.BUSINESS)


def test_batches_stay_below_the_brokers_limit(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        gateway.outbox.commit([tour("longer", record="r" * 40, stop="s" * 40) for _ in range(500)])
        wait_until(lambda: gateway.outbox.depth.business == 0)
        assert all(sum(len(bytes(raw)) + 1 for raw in batch.events) <= BATCH_BYTES for batch in hub.batches)


def test_a_broker_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    with linked(tmp_path, broker.port) as gateway:
        keep(gateway, 10)
        threading.Event().wait(0.5)
        assert not gateway.state.hub_connected
        with running(broker), hub_on(broker, gateway) as hub:
            wait_until(lambda: gateway.outbox.depth.business == 0)
            assert len(extras(hub)) == 10


def test_a_line_that_stands_and_carries_nothing_is_given_up(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_link, "KEEPALIVE_S", 1)
    line = Relay(mosquitto.port)
    with linked(tmp_path, line.port) as gateway, hub_on(mosquitto, gateway) as hub:
        wait_until(lambda: gateway.state.hub_connected)
        line.become("half-open")
        keep(gateway, 3)
        wait_until(lambda: not gateway.state.hub_connected)
        assert gateway.outbox.depth.business == 3
        line.become("open")
        wait_until(lambda: gateway.outbox.depth.business == 0)
        assert extras(hub) == [0.0, 1.0, 2.0]
    line.close()


def test_nothing_is_lost_when_broker_hub_and_gateway_die_together(tmp_path: Path) -> None:
    """Faults must overlap: an outbox that deleted on PUBACK would lose here."""
    broker = Mosquitto(tmp_path)
    broker.start()
    kept = 0
    chance = random.Random(7)
    try:
        hub: FakeHub | None = None
        for _ in range(6):
            with linked(tmp_path, broker.port) as gateway:
                if hub is None:
                    hub = FakeHub(broker.port, gateway.settings.address).wait_ready()
                keep(gateway, 200, first=kept)
                kept += 200
                hub.acknowledges = chance.random() < 0.5
                threading.Event().wait(chance.uniform(0.05, 0.3))
                broker.kill()
                keep(gateway, 50, first=kept)
                kept += 50
            broker.start()
        with linked(tmp_path, broker.port) as gateway:
            assert hub is not None
            hub.acknowledges = True
            wait_until(lambda: gateway.outbox.depth.business == 0, within_s=30)
            assert extras(hub) == [float(i) for i in range(kept)]
            assert hub.missing == 0
            hub.stop()
    finally:
        broker.stop()


def test_a_word_about_another_outbox_or_about_the_future_deletes_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        hub.acknowledges = False
        keep(gateway, 5)
        wait_until(lambda: hub.batches)
        hub.say_committed("another", Lane.BUSINESS, 5)
        hub.say_committed(gateway.outbox.id, Lane.BUSINESS, 6)
        wait_until(lambda: gateway.refusals().get(("downlink down/committed", "n")) == 1)
        assert gateway.outbox.depth.business == 5
        hub.say_committed(gateway.outbox.id, Lane.BUSINESS, 3)
        wait_until(lambda: gateway.outbox.depth.business == 2)


def test_thinned_telemetry_arrives_thin_and_its_numbers_are_missing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    from edge_gateway.contract.messages import Battery

    with parts(tmp_path / "gateway", outbox_max_mb=0.05) as gateway:
        for at in range(400):
            t_s = START_S + 60 * at
            gateway.outbox.offer(Battery(source="van-1", boot=0, seq=0, t_s=t_s, voltage_v=12.0 + at / 100))
            gateway.outbox.flush()
        thinned = gateway.outbox.depth.thinned
        assert thinned > 100 and gateway.outbox.depth.dropped == 0
    with linked(tmp_path, mosquitto.port, outbox_max_mb=0.05) as gateway, hub_on(mosquitto, gateway) as hub:
        wait_until(lambda: gateway.outbox.depth.telemetry == 0)
        batteries = [event for event in hub.events if isinstance(event, Battery)]
        assert sum(1 if event.thinned is None else event.thinned.count for event in batteries) == 400
        assert len(batteries) == 400 - thinned
        assert hub.missing >= thinned


def test_a_plan_is_kept_acknowledged_and_shown(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        hub.send_plan(plan(stop("s1"), revision=3))
        wait_until(lambda: any(isinstance(event, PlanReceived) and event.revision == 3 for event in hub.events))
        assert gateway.state.snapshot().next_stop == "s1"
        hub.send_plan(plan(stop("s2"), revision=2), retain=False)
        hub.send_plan(plan(stop("s3"), revision=4), retain=False)
        wait_until(lambda: gateway.state.plan_revision == 4)
        received = [event.revision for event in hub.events if isinstance(event, PlanReceived)]
        wait_until(lambda: 4 in [event.revision for event in hub.events if isinstance(event, PlanReceived)])
        assert 2 not in received
        assert gateway.refusals() == {("downlink", "revision"): 1}
    with parts(tmp_path / "gateway") as again:
        assert again.state.snapshot().next_stop == "s3", "the van knows its day after a restart, without any network"


def test_a_plan_that_is_not_ours_is_refused_with_field_and_reason(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        wait_until(lambda: gateway.state.hub_connected)
        hub.send(PLAN, b'{"kind": "van_plan", "plan": "p", "revision": "three"}')
        hub.send(PLAN, b"not even JSON")
        hub.send(PLAN, b"{}", seal=Seal(new_key()))
        hub.send_plan(plan(van="van-2"), retain=False)
        hub.send_plan(HubManifest(plan="p", revision=1, made_s=START_S, day="2026-11-23"), retain=False)
        expected = {("downlink down/plan", field): 1 for field in ("revision", "body", "payload")}
        expected |= {("downlink", "van"): 1, ("downlink", "kind"): 1}
        wait_until(lambda: gateway.refusals() == expected)
        assert gateway.state.plan_revision is None
        hub.send_plan(plan(stop("s1")))
        wait_until(lambda: gateway.state.plan_revision == 1)


def test_a_publish_that_the_broker_forbids_is_seen_and_nothing_is_deleted(tmp_path: Path) -> None:
    acl = "topic read buurtrit/#\ntopic write buurtrit/v1/buurenzo/colmschate/van-1/up/presence\n"
    with running(Mosquitto(tmp_path, acl=acl)) as broker, linked(tmp_path, broker.port) as gateway:
        keep(gateway, 3)
        wait_until(lambda: gateway.refusals().get(("broker", "publish"), 0) >= 1)
        assert "Not authorized" in gateway.state.snapshot().hub_problem
        assert gateway.outbox.depth.business == 3


def test_the_hub_hears_when_we_go_and_when_we_vanish(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway, hub_on(mosquitto, gateway) as hub:
        wait_until(lambda: hub.presence and hub.presence[-1].online)
        observer = hub
        link_boot = gateway.outbox.boot
        assert hub.presence[-1].boot == link_boot
    del observer
    hub = FakeHub(mosquitto.port, gateway.settings.address).wait_ready()
    wait_until(lambda: hub.presence and not hub.presence[-1].online)
    hub.stop()
    assert can_connect(mosquitto.port)


def test_while_the_host_is_away_telemetry_only_trickles_and_business_goes(mosquitto: Mosquitto, tmp_path: Path) -> None:
    from edge_gateway.contract.messages import Position

    with linked(tmp_path, mosquitto.port, committed_timeout_s=30.0) as gateway, hub_on(mosquitto, gateway) as hub:
        wait_until(lambda: gateway.state.hub_connected)
        hub.acknowledges = False
        say_host(mosquitto.port, gateway, online=False)
        wait_until(lambda: gateway.state.snapshot().hub_problem == "host: away")
        for _ in range(1000):
            gateway.outbox.offer(Position(source="van-1", boot=0, seq=0, t_s=START_S, fix="none"))
        gateway.outbox.flush()
        keep(gateway, 60)
        wait_until(lambda: [batch.lane for batch in hub.batches].count(Lane.BUSINESS) == 2)
        threading.Event().wait(0.3)
        assert [batch.lane for batch in hub.batches].count(Lane.TELEMETRY) <= 1
        say_host(mosquitto.port, gateway, online=True)
        wait_until(lambda: [batch.lane for batch in hub.batches].count(Lane.TELEMETRY) == TELEMETRY_WINDOW - 2)
        assert gateway.state.snapshot().hub_problem == ""


def say_host(port: int, gateway: Parts, *, online: bool) -> None:
    body = encode(HostState(online=online, session="s"))
    publish.single(
        topics.host(gateway.settings.org), body, qos=1, retain=True, port=port, protocol=MQTTProtocolVersion.MQTTv5
    )


def test_a_session_that_somebody_takes_over_is_told_and_not_fought_for(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with linked(tmp_path, mosquitto.port) as gateway:
        wait_until(lambda: gateway.state.hub_connected)
        address = gateway.settings.address
        hellos: list[int] = []
        double = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{address.org}.{address.hub}.{address.gateway}",
            protocol=mqtt.MQTTv5,
        )
        double.on_connect = lambda *_: hellos.append(1)
        double.reconnect_delay_set(min_delay=1, max_delay=1)
        double.connect("127.0.0.1", mosquitto.port)
        double.loop_start()
        try:
            wait_until(lambda: gateway.refusals().get(("broker", "disconnect"), 0) >= 1)
            assert "another gateway" in gateway.state.snapshot().hub_problem
            times = len(hellos)
            threading.Event().wait(1.0)
            assert len(hellos) <= times + 2, "it does not fight for the name"
        finally:
            double.disconnect()
            double.loop_stop()


def test_an_outage_drains_in_order_of_importance_at_a_limited_rate(tmp_path: Path) -> None:
    from edge_gateway.contract.messages import Position

    now = [1000.0]
    with parts(tmp_path) as gateway:
        for _ in range(5000):
            gateway.outbox.offer(Position(source="van-1", boot=0, seq=0, t_s=START_S, fix="none"))
        keep(gateway, 500)
        drain = Drain(
            gateway.outbox, timeout_s=5, telemetry_per_s=100, random=random.Random(1), monotonic=lambda: now[0]
        )
        drain.begin()
        sent: list[tuple[float, Lane, int]] = []
        while now[0] < 1020:
            while (batch := drain.next_batch()) is not None:
                sent.append((now[0], batch.lane, len(batch.events)))
                assert batch.newest_n == gateway.outbox.span(batch.lane)[2]
                assert drain.committed(batch.lane, batch.first_n + len(batch.events) - 1)
            now[0] += 0.1
        business = [count for _at, lane, count in sent if lane is Lane.BUSINESS]
        assert sum(business) == 500 and all(lane is Lane.BUSINESS for _at, lane, _n in sent[: len(business)])
        telemetry = sum(count for _at, lane, count in sent if lane is Lane.TELEMETRY)
        assert 20 * 100 * 0.95 <= telemetry <= 20 * 100 + 200, "the rate, and two seconds of it as a burst"
