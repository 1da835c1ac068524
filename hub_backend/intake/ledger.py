"""Writes what came in, exactly once: one transaction for many messages.

An event is known by (source, boot, seq); a repeat is no second row. A lane is committed up to n without a hole: a batch
beyond a hole is kept but does not move n, unless the outbox says (`base_n`) that what lies below is gone for ever;
that is counted in `missing`. A bad event is set aside alone, and its n counts as committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Committed, EventBatch, Lane, Presence
from hub_backend.intake.envelope import Opened, RefusedError, decode_event
from hub_backend.record import EventRow, GatewayRow, LaneRow, SourceRow
from hub_backend.rejects import Refusal, set_aside
from hub_backend.store import Store

Arrived = Opened | Refusal


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
        make = sqlite.insert if store.is_sqlite else postgresql.insert
        self._insert = make(EventRow).on_conflict_do_nothing()

    def write(self, arrived: Sequence[Arrived], *, now_s: float) -> Written:
        """Writes all of it in one transaction, or raises and has written nothing."""
        written = Written()
        with self._store.write() as session:
            _Writing(session, written, now_s, now_s + self._future_s).all_of(arrived, self._insert)
        return written


@dataclass
class _Writing:
    session: Session
    written: Written
    now_s: float
    newest_s: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    lanes: dict[tuple[str, str, str], LaneRow] = field(default_factory=dict)

    def all_of(self, arrived: Sequence[Arrived], insert_events: Any) -> None:
        for thing in arrived:
            match thing:
                case Refusal():
                    self._refuse(thing)
                case Opened(address, EventBatch() as batch):
                    self._batch(address.gateway, batch)
                case Opened(address, Presence() as presence):
                    self._presence(address.gateway, address.hub, presence)
        self._events(insert_events)

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

    def _lane(self, gateway: str, batch: EventBatch) -> LaneRow:
        key = (gateway, batch.outbox, batch.lane.value)
        lane = self.lanes.get(key) or self.session.get(LaneRow, key)
        if lane is None:
            lane = LaneRow(gateway=gateway, outbox=batch.outbox, lane=batch.lane.value, committed_n=0, missing=0)
            self.session.add(lane)
        self.lanes[key] = lane
        return lane

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

    def _events(self, insert_events: Any) -> None:
        if not self.rows:
            return
        before = self.session.scalar(select(func.max(EventRow.id))) or 0
        self.session.connection().execute(insert_events, self.rows)
        # By id alone and gathered here: grouped in SQL, SQLite walks the index of all events there ever were.
        new = select(EventRow.source, EventRow.boot, EventRow.seq, EventRow.t_s).where(EventRow.id > before)
        found: dict[tuple[str, int], list[tuple[int, float]]] = {}
        for source, boot, seq, t_s in self.session.execute(new):
            found.setdefault((source, boot), []).append((seq, t_s))
        for (source, boot), events in found.items():
            self.written.events += len(events)
            self._source(source, boot, events)

    def _source(self, source: str, boot: int, events: Sequence[tuple[int, float]]) -> None:
        """Counts new events, (seq, t_s) each, of one start of one source."""
        row = self.session.get(SourceRow, (source, boot))
        if row is None:
            row = SourceRow(source=source, boot=boot, received=0, highest_seq=0, last_t_s=events[0][1])
            self.session.add(row)
        row.received += len(events)
        row.highest_seq = max(row.highest_seq, *(seq for seq, _t_s in events))
        row.last_t_s = max(row.last_t_s, *(t_s for _seq, t_s in events))


def _row(gateway: str, event: AnyEvent, text: bytes, now_s: float) -> dict[str, Any]:
    return {
        "gateway": gateway,
        "source": event.source,
        "boot": event.boot,
        "seq": event.seq,
        "kind": str(event.__struct_config__.tag),
        "t_s": event.t_s,
        "received_s": now_s,
        "body": text.decode(),
    }
