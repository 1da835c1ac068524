"""paho's client, but for what a hub does thousands of times a second: it receives, acks and answers by the handful.

paho asks the system four times for each message that it receives and once for each that it sends, and makes some ten
objects: 100 µs a message. Here the broker's bytes are read in large pieces, messages are taken out of them and handed
over together, and acks and answers go out together. Whatever else the broker says is paho's to understand, in the order
in which it came, and so is what is not understood here. Decision 0017 tells what is held of paho that is not public.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MessageType, MQTTErrorCode

PIECE_BYTES = 65_536
PUBLISH_MASK = 0xF4  # the packet's type, and the bit of QoS 2, with which we never subscribe
AT_LEAST_ONCE = 0x02
MORE = 0x80  # in a digit of a number: another digit follows
DIGITS = 4


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message as it came, and what is needed to ack it. Bytes of a topic that are not UTF-8 are marked as such."""

    topic: str
    payload: bytes
    mid: bytes
    """Two bytes; none for a message that nobody acks (QoS 0)."""
    connection: int


class Client(paho.Client):
    """For a subscriber with MQTT 5 and no topic aliases. `on_messages` runs on paho's thread and may let it wait."""

    def __init__(self, client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, manual_ack=True)
        self.on_messages: Callable[[Sequence[Message]], None] = lambda _messages: None
        self.connection = 0
        """Which connection this is: a message's id means nothing on the next."""
        self._rest = b""  # the beginning of a packet
        self._for_paho: bytes | None = None  # None: paho may ask the socket
        self.on_socket_close = self._closed

    def wait_before_reconnect(self, pause_s: float) -> None:
        """The next pause; paho doubles its own without jitter, so it is told each one."""
        self.reconnect_delay_set(min_delay=pause_s, max_delay=pause_s)  # type: ignore[arg-type] # reckons with fractions

    def ack_all(self, messages: Iterable[Message]) -> None:
        """Tells the broker that it may forget these; for those of an earlier connection this does nothing."""
        here = self.connection
        acks = b"".join([b"\x40\x02" + one.mid for one in messages if one.mid and one.connection == here])
        self._say(acks)

    def publish_all(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Sends each payload to its topic at QoS 0, on this connection or never."""
        self._say(b"".join([_publish(topic.encode(), payload) for topic, payload in messages]))

    def _say(self, packets: bytes) -> None:
        if packets and self.is_connected():
            self._packet_queue(MessageType.PUBACK, packets, 0, 1)  # of whatever kind: paho waits for nothing after it

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Takes what the broker has sent."""
        try:
            fresh = super()._sock_recv(PIECE_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            fresh = b""
        if not fresh:
            return super().loop_read(max_packets)  # paho asks the socket again and sees that it has ended
        with self._msgtime_mutex:  # the broker lives, also while it has no time to answer a ping
            self._last_bytes_received = time.monotonic()
        here = self.connection
        things, rest = taken_apart(self._rest + fresh, connection=here)
        for kind, run in groupby(things, key=type):
            if kind is Message:
                self.on_messages([one for one in run if isinstance(one, Message)])
                continue
            for packet in run:
                result = self._let_paho_read(packet)
                if result != MQTTErrorCode.MQTT_ERR_SUCCESS or self.connection != here:
                    return result
        self._rest = rest
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _let_paho_read(self, packet: Any) -> MQTTErrorCode:
        self._for_paho = packet
        try:
            return super().loop_read()
        finally:
            self._for_paho = None

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho reads: the packet that is for it, or, when it has none, the socket."""
        if self._for_paho is None:
            return super()._sock_recv(bufsize)
        if not self._for_paho:
            raise BlockingIOError
        piece, self._for_paho = self._for_paho[:bufsize], self._for_paho[bufsize:]
        return piece

    def _closed(self, _client: paho.Client, _data: Any, _socket: Any) -> None:
        self.connection += 1
        self._rest = b""


def _publish(topic: bytes, payload: bytes) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + b"\0" + payload
    length, head = len(body), bytearray([MessageType.PUBLISH])
    while True:
        length, digit = divmod(length, MORE)
        head.append(digit | (MORE if length else 0))
        if not length:
            return bytes(head) + body


def taken_apart(data: bytes, *, connection: int) -> tuple[list[Message | bytes], bytes]:
    """Messages of QoS 0 and 1, other packets as they are, in the order of coming; and the beginning of the next."""
    things: list[Message | bytes] = []
    at, end = 0, len(data)
    while end - at > 1:
        length, body = data[at + 1], at + 2
        if length & MORE:
            length, body = _number(data, at + 1)
            if body == 0:
                if end - at > DIGITS:  # a length that has no end: paho ends the connection
                    things.append(data[at:])
                    at = end
                break
        if body + length > end:
            break
        message = None
        if data[at] & PUBLISH_MASK == MessageType.PUBLISH:
            message = _message(data[body : body + length], data[at], connection)
        things.append(data[at : body + length] if message is None else message)
        at = body + length
    return things, data[at:]


def _message(body: bytes, head: int, connection: int) -> Message | None:
    """A PUBLISH without its head; None when it is none that we understand."""
    name = 2 + int.from_bytes(body[:2], "big")
    begins = name + (2 if head & AT_LEAST_ONCE else 0)
    if begins >= len(body):
        return None
    properties, after = body[begins], begins + 1
    if properties & MORE:
        properties, after = _number(body, begins)
        if after == 0:
            return None
    if after + properties > len(body):
        return None
    return Message(str(body[2:name], "utf-8", "replace"), body[after + properties :], body[name:begins], connection)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """MQTT's number of one to four digits, and where it ends: 0 when it has no end here."""
    number = 0
    for place, digit in enumerate(data[at : at + DIGITS]):
        number |= (digit & ~MORE) << 7 * place
        if not digit & MORE:
            return number, at + place + 1
    return 0, 0
