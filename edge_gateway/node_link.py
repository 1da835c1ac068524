"""The gateway's end of the line to a node, without I/O: bytes and commits in, readings and bytes to send out.

A node opens a session with HELLO and numbers its DATA frames from link 0. All links before `next`, and those in the
bitmap, are acknowledged only when the outbox has committed them; whoever takes the readings says so with `committed`.
Repeats are acknowledged again; who was never heard of is asked for a HELLO. Timers are the machine's (monotonic s).
"""

from dataclasses import dataclass

from firmware import frame, readings

HELLO_FIRST_S = 0.3
HELLO_LONGEST_S = 5.0

Reading = readings.Cooler | readings.Lid | readings.Alarm | readings.Scan | readings.Battery


@dataclass(frozen=True)
class Hello:
    """A node opened a session. `dropped` readings were lost in its ring since its boot."""

    boot: int
    kind: str
    firmware: str
    dropped: int


@dataclass(frozen=True)
class Data:
    """A reading, or why it cannot be read. `place` is for `committed`; `age_s` None: nobody knows how old it is."""

    place: "Place"
    boot: int
    seq: int
    age_s: float | None
    reading: Reading | readings.ReadingError


@dataclass(frozen=True)
class Said:
    """A line for the log."""

    level: str
    text: str


@dataclass(frozen=True)
class Place:
    """Where in which session a reading came: its acknowledgement goes there."""

    session: int
    link: int


class NodeLink:
    """One node. `outgoing` are the bytes to send; take them with `take_outgoing`."""

    def __init__(self, now_s: float) -> None:
        self._outgoing = bytearray()
        self.boot = 0
        self.refused = 0
        """Whole frames that make no sense: an unknown type, a link far outside the window."""
        self.restart(now_s)

    def restart(self, now_s: float) -> None:
        """The port was opened anew: nothing is known of the node."""
        self._decoder = frame.Decoder()
        self._session: int | None = None
        self._next = 0
        self._taken: set[int] = set()  # links given out in this session, not committed yet
        self._committed: set[int] = set()  # committed links ahead of `next`
        self._ask_s = now_s
        self._ask_pause_s = HELLO_FIRST_S
        self._outgoing.clear()

    @property
    def rejected_frames(self) -> int:
        """Damaged frames since the port was opened, all kinds."""
        return self._decoder.rejected + self.refused

    def ask(self, now_s: float) -> None:
        """Ask for a HELLO, with growing pauses, until one comes."""
        self._session = None
        self._ask_s = now_s

    # ------------------------------------------------------------ in

    def feed(self, data: bytes, now_s: float) -> list[Hello | Data | Said]:
        """What these bytes say."""
        heard: list[Hello | Data | Said] = []
        for one in self._decoder.feed(data):
            try:
                said = self._take(one, now_s)
            except readings.ReadingError:
                self.refused += 1
                continue
            if said is not None:
                heard.append(said)
        return heard

    def _take(self, one: frame.Frame, now_s: float) -> Hello | Data | Said | None:
        if one.type == frame.HELLO:
            return self._take_hello(one)
        if one.type == frame.DATA:
            return self._take_data(one, now_s)
        if one.type == frame.LOG:
            level, text = readings.unpack_log(one.payload)
            return Said(readings.LOG_LEVELS.get(level, "info"), text)
        self.refused += 1
        return None

    def _take_hello(self, one: frame.Frame) -> Hello | None:
        if not one.payload:
            return None  # our own question, echoed
        dropped, kind, firmware = readings.unpack_hello(one.payload)
        is_new = self._session != one.seq or self.boot != one.boot
        if is_new:
            self._session, self.boot = one.seq, one.boot
            self._next = 0
            self._taken.clear()
            self._committed.clear()
        self._ask_pause_s = HELLO_FIRST_S
        self._acknowledge()
        return Hello(one.boot, readings.NODE_KINDS.get(kind, f"kind {kind}"), firmware, dropped) if is_new else None

    def _take_data(self, one: frame.Frame, now_s: float) -> Data | None:
        if self._session is None:
            self._ask_s = min(self._ask_s, now_s)
            return None
        link, packed = readings.unpack_data(one.payload)
        ahead = (link - self._next) % readings.LINKS
        if ahead >= readings.LINKS - readings.WINDOW or link in self._committed:
            self._acknowledge()  # a repeat: our acknowledgement got lost
            return None
        if ahead >= readings.WINDOW:
            self.refused += 1
            return None
        if link in self._taken:
            return None  # its commit is under way
        self._taken.add(link)
        reading: Reading | readings.ReadingError
        try:
            reading = readings.unpack(packed)
        except readings.ReadingError as error:
            reading = error
        age_s = None if one.age_ms is None else one.age_ms / 1000
        return Data(Place(self._session, link), one.boot, one.seq, age_s, reading)

    # ------------------------------------------------------------ out

    def committed(self, places: list[Place]) -> None:
        """These readings are in the outbox, on disk; one acknowledgement says so."""
        known = [place.link for place in places if place.session == self._session and place.link in self._taken]
        if not known:
            return
        self._taken.difference_update(known)
        self._committed.update(known)
        while self._next in self._committed:
            self._committed.discard(self._next)
            self._next = (self._next + 1) % readings.LINKS
        self._acknowledge()

    def released(self, place: Place) -> None:
        """This reading could not be kept: a repeat of it is to be given out again."""
        if place.session == self._session:
            self._taken.discard(place.link)

    def step(self, now_s: float) -> None:
        """Ask for a session while there is none and it is time."""
        if self._session is None and now_s >= self._ask_s:
            self._outgoing += b"\0" + frame.encode(frame.Frame(frame.HELLO))
            self._ask_s = now_s + self._ask_pause_s
            self._ask_pause_s = min(self._ask_pause_s * 2, HELLO_LONGEST_S)

    def take_outgoing(self) -> bytes:
        """The bytes to send now."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def _acknowledge(self) -> None:
        if self._session is None:
            return
        bitmap = 0
        for link in self._committed:
            bit = (link - self._next - 1) % readings.LINKS
            if bit < 8:
                bitmap |= 1 << bit
        payload = readings.pack_ack(self._next, bitmap)
        self._outgoing += frame.encode(frame.Frame(frame.ACK, self.boot, self._session, 0, payload))
