"""A gateway as its hub sees it: an outbox that is emptied only by Committed, sending over a real broker."""

import threading
import time
from collections.abc import Sequence

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge_gateway.contract import messages, topics
from edge_gateway.contract.messages import AnyEvent, Committed, EventBatch, Lane
from edge_gateway.contract.sealing import Seal
from edge_gateway.contract.topics import Address
from tests.hub_backend.made import KEYS

RESEND_S = 0.4
AHEAD = 20


class GatewayTwin:
    """Sends what it holds, from the committed n on, again and again until all is committed."""

    def __init__(
        self, port: int, *, name: str = "van-1", hub: str = "colmschate", key: str | None = None, outbox: str = "box"
    ) -> None:
        self.address = Address("buurenzo", hub, name)
        self.seal = Seal(key or KEYS[name])
        self.outbox = outbox
        self.committed: list[Committed] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(self.address.topic(topics.COMMITTED), qos=1)
        self._listens = threading.Event()
        self.client.on_subscribe = lambda *_: self._listens.set()
        self.client.on_message = self._answered
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()
        self._heard = threading.Event()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def wait_until_connected(self) -> None:
        """Until what the hub says comes here."""
        if not self._listens.wait(30):
            raise TimeoutError("the broker takes no subscription")

    def n(self, lane: Lane = Lane.TELEMETRY) -> int:
        return max((one.n for one in self.committed if (one.outbox, one.lane) == (self.outbox, lane)), default=0)

    def send(self, payload: bytes, *, leaf: str = topics.EVENTS) -> None:
        """Sends raw bytes as a message of this gateway."""
        self.client.publish(self.address.topic(leaf), payload, qos=1)

    def send_batch(self, batch: EventBatch) -> None:
        topic = self.address.topic(topics.EVENTS)
        self.send(self.seal.close(messages.encode(batch), topic=topic))

    def deliver(
        self, events: Sequence[AnyEvent], *, lane: Lane = Lane.TELEMETRY, size: int = 7, within_s: float = 20.0
    ) -> None:
        """Sends all events of one lane until the hub has said that it holds them. Raises `TimeoutError`."""
        until = time.monotonic() + within_s
        while self.n(lane) < len(events):
            if time.monotonic() > until:
                raise TimeoutError(f"{self.n(lane)} of {len(events)} committed")
            done = self.n(lane)
            if self.client.is_connected():
                self._send_from(events, done, size, lane)
            self._wait_for_more_than(done, lane)

    def _send_from(self, events: Sequence[AnyEvent], done: int, size: int, lane: Lane) -> None:
        for first in range(done, min(done + AHEAD * size, len(events)), size):
            raw = tuple(msgspec.Raw(messages.encode(event)) for event in events[first : first + size])
            numbers = {"base_n": done + 1, "first_n": first + 1, "newest_n": len(events)}
            self.send_batch(EventBatch(outbox=self.outbox, lane=lane, **numbers, events=raw))

    def _wait_for_more_than(self, done: int, lane: Lane) -> None:
        until = time.monotonic() + RESEND_S
        while self.n(lane) <= done and time.monotonic() < until:
            self._heard.wait(0.02)
            self._heard.clear()

    def _answered(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.committed.append(messages.decode_committed(self.seal.open(message.payload, topic=message.topic)))
        self._heard.set()
