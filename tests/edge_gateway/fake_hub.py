"""The hub as a gateway sees it: takes batches, says "committed up to n", sends plans. Each habit can be turned off."""

import threading

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_gateway.contract.messages import (
    AnyEvent,
    Committed,
    EventBatch,
    HubManifest,
    Lane,
    Presence,
    VanPlan,
    decode_batch,
    decode_event,
    decode_presence,
    encode,
)
from edge_gateway.contract.sealing import Seal
from edge_gateway.contract.topics import COMMITTED, EVENTS, PLAN, PRESENCE, Address
from tests.edge_gateway.rig import KEY


class FakeHub:
    """For one gateway. `acknowledges` False: it takes everything (the broker gets its PUBACK) and says nothing."""

    def __init__(self, port: int, address: Address) -> None:
        self.acknowledges = True
        self.batches: list[EventBatch] = []
        self.presence: list[Presence] = []
        self.missing = 0
        self._address = address
        self._seal = Seal(KEY)
        self._committed: dict[tuple[str, Lane], int] = {}
        self._events: dict[tuple[str, int, int], AnyEvent] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(address.topic(EVENTS), 1), (address.topic(PRESENCE), 1)]
        )
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._take
        self._client.connect_async("127.0.0.1", port)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.loop_start()

    def wait_ready(self) -> "FakeHub":
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def events(self) -> list[AnyEvent]:
        with self._lock:
            return list(self._events.values())

    def send_plan(self, plan: VanPlan | HubManifest, *, retain: bool = True) -> None:
        self.send(PLAN, encode(plan), retain=retain)

    def send(self, leaf: str, body: bytes, *, retain: bool = False, seal: Seal | None = None) -> None:
        topic = self._address.topic(leaf)
        sealed = (seal or self._seal).close(body, topic=topic)
        self._client.publish(topic, sealed, qos=1, retain=retain).wait_for_publish(5)

    def say_committed(self, outbox: str, lane: Lane, n: int) -> None:
        self.send(COMMITTED, encode(Committed(outbox=outbox, lane=lane, n=n)))

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        body = self._seal.open(bytes(message.payload), topic=message.topic)
        if message.topic.endswith(PRESENCE):
            self.presence.append(decode_presence(body))
            return
        batch = decode_batch(body)
        self.batches.append(batch)
        if not self.acknowledges:
            return
        key = (batch.outbox, batch.lane)
        with self._lock:
            committed_n = self._committed.get(key, 0)
            gone = max(0, batch.base_n - committed_n - 1)
            self.missing += gone
            committed_n += gone
            if batch.first_n <= committed_n + 1:  # what lies beyond a hole does not count: it will come again
                for raw in batch.events:
                    event = decode_event.decode(raw)
                    self._events[event.source, event.boot, event.seq] = event
                committed_n = max(committed_n, batch.first_n + len(batch.events) - 1)
            self._committed[key] = committed_n
        answer = Committed(outbox=batch.outbox, lane=batch.lane, n=committed_n)
        topic = self._address.topic(COMMITTED)
        self._client.publish(topic, self._seal.close(msgspec.json.encode(answer), topic=topic), qos=1)
