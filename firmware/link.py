"""The node's end of the line to its gateway: a session, a window of frames, and what is not yet acknowledged.

In come entries from the outbox and frames from the gateway; out go bytes, and word to the outbox of what is committed.
Timers run on the machine's clock (`now_ms`), ages on the world's (`world_ms`): the same on a board, not in a fast
simulated day.

A session begins with HELLO, repeated with the same session number until the gateway answers with an ACK. Every new
session has a new number (boot in the upper half), so that no old ACK can be taken for an answer. DATA frames are then
numbered from link 0; what an earlier session left unacknowledged goes first.
"""

import frame
import readings

HELLO_WAIT_MS = 200
HELLO_WAIT_MAX_MS = 4000
BUSINESS_WAIT_MS = 300  # the gateway commits these at once
TELEMETRY_WAIT_MS = 2000  # and these once a second
WAIT_MAX_MS = 8000
TRIES_BEFORE_HELLO = 8
LOGS = 4


class Slot:
    """An entry under way."""

    def __init__(self, entry, now_ms: int):
        self.entry = entry
        self.business = entry.reading[0] in readings.BUSINESS
        self.restart(now_ms)

    def restart(self, now_ms: int) -> None:
        self.acked = False
        self.tries = 0
        self.due_ms = now_ms
        self.wait_ms = BUSINESS_WAIT_MS if self.business else TELEMETRY_WAIT_MS


class Link:
    """Sends what `outbox.take()` gives until it is acknowledged, then calls `outbox.done(entry)`.

    `write(bytes) -> bool` puts a whole frame on the line, or answers False when there is no room now.
    """

    def __init__(self, boot: int, kind: int, version: str, outbox, *, write, now_ms: int):
        self._boot = boot
        self._kind = kind
        self._version = version
        self._outbox = outbox
        self._write = write
        self._decoder = frame.Decoder()
        self._slots: list[Slot] = []  # slot i has link number (base + i) mod 256
        self._base = 0
        self._sessions = 0
        self._session = 0
        self._logs: list[bytes] = []
        self.is_open = False
        self.resent = 0
        self.ignored = 0  # frames that are no answer to anything: echoes, old ACKs, other types
        self._open(now_ms)

    @property
    def rejected(self) -> int:
        """Frames that noise made unreadable."""
        return self._decoder.rejected

    @property
    def is_idle(self) -> bool:
        """Everything given so far is acknowledged."""
        return not self._slots and len(self._outbox) == 0

    def log(self, level: int, text: str) -> None:
        """Send a line of text once there is a session; not repeated, and of many only the last few."""
        self._logs.append(readings.pack_log(level, text))
        if len(self._logs) > LOGS:
            self._logs.pop(0)

    def receive(self, data: bytes, now_ms: int) -> None:
        """Bytes came in."""
        for one in self._decoder.feed(data):
            if one.type == frame.ACK and one.seq == self._session:
                self._acknowledge(one.payload, now_ms)
            elif one.type == frame.HELLO and not self._is_echo(one):
                if self.is_open:  # the gateway has started again, or lost count; while opening, HELLO goes out anyway
                    self._open(now_ms)
            else:
                self.ignored += 1

    def step(self, now_ms: int, world_ms: int) -> None:
        """Send what is due."""
        if not self.is_open:
            self._hello(now_ms)
            return
        while self._logs and self._send(frame.LOG, 0, 0, self._logs[0]):
            self._logs.pop(0)
        while len(self._slots) < readings.WINDOW:
            entry = self._outbox.take()
            if entry is None:
                break
            self._slots.append(Slot(entry, now_ms))
        for index, slot in enumerate(self._slots):
            if not slot.acked and now_ms >= slot.due_ms:
                if slot.tries >= TRIES_BEFORE_HELLO:
                    self._open(now_ms)  # the gateway acknowledges nothing: begin anew
                    return
                self._send_slot(slot, (self._base + index) % readings.LINKS, now_ms, world_ms)

    def due_in_ms(self, now_ms: int) -> int:
        """How long `step` has nothing to do unless something comes in."""
        if not self.is_open:
            return max(0, self._hello_due_ms - now_ms)
        wait_ms = WAIT_MAX_MS
        for slot in self._slots:
            if not slot.acked:
                wait_ms = min(wait_ms, slot.due_ms - now_ms)
        return max(0, wait_ms)

    def _open(self, now_ms: int) -> None:
        self._session = self._boot << 16 | self._sessions
        self._sessions = (self._sessions + 1) & 0xFFFF
        self.is_open = False
        self._hello_due_ms = now_ms
        self._hello_wait_ms = HELLO_WAIT_MS
        self._slots = [slot for slot in self._slots if not slot.acked]
        self._base = 0

    def _hello(self, now_ms: int) -> None:
        if now_ms < self._hello_due_ms:
            return
        payload = readings.pack_hello(self._outbox.dropped, self._kind, self._version)
        self._write(b"\0")  # ends whatever noise stands on the line
        self._send(frame.HELLO, self._session, 0, payload)
        self._hello_due_ms = now_ms + self._hello_wait_ms
        self._hello_wait_ms = min(self._hello_wait_ms * 2, HELLO_WAIT_MAX_MS)

    def _send_slot(self, slot: Slot, link: int, now_ms: int, world_ms: int) -> None:
        entry = slot.entry
        age_ms = None if entry.made_ms is None else max(0, world_ms - entry.made_ms)
        if age_ms is not None and age_ms >= frame.AGE_UNKNOWN:
            age_ms = None
        payload = readings.pack_data(link, entry.reading)
        one = frame.Frame(frame.DATA, entry.boot, entry.seq, age_ms, payload)
        if not self._write(frame.encode(one)):
            slot.due_ms = now_ms + HELLO_WAIT_MS
            return
        if slot.tries:
            self.resent += 1
        slot.tries += 1
        slot.due_ms = now_ms + slot.wait_ms
        slot.wait_ms = min(slot.wait_ms * 2, WAIT_MAX_MS)

    def _send(self, kind: int, seq: int, age_ms: int, payload: bytes) -> bool:
        return self._write(frame.encode(frame.Frame(kind, self._boot, seq, age_ms, payload)))

    def _is_echo(self, one: frame.Frame) -> bool:
        return one.boot == self._boot and one.seq == self._session

    def _acknowledge(self, payload: bytes, now_ms: int) -> None:
        try:
            ahead, bitmap = readings.unpack_ack(payload)
        except readings.ReadingError:
            self.ignored += 1
            return
        if not self.is_open:
            self.is_open = True
            for slot in self._slots:
                slot.restart(now_ms)
            return  # nothing of this session was sent before it was open
        before = (ahead - self._base) % readings.LINKS
        if before > len(self._slots):
            self.ignored += 1  # repeated, from before what is already done
            return
        for index, slot in enumerate(self._slots):
            bit = index - before - 1
            if not slot.acked and (index < before or (0 <= bit < 8 and bitmap >> bit & 1)):
                slot.acked = True
                self._outbox.done(slot.entry)
        while self._slots and self._slots[0].acked:
            self._slots.pop(0)
            self._base = (self._base + 1) % readings.LINKS
