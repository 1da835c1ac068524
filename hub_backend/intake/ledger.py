"""Writes what came in, exactly once: one transaction for many messages.

An event is known by (source, boot, seq); a repeat is no second row. A lane is committed up to n without a hole: a batch
beyond a hole is kept but does not move n, unless the outbox says (`base_n`) that what lies below is gone for ever;
that is counted in `missing`. A bad event is set aside alone, and its n counts as committed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Committed, EventBatch, Lane, Presence
from hub_backend.intake.envelope import Opened, RefusedError, decode_event
from hub_backend.record import EventRow, GatewayRow, LaneRow, SourceRow
from hub_backend.rejects import Refusal, set_aside
from hub_backend.store import Bulk, Store

Arrived = Opened | Refusal
LaneKey = tuple[str, str, str]  # gateway, outbox, lane

COLUMNS = ("gateway", "source", "boot", "seq", "kind", "t_s", "received_s", "body")
KNOWN_LANES = 100_000  # remembered between transactions, some 200 bytes each
# Asked often, so made once: that is half of what asking costs.
LANE = select(LaneRow.committed_n, LaneRow.missing).where(
    LaneRow.gateway == bindparam("gateway"), LaneRow.outbox == bindparam("outbox"), LaneRow.lane == bindparam("lane")
)
NEWEST = select(func.max(EventRow.id))
# By id alone, and gathered here: grouped in SQL, SQLite walks the index of all events there ever were.
AFTER = select(EventRow.source, EventRow.boot, EventRow.seq, EventRow.t_s).where(EventRow.id > bindparam("after"))


@dataclass
class Written:
    """What one transaction did: what to answer to whom, and what to tell the screens."""

    committed: dict[tuple[str, str, Lane], Committed] = field(default_factory=dict)  # by gateway, outbox, lane
    events: int = 0
    rejects: list[int] = field(default_factory=list)  # ids
    presences: list[str] = field(default_factory=list)  # gateways


class Ledger:
    """The writing side of ingest. An event more than `future_s` ahead of the clock is refused."""

    def __init__(self, store: Store, *, future_s: float) -> None:
        self._store = store
        self._future_s = future_s
        self._statements = _Statements.of(store)
        self._lanes: Mapping[LaneKey, _Lane] = {}
        """As they stand in the record, of which this is the only writer."""

    def write(self, arrived: Sequence[Arrived], *, now_s: float) -> Written:
        """Writes all of it in one transaction, or raises and has written nothing."""
        written = Written()
        lanes, self._lanes = self._lanes, {}  # read anew after a failure: nobody knows whether it was committed
        with self._store.write() as session:
            writing = _Writing(session, self._statements, written, now_s, now_s + self._future_s, known=lanes)
            writing.all_of(arrived)
        self._lanes = {**lanes, **writing.lanes} if len(lanes) < KNOWN_LANES else writing.lanes
        return written


@dataclass(frozen=True)
class _Statements:
    """What is written at every commit, in the database's own dialect."""

    events: Bulk
    lanes: Any
    sources: Any

    @classmethod
    def of(cls, store: Store) -> "_Statements":
        insert = store.insert
        lane, source = insert(LaneRow), insert(SourceRow)
        return cls(
            events=store.bulk(insert(EventRow).on_conflict_do_nothing(), COLUMNS),
            lanes=lane.on_conflict_do_update(
                index_elements=["gateway", "outbox", "lane"],
                set_={"committed_n": lane.excluded.committed_n, "missing": lane.excluded.missing},
            ),
            sources=source.on_conflict_do_update(
                index_elements=["source", "boot"],
                set_={
                    "received": SourceRow.received + source.excluded.received,
                    "highest_seq": _higher(SourceRow.highest_seq, source.excluded.highest_seq),
                    "last_t_s": _higher(SourceRow.last_t_s, source.excluded.last_t_s),
                },
            ),
        )


def _higher(one: Any, other: Any) -> ColumnElement[Any]:
    return case((other > one, other), else_=one)  # SQLite's max is PostgreSQL's greatest


@dataclass
class _Lane:
    """How far a lane is; see `LaneRow`."""

    committed_n: int
    missing: int


@dataclass
class _Writing:
    session: Session
    statements: _Statements
    written: Written
    now_s: float
    newest_s: float
    known: Mapping[LaneKey, "_Lane"]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    lanes: dict[LaneKey, _Lane] = field(default_factory=dict)

    def all_of(self, arrived: Sequence[Arrived]) -> None:
        for thing in arrived:
            match thing:
                case Refusal():
                    self._refuse(thing)
                case Opened(address, EventBatch() as batch):
                    self._batch(address.gateway, batch)
                case Opened(address, Presence() as presence):
                    self._presence(address.gateway, address.hub, presence)
        self._save_lanes()
        self._save_events()

    def _batch(self, gateway: str, batch: EventBatch) -> None:
        lane = self._lane(gateway, batch)
        if batch.base_n > lane.committed_n + 1:
            lane.missing += batch.base_n - 1 - lane.committed_n
            lane.committed_n = batch.base_n - 1
        joins = batch.first_n <= lane.committed_n + 1
        for n, raw in enumerate(batch.events, start=batch.first_n):
            text = bytes(raw)
            try:
                event = decode_event(text, gateway=gateway, newest_s=self.newest_s)
            except RefusedError as fault:
                if joins and n > lane.committed_n:  # otherwise it was set aside before, or will come again
                    self._refuse(Refusal(f"{gateway} {batch.lane} {n}", fault.field, fault.reason, payload=text))
                continue
            self.rows.append(_row(gateway, event, text, self.now_s))
        if joins:
            lane.committed_n = max(lane.committed_n, batch.first_n + len(batch.events) - 1)
        self.written.committed[gateway, batch.outbox, batch.lane] = Committed(
            outbox=batch.outbox, lane=batch.lane, n=lane.committed_n
        )

    def _lane(self, gateway: str, batch: EventBatch) -> _Lane:
        key = (gateway, batch.outbox, batch.lane.value)
        if key not in self.lanes and key in self.known:
            self.lanes[key] = replace(self.known[key])
        if key not in self.lanes:
            found = self.session.execute(LANE, {"gateway": gateway, "outbox": batch.outbox, "lane": key[2]}).first()
            self.lanes[key] = _Lane(*found) if found is not None else _Lane(0, 0)
        return self.lanes[key]

    def _save_lanes(self) -> None:
        rows = [
            {
                "gateway": gateway,
                "outbox": outbox,
                "lane": name,
                "committed_n": lane.committed_n,
                "missing": lane.missing,
            }
            for (gateway, outbox, name), lane in self.lanes.items()
        ]
        if rows:
            self.session.connection().execute(self.statements.lanes, rows)

    def _presence(self, gateway: str, hub: str, presence: Presence) -> None:
        row = self.session.get(GatewayRow, gateway)
        if row is not None and presence.boot < row.boot:
            return  # an earlier start's last will
        self.session.merge(
            GatewayRow(
                gateway=gateway,
                hub=hub,
                online=presence.online,
                boot=presence.boot,
                t_s=presence.t_s,
                software=presence.software,
            )
        )
        self.written.presences.append(gateway)

    def _refuse(self, refusal: Refusal) -> None:
        self.written.rejects.append(set_aside(self.session, refusal, now_s=self.now_s).id)

    def _save_events(self) -> None:
        if not self.rows:
            return
        connection = self.session.connection()
        before = connection.scalar(NEWEST) or 0
        self.statements.events.write(connection, self.rows)
        sources: dict[tuple[str, int], dict[str, Any]] = {}
        for source, boot, seq, t_s in connection.execute(AFTER, {"after": before}):
            new = {"source": source, "boot": boot, "received": 0, "highest_seq": seq, "last_t_s": t_s}
            row = sources.setdefault((source, boot), new)
            row["received"] += 1
            row["highest_seq"] = max(row["highest_seq"], seq)
            row["last_t_s"] = max(row["last_t_s"], t_s)
            self.written.events += 1
        if sources:
            connection.execute(self.statements.sources, list(sources.values()))


def _row(gateway: str, event: AnyEvent, text: bytes, now_s: float) -> tuple[Any, ...]:
    """A row of `events`, in the order of `COLUMNS`."""
    kind = str(event.__struct_config__.tag)
    return gateway, event.source, event.boot, event.seq, kind, event.t_s, now_s, text.decode()
