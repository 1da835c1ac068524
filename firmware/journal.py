"""Unsent business readings in flash: what `put` answered True to survives a power cut at any moment.

In come entries, out go the same entries in order, also after a restart; then with their old boot and seq, and no time
(`made_ms` None). The file system (littlefs, as `vfs.VfsLfs2` or `os` gives it) and the folder are passed in.

A segment is a file of records `length u8 | boot u16 | seq u32 | reading | crc32 u32`. It is removed when all its
records are acknowledged, so after a cut at most one segment's acknowledged records are sent again, and the hub knows
them by (boot, seq). A segment with a damaged record is set aside under another name after what was good in it is
written again; it is never deleted.
"""

import struct
from binascii import crc32

from ring import Entry, Queue

HEAD = "<BHI"
HEAD_BYTES = 7
CRC_BYTES = 4
SEGMENT_ENTRIES = 32


class Journal:
    """At most `size` entries; a full one refuses and counts the newest, and keeps its word on the others."""

    def __init__(self, fs, path: str, size: int):
        self._fs = fs
        self._path = path
        self._size = size
        self._waiting = Queue(size + 2 * SEGMENT_ENTRIES)  # not taken yet; a start finds acknowledged ones again
        self._unacked: dict[int, int] = {}  # segment -> entries not acknowledged
        self._written = 0  # entries ever written to the current segment
        self._file = None  # the current segment, open
        self._current = 0
        self.dropped = 0
        self.damaged = 0  # segments set aside
        self.failed = 0  # flash operations that failed without loss
        self._load()

    def __len__(self) -> int:
        return sum(self._unacked.values())

    def put(self, entry: Entry) -> bool:
        """True when the entry is on flash; False when it is refused (full, or the flash fails) and counted."""
        if len(self) >= self._size:
            self.dropped += 1
            return False
        try:
            self._write(entry)
        except OSError:  # no room, or a worn block: begin another segment next time
            self._file = None
            self.dropped += 1
            return False
        self._waiting.put(entry)
        return True

    def take(self) -> Entry | None:
        """The oldest entry that was not taken since the start."""
        return self._waiting.take()

    def done(self, entry: Entry) -> None:
        """The entry is acknowledged; its segment goes when it was the last one in it."""
        segment = entry.segment
        if not segment:  # telemetry
            return
        self._unacked[segment] -= 1
        if self._unacked[segment] > 0:
            return
        del self._unacked[segment]
        try:
            self._close(segment)
            self._fs.remove(self._name(segment))
        except OSError:
            self.failed += 1  # it stays: after a restart its readings go out once more, which is harmless

    def _write(self, entry: Entry) -> None:
        if self._file is None or self._written >= SEGMENT_ENTRIES:
            self._begin()
        file = self._file
        assert file is not None
        body = struct.pack(HEAD, len(entry.reading), entry.boot, entry.seq) + entry.reading
        file.write(body + struct.pack("<I", crc32(body) & 0xFFFFFFFF))
        file.flush()  # only now is it on flash: without this a cut loses what was promised
        self._written += 1
        entry.segment = self._current
        self._unacked[self._current] = self._unacked.get(self._current, 0) + 1

    def _begin(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._current += 1
        self._written = 0
        self._file = self._fs.open(self._name(self._current), "wb")

    def _close(self, segment: int) -> None:
        if segment == self._current and self._file is not None:
            self._file.close()
            self._file = None

    def _name(self, segment: int) -> str:
        return "%s/%08x" % (self._path, segment)

    def _load(self) -> None:
        segments = self._segments()
        known = set()
        if segments:
            self._current = segments[-1]
        for segment in segments:
            if len(self._waiting) + SEGMENT_ENTRIES > self._size + 2 * SEGMENT_ENTRIES:
                self.failed += 1  # an older firmware kept more: the rest is for the next start
                break
            entries, whole = self._read(segment)
            fresh = [entry for entry in entries if (entry.boot, entry.seq) not in known]
            known.update([(entry.boot, entry.seq) for entry in fresh])
            if whole and fresh:
                self._unacked[segment] = len(fresh)
            elif whole:
                self._fs.remove(self._name(segment))  # begun, but cut off before its first record
            else:
                self._rescue(segment, fresh)
            for entry in fresh:
                self._waiting.put(entry)

    def _segments(self) -> list[int]:
        try:
            names = [item[0] for item in self._fs.ilistdir(self._path)]
        except OSError:
            self._fs.mkdir(self._path)
            return []
        return sorted([int(name, 16) for name in names if len(name) == 8])

    def _read(self, segment: int) -> tuple[list[Entry], bool]:
        """The good records of a segment, and whether there was nothing else in it."""
        entries: list[Entry] = []
        try:
            with self._fs.open(self._name(segment), "rb") as file:
                data = file.read()
        except OSError:
            return entries, False
        at = 0
        while at + HEAD_BYTES + CRC_BYTES <= len(data):
            end = at + HEAD_BYTES + data[at]
            body = data[at:end]
            if data[end : end + CRC_BYTES] != struct.pack("<I", crc32(body) & 0xFFFFFFFF):
                break
            _, boot, seq = struct.unpack(HEAD, body[:HEAD_BYTES])
            entries.append(Entry(boot, seq, body[HEAD_BYTES:], None, segment))
            at = end + CRC_BYTES
        return entries, at == len(data)

    def _rescue(self, segment: int, entries: list[Entry]) -> None:
        self.damaged += 1
        try:
            for entry in entries:
                self._write(entry)
            self._fs.rename(self._name(segment), "%s/damaged-%08x" % (self._path, segment))
        except OSError:
            self.failed += 1
            left = [entry for entry in entries if entry.segment == segment]
            self._unacked[segment] = len(left) + 1  # never all acknowledged, so never removed
