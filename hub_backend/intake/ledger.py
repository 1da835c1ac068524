"""Writes what came in, exactly once: one transaction for many messages.

An event is known by (source, boot, seq); a repeat is no second row. A lane is committed up to n without a hole: a batch
beyond a hole is kept but does not move n, unless the outbox says (`base_n`) that what lies below is gone for ever;
that is counted in `missing`. A bad event is set aside alone, and its n counts as committed. One from a time that has
not come is no bad one: it is in the record, and its time is counted as refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import Committed, EventBatch, Lane, Presence
from edge_gateway.contract.topics import Address
from hub_backend.intake.reading import EVENT, Arrived, EventValues, ReadBatch, ReadPresence
from hub_backend.record import EventRow, GatewayRow, LaneRow, SourceRow
from hub_backend.rejects import Refusal, count_as_taken_in, set_aside
from hub_backend.store import Bulk, Store

LaneKey = tuple[str, str, Lane]  # gateway, outbox, lane

LANE = ("gateway", "outbox", "lane", "committed_n", "missing", "newest_n")
SOURCE = ("source", "boot", "received", "highest_seq", "last_t_s")
EARLY = "later than the hub's clock: counts from when it came"
KNOWN_LANES = 100_000  # remembered between transactions, some 200 bytes each
# Asked often, so made once: that is half of what asking costs.
HOW_FAR = select(LaneRow.committed_n, LaneRow.missing, LaneRow.newest_n).where(
    LaneRow.gateway == bindparam("gateway"), LaneRow.outbox == bindparam("outbox"), LaneRow.lane == bindparam("lane")
)
NOTHING_WAITS = update(LaneRow).where(LaneRow.gateway == bindparam("of")).values(newest_n=None)
NEWEST = select(func.max(EventRow.id))
# By id alone, and gathered here: grouped in SQL, SQLite walks the index of all events there ever were.
AFTER = select(EventRow.source, EventRow.boot, EventRow.seq, EventRow.t_s).where(EventRow.id > bindparam("after"))


@dataclass
class Written:
    """What one transaction did: what to answer to whom, and what to tell the screens."""

    committed: dict[LaneKey, Committed] = field(default_factory=dict)
    events: int = 0
    rejects: list[int] = field(default_factory=list)  # ids
    presences: list[str] = field(default_factory=list)  # gateways


class Ledger:
    """The writing side of ingest."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._statements = _Statements.of(store)
        self._lanes: Mapping[LaneKey, _Lane] = {}
        """As they stand in the record, of which this is the only writer."""

    def write(self, arrived: Sequence[Arrived], *, now_s: float) -> Written:
        """Writes all of it in one transaction, or raises and has written nothing."""
        lanes, self._lanes = self._lanes, {}  # read anew after a failure: nobody knows whether it was committed
        with self._store.transaction() as connection:
            writing = _Writing(connection, self._statements, now_s, known=lanes)
            writing.all_of(arrived)
        self._lanes = {**lanes, **writing.lanes} if len(lanes) < KNOWN_LANES else writing.lanes
        return writing.written

    def take_in_again(self, rows: Sequence[EventValues], *, rejects: Sequence[int], now_s: float) -> int:
        """Writes events that had been set aside, in one transaction with their rejects; how many are new.

        Their lanes stay as they are: of these events their gateway was told that they are committed.
        """
        with self._store.transaction() as connection:
            writing = _Writing(connection, self._statements, now_s, known={}, rows=list(rows))
            count_as_taken_in(writing.session, rejects, now_s=now_s)
            writing.session.commit()
            writing.save_events()
        return writing.written.events


@dataclass(frozen=True)
class _Statements:
    """What is written at every commit, in the database's own dialect."""

    events: Bulk
    lanes: Bulk
    sources: Bulk

    @classmethod
    def of(cls, store: Store) -> "_Statements":
        insert = store.insert
        lane, source = insert(LaneRow), insert(SourceRow)
        lanes = lane.on_conflict_do_update(
            index_elements=["gateway", "outbox", "lane"],
            set_={name: lane.excluded[name] for name in ("committed_n", "missing", "newest_n")},
        )
        sources = source.on_conflict_do_update(
            index_elements=["source", "boot"],
            set_={
                "received": SourceRow.received + source.excluded.received,
                "highest_seq": _higher(SourceRow.highest_seq, source.excluded.highest_seq),
                "last_t_s": _higher(SourceRow.last_t_s, source.excluded.last_t_s),
            },
        )
        events = insert(EventRow).on_conflict_do_nothing()
        return cls(store.bulk(events, EVENT), store.bulk(lanes, LANE), store.bulk(sources, SOURCE))


def _higher(one: Any, other: Any) -> ColumnElement[Any]:
    return case((other > one, other), else_=one)  # SQLite's max is PostgreSQL's greatest


@dataclass
class _Lane:
    """How far a lane is; see `LaneRow`."""

    committed_n: int
    missing: int
    newest_n: int | None


@dataclass
class _Writing:
    connection: Connection
    statements: _Statements
    now_s: float
    known: Mapping[LaneKey, _Lane]
    lanes: dict[LaneKey, _Lane] = field(default_factory=dict)
    rows: list[EventValues] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    written: Written = field(default_factory=Written)

    @cached_property
    def session(self) -> Session:
        """For what is rare: a session costs as much as ten messages."""
        return Session(self.connection, expire_on_commit=False)

    def all_of(self, arrived: Sequence[Arrived]) -> None:
        for thing in arrived:
            match thing:
                case Refusal():
                    self._refuse(thing)
                case ReadBatch():
                    self._batch(thing)
                case ReadPresence():
                    self._presence(thing.address, thing.presence)
        if self.refusals:
            self.written.rejects += set_aside(self.session, *self.refusals, now_s=self.now_s)
        if "session" in self.__dict__:
            self.session.commit()  # of what it holds; the transaction is not its own
        self._save_lanes()
        self.save_events()

    def _batch(self, read: ReadBatch) -> None:
        gateway, batch = read.address.gateway, read.batch
        lane = self._lane(gateway, batch)
        lane.newest_n = batch.newest_n
        if batch.base_n > lane.committed_n + 1:
            lane.missing += batch.base_n - 1 - lane.committed_n
            lane.committed_n = batch.base_n - 1
        self.rows += read.rows
        if batch.first_n > lane.committed_n + 1:
            return  # beyond a hole: it will come again, and what is bad in it is set aside then
        for n, fault in read.refused:
            if n > lane.committed_n:  # otherwise it was set aside before
                origin, payload = f"{gateway} {batch.lane} {n}", bytes(batch.events[n - batch.first_n])
                self._refuse(Refusal(origin, fault.field, fault.reason, payload=payload))
        if early := sum(n > lane.committed_n for n in read.early):
            self._refuse(Refusal(f"{gateway} {gateway}", "t_s", EARLY, comes_again=True, count=early))
        lane.committed_n = max(lane.committed_n, batch.first_n + len(batch.events) - 1)

    def _lane(self, gateway: str, batch: EventBatch) -> _Lane:
        key = (gateway, batch.outbox, batch.lane)
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = replace(self.known[key]) if key in self.known else self._look_up(key)
        return lane

    def _look_up(self, key: LaneKey) -> _Lane:
        gateway, outbox, lane = key
        asked = {"gateway": gateway, "outbox": outbox, "lane": lane.value}
        found = self.connection.execute(HOW_FAR, asked).first()
        if found is not None:
            return _Lane(*found)
        self.connection.execute(NOTHING_WAITS, {"of": gateway})  # in the file that this one took the place of
        return _Lane(0, 0, None)

    def _save_lanes(self) -> None:
        self.written.committed = {
            (gateway, outbox, name): Committed(outbox=outbox, lane=name, n=lane.committed_n)
            for (gateway, outbox, name), lane in self.lanes.items()
        }
        self.statements.lanes.write(
            self.connection,
            [
                (gateway, outbox, name.value, one.committed_n, one.missing, one.newest_n)
                for (gateway, outbox, name), one in self.lanes.items()
            ],
        )

    def _presence(self, address: Address, presence: Presence) -> None:
        gateway = address.gateway
        row = self.session.get(GatewayRow, gateway)
        if row is not None and presence.boot < row.boot:
            return  # an earlier start's last will
        self.session.merge(
            GatewayRow(
                gateway=gateway,
                hub=address.hub,
                online=presence.online,
                boot=presence.boot,
                t_s=presence.t_s,
                software=presence.software,
            )
        )
        self.written.presences.append(gateway)

    def _refuse(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)

    def save_events(self) -> None:
        if not self.rows:
            return
        before = self.connection.scalar(NEWEST) or 0
        self.written.events = self.statements.events.write(self.connection, self.rows)
        if self.written.events == len(self.rows):
            sources = _of_sources((row[1], row[2], row[3], row[5]) for row in self.rows)
        else:  # repeats among them: the record knows which are new
            sources = _of_sources(self.connection.execute(AFTER, {"after": before}))
        self.statements.sources.write(self.connection, sources)


def _of_sources(new: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Rows of `sources`, in the order of `SOURCE`, of new events' source, boot, seq and t_s."""
    found: dict[tuple[str, int], list[Any]] = {}
    for source, boot, seq, t_s in new:
        row = found.get((source, boot))
        if row is None:
            row = found[source, boot] = [0, seq, t_s]
        row[0] += 1
        row[1] = max(row[1], seq)
        row[2] = max(row[2], t_s)
    return [(*key, *row) for key, row in found.items()]
