"""Unsent telemetry in RAM: bounded, the oldest goes first, what is lost is counted."""


class Entry:
    """A reading that waits for its acknowledgement: known for ever by (boot, seq).

    `made_ms` is when it was made on this boot's world clock, None for one of an earlier boot. `segment` is where the
    journal keeps it, None for telemetry.
    """

    def __init__(self, boot: int, seq: int, reading: bytes, made_ms: int | None, segment: int | None = None):
        self.boot = boot
        self.seq = seq
        self.reading = reading
        self.made_ms = made_ms
        self.segment = segment


class Ring:
    """At most `size` entries, oldest first."""

    def __init__(self, size: int):
        self._size = size
        self._entries: list[Entry] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: Entry) -> None:
        """Keep it; when the ring is full the oldest is dropped and counted (its seq is then missing for good)."""
        self._entries.append(entry)
        if len(self._entries) > self._size:
            self._entries.pop(0)
            self.dropped += 1

    def take(self) -> Entry | None:
        """The oldest entry, now the taker's to keep until it is acknowledged."""
        return self._entries.pop(0) if self._entries else None
