"""The node's end of the line, in virtual time against a peer: nothing lost, nothing doubled, whatever happens."""

import itertools
import random

import frame
import pytest
import readings
from hypothesis import given, settings
from hypothesis import strategies as st
from link import TRIES_BEFORE_HELLO, Link
from node_peer import Peer
from ring import Entry

BOOT = 7
LID = readings.Lid(True).pack()
BATTERY = readings.Battery(12800, None, 0).pack()


class Queue:
    """An outbox of entries given beforehand; remembers in which order they were done."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.done_seqs: list[int] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self.entries)

    def take(self) -> Entry | None:
        return self.entries.pop(0) if self.entries else None

    def done(self, entry: Entry) -> None:
        self.done_seqs.append(entry.seq)


class Line:
    """Both ways of the line in virtual milliseconds; `spoil` may change or drop what goes along it."""

    def __init__(self, entries: list[Entry], spoil=lambda data: data) -> None:
        self.outbox = Queue(entries)
        self.now_ms = 0
        self.sent: list[frame.Frame] = []
        self._spoil = spoil
        self._to_node = b""
        self._to_peer = b""
        self._spy = frame.Decoder()
        self.peer = Peer(self._from_peer)
        self.link = Link(BOOT, 1, "test", self.outbox, write=self._from_node, now_ms=0)

    def run(self, ms: int, *, step_ms: int = 10) -> None:
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.link.step(self.now_ms, self.now_ms)
            data, self._to_peer = self._to_peer, b""
            self.peer.receive(data)
            data, self._to_node = self._to_node, b""
            self.link.receive(data, self.now_ms)
            self.now_ms += step_ms

    def run_until_done(self, limit_ms: int = 600_000) -> None:
        end_ms = self.now_ms + limit_ms
        while not self.link.is_idle and self.now_ms < end_ms:
            self.run(10)

    def data_sent(self) -> list[tuple[int, int]]:
        """(seq, link) of each DATA frame that was sent."""
        return [(one.seq, one.payload[0]) for one in self.sent if one.type == frame.DATA]

    def _from_node(self, data: bytes) -> bool:
        self.sent += self._spy.feed(data)
        self._to_peer += self._spoil(data)
        return True

    def _from_peer(self, data: bytes) -> None:
        self._to_node += self._spoil(data)


def entries(count: int, reading: bytes = LID) -> list[Entry]:
    return [Entry(BOOT, seq, reading, made_ms=0) for seq in range(count)]


def test_everything_arrives_once_and_in_order_on_a_good_line() -> None:
    line = Line(entries(600))
    line.run_until_done()
    assert list(line.peer.committed) == [(BOOT, seq) for seq in range(600)]
    assert line.outbox.done_seqs == list(range(600))
    assert line.peer.repeats == 0
    assert line.link.resent == 0
    assert len(line.peer.hellos) == 1


def test_never_more_than_a_window_is_under_way() -> None:
    line = Line(entries(50))
    line.run(50)
    line.peer.is_deaf = True
    line.run(200)
    seqs = {seq for seq, _ in line.data_sent()}
    assert len(seqs) - len(line.outbox.done_seqs) == readings.WINDOW


def test_nothing_is_done_before_the_peer_has_committed_it() -> None:
    line = Line(entries(8))
    line.run(10)
    line.peer.is_deaf = True
    line.run(5000)
    assert len(line.data_sent()) >= 8
    assert line.outbox.done_seqs == []


def test_only_the_missing_frame_is_sent_again() -> None:
    lost = []

    def lose_third(data: bytes) -> bytes:
        decoded = frame.Decoder().feed(data)
        if decoded and decoded[0].type == frame.DATA and decoded[0].seq == 2 and not lost:
            lost.append(2)
            return b""
        return data

    line = Line(entries(8), lose_third)
    line.run_until_done()
    again = [seq for seq, _ in line.data_sent()]
    assert sorted(again) == [0, 1, 2, 2, 3, 4, 5, 6, 7]
    assert sorted(line.outbox.done_seqs) == list(range(8))


def test_retransmission_backs_off_and_then_says_hello_again() -> None:
    line = Line(entries(1))
    line.run(30)
    assert line.link.is_idle
    line.outbox.entries.append(Entry(BOOT, 1, LID, made_ms=0))
    line.peer.is_deaf = True
    times = []
    while len(line.sent) < 2 + TRIES_BEFORE_HELLO + 1 and line.now_ms < 200_000:
        before = len(line.sent)
        line.run(10)
        times += [line.now_ms] * (len(line.sent) - before)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[: TRIES_BEFORE_HELLO - 1] == sorted(gaps[: TRIES_BEFORE_HELLO - 1])
    assert line.sent[-1].type == frame.HELLO
    line.peer.is_deaf = False
    line.run_until_done()
    assert (BOOT, 1) in line.peer.committed


def test_telemetry_waits_longer_than_business_before_it_is_repeated() -> None:
    for reading, repeats in ((LID, True), (BATTERY, False)):
        line = Line(entries(1, reading))
        line.run(10)
        line.peer.is_deaf = True
        line.run(1500)  # the gateway commits telemetry once a second
        assert (line.link.resent > 0) is repeats


def test_a_repeated_ack_does_nothing() -> None:
    line = Line(entries(300))
    for _ in range(200):
        line.run(10)
        if line.peer.committed:
            line.peer.acknowledge()
            line.peer.acknowledge()
    assert line.outbox.done_seqs == list(range(300))
    assert line.peer.repeats == 0


def test_an_ack_of_another_session_or_of_nonsense_is_ignored() -> None:
    line = Line(entries(20))
    line.run(20)
    line.peer.is_deaf = True
    line.run(20)
    session = line.peer.hellos[-1].seq
    done = len(line.outbox.done_seqs)
    for seq, payload in (
        (session + 1, b"\x08\0"),
        (session - 65536, b"\x08\0"),
        (session, b"\xc8\xff"),
        (session, b""),
    ):
        line.link.receive(frame.encode(frame.Frame(frame.ACK, BOOT, seq & 0xFFFFFFFF, 0, payload)), line.now_ms)
    assert len(line.outbox.done_seqs) == done
    assert line.link.ignored == 4


def test_a_gateway_that_starts_again_gets_what_it_had_not_acknowledged_from_link_0() -> None:
    line = Line(entries(100))
    line.run(40)
    line.peer.is_deaf = True
    line.run(20)
    under_way = line.data_sent()[-readings.WINDOW :]
    line.peer.is_deaf = False
    line.peer.restart()
    line.peer.ask_hello()
    line.run(30)
    again = line.data_sent()[-readings.WINDOW :]
    assert [seq for seq, _ in again] == [seq for seq, _ in under_way]
    assert [link for _, link in again] == list(range(readings.WINDOW))
    line.run_until_done()
    assert list(line.peer.committed) == [(BOOT, seq) for seq in range(100)]
    assert line.peer.hellos[0].seq != line.peer.hellos[1].seq


def test_a_gateway_that_starts_again_in_silence_asks_at_the_first_data() -> None:
    line = Line(entries(100))
    line.run(40)
    line.peer.restart()
    line.run_until_done()
    assert sorted(seq for _, seq in line.peer.committed) == list(range(100))
    assert sorted(line.outbox.done_seqs) == list(range(100))


def test_hello_is_repeated_ever_more_slowly_until_it_is_answered() -> None:
    line = Line(entries(1))
    line.peer.is_deaf = True
    line.run(60_000)
    assert {one.type for one in line.sent} == {frame.HELLO}
    assert len({one.seq for one in line.sent}) == 1
    assert 10 <= len(line.sent) <= 25
    line.peer.is_deaf = False
    line.run(5_000)
    assert line.link.is_idle


def test_its_own_echo_is_no_request() -> None:
    line = Line([])
    line.run(20)
    line.link.receive(frame.encode(line.sent[0]), line.now_ms)
    line.run(1000)
    assert len(line.sent) == 1


def test_readings_of_an_earlier_boot_keep_their_identity_and_have_no_age() -> None:
    line = Line([Entry(3, 41, LID, made_ms=None), Entry(BOOT, 0, LID, made_ms=0)])
    line.run(5000)
    assert line.peer.committed[(3, 41)].age_ms is None
    assert line.peer.committed[(BOOT, 0)].age_ms is not None


def test_the_age_is_that_at_the_moment_of_sending() -> None:
    line = Line(entries(1))
    line.peer.is_deaf = True
    line.run(3000)
    line.peer.is_deaf = False
    line.run_until_done()
    age_ms = line.peer.committed[(BOOT, 0)].age_ms
    assert age_ms is not None
    assert 3000 <= age_ms <= line.now_ms


def test_a_full_line_delays_and_loses_nothing() -> None:
    line = Line(entries(20))
    line.link._write = lambda data: False
    line.run(3000)
    line.link._write = line._from_node
    line.run_until_done()
    assert list(line.peer.committed) == [(BOOT, seq) for seq in range(20)]


def test_log_lines_wait_for_a_session_and_only_the_last_few_are_kept() -> None:
    line = Line([])
    for number in range(6):
        line.link.log(2, f"trouble={number}")
    line.run(100)
    assert line.peer.logs == ["trouble=2", "trouble=3", "trouble=4", "trouble=5"]


@pytest.mark.parametrize("reading", [LID, BATTERY], ids=["business", "telemetry"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32), loss=st.sampled_from([0.02, 0.2, 0.5]))
def test_any_noise_loses_and_doubles_nothing(reading: bytes, seed: int, loss: float) -> None:
    dice = random.Random(seed)

    def spoil(data: bytes) -> bytes:
        chance = dice.random()
        if chance < loss / 2:
            return b""
        if chance < loss and data:
            changed = bytearray(data)
            changed[dice.randrange(len(changed))] = dice.randrange(256)
            return bytes(changed)
        return data

    line = Line(entries(40, reading), spoil)
    for _ in range(6):
        line.run(dice.randrange(3000))
        if dice.random() < 0.3:
            line.peer.restart()
            if dice.random() < 0.5:
                line.peer.ask_hello()
    line.run_until_done(3_000_000)
    assert sorted(line.outbox.done_seqs) == list(range(40))
    assert sorted(seq for _, seq in line.peer.committed) == list(range(40))
