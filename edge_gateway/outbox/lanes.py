"""The two lanes: events numbered n = 1, 2, … without holes and without reuse, until the hub has committed them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import msgspec

from edge_gateway.contract.messages import LANES, AnyEvent, ClockQuality, Lane, Reader, decode_event, encode
from edge_gateway.outbox.file import OutboxFile, Run, RunMany

Identity = tuple[str, int, int]
ROW_BYTES = 12
"""What a row takes in its page besides the event: number, lengths and its place."""
TOGETHER = (100, 1)
"""Rows in one statement: for a hundred at once SQLite takes a third of the time."""
CHECKED_TOGETHER = 1000
"""Events in one text: a third less than one by one."""

_decode_events: Reader[list[AnyEvent]] = Reader(list[AnyEvent])


@dataclass(frozen=True)
class Depth:
    """What the outbox holds: unsent or unconfirmed events per lane; telemetry dropped, and thinned away, ever."""

    business: int
    telemetry: int
    dropped: int
    thinned: int = 0


@dataclass
class Numbers:
    """Where one lane stands."""

    last_n: int = 0
    committed_n: int = 0
    base_n: int = 1
    """The lowest n on disk, or the next one."""
    dropped: int = 0
    thinned: int = 0
    """Readings that live on only in the mean, lowest and highest of others."""
    bytes: int = 0
    """Of the events on disk, with what each row costs besides."""

    @property
    def on_disk(self) -> int:
        return self.last_n + 1 - self.base_n

    @property
    def pending(self) -> int:
        """Events on disk that the hub has not committed."""
        return self.last_n + 1 - max(self.base_n, self.committed_n + 1)


class Lanes:
    """Both lanes as they stand on disk. A write works on a copy (`begin`), which counts once it was committed."""

    def __init__(self, file: OutboxFile, run: Run, *, source: str, boot: int) -> None:
        self._file = file
        self._source = source
        self._boot = boot
        self._next_seq = 0
        for lane in Lane:
            run("insert or ignore into lanes (lane) values (?)", (lane,))
        self._numbers = {lane: _read_numbers(run, lane) for lane in Lane}
        self._first_n_of_boot = {lane: numbers.last_n + 1 for lane, numbers in self._numbers.items()}

    def __getitem__(self, lane: Lane) -> Numbers:
        return self._numbers[lane]

    @property
    def deletable(self) -> bool:
        """True while something that the hub committed still lies on disk."""
        return any(held.base_n <= held.committed_n for held in self._numbers.values())

    def begin(self, run: Run) -> "LaneWrite":
        """A write inside the transaction `run`; nothing changes here before `accept`."""
        return LaneWrite(
            run,
            self._file.connection.executemany,
            source=self._source,
            boot=self._boot,
            next_seq=self._next_seq,
            numbers={lane: replace(held) for lane, held in self._numbers.items()},
        )

    def accept(self, write: "LaneWrite") -> None:
        """The transaction of `write` was committed."""
        self._numbers = write.numbers
        self._next_seq = write.next_seq

    def read(self, lane: Lane, *, from_n: int, max_events: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """The events from `from_n` on, at most so many and at most so many bytes (but at least one)."""
        rows = self._file.query(
            f"select n, body from {lane.value} where n >= ? order by n limit ?", (from_n, max_events)
        )
        taken: list[tuple[int, bytes]] = []
        size = 0
        for n, body in rows:
            size += len(body) + 1
            if taken and size > max_bytes:
                break
            taken.append((n, body))
        return taken

    def correct_times(self, run: Run, step_s: float, quality: ClockQuality) -> int:
        """Moves what this start stamped with an unset clock and the hub does not have; returns how many."""
        moved = 0
        for lane, first_n in self._first_n_of_boot.items():
            rows = run(f"select n, body from {lane.value} where n >= ?", (first_n,)).fetchall()
            for n, body in rows:
                event = decode_event.decode(body)
                if event.clock is ClockQuality.NONE:
                    corrected = encode(moved_in_time(event, step_s, quality))
                    run(f"update {lane.value} set body = ? where n = ?", (corrected, n))
                    moved += 1
        return moved


class LaneWrite:
    """One transaction's changes of both lanes; `run_many` runs a statement once for each row, in the same transaction.

    New events are gathered and written together: one by one they take twice as long, and all others wait meanwhile.
    """

    def __init__(
        self, run: Run, run_many: RunMany, *, source: str, boot: int, next_seq: int, numbers: dict[Lane, Numbers]
    ) -> None:
        self._run = run
        self._run_many = run_many
        self._rows: dict[Lane, list[tuple[int, bytes]]] = {lane: [] for lane in Lane}
        self._source = source
        self._boot = boot
        self.next_seq = next_seq
        self.numbers = numbers

    def insert(
        self, events: Sequence[AnyEvent], *, as_it_is: bool = False, checked: bool = False
    ) -> Sequence[AnyEvent]:
        """The events as stamped (our own get boot and seq here, unless `as_it_is`), without repeats.

        Raises `msgspec.ValidationError` for one that the hub would set aside, unless they were `checked` before.
        """
        stamped = [self._stamped(event, as_it_is=as_it_is) for event in events]
        kept = [event for event in stamped if event is not None]
        bodies: dict[Lane, list[bytes]] = {lane: [] for lane in Lane}
        for event in kept:
            bodies[LANES[type(event)]].append(encode(event))
        for lane, of_lane in bodies.items():
            if not checked:
                _check(of_lane)
            self._append(lane, of_lane)
        return kept

    def _stamped(self, event: AnyEvent, *, as_it_is: bool) -> AnyEvent | None:
        if event.source == self._source and not as_it_is:
            seq = self.next_seq
            self.next_seq += 1
            return msgspec.structs.replace(event, boot=self._boot, seq=seq)
        identity = (event.source, event.boot, event.seq)
        is_new = self._run("insert or ignore into seen (source, boot, seq) values (?, ?, ?)", identity).rowcount
        return event if is_new else None

    def _append(self, lane: Lane, bodies: Sequence[bytes]) -> None:
        held = self.numbers[lane]
        self._rows[lane].extend(enumerate(bodies, start=held.last_n + 1))
        held.last_n += len(bodies)
        held.bytes += sum(map(len, bodies)) + ROW_BYTES * len(bodies)

    def _write_rows(self) -> None:
        """Before anything that looks at the table, and in the end."""
        for lane, rows in self._rows.items():
            at = 0
            for together in TOGETHER:
                until = len(rows) - (len(rows) - at) % together
                self._run_many(_insert(lane, together), _joined(rows[at:until], together))
                at = until
            rows.clear()

    def delete_committed(self) -> None:
        """What the hub has may go."""
        for lane, held in self.numbers.items():
            if held.base_n <= held.committed_n:
                self._delete(lane, held.committed_n)

    def oldest(self, lane: Lane, count: int) -> list[tuple[int, bytes]]:
        """The first events on disk, at most `count`."""
        self._write_rows()
        return self._run(f"select n, body from {lane.value} order by n limit ?", (count,)).fetchall()

    def size_of(self, events: Sequence[AnyEvent]) -> int:
        """Bytes of these events' bodies."""
        return sum(len(encode(event)) for event in events)

    def replace_oldest(self, lane: Lane, to_n: int, events: Sequence[AnyEvent]) -> None:
        """What stands for all up to and including `to_n` takes new numbers at the end: the old ones never come back."""
        held = self.numbers[lane]
        before = to_n + 1 - held.base_n
        self._delete(lane, to_n)
        self._append(lane, [encode(event) for event in events])
        held.thinned += before - len(events)

    def drop_oldest(self, lane: Lane, to_n: int) -> None:
        """All up to and including `to_n` is lost for ever, and counted."""
        held = self.numbers[lane]
        held.dropped += to_n + 1 - held.base_n
        self._delete(lane, to_n)

    def _delete(self, lane: Lane, to_n: int) -> None:
        self._write_rows()
        held = self.numbers[lane]
        (size,) = self._run(
            f"select coalesce(sum(length(body) + ?), 0) from {lane.value} where n <= ?", (ROW_BYTES, to_n)
        ).fetchone()
        self._run(f"delete from {lane.value} where n <= ?", (to_n,))
        held.bytes -= size
        held.base_n = to_n + 1

    def save(self) -> None:
        """Writes the events, and where the lanes stand."""
        self._write_rows()
        for lane, held in self.numbers.items():
            self._run(
                "update lanes set last_n = ?, committed_n = ?, dropped = ?, thinned = ? where lane = ?",
                (held.last_n, held.committed_n, held.dropped, held.thinned, lane),
            )


def _check(bodies: Sequence[bytes]) -> None:
    """Raises `msgspec.ValidationError` for one that the hub would set aside."""
    for at in range(0, len(bodies), CHECKED_TOGETHER):
        some = bodies[at : at + CHECKED_TOGETHER]
        try:
            _decode_events.decode(b"[" + b",".join(some) + b"]")
        except msgspec.DecodeError:
            for body in some:  # which, and in its own words
                decode_event.decode(body)
            raise


def _insert(lane: Lane, rows: int) -> str:
    return f"insert into {lane.value} values {', '.join(['(?, ?)'] * rows)}"


def _joined(rows: Sequence[tuple[int, bytes]], together: int) -> Sequence[Sequence[object]]:
    """The values of so many rows one after the other."""
    return [tuple(chain.from_iterable(rows[at : at + together])) for at in range(0, len(rows), together)]


def moved_in_time(event: AnyEvent, step_s: float, quality: ClockQuality) -> AnyEvent:
    """The event with its stamp corrected, if an unset clock gave it."""
    if event.clock is not ClockQuality.NONE:
        return event
    return msgspec.structs.replace(event, t_s=event.t_s + step_s, clock=quality)


def waiting_per_lane(events: Sequence[AnyEvent]) -> dict[Lane, int]:
    """How many of `events` go to which lane."""
    counts = dict.fromkeys(Lane, 0)
    for event in events:
        counts[LANES[type(event)]] += 1
    return counts


def _read_numbers(run: Run, lane: Lane) -> Numbers:
    last_n, committed_n, dropped, thinned = run(
        "select last_n, committed_n, dropped, thinned from lanes where lane = ?", (lane,)
    ).fetchone()
    base_n, size = run(f"select min(n), coalesce(sum(length(body) + ?), 0) from {lane.value}", (ROW_BYTES,)).fetchone()
    return Numbers(last_n, committed_n, last_n + 1 if base_n is None else base_n, dropped, thinned, size)
