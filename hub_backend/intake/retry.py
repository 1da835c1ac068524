"""Takes in again what was set aside, after a fix: what can be read now becomes events, what cannot keeps its reason.

A refused event's gateway was told that it is committed, so its row in the record is the only copy. A refused message
comes again by itself as long as its gateway is there; a gateway that was lost with its outbox sends nothing again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import select

from edge_gateway.contract.messages import EventBatch, Lane
from edge_gateway.contract.topics import Address
from hub_backend.intake.envelope import Opened, Opener, RefusedError
from hub_backend.intake.ledger import Ledger
from hub_backend.intake.reading import EventValues, ReadPresence, read_to_its_end
from hub_backend.record import RejectRow
from hub_backend.store import Store

TOGETHER = 200
"""Rejects in one transaction."""


@dataclass
class Retried:
    """What came of it: rejects that were taken in, how many events were new with them, and why others stay."""

    taken: list[int] = field(default_factory=list)
    events: int = 0
    refused: dict[int, str] = field(default_factory=dict)


class Retry:
    """Reads what was set aside as ingest would today. Only what came within `future_s` of when it came is believed."""

    def __init__(self, store: Store, opener: Opener, *, future_s: float) -> None:
        self._store = store
        self._opener = opener
        self._future_s = future_s

    def run(self, ids: Sequence[int] | None, *, now_s: float) -> Retried:
        """Those with these ids, or all."""
        done, ledger = Retried(), Ledger(self._store)
        for rejects in self._kept(ids):
            taken: list[int] = []
            rows: list[EventValues] = []
            for reject in rejects:
                try:
                    rows += self._read(reject)
                    taken.append(reject.id)
                except RefusedError as fault:
                    done.refused[reject.id] = str(fault)
            if taken:
                done.events += ledger.take_in_again(rows, rejects=taken, now_s=now_s)
                done.taken += taken
        return done

    def _kept(self, ids: Sequence[int] | None) -> Iterator[Sequence[RejectRow]]:
        """Those that have what was sent, oldest first, so many at once."""
        wanted = select(RejectRow).where(RejectRow.payload.is_not(None)).order_by(RejectRow.id).limit(TOGETHER)
        if ids is not None:
            wanted = wanted.where(RejectRow.id.in_(ids))
        after = 0
        while True:
            with self._store.read() as session:
                rejects = session.scalars(wanted.where(RejectRow.id > after)).all()
            if not rejects:
                return
            yield rejects
            after = rejects[-1].id

    def _read(self, reject: RejectRow) -> Sequence[EventValues]:
        """Raises `RefusedError`."""
        payload = reject.payload or b""
        opened = self._opener.open(reject.origin, payload) if "/" in reject.origin else _event(reject.origin, payload)
        read = read_to_its_end(opened, now_s=reject.received_s, future_s=self._future_s)
        if isinstance(read, ReadPresence):
            return ()  # an old word about who is there: a newer one has come since
        for _n, fault in read.refused:
            raise fault
        return read.rows


def _event(origin: str, payload: bytes) -> Opened:
    """As the only event of a batch. Raises `RefusedError`."""
    match origin.split():
        case [gateway, ("business" | "telemetry") as lane, n]:
            batch = EventBatch(
                outbox="", lane=Lane(lane), base_n=int(n), first_n=int(n), events=(msgspec.Raw(payload),)
            )
            return Opened(Address("", "", gateway), batch)
    raise RefusedError("origin", f"{origin!r} is neither an event nor a message of a gateway")
