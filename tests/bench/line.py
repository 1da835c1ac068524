"""One MQTT 5 connection that stands for many gateways: packets made beforehand, sent as fast as they are acknowledged.

A client of its own, because the load must cost less than what it measures: a library takes some 50 µs for each message,
this some 2 µs. It knows what a load needs and no more: QoS 1 both ways, no TLS, a loopback that does not break.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13
KEEPALIVE_S = 60
Packet = tuple[int, bytes]
Heard = Callable[[str, bytes], None]


class LineError(Exception):
    """The broker refused, or the connection ended."""


def publish(topic: str, payload: bytes, mid: int) -> bytes:
    """A PUBLISH at QoS 1, 1 <= mid <= 65535."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + mid.to_bytes(2, "big") + b"\0" + payload
    return _packet(PUBLISH << 4 | 2, body)


class Line:
    """Connected when made. `heard` is called with topic and payload of what comes. Raises `LineError`."""

    def __init__(self, port: int, client_id: str, *, heard: Heard = lambda _topic, _payload: None) -> None:
        self._heard = heard
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._data = bytearray()
        self._spoke_s = time.monotonic()
        self.acked = 0
        """How many of our messages the broker has acknowledged."""
        name = client_id.encode()
        body = b"\0\4MQTT\5\2" + KEEPALIVE_S.to_bytes(2, "big") + b"\0" + len(name).to_bytes(2, "big") + name
        self._ask(_packet(CONNECT << 4, body), CONNACK)

    def subscribe(self, topic: str) -> None:
        name = topic.encode()
        self._ask(_packet(SUBSCRIBE << 4 | 2, b"\0\1\0" + len(name).to_bytes(2, "big") + name + b"\1"), SUBACK)

    def send(self, packets: Sequence[bytes], *, window: int, within_s: float) -> None:
        """Sends all, never more than `window` unacknowledged, and returns when the last was acknowledged."""
        ends_s = time.monotonic() + within_s
        begun, sent = self.acked, 0
        while (done := self.acked - begun) < len(packets):
            free = min(window - (sent - done), len(packets) - sent)
            if free > window // 2 or (free and sent + free == len(packets)):
                self.say(b"".join(packets[sent : sent + free]))
                sent += free
            self.listen(0.5)
            if time.monotonic() > ends_s:
                raise LineError(f"{done} of {len(packets)} messages acknowledged within {within_s:.0f} s")

    def say(self, data: bytes) -> None:
        """Sends packets as they are."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                select.select([], [self._socket], [], 1.0)
        self._spoke_s = time.monotonic()

    def listen(self, wait_s: float) -> None:
        """Takes what has come, waiting at most `wait_s` for anything."""
        if time.monotonic() - self._spoke_s > KEEPALIVE_S / 2:
            self.say(_packet(PINGREQ << 4, b""))
        readable, _, _ = select.select([self._socket], [], [], max(0.0, wait_s))
        if not readable:
            return
        fresh = self._socket.recv(1 << 18)
        if not fresh:
            raise LineError("the broker ended the connection")
        self._data += fresh
        self._take()

    def close(self) -> None:
        self._socket.close()

    def _ask(self, packet: bytes, expected: int) -> None:
        self.say(packet)
        ends_s = time.monotonic() + 10
        while (answer := self._next()) is None:
            select.select([self._socket], [], [], 1.0)
            self._data += self._socket.recv(65536)
            if time.monotonic() > ends_s:
                raise LineError(f"no answer of kind {expected}")
        kind, body = answer
        reason = body[-1] if expected == SUBACK else body[1]
        if kind >> 4 != expected or reason >= 0x80:
            raise LineError(f"answer {kind >> 4} to a request that expected {expected}, reason {reason:#x}")

    def _take(self) -> None:
        acks = bytearray()
        while (packet := self._next()) is not None:
            kind, body = packet
            if kind >> 4 == PUBACK:
                if len(body) > 2 and body[2] >= 0x80:
                    raise LineError(f"the broker refuses a message, reason {body[2]:#x}")
                self.acked += 1
            elif kind >> 4 == PUBLISH:
                length = int.from_bytes(body[:2], "big")
                topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
                if kind & 0x06:
                    acks += _packet(PUBACK << 4, rest[:2])
                    rest = rest[2:]
                self._heard(topic, rest[1 + rest[0] :])
        if acks:
            self.say(bytes(acks))

    def _next(self) -> Packet | None:
        """The next whole packet, taken out of what came."""
        data = self._data
        length = shift = 0
        for at in range(1, min(5, len(data))):
            length |= (data[at] & 0x7F) << shift
            shift += 7
            if data[at] < 0x80:
                if len(data) < at + 1 + length:
                    return None
                packet = data[0], bytes(data[at + 1 : at + 1 + length])
                del data[: at + 1 + length]
                return packet
        return None


def _packet(kind: int, body: bytes) -> bytes:
    head, length = bytearray([kind]), len(body)
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body
