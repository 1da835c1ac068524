"""The line to the hub: the outbox goes up over MQTT 5, "committed up to n" and the plan come down.

A PUBACK is the broker's word, not the hub's: an event leaves the outbox only at the hub's `Committed`. When that does
not come in time everything after the last committed n is sent again (go-back), with growing pauses. paho gets at most
`WINDOW` messages at a time and a fresh client for every connection, so its memory never holds what the outbox does not.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_gateway.contract import tls, topics
from edge_gateway.contract.messages import (
    Presence,
    decode_committed,
    decode_downlink,
    decode_host_state,
    encode,
)
from edge_gateway.contract.sealing import Seal, SealError
from edge_gateway.contract.topics import COMMITTED, EVENTS, PLAN, PRESENCE
from edge_gateway.drain import WINDOW, Drain
from edge_gateway.errors import OutboxError, fault_of
from edge_gateway.intake import Intake
from edge_gateway.outbox import Outbox
from edge_gateway.rejects import Rejects
from edge_gateway.settings import Settings
from edge_gateway.state import State

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
CONNECT_TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 20.0
HELD_S = 5.0
SHORT_LIVED = 3
"""So many connections in a row that did not hold `HELD_S` are told as trouble."""
TAKEN_OVER = 0x8E
"""MQTT 5's reason for a session that somebody else with the same client id took over."""


class HubLink:
    """Connects, sends and reconnects until stopped. `start` never blocks; a broker that is not there is waited for."""

    def __init__(
        self,
        settings: Settings,
        *,
        outbox: Outbox,
        intake: Intake,
        state: State,
        rejects: Rejects,
        now_s: Callable[[], float],
        random: random.Random,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._intake = intake
        self._state = state
        self._rejects = rejects
        self._now_s = now_s
        self._random = random
        self._seal = Seal(settings.key, previous_key=settings.previous_key)
        self._topics = {leaf: settings.address.topic(leaf) for leaf in (EVENTS, PRESENCE, COMMITTED, PLAN)}
        self._stopping = threading.Event()
        self._wake = threading.Condition()
        self._woken = False
        self._ready = False  # subscribed on the connection of now
        self._drain = Drain(
            outbox,
            timeout_s=settings.committed_timeout_s,
            telemetry_per_s=settings.telemetry_per_s,
            random=random,
            monotonic=time.monotonic,
        )
        self._own_mid: int | None = None  # of the subscription without which nothing goes
        self._client: mqtt.Client | None = None
        self._problem = ""
        self._pause_s = FIRST_PAUSE_S
        self._ready_at = 0.0
        self._short_lived = 0
        self._threads = [
            threading.Thread(target=self._stay_connected, name="hub-link", daemon=True),
            threading.Thread(target=self._send, name="hub-sender", daemon=True),
        ]
        outbox.watch(self._notify)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Says goodbye to the hub and ends; what is not committed stays in the outbox."""
        self._stopping.set()
        self._notify()
        for thread in self._threads:
            thread.join(timeout=10)

    @property
    def resent(self) -> int:
        """Batches that the hub was silent about, and that were sent again, ever."""
        return self._drain.resent

    def _notify(self) -> None:
        with self._wake:
            self._woken = True
            self._wake.notify()

    # ------------------------------------------------------------ the connection

    def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            ended = threading.Event()
            client = self._new_client(ended)
            try:
                client.connect(self._settings.mqtt_host, self._settings.mqtt_port, KEEPALIVE_S, clean_start=True)
            except (OSError, ValueError) as error:
                log.info("event=hub_unreachable error=%r retry_s=%.1f", str(error), self._pause_s)
            else:
                self._client = client
                if self._serve(client, ended):
                    self._judge_connection(time.monotonic() - self._ready_at)
                self._client = None
            with self._wake:
                self._ready = False
            self._state.show_hub(connected=False, problem=self._problem)
            self._stopping.wait(self._pause_s * self._random.uniform(0.5, 1.5))
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _judge_connection(self, lived_s: float) -> None:
        """After one that held the pauses begin small again; one after another that ends at once has a reason.

        A broker lets the newest client of a name in and puts the older one out: two of them would fight for ever.
        """
        if lived_s >= HELD_S:
            self._pause_s, self._short_lived = FIRST_PAUSE_S, 0
            return
        self._short_lived += 1
        if self._short_lived >= SHORT_LIVED:
            self._trouble("disconnect", "put out at once, again and again: does another gateway use this name?")

    def _new_client(self, ended: threading.Event) -> mqtt.Client:
        address = self._settings.address
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{address.org}.{address.hub}.{address.gateway}",
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(WINDOW + 2)
        if self._settings.mqtt_username is not None:
            client.username_pw_set(self._settings.mqtt_username, self._settings.mqtt_password)
        if self._settings.mqtt_ca_file is not None:
            client.tls_set_context(
                tls.client_context(
                    self._settings.mqtt_ca_file,
                    cert_file=self._settings.mqtt_cert_file,
                    key_file=self._settings.mqtt_key_file,
                )
            )
        client.will_set(self._topics[PRESENCE], self._presence(online=False), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = partial(self._on_disconnect, ended)
        return client

    def _serve(self, client: mqtt.Client, ended: threading.Event) -> bool:
        """Waits until the connection ends, or ends it when we stop; True when it had come up."""
        client.loop_start()  # its own thread: publish() from the sender must not write to the socket itself
        while not ended.wait(timeout=0.2):
            if self._stopping.is_set():
                self._say_goodbye(client)
                ended.wait(timeout=2.0)
                return True
        log.info("event=hub_connection_lost")
        return self._ready

    def _say_goodbye(self, client: mqtt.Client) -> None:
        if self._ready:
            with self._wake:
                self._ready = False
            told = client.publish(self._topics[PRESENCE], self._presence(online=False), qos=1, retain=True)
            try:
                told.wait_for_publish(timeout=1.0)
            except (RuntimeError, ValueError) as error:
                log.info("event=goodbye_not_heard error=%r", str(error))
        client.disconnect()

    def _presence(self, *, online: bool) -> bytes:
        presence = Presence(online=online, boot=self._outbox.boot, t_s=self._now_s(), software=_software())
        return self._seal.close(encode(presence), topic=self._topics[PRESENCE])

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._trouble("connect", str(reason))
            return
        wanted: list[tuple[str, SubscribeOptions]] = [
            (self._topics[leaf], SubscribeOptions(qos=1)) for leaf in (COMMITTED, PLAN)
        ]
        _result, self._own_mid = client.subscribe(wanted)
        client.subscribe([(topics.host(self._settings.org), SubscribeOptions(qos=1))])

    def _on_disconnect(
        self,
        ended: threading.Event,
        _client: mqtt.Client,
        _data: object,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.is_failure:
            taken = " (another gateway uses this name?)" if reason.value == TAKEN_OVER else ""
            self._trouble("disconnect", f"{reason}{taken}")
            self._pause_s = LONGEST_PAUSE_S if taken else self._pause_s
        ended.set()

    def _on_subscribe(
        self,
        client: mqtt.Client,
        _data: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if mid != self._own_mid:
            return  # the host's state: without it we go on, as with an older broker's rights
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._trouble("subscribe", ", ".join(refused))
            return
        client.publish(self._topics[PRESENCE], self._presence(online=True), qos=1, retain=True)
        with self._wake:
            self._drain.begin()
            self._ready = True
            self._woken = True
            self._wake.notify()
        self._problem = ""
        self._ready_at = time.monotonic()
        self._state.show_hub(connected=True)
        log.info("event=hub_connected host=%s port=%d", self._settings.mqtt_host, self._settings.mqtt_port)

    def _on_publish(
        self, _client: mqtt.Client, _data: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        """The broker took a message, or (MQTT 5) says why it did not: neither deletes anything."""
        if reason.is_failure:
            self._trouble("publish", str(reason))

    def _trouble(self, doing: str, reason: str) -> None:
        self._problem = f"{doing}: {reason}"
        self._rejects.add("broker", doing, reason)
        self._state.show_hub(connected=self._ready, problem=self._problem)
        log.warning("event=broker_refuses doing=%s reason=%r", doing, reason)

    # ------------------------------------------------------------ up

    def _send(self) -> None:
        while not self._stopping.is_set():
            with self._wake:
                if not self._woken:
                    self._wake.wait(timeout=0.5)
                self._woken = False
            try:
                self._send_what_fits()
            except OutboxError as error:
                log.error("event=outbox_unreadable error=%r", str(error))
                self._stopping.wait(1.0)

    def _send_what_fits(self) -> None:
        client = self._client
        if client is None:
            return
        for lane, batches in self._drain.look():
            log.info("event=resend lane=%s batches=%d", lane, batches)
        topic = self._topics[EVENTS]
        while True:
            with self._wake:
                if not self._ready or client is not self._client:
                    return
            batch = self._drain.next_batch()
            if batch is None:
                return
            told = client.publish(topic, self._seal.close(encode(batch), topic=topic), qos=1)
            if told.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
                self._trouble("publish", mqtt.error_string(told.rc))
                return  # it counts as under way, and is sent again when no Committed comes

    # ------------------------------------------------------------ down

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == topics.host(self._settings.org):
            self._take_host_state(bytes(message.payload))
            return
        leaf = next((leaf for leaf, topic in self._topics.items() if topic == message.topic), "")
        try:
            body = self._seal.open(bytes(message.payload), topic=message.topic)
            if leaf == COMMITTED:
                self._take_committed(body)
            elif leaf == PLAN:
                self._intake.plan(decode_downlink.decode(body), body)
        except SealError as error:
            self._rejects.add(f"downlink {leaf}", "payload", str(error))
        except msgspec.MsgspecError as error:
            self._rejects.add(f"downlink {leaf}", *fault_of(error))
        except OutboxError as error:
            log.error("event=downlink_not_kept leaf=%s error=%r", leaf, str(error))

    def _take_committed(self, body: bytes) -> None:
        committed = decode_committed(body)
        if committed.outbox != self._outbox.id:
            log.info("event=committed_ignored reason=other_outbox")
            return
        if not self._drain.committed(committed.lane, committed.n):
            self._rejects.add("downlink down/committed", "n", "more than was ever sent: nothing deleted")
            return
        self._notify()

    def _take_host_state(self, body: bytes) -> None:
        try:
            state = decode_host_state(body)
        except msgspec.MsgspecError as error:
            self._rejects.add("downlink host", *fault_of(error))
            return
        self._drain.host_is_away = not state.online
        self._state.show_hub(connected=self._ready, problem="" if state.online else "host: away")
        log.info("event=host_%s", "online" if state.online else "away")
        self._notify()


def _software() -> str:
    try:
        return f"buurtrit {version('buurtrit')}"
    except PackageNotFoundError:
        return "buurtrit (not installed)"
