"""What came in is written exactly once, committed without holes, and a bad event goes aside alone."""

import random
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from edge_gateway.contract import messages
from edge_gateway.contract.messages import Committed, Lane, Presence
from edge_gateway.contract.topics import Address
from hub_backend.intake.ledger import Ledger, Written
from hub_backend.kit import Kit
from hub_backend.record import EventRow, GatewayRow, LaneRow, RejectRow, SourceRow
from hub_backend.rejects import Refusal
from hub_backend.store import Store
from tests.hub_backend.made import T0, batch, position, read

VAN_1 = Address("buurenzo", "colmschate", "van-1")
VAN_2 = Address("buurenzo", "colmschate", "van-2")


@pytest.fixture
def ledger(any_kit: Kit) -> Ledger:
    return Ledger(any_kit.store)


def committed(written: Written, *, gateway: str = "van-1", lane: Lane = Lane.TELEMETRY) -> int:
    return written.committed[gateway, "box", lane].n


def stored(kit: Kit) -> list[tuple[str, int, int]]:
    with kit.store.read() as session:
        rows = session.execute(select(EventRow.source, EventRow.boot, EventRow.seq).order_by(EventRow.id))
        return [tuple(row) for row in rows]  # type: ignore[misc]


def lane(kit: Kit) -> LaneRow:
    with kit.store.read() as session:
        return session.scalars(select(LaneRow)).one()


def test_a_batch_is_stored_and_committed(any_kit: Kit, ledger: Ledger) -> None:
    written = ledger.write([read(VAN_1, batch([position(0), position(1)]))], now_s=T0)
    assert stored(any_kit) == [("van-1", 1, 0), ("van-1", 1, 1)]
    assert written.committed == {("van-1", "box", Lane.TELEMETRY): Committed(outbox="box", lane=Lane.TELEMETRY, n=2)}
    assert written.events == 2


def test_body_is_the_event_as_it_came(any_kit: Kit, ledger: Ledger) -> None:
    ledger.write([read(VAN_1, batch([position(0)]), now_s=T0 + 5)], now_s=T0 + 5)
    with any_kit.store.read() as session:
        row = session.scalars(select(EventRow)).one()
    assert messages.decode_event.decode(row.body) == position(0)
    assert (row.kind, row.t_s, row.received_s) == ("position", T0, T0 + 5)


def test_repeats_are_no_second_row_and_are_answered_all_the_same(any_kit: Kit, ledger: Ledger) -> None:
    arrived = [read(VAN_1, batch([position(0), position(1)]))]
    ledger.write(arrived, now_s=T0)
    again = ledger.write([*arrived, *arrived], now_s=T0)
    assert len(stored(any_kit)) == 2
    assert again.events == 0
    assert committed(again) == 2


def test_the_same_event_in_a_new_outbox_is_no_second_row(any_kit: Kit, ledger: Ledger) -> None:
    ledger.write([read(VAN_1, batch([position(0)]))], now_s=T0)
    other = ledger.write([read(VAN_1, batch([position(0), position(1)], outbox="new"))], now_s=T0)
    assert len(stored(any_kit)) == 2
    assert other.committed["van-1", "new", Lane.TELEMETRY].n == 2


def test_a_missing_batch_holds_the_number_but_not_the_events(any_kit: Kit, ledger: Ledger) -> None:
    first = ledger.write([read(VAN_1, batch([position(0)]))], now_s=T0)
    third = ledger.write([read(VAN_1, batch([position(2)], first_n=3))], now_s=T0)
    assert (committed(first), committed(third)) == (1, 1)
    assert len(stored(any_kit)) == 2
    second = ledger.write([read(VAN_1, batch([position(1), position(2)], first_n=2))], now_s=T0)
    assert committed(second) == 3
    assert len(stored(any_kit)) == 3
    assert lane(any_kit).missing == 0


def test_what_the_outbox_no_longer_holds_is_counted_missing_and_passed(any_kit: Kit, ledger: Ledger) -> None:
    ledger.write([read(VAN_1, batch([position(0)]))], now_s=T0)
    later = ledger.write([read(VAN_1, batch([position(9)], first_n=10, base_n=10))], now_s=T0)
    assert committed(later) == 10
    assert lane(any_kit).missing == 8


def test_lanes_and_gateways_count_apart(any_kit: Kit, ledger: Ledger) -> None:
    written = ledger.write(
        [
            read(VAN_1, batch([position(0)])),
            read(VAN_1, batch([position(1), position(2)], lane=Lane.BUSINESS)),
            read(VAN_2, batch([position(0, source="van-2/cooler")])),
        ],
        now_s=T0,
    )
    assert committed(written) == 1
    assert committed(written, lane=Lane.BUSINESS) == 2
    assert committed(written, gateway="van-2") == 1


def test_a_gap_in_seq_is_seen(any_kit: Kit, ledger: Ledger) -> None:
    ledger.write([read(VAN_1, batch([position(0), position(1), position(4)]))], now_s=T0)
    with any_kit.store.read() as session:
        row = session.scalars(select(SourceRow)).one()
    assert (row.received, row.highest_seq, row.last_t_s) == (3, 4, T0 + 4)
    ledger.write([read(VAN_1, batch([position(2), position(3)], first_n=4))], now_s=T0)
    with any_kit.store.read() as session:
        row = session.scalars(select(SourceRow)).one()
    assert (row.received, row.highest_seq) == (5, 4)


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        (b'{"kind":"position","source":"van-1","boot":1,"seq":7,"t_s":1795424400,"fix":"3d","lat":91}', "lat", "90"),
        (b'{"kind":"position","source":"van-1","boot":1,"seq":7,"fix":"3d"}', "t_s", "missing"),
        (b'{"kind":"banana","source":"van-1","boot":1,"seq":7,"t_s":1795424400}', "kind", "banana"),
        (b'{"kind":"lid","source":"van-2","boot":1,"seq":7,"t_s":1795424400,"open":true}', "source", "van-1"),
        (b'{"kind":"lid","source":"van-12","boot":1,"seq":7,"t_s":1795424400,"open":true}', "source", "van-1"),
        (b'{"kind":"lid","source":"van-1","boot":-1,"seq":7,"t_s":1795424400,"open":true}', "boot", "0"),
        (b'{"kind":"lid","source":"van-1","boot":1,"seq":7,"t_s":1795424400,"open":"yes"}', "open", "bool"),
        (b"17", "payload", "object"),
    ],
)
def test_a_bad_event_goes_aside_alone_and_names_its_field(kit: Kit, bad: bytes, field: str, reason: str) -> None:
    events = [messages.encode(position(0)), bad, messages.encode(position(1))]
    written = Ledger(kit.store).write([read(VAN_1, batch(events))], now_s=T0)
    assert committed(written) == 3
    assert len(stored(kit)) == 2
    with kit.store.read() as session:
        row = session.scalars(select(RejectRow)).one()
    assert row.field == field
    assert reason in row.reason
    assert row.payload == bad
    assert row.origin == "van-1 telemetry 2"
    assert written.rejects == [row.id]


def test_an_event_of_a_time_that_has_not_come_counts_from_when_it_came(any_kit: Kit, ledger: Ledger) -> None:
    ahead = b'{"kind":"visit","source":"van-1","boot":1,"seq":1,"t_s":%d,"began_s":%d,"clock":"none","later":7,%s}'
    events = [messages.encode(position(0)), ahead % (T0 + 5400, T0 + 5000, b'"stop":"s-1","outcome":"no_answer"')]
    for _ in range(2):
        ledger.write([read(VAN_1, batch(events), now_s=T0 + 9)], now_s=T0 + 9)
    with any_kit.store.read() as session:
        kept = session.scalars(select(EventRow).order_by(EventRow.id)).all()[1]
        counted = session.scalars(select(RejectRow)).one()
        source = session.scalars(select(SourceRow)).one()
    visit = messages.decode_event.decode(kept.body)
    assert isinstance(visit, messages.Visit) and visit.outcome == "no_answer"
    assert (kept.t_s, visit.t_s, visit.began_s, visit.clock) == (T0 + 9, T0 + 9, T0 - 391, "none")
    assert '"later":7' in kept.body, "all else is as it came"
    assert (source.received, source.highest_seq, source.last_t_s) == (2, 1, T0 + 9), "no gap, and no time to come"
    assert (counted.field, counted.count) == ("t_s", 1), "told once, however often it comes"


def test_a_bad_event_that_comes_again_is_no_second_reject(kit: Kit) -> None:
    ledger = Ledger(kit.store)
    arrived = [read(VAN_1, batch([b"17"]))]
    ledger.write(arrived, now_s=T0)
    ledger.write(arrived, now_s=T0)
    with kit.store.read() as session:
        assert session.scalars(select(RejectRow)).one().count == 1


def test_a_bad_event_beyond_a_hole_waits_for_its_turn(kit: Kit) -> None:
    ledger = Ledger(kit.store)
    ledger.write([read(VAN_1, batch([b"17"], first_n=2))], now_s=T0)
    with kit.store.read() as session:
        assert session.scalars(select(RejectRow)).all() == []
    ledger.write([read(VAN_1, batch([messages.encode(position(0)), b"17"]))], now_s=T0)
    with kit.store.read() as session:
        assert session.scalars(select(RejectRow)).one().origin == "van-1 telemetry 2"


def test_a_refused_message_that_comes_again_only_raises_its_count(kit: Kit) -> None:
    ledger = Ledger(kit.store)
    for payload in (b"one", b"two", b"three"):
        refusal = Refusal("topic", "payload", "no seal", payload=payload, comes_again=True)
        ledger.write([refusal], now_s=T0)
    with kit.store.read() as session:
        row = session.scalars(select(RejectRow)).one()
    assert (row.count, row.payload) == (3, b"one")


def test_presence_is_kept_and_an_earlier_starts_last_will_is_not(any_kit: Kit, ledger: Ledger) -> None:
    def say(*, online: bool, boot: int) -> None:
        presence = Presence(online=online, boot=boot, t_s=T0, software="0.1.0")
        ledger.write([read(VAN_1, presence)], now_s=T0)

    say(online=True, boot=3)
    say(online=False, boot=2)
    with any_kit.store.read() as session:
        row = session.get(GatewayRow, "van-1")
        assert row is not None
        assert (row.online, row.boot) == (True, 3)
    say(online=False, boot=3)
    with any_kit.store.read() as session:
        assert session.scalar(select(GatewayRow.online)) is False


def test_largest_counts_fit(any_kit: Kit, ledger: Ledger) -> None:
    big = 0xFFFFFFFF
    event = position(0, boot=big, t_s=T0)
    ledger.write([read(VAN_1, batch([event], first_n=2**40, base_n=2**40))], now_s=T0)
    assert stored(any_kit) == [("van-1", big, 0)]
    assert lane(any_kit).committed_n == 2**40


@examples(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(1, 40))
def test_whatever_is_lost_doubled_or_swapped_on_the_way_the_record_has_each_event_once(
    fresh_record: Path, tmp_path: Path, seed: int, count: int
) -> None:
    """A gateway that sends from the committed n on, over a link that loses, doubles and reorders its batches."""
    rng = random.Random(seed)
    file = tmp_path / "hub.sqlite"
    for old in tmp_path.glob("hub.sqlite*"):
        old.unlink()
    shutil.copy(fresh_record, file)
    store = Store(f"sqlite:///{file}")
    ledger, known = Ledger(store), 0
    for _round in range(400):
        if known >= count:
            break
        size = rng.randint(1, 7)
        cuts = range(known + 1, min(known + 20, count) + 1, size)
        sent = [
            batch([position(n - 1) for n in range(cut, min(cut + size, count + 1))], first_n=cut, base_n=known + 1)
            for cut in cuts
        ]
        kept = [one for one in sent for _copy in range(rng.choice((0, 1, 1, 2)))]
        rng.shuffle(kept)
        if kept:
            answer = ledger.write([read(VAN_1, one, future_s=1e6) for one in kept], now_s=T0)
            if rng.random() < 0.8:  # an answer may be lost too
                known = max(known, committed(answer))
    with store.read() as session:
        seqs = sorted(session.scalars(select(EventRow.seq)))
        missing = session.scalar(select(func.sum(LaneRow.missing)))
    store.close()
    assert seqs == list(range(count))
    assert known == count
    assert missing == 0


class LosesAnswer(Store):
    """A record that commits and, when told so, is away before it can say that it did; or says so and did not commit."""

    fails: str = ""

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """As the real one's."""
        fails, self.fails = self.fails, ""
        with super().transaction() as connection:
            yield connection
            if fails == "before":
                raise OperationalError("COMMIT", {}, RuntimeError("away"))
        if fails == "after":
            raise OperationalError("COMMIT", {}, RuntimeError("away"))


@pytest.mark.parametrize("fails", ["before", "after"])
def test_how_far_a_lane_is_comes_from_the_record_after_a_commit_without_answer(any_url: str, fails: str) -> None:
    store = LosesAnswer(any_url)
    store.open()
    ledger = Ledger(store)
    first, second, third = (
        [read(VAN_1, batch([position(seq)], first_n=seq + 1, base_n=2 if seq == 2 else 1))] for seq in range(3)
    )
    ledger.write(first, now_s=T0)
    store.fails = fails
    with pytest.raises(OperationalError):
        ledger.write(second, now_s=T0)
    written = ledger.write(third, now_s=T0)  # the second is with its gateway still, and comes later
    assert committed(written) == (1 if fails == "before" else 3)
    assert committed(ledger.write(second, now_s=T0)) == (2 if fails == "before" else 3)
    assert committed(ledger.write(third, now_s=T0)) == 3
    store.close()
