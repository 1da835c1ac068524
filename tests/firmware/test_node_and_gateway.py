"""Both real ends of the line in virtual time: the node's link and the gateway's, which commits late as in service."""

import random
from collections.abc import Callable

import readings
from hypothesis import given
from hypothesis import strategies as st
from link import Link
from ring import Entry

from edge_gateway.node_link import Data, NodeLink
from firmware import readings as gateway_readings

LID = readings.Lid(True).pack()
BATTERY = readings.Battery(12800, None, 0).pack()


class Line:
    """The firmware's `Link` and the gateway's `NodeLink`. Business commits at once, telemetry once a second."""

    def __init__(self, entries: list[Entry], spoil: Callable[[bytes], bytes] = lambda data: data) -> None:
        self.entries = entries
        self.dropped = 0
        self.done_seqs: set[int] = set()
        self.kept: set[int] = set()
        self.now_ms = 0
        self._spoil = spoil
        self._to_gateway = b""
        self._pending: list[Data] = []
        self.gateway = NodeLink(0.0)
        self.link = Link(7, 1, "test", self, write=self._write, now_ms=0)

    def __len__(self) -> int:
        return len(self.entries)

    def take(self) -> Entry | None:
        return self.entries.pop(0) if self.entries else None

    def done(self, entry: Entry) -> None:
        assert entry.seq in self.kept, "acknowledged, but never committed"
        self.done_seqs.add(entry.seq)

    def restart_gateway(self) -> None:
        """What it had not committed is gone."""
        self._pending.clear()
        self.gateway.restart(self.now_ms / 1000)

    def run(self, ms: int) -> None:
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms and not self.link.is_idle:
            self._step()

    def _step(self) -> None:
        now_s = self.now_ms / 1000
        self.link.step(self.now_ms, self.now_ms)
        data, self._to_gateway = self._to_gateway, b""
        heard = [said for said in self.gateway.feed(data, now_s) if isinstance(said, Data)]
        self._commit([said for said in heard if isinstance(said.reading, gateway_readings.Lid)])
        self._pending += [said for said in heard if not isinstance(said.reading, gateway_readings.Lid)]
        if self.now_ms % 1000 == 0:
            self._commit(self._pending)
            self._pending = []
        self.gateway.step(now_s)
        outgoing = self.gateway.take_outgoing()
        if outgoing:
            self.link.receive(self._spoil(outgoing), self.now_ms)
        self.now_ms += 10

    def _commit(self, said: list[Data]) -> None:
        if said:
            self.kept.update(one.seq for one in said)
            self.gateway.committed([one.place for one in said])

    def _write(self, data: bytes) -> bool:
        self._to_gateway += self._spoil(data)
        return True


def mixed(count: int) -> list[Entry]:
    return [Entry(7, seq, LID if seq % 3 else BATTERY, made_ms=0) for seq in range(count)]


def test_a_good_line_needs_no_repeat_though_telemetry_commits_late() -> None:
    line = Line(mixed(300))
    line.run(600_000)
    assert line.done_seqs == line.kept == set(range(300))
    assert line.link.resent == 0


@given(seed=st.integers(0, 1 << 32), loss=st.sampled_from([0.0005, 0.003, 0.01]))
def test_over_any_bad_line_and_any_restart_everything_is_kept_and_then_forgotten(seed: int, loss: float) -> None:
    dice = random.Random(seed)

    def spoil(data: bytes) -> bytes:
        return bytes(byte if dice.random() > loss else dice.randrange(256) for byte in data)

    line = Line(mixed(60), spoil)
    for _ in range(8):
        line.run(dice.randrange(4000))
        if dice.random() < 0.4:
            line.restart_gateway()
    line.run(3_000_000)
    assert line.done_seqs == line.kept == set(range(60))
