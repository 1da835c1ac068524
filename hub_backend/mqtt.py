"""The hub's one connection to the broker: MQTT 5, a session that outlives restarts, acks only when told to.

Comes in: messages of every gateway of the settings' hubs, handed to `on_messages` on paho's thread. Goes out: sealed
messages to one gateway. Reason codes are read: a connection, subscription or message that the broker refuses is logged
and told to `on_refused` (what we did, its reason), not assumed away. So is another hub that takes our place: we stand
back, for longer each time, instead of fighting. A message may be acked only on the connection that brought it, for its
id means nothing on the next.
"""

import contextlib
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_gateway.contract import messages, tls, topics
from edge_gateway.contract.sealing import Seal
from edge_gateway.contract.topics import Address
from hub_backend.mqtt_client import Client, Message
from hub_backend.patience import Patience
from hub_backend.settings import Settings

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 86400  # machine: a broker keeps what came in while the hub was away for a week
RECEIVE_MAXIMUM = 1000  # unacked messages that the broker may send ahead
QUEUED_MAXIMUM = 2000  # our own messages while there is no connection: gateways ask again, plans are sent again
KEEPALIVE_S = 20
TAKEN_OVER = 0x8E
"""MQTT 5's reason for a session that somebody else with the same client id took over."""
ANOTHER_HUB = "put out by the broker: does another hub with this organisation and these hubs run?"


def addresses_of(settings: Settings) -> Mapping[str, Address]:
    """Where each gateway lives, by its name."""
    return {name: Address(settings.org, gateway.hub, name) for name, gateway in settings.gateways.items()}


def seals_of(settings: Settings) -> Mapping[str, Seal]:
    """What each gateway's messages are sealed with, by its name."""
    return {name: gateway.seal() for name, gateway in settings.gateways.items()}


class Mqtt:
    """Connects, subscribes, receives, acks and sends. `on_messages` and `on_connected` run on paho's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.addresses = addresses_of(settings)
        self.seals = seals_of(settings)
        self._wanted = [
            topics.every(leaf, org=settings.org, hub=hub)
            for hub in settings.hubs
            for leaf in (topics.EVENTS, topics.PRESENCE)
        ]
        self.on_messages: Callable[[Sequence[Message]], None] = lambda _messages: None
        self.on_refused: Callable[[str, str], None] = lambda _doing, _reason: None
        self.on_connected: list[Callable[[], None]] = []
        self._session = uuid.uuid4().hex
        self._subscribed_to = 0  # so many topics, on this connection
        self._patience = Patience(random.Random())
        self._began_s: float | None = None  # machine: this connection
        self._client = self._make_client()

    @property
    def connected(self) -> bool:
        """Whether what gateways say comes here: on a connection without its subscriptions nothing would."""
        return self._client.is_connected() and self._subscribed_to == len(self._wanted)

    def start(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._settings.mqtt_host,
            self._settings.mqtt_port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def stop(self) -> None:
        told = self._client.publish(topics.host(self._settings.org), self._host_state(online=False), qos=1, retain=True)
        with contextlib.suppress(RuntimeError, ValueError):  # not connected: the broker has our will
            told.wait_for_publish(timeout=1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def ack_all(self, messages: Iterable[Message]) -> None:
        """Tells the broker that it may forget these; on another connection than their own this does nothing."""
        self._client.ack_all(messages)

    def send(self, gateway: str, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """Seals and sends to one gateway of the settings, QoS 1. Raises `KeyError` for a gateway that is not there."""
        topic = self.addresses[gateway].topic(leaf)
        self._client.publish(topic, self.seals[gateway].close(payload, topic=topic), qos=1, retain=retain)

    def send_all(self, leaf: str, payloads: Iterable[tuple[str, bytes]]) -> None:
        """Seals and sends to each gateway what is said again when it is lost: QoS 0, nothing when not connected."""
        topics_of = ((gateway, self.addresses[gateway].topic(leaf), payload) for gateway, payload in payloads)
        self._client.publish_all(
            (topic, self.seals[gateway].close(payload, topic=topic)) for gateway, topic, payload in topics_of
        )

    def _host_state(self, *, online: bool) -> bytes:
        return messages.encode(messages.HostState(online=online, session=self._session))

    def _make_client(self) -> Client:
        client = Client("-".join(["buurtrit-hub", self._settings.org, *self._settings.hubs]))
        client.max_queued_messages_set(QUEUED_MAXIMUM)
        if self._settings.mqtt_ca_file is not None:
            context = tls.client_context(
                self._settings.mqtt_ca_file,
                cert_file=self._settings.mqtt_cert_file,
                key_file=self._settings.mqtt_key_file,
            )
            client.tls_set_context(context)
        client.will_set(topics.host(self._settings.org), self._host_state(online=False), qos=1, retain=True)
        client.wait_before_reconnect(self._patience.after(None).pause_s)
        client.on_connect_fail = self._not_there
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_publish = self._published
        client.on_messages = self._received
        return client

    def _connected(
        self, client: paho.Client, _data: object, _flags: paho.ConnectFlags, reason: ReasonCode, _props: object
    ) -> None:
        if reason.is_failure:
            self._refused("connect", str(reason))
            return
        self._began_s = time.monotonic()
        log.info("mqtt_connected connection=%d", self._client.connection)
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._wanted])
        client.publish(topics.host(self._settings.org), self._host_state(online=True), qos=1, retain=True)
        for tell in self.on_connected:
            tell()

    def _not_there(self, _client: paho.Client, _data: object) -> None:
        self._client.wait_before_reconnect(self._patience.after(None).pause_s)

    def _disconnected(
        self, _client: paho.Client, _data: object, flags: paho.DisconnectFlags, reason: ReasonCode, _props: object
    ) -> None:
        self._subscribed_to = 0
        lived_s = None if self._began_s is None else time.monotonic() - self._began_s
        self._began_s = None
        told = flags.is_disconnect_packet_from_server and reason.value == TAKEN_OVER
        wait = self._patience.after(lived_s, put_out=told)
        self._client.wait_before_reconnect(wait.pause_s)
        if wait.stands_back:
            self._refused("disconnect", ANOTHER_HUB)
        level = logging.WARNING if reason.is_failure else logging.INFO
        log.log(level, "mqtt_disconnected reason=%s retry_s=%.1f", reason, wait.pause_s)

    def _subscribed(
        self, _client: paho.Client, _data: object, _mid: int, reasons: list[ReasonCode], _props: object
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._refused("subscribe", str(reason))
        self._subscribed_to = sum(not reason.is_failure for reason in reasons)

    def _published(self, _client: paho.Client, _data: object, _mid: int, reason: ReasonCode, _props: object) -> None:
        if reason.is_failure:
            self._began_s = None  # mosquitto may end the line of whom it refuses (2.0.11 does): that is no other hub
            self._refused("publish", str(reason))

    def _refused(self, doing: str, reason: str) -> None:
        log.error("mqtt_refused doing=%s reason=%r", doing, reason)
        self.on_refused(doing, reason)

    def _received(self, messages: Sequence[Message]) -> None:
        self.on_messages(messages)
