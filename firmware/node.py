"""A node: its duty, what it has not sent yet, and its line. Clocks, sensors, flash and line are handed in.

`step(now_ms, world_ms)` is called in a loop, soon after anything happened and at the latest `due_in_ms` later.
`now_ms` is the machine's time for the line's timers, `world_ms` the world's for readings; on a board both are one.
"""

import readings
from cooler import Cooler
from journal import Journal
from link import Link
from memory import Memory
from ring import Entry, Ring
from settings import KINDS

VERSION = "node-0.2.0"
JOURNAL_ENTRIES = 256
MAX_VOLTAGE_MV = 85_000  # the INA228's bus input
MAX_CURRENT_MA = 1_000_000
LOG_PERIOD_MS = 600_000


class Outbox:
    """All that is not acknowledged: business in the journal, telemetry in the ring; business goes first."""

    def __init__(self, journal: Journal, ring: Ring):
        self._journal = journal
        self._ring = ring

    def __len__(self) -> int:
        return len(self._journal) + len(self._ring)

    @property
    def dropped(self) -> int:
        """Readings lost since the start, because there was no room for them."""
        return self._journal.dropped + self._ring.dropped

    def put(self, entry: Entry) -> bool:
        """False when it was refused."""
        if entry.reading[0] in readings.BUSINESS:
            return self._journal.put(entry)
        self._ring.put(entry)
        return True

    def take(self) -> Entry | None:
        """The next to send, held by the link from now on."""
        return self._journal.take() or self._ring.take()

    def done(self, entry: Entry) -> None:
        """The gateway has committed it."""
        self._journal.done(entry)


class Scanner:
    """The duty of a scanner node: every code goes into the journal at once."""

    def __init__(self, sensors, emit):
        self._sensors = sensors
        self._emit = emit
        self.implausible = 0

    def step(self, now_ms: int) -> None:
        for code in self._sensors.scans():
            try:
                self._emit(as_scan(code), now_ms)
            except readings.ReadingError:  # empty, or longer than a frame
                self.implausible += 1

    def due_in_ms(self, now_ms: int) -> int:
        return LOG_PERIOD_MS


class Shunt:
    """The duty of a shunt node: one battery reading a period."""

    def __init__(self, settings: dict, sensors, emit, now_ms: int):
        self._sensors = sensors
        self._emit = emit
        self._period_ms = int(settings["period_s"] * 1000)
        self._due_ms = now_ms + self._period_ms
        self.implausible = 0

    def step(self, now_ms: int) -> None:
        while now_ms >= self._due_ms:
            voltage_mv, current_ma, charge_mah = self._sensors.read()
            if voltage_mv is not None and not 0 <= voltage_mv <= MAX_VOLTAGE_MV:
                self.implausible += 1
                voltage_mv = None
            if current_ma is not None and not -MAX_CURRENT_MA <= current_ma <= MAX_CURRENT_MA:
                self.implausible += 1
                current_ma = None
            self._emit(readings.Battery(voltage_mv, current_ma, charge_mah), self._due_ms)
            self._due_ms += self._period_ms

    def due_in_ms(self, now_ms: int) -> int:
        return max(0, self._due_ms - now_ms)


class Node:
    """The whole of a node. Raises `OSError` when the flash cannot keep the boot counter.

    `fs` is a littlefs, `folder` where in it; `random_u16` a random number for a flash that remembers no boot; `write`
    puts a whole frame on the line or answers False.
    """

    def __init__(self, settings: dict, sensors, fs, folder: str, *, random_u16: int, write, now_ms: int, world_ms: int):
        memory = Memory(fs, folder + "/memory")
        self.boot = memory.next_boot(random_u16)
        self._journal = Journal(fs, folder + "/journal", JOURNAL_ENTRIES)
        self.outbox = Outbox(self._journal, Ring(settings["ring"]))
        self.link = Link(self.boot, KINDS[settings["kind"]], VERSION, self.outbox, write=write, now_ms=now_ms)
        self._seq = 0
        self._duty = self._make_duty(settings, sensors, memory, world_ms)
        self._logged_ms = world_ms
        self._logged = ""
        if self._journal.damaged:
            self.link.log(2, "journal segments_set_aside=%d" % self._journal.damaged)

    def step(self, now_ms: int, world_ms: int) -> None:
        """Do what is due."""
        self._duty.step(world_ms)
        self.link.step(now_ms, world_ms)
        if world_ms - self._logged_ms >= LOG_PERIOD_MS:
            self._logged_ms = world_ms
            self._log_troubles()

    def receive(self, data: bytes, now_ms: int) -> None:
        """Bytes came from the gateway."""
        self.link.receive(data, now_ms)

    def due_in_ms(self, now_ms: int, world_ms: int) -> int:
        """How long nothing needs doing, unless something comes in."""
        return min(self.link.due_in_ms(now_ms), self._duty.due_in_ms(world_ms))

    def _make_duty(self, settings: dict, sensors, memory: Memory, world_ms: int):
        if settings["kind"] == "cooler":
            return Cooler(settings, sensors, memory, self._emit, world_ms)
        if settings["kind"] == "scanner":
            return Scanner(sensors, self._emit)
        return Shunt(settings, sensors, self._emit, world_ms)

    def _emit(self, reading, made_ms: int) -> None:
        entry = Entry(self.boot, self._seq, reading.pack(), made_ms)
        self._seq += 1
        self.outbox.put(entry)

    def _log_troubles(self) -> None:
        text = "implausible=%d rejected_frames=%d journal_failed=%d dropped=%d" % (
            self._duty.implausible,
            self.link.rejected,
            self._journal.failed,
            self.outbox.dropped,
        )
        if text != self._logged:  # a line when something changed, none for every period
            self._logged = text
            self.link.log(1, text)


def as_scan(code: bytes) -> readings.Scan:
    """The code, parted from the AIM symbology identifier (`]`, letter, digit) that most scanners can send before it."""
    if len(code) > 3 and code[:1] == b"]" and code[1:2].isalpha() and code[2:3].isdigit():
        return readings.Scan(code[:3].decode(), code[3:])
    return readings.Scan("", code)
