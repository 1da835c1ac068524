"""What was set aside: kept with its reason, bounded, and all of it counted.

A refused event is the only copy (its gateway was told that it is committed), so each has a row with its payload. What
will come again, a message or a gateway's own word about what it refused, only raises the count of its row. Of what one
source sends at once the newest are kept, and when there are too many rows the oldest give way, of those who have most:
nobody's flood costs others their rows. What is no longer kept goes on counting, in one row for its source and field.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hub_backend.record import RejectRow

ROWS = 10_000
ROOM = 500
"""So many give way together, for to look who has most costs as much as to write a hundred rows."""
AT_ONCE = 100
"""Rows of one source in one transaction."""
FIELDS = 50
"""So many fields of one source are told apart once they are only counted."""
PAYLOAD_BYTES = 65_536
"""The largest message that the broker takes: a payload that is cut cannot be taken in again."""
MOST = 2**31 - 1
NOT_KEPT = "no longer kept: only counted"
TAKEN_IN = "taken in again"
COUNTED = (NOT_KEPT, TAKEN_IN)
"""Reasons of rows that stand for others."""


@dataclass(frozen=True)
class Refusal:
    """Which input was refused (a topic, or a part and an event), which field, and why."""

    origin: str
    field: str
    reason: str
    payload: bytes | None = None
    comes_again: bool = False
    count: int = 1


def set_aside(session: Session, *refusals: Refusal, now_s: float) -> list[int]:
    """Keeps or counts refusals and returns the ids of their rows, in no order."""
    rows = [_raised(session, one, now_s=now_s) for one in _together(one for one in refusals if one.comes_again)]
    for source, theirs in _by_source(one for one in refusals if not one.comes_again).items():
        rows += [_row(one, now_s=now_s) for one in theirs[-AT_ONCE:]]
        not_kept: Counter[str] = Counter()
        for one in theirs[:-AT_ONCE]:
            not_kept[one.field] += one.count
        for field, count in not_kept.items():
            rows.append(_only_count(session, source, field, count, reason=NOT_KEPT, now_s=now_s))
    fresh = [row for row in rows if row.id is None]
    session.add_all(fresh)
    session.flush()
    ids = [row.id for row in rows]
    if any(row.id % ROOM == 0 for row in fresh):
        _make_room(session, now_s=now_s)
    return ids


def count_as_taken_in(session: Session, ids: Sequence[int], *, now_s: float) -> None:
    """These rows go; what they stood for goes on counting."""
    going = select(RejectRow.id, RejectRow.origin, RejectRow.field, RejectRow.count).where(RejectRow.id.in_(ids))
    _let_go(session, session.execute(going).all(), reason=TAKEN_IN, now_s=now_s)


def _only_count(session: Session, source: str, field: str, count: int, *, reason: str, now_s: float) -> RejectRow:
    """The row in which what is not there itself any more counts, raised by so many."""
    counted = select(RejectRow).where(RejectRow.origin == source, RejectRow.reason == reason)
    rows = {row.field: row for row in session.scalars(counted)}
    field = field[:80] if field[:80] in rows or len(rows) < FIELDS else ""
    row = rows.get(field)
    if row is None:
        row = RejectRow(received_s=now_s, origin=source, field=field, reason=reason, count=0)
        session.add(row)
    return _raise(row, count, now_s=now_s)


def source_of(origin: str) -> str:
    """A gateway or a part of the hub, and all messages together: there may be as many topics as anybody likes."""
    first = origin.partition(" ")[0]
    return "messages" if "/" in first else first


def _together(refusals: Iterable[Refusal]) -> Iterable[Refusal]:
    """One for each origin, field and reason."""
    found: dict[tuple[str, str, str], Refusal] = {}
    for one in refusals:
        key = one.origin, one.field, one.reason
        known = found.get(key)
        found[key] = one if known is None else replace(known, count=known.count + one.count)
    return found.values()


def _by_source(refusals: Iterable[Refusal]) -> dict[str, list[Refusal]]:
    found: defaultdict[str, list[Refusal]] = defaultdict(list)
    for one in refusals:
        found[source_of(one.origin)].append(one)
    return found


def _raised(session: Session, refusal: Refusal, *, now_s: float) -> RejectRow:
    """The row of its kind, with its count; a new one when there is none."""
    fresh = _row(refusal, now_s=now_s)
    same = select(RejectRow).where(
        RejectRow.origin == fresh.origin, RejectRow.field == fresh.field, RejectRow.reason == fresh.reason
    )
    row = session.scalars(same.order_by(RejectRow.id).limit(1)).first()
    return fresh if row is None else _raise(row, refusal.count, now_s=now_s)


def _raise(row: RejectRow, count: int, *, now_s: float) -> RejectRow:
    row.count = min(MOST, row.count + count)
    row.received_s = now_s
    return row


def _row(refusal: Refusal, *, now_s: float) -> RejectRow:
    return RejectRow(
        received_s=now_s,
        origin=refusal.origin[:120],
        field=refusal.field[:80],
        reason=refusal.reason[:300],
        count=min(MOST, refusal.count),
        payload=None if refusal.payload is None else refusal.payload[:PAYLOAD_BYTES],
    )


def _make_room(session: Session, *, now_s: float) -> None:
    """When there are more than `ROWS`, the oldest of those who have most go."""
    themselves = RejectRow.reason.not_in(COUNTED)
    if (session.scalar(select(func.count()).where(themselves)) or 0) <= ROWS:
        return
    rows = select(RejectRow.id, RejectRow.origin, RejectRow.field, RejectRow.count).where(themselves)
    oldest_first = session.execute(rows.order_by(RejectRow.received_s, RejectRow.id)).all()
    held = Counter(source_of(row.origin) for row in oldest_first)
    most = _most_of_one(held.values(), room=ROWS - ROOM)
    going = []
    for row in oldest_first:
        source = source_of(row.origin)
        if held[source] > most:
            held[source] -= 1
            going.append(row)
    _let_go(session, going, reason=NOT_KEPT, now_s=now_s)


def _let_go(session: Session, going: Sequence[Any], *, reason: str, now_s: float) -> None:
    """Rows of id, origin, field and count are deleted, and counted in their source's row of this reason."""
    gone: Counter[tuple[str, str]] = Counter()
    for row in going:
        gone[source_of(row.origin), row.field] += row.count
    for (source, field), count in gone.items():
        _only_count(session, source, field, count, reason=reason, now_s=now_s)
    for at in range(0, len(going), ROOM):
        session.execute(delete(RejectRow).where(RejectRow.id.in_([row.id for row in going[at : at + ROOM]])))


def _most_of_one(held: Collection[int], *, room: int) -> int:
    """How many rows each may have at most, so that all of them have room."""
    return bisect_right(range(room + 1), room, key=lambda most: sum(min(one, most) for one in held)) - 1
