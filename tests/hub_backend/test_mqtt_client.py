"""What is held of paho beyond its public face: it must go on as long as this passes with a new paho."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_backend.mqtt import Mqtt
from hub_backend.mqtt_client import Client, Message, taken_apart
from tests.hub_backend.made import settings

pytestmark = pytest.mark.whole

CONNACK = b"\x20\x03\x00\x00\x00"
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"


def publish(topic: bytes, payload: bytes, *, mid: int | None, properties: bytes = b"") -> bytes:
    number = b"" if mid is None else mid.to_bytes(2, "big")
    body = len(topic).to_bytes(2, "big") + topic + number + _number(len(properties)) + properties + payload
    return bytes([0x30 if mid is None else 0x32]) + _number(len(body)) + body


def _number(value: int) -> bytes:
    digits = b""
    while True:
        value, digit = divmod(value, 128)
        digits += bytes([digit | (0x80 if value else 0)])
        if not value:
            return digits


payloads = st.one_of(st.binary(max_size=300), st.integers(16_300, 16_500).map(bytes))
topics = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
numbers = st.one_of(st.none(), st.integers(1, 65535))


@given(
    sent=st.lists(st.one_of(st.tuples(topics, payloads, numbers, st.binary(max_size=200)), st.just(None)), max_size=8),
    data=st.data(),
)
def test_messages_come_out_in_their_order_however_the_bytes_are_cut(
    sent: list[tuple[str, bytes, int | None, bytes] | None], data: st.DataObject
) -> None:
    stream, expected = b"", []
    for one in sent:
        if one is None:
            stream += PINGRESP
            expected.append(PINGRESP)
            continue
        topic, payload, mid, properties = one
        stream += publish(topic.encode(), payload, mid=mid, properties=properties)
        expected.append(Message(topic, payload, b"" if mid is None else mid.to_bytes(2, "big"), 7))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    got, rest = [], b""
    for begins, ends in pairwise([0, *cuts, len(stream)]):
        things, rest = taken_apart(rest + stream[begins:ends], connection=7)
        got += things
    assert got == expected
    assert rest == b""


@given(st.binary(max_size=200))
def test_whatever_comes_is_taken_apart_whole(noise: bytes) -> None:
    things, rest = taken_apart(noise, connection=0)
    assert sum(len(one) for one in things if isinstance(one, bytes)) + len(rest) <= len(noise)


def test_a_message_of_qos_2_is_paho_s() -> None:
    packet = bytes([0x34]) + publish(b"a", b"b", mid=3)[1:]
    assert taken_apart(packet, connection=0) == ([packet], b"")


def test_a_topic_that_is_no_text_is_nobody_s() -> None:
    (message,), _ = taken_apart(publish(b"van-\xff", b"", mid=1), connection=0)
    assert isinstance(message, Message)
    assert message.topic == "van-\N{REPLACEMENT CHARACTER}"


class Broker:
    """What a broker says on each connection, as the test tells it, and what it hears."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard = b""
        self._line: socket.socket | None = None

    def accept(self, *, say: bytes = CONNACK) -> None:
        self._line, _ = self._listener.accept()
        self._line.settimeout(10)
        assert self._line.recv(4096)[0] == 0x10
        self.heard = b""
        self.say(say)
        threading.Thread(target=self._listen, args=(self._line,), daemon=True).start()

    def _listen(self, line: socket.socket) -> None:
        try:
            while data := line.recv(4096):
                self.heard += data
        except OSError:
            return

    def say(self, data: bytes) -> None:
        assert self._line is not None
        self._line.sendall(data)

    def hang_up(self) -> None:
        assert self._line is not None
        self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def close(self) -> None:
        self._listener.close()
        if self._line is not None:
            self._line.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def got() -> list[Message]:
    return []


@pytest.fixture
def client(broker: Broker, got: list[Message]) -> Iterator[Client]:
    client = Client("hub")
    client.on_messages = got.extend
    client.reconnect_delay_set(1, 1)
    client.connect_async("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def wait(until: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def payloads_of(messages: Sequence[Message]) -> list[bytes]:
    return [message.payload for message in messages]


def test_messages_among_what_paho_reads_are_handed_over_and_acked_together(
    broker: Broker, client: Client, got: list[Message]
) -> None:
    granted: list[object] = []
    client.on_subscribe = lambda _c, _d, _mid, reasons, _p: granted.extend(reasons)
    broker.accept(say=CONNACK + publish(b"a", b"1", mid=1))  # in one piece with what paho must have read before
    wait(lambda: got)
    client.subscribe("a", qos=1)
    wait(lambda: broker.heard[:1] == b"\x82")
    mid = broker.heard[2:4]
    data = publish(b"a", b"2", mid=2) + b"\x90\x04" + mid + b"\0\1" + publish(b"a", b"3", mid=None) + PINGRESP
    broker.say(data[:9])
    time.sleep(0.05)
    broker.say(data[9:])
    wait(lambda: len(got) == 3 and granted)
    assert payloads_of(got) == [b"1", b"2", b"3"]
    broker.heard = b""
    client.ack_all(got)
    wait(lambda: len(broker.heard) >= 8)
    assert broker.heard == b"\x40\x02\x00\x01\x40\x02\x00\x02"


def test_paho_s_own_messages_are_acknowledged_as_ever(broker: Broker, client: Client) -> None:
    broker.accept()
    wait(client.is_connected)
    told = client.publish("plan", b"x", qos=1)
    wait(lambda: broker.heard[:1] == b"\x32")
    broker.say(b"\x40\x02" + told.mid.to_bytes(2, "big"))
    told.wait_for_publish(timeout=10)
    assert told.is_published()


def test_answers_go_out_together_and_none_is_kept_for_the_next_connection(broker: Broker, client: Client) -> None:
    client.publish_all([("a", b"not connected yet")])
    broker.accept()
    wait(client.is_connected)
    client.publish_all([("a", b"1"), ("b", bytes(200))])
    expected = publish(b"a", b"1", mid=None) + publish(b"b", bytes(200), mid=None)
    wait(lambda: len(broker.heard) >= len(expected))
    assert broker.heard == expected


def test_what_came_on_another_connection_is_not_acked_and_half_a_packet_is_forgotten(
    broker: Broker, client: Client, got: list[Message]
) -> None:
    broker.accept(say=CONNACK + publish(b"a", b"1", mid=1) + publish(b"a", b"half", mid=2)[:-2])
    wait(lambda: got)
    broker.hang_up()
    broker.accept(say=CONNACK + publish(b"a", b"2", mid=1))
    wait(lambda: len(got) == 2)
    client.ack_all(got[:1])
    client.ack_all(got[1:])
    wait(lambda: broker.heard)
    time.sleep(0.1)
    assert payloads_of(got) == [b"1", b"2"]
    assert broker.heard == b"\x40\x02\x00\x01"


def test_who_speaks_no_mqtt_is_hung_up_on(broker: Broker, client: Client) -> None:
    lost: list[object] = []
    client.on_disconnect = lambda *_: lost.append(True)
    broker.accept(say=CONNACK + b"\x30\xff\xff\xff\xff\xff")
    wait(lambda: lost)


def test_a_broker_that_has_no_time_for_pings_but_sends_messages_is_not_given_up(
    broker: Broker, got: list[Message]
) -> None:
    client, lost = Client("hub"), []
    client.on_messages = got.extend
    client.on_disconnect = lambda *_: lost.append(True)
    client.connect_async("127.0.0.1", broker.port, keepalive=1)
    client.loop_start()
    broker.accept()
    try:
        for _ in range(15):
            broker.say(publish(b"a", b"", mid=None))
            time.sleep(0.2)
        assert PINGREQ in broker.heard
        assert not lost
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_broker_that_says_nothing_any_more_is_given_up(broker: Broker) -> None:
    """Half open: the connection stands, what we send is taken, and no answer comes."""
    client, lost = Client("hub"), []
    client.on_disconnect = lambda *_: lost.append(True)
    client.connect_async("127.0.0.1", broker.port, keepalive=1)
    client.loop_start()
    broker.accept()
    try:
        wait(lambda: lost)
        assert PINGREQ in broker.heard
    finally:
        client.disconnect()
        client.loop_stop()


def test_paho_is_as_it_was_when_this_was_written() -> None:
    """What is not public: see decision 0017."""
    assert {"_sock_recv", "_packet_queue"} <= vars(paho.Client).keys()
    assert {"_last_bytes_received", "_msgtime_mutex"} <= vars(Client("hub")).keys()


@pytest.mark.parametrize(("answer", "listens"), [(b"\1\1", True), (b"\1\x87", False)])
def test_a_hub_is_connected_when_it_hears_all_that_it_asked_for(
    broker: Broker, *, answer: bytes, listens: bool
) -> None:
    mqtt = Mqtt(settings("sqlite://", mqtt_port=broker.port))
    mqtt.start()
    try:
        broker.accept()
        wait(lambda: broker.heard[:1] == b"\x82")
        assert not mqtt.connected, "nothing that is said now would come here"
        heard = threading.Event()
        mqtt.on_messages = lambda _messages: heard.set()
        broker.say(b"\x90\x05" + broker.heard[2:4] + b"\0" + answer + publish(b"after", b"", mid=None))
        assert heard.wait(20)
        assert mqtt.connected == listens
    finally:
        broker.hang_up()
        mqtt.stop()
