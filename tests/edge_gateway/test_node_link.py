"""The gateway's end of the line to a node: acknowledged only after the commit, whatever the line does."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.node_link import Data, Hello, NodeLink, Place
from firmware import frame, readings

SESSION = 7


class Peer:
    """The node's end, as the protocol says, on the same `frame` and `readings`; time is counted in steps."""

    def __init__(self, count: int, *, boot: int = 3) -> None:
        self.boot = boot
        self.waiting = {seq: readings.Lid(seq % 2 == 0).pack() for seq in range(count)}
        self.session = SESSION
        self.begin(0)

    def begin(self, session: int) -> None:
        self.session = session
        self.is_open = False
        self.base = 0
        self.order = list(self.waiting)
        self.decoder = frame.Decoder()

    def speak(self) -> bytes:
        if not self.is_open:
            hello = readings.pack_hello(0, 1, "test 1")
            return frame.encode(frame.Frame(frame.HELLO, self.boot, self.session, 0, hello))
        frames = b""
        for index, seq in enumerate(self.order[: readings.WINDOW]):
            if seq in self.waiting:
                payload = readings.pack_data((self.base + index) % readings.LINKS, self.waiting[seq])
                frames += frame.encode(frame.Frame(frame.DATA, self.boot, seq, 1500, payload))
        return frames

    def hear(self, data: bytes) -> None:
        for one in self.decoder.feed(data):
            if one.type == frame.HELLO and not one.payload and self.is_open:
                self.begin(self.session + 1)
            elif one.type == frame.ACK and one.seq == self.session:
                self._acknowledged(*readings.unpack_ack(one.payload))

    def _acknowledged(self, ahead: int, bitmap: int) -> None:
        if not self.is_open:
            self.is_open = True
            return
        before = (ahead - self.base) % readings.LINKS
        if before > len(self.order):
            return
        for index, seq in enumerate(self.order):
            bit = index - before - 1
            if index < before or (0 <= bit < 8 and bitmap >> bit & 1):
                self.waiting.pop(seq, None)
        while self.order and self.order[0] not in self.waiting:
            self.order.pop(0)
            self.base = (self.base + 1) % readings.LINKS


def data_frame(link: int, seq: int, *, packed: bytes | None = None, age_ms: int | None = 0) -> bytes:
    payload = readings.pack_data(link, readings.Lid(True).pack() if packed is None else packed)
    return frame.encode(frame.Frame(frame.DATA, 3, seq, age_ms, payload))


def hello(session: int = SESSION, boot: int = 3) -> bytes:
    return frame.encode(frame.Frame(frame.HELLO, boot, session, 0, readings.pack_hello(2, 1, "test 1")))


def acks(data: bytes) -> list[tuple[int, int, int]]:
    """(session, next, bitmap) of the ACKs in these bytes."""
    frames = frame.Decoder().feed(data)
    return [(one.seq, *readings.unpack_ack(one.payload)) for one in frames if one.type == frame.ACK]


def opened() -> NodeLink:
    link = NodeLink(0.0)
    assert link.feed(hello(), 0.0) == [Hello(3, "cooler", "test 1", 2)]
    assert acks(link.take_outgoing()) == [(SESSION, 0, 0)]
    return link


def test_hello_opens_a_session_and_a_repeat_of_it_changes_nothing() -> None:
    link = opened()
    [data] = link.feed(data_frame(0, 0), 0.0)
    assert isinstance(data, Data)
    link.committed([data.place])
    link.take_outgoing()
    assert link.feed(hello(), 0.0) == []
    assert acks(link.take_outgoing()) == [(SESSION, 1, 0)]


def test_nothing_is_acknowledged_before_its_commit() -> None:
    link = opened()
    heard = link.feed(data_frame(0, 0) + data_frame(1, 1) + data_frame(2, 2), 0.0)
    assert link.take_outgoing() == b""
    places = [data.place for data in heard if isinstance(data, Data)]
    link.committed([places[2]])
    assert acks(link.take_outgoing()) == [(SESSION, 0, 0b10)], "2 = next + 1 + bit 1"
    link.committed(places[:2])
    assert acks(link.take_outgoing()) == [(SESSION, 3, 0)]


def test_a_repeat_is_given_out_once_and_acknowledged_again() -> None:
    link = opened()
    [data] = link.feed(data_frame(0, 0), 0.0)
    assert link.feed(data_frame(0, 0), 0.0) == [], "its commit is under way"
    assert isinstance(data, Data)
    link.committed([data.place])
    link.take_outgoing()
    assert link.feed(data_frame(0, 0), 0.0) == []
    assert acks(link.take_outgoing()) == [(SESSION, 1, 0)]


def test_what_could_not_be_kept_is_given_out_again() -> None:
    link = opened()
    [data] = link.feed(data_frame(0, 0), 0.0)
    assert isinstance(data, Data)
    link.released(data.place)
    assert link.take_outgoing() == b""
    assert len(link.feed(data_frame(0, 0), 0.0)) == 1


def test_a_commit_of_an_earlier_session_acknowledges_nothing_in_this_one() -> None:
    link = opened()
    [old] = link.feed(data_frame(0, 0), 0.0)
    link.feed(hello(SESSION + 1), 0.0)
    link.take_outgoing()
    link.feed(data_frame(0, 1), 0.0)
    assert isinstance(old, Data)
    link.committed([old.place])
    assert link.take_outgoing() == b""


def test_data_without_a_session_asks_for_a_hello_with_growing_pauses() -> None:
    link = NodeLink(0.0)
    assert link.feed(data_frame(0, 0), 0.0) == []
    asked = []
    for tenth in range(100):
        link.step(tenth / 10)
        if link.take_outgoing():
            asked.append(tenth / 10)
    assert 4 <= len(asked) <= 8
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert pauses == sorted(pauses)


def test_a_reading_nobody_knows_is_given_out_with_its_reason_and_place() -> None:
    link = opened()
    [data] = link.feed(data_frame(0, 0, packed=bytes([99, 1])), 0.0)
    assert isinstance(data, Data) and isinstance(data.reading, readings.ReadingError)
    assert data.reading.field == "kind" and data.place == Place(SESSION, 0)


def test_an_unknown_age_is_none() -> None:
    link = opened()
    [known, unknown] = link.feed(data_frame(0, 0, age_ms=2500) + data_frame(1, 1, age_ms=None), 0.0)
    assert isinstance(known, Data) and isinstance(unknown, Data)
    assert (known.age_s, unknown.age_s) == (2.5, None)


def test_damaged_frames_are_counted_and_harm_no_other() -> None:
    link = opened()
    noisy = bytearray(data_frame(0, 0))
    noisy[5] ^= 0x10
    heard = link.feed(bytes(noisy) + b"\x05rubbish\0" + data_frame(0, 0), 0.0)
    assert len(heard) == 1
    assert link.rejected_frames >= 1


def test_a_link_far_outside_the_window_is_counted_and_not_taken() -> None:
    link = opened()
    assert link.feed(data_frame(100, 0), 0.0) == []
    assert link.rejected_frames == 1


@given(st.integers(0, 2**32), st.integers(0, 60), st.floats(0, 0.4))
def test_over_any_bad_line_every_reading_comes_and_none_is_acknowledged_unkept(
    seed: int, count: int, loss: float
) -> None:
    chance = random.Random(seed)

    def over(data: bytes) -> bytes:
        """The line loses and changes bytes."""
        noisy = bytearray()
        for byte in data:
            draw = chance.random() * 20
            if draw < loss:
                continue
            noisy.append(byte ^ 1 << chance.randrange(8) if draw < 2 * loss else byte)
        return bytes(noisy)

    peer, link = Peer(count), NodeLink(0.0)
    kept: set[int] = set()
    pending: list[Data] = []
    for step in range(4000):
        now_s = step * 0.1
        for said in link.feed(over(peer.speak()), now_s):
            if isinstance(said, Data):
                pending.append(said)
        if chance.random() < 0.5:
            kept.update(data.seq for data in pending)
            link.committed([data.place for data in pending])
            pending.clear()
        if chance.random() < 0.01:
            link.restart(now_s)  # the gateway started again
            pending.clear()
        link.step(now_s)
        peer.hear(over(link.take_outgoing()))
        assert set(range(count)) - set(peer.waiting) <= kept, "acknowledged, but never committed"
        if not peer.waiting:
            break
    assert not peer.waiting
    assert kept == set(range(count))
