"""What waits to be sent: an entry, a compact queue of entries, and the bounded ring that keeps telemetry in RAM."""

import struct

HEAD = "<HIqI"
HEAD_BYTES = 18
NOT_KNOWN_MS = -1


class Entry:
    """A reading that waits for its acknowledgement: known for ever by (boot, seq).

    `made_ms` is when it was made on this boot's world clock, None for one of an earlier boot. `segment` is where the
    journal keeps it, 0 for telemetry.
    """

    def __init__(self, boot: int, seq: int, reading: bytes, made_ms: int | None, segment: int = 0):
        self.boot = boot
        self.seq = seq
        self.reading = reading
        self.made_ms = made_ms
        self.segment = segment


class Queue:
    """At most `size` entries in order, each one block of bytes, in a table that never grows.

    As objects, the 440 entries of a full node would not fit in a board's heap; and a table that grows finds no room
    in one that is broken up, though half of it is free.
    """

    def __init__(self, size: int):
        self._packed: list[bytes | None] = [None] * size
        self._first = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        return self._count == len(self._packed)

    def put(self, entry: Entry) -> None:
        """Raises `IndexError` when full."""
        if self.is_full:
            raise IndexError("queue of %d is full" % self._count)
        made_ms = NOT_KNOWN_MS if entry.made_ms is None else entry.made_ms
        packed = struct.pack(HEAD, entry.boot, entry.seq, made_ms, entry.segment) + entry.reading
        self._packed[(self._first + self._count) % len(self._packed)] = packed
        self._count += 1

    def take(self) -> Entry | None:
        """The oldest, None when there is none."""
        packed = self._packed[self._first]
        if packed is None:
            return None
        self._packed[self._first] = None
        self._first = (self._first + 1) % len(self._packed)
        self._count -= 1
        boot, seq, made_ms, segment = struct.unpack(HEAD, packed[:HEAD_BYTES])
        return Entry(boot, seq, packed[HEAD_BYTES:], None if made_ms == NOT_KNOWN_MS else made_ms, segment)


class Ring:
    """A queue of telemetry that drops its oldest when full, and counts it: its seq is then missing for good."""

    def __init__(self, size: int):
        self._queue = Queue(size)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, entry: Entry) -> None:
        if self._queue.is_full:
            self._queue.take()
            self.dropped += 1
        self._queue.put(entry)

    def take(self) -> Entry | None:
        """The oldest entry, now the taker's to keep until it is acknowledged."""
        return self._queue.take()
