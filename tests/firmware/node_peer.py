"""A small gateway end of the line, for tests: it remembers what it committed, and answers as the protocol says."""

from collections.abc import Callable
from dataclasses import dataclass

from firmware import frame, readings


@dataclass(frozen=True)
class Arrival:
    """A DATA frame as it first arrived."""

    boot: int
    seq: int
    age_ms: int | None
    reading: readings.Cooler | readings.Lid | readings.Alarm | readings.Scan | readings.Battery


class Peer:
    """Commits everything at once; `repeats` counts DATA that was known already."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.committed: dict[tuple[int, int], Arrival] = {}
        self.repeats = 0
        self.dropped: int | None = None
        self.hellos: list[frame.Frame] = []
        self.logs: list[str] = []
        self.is_deaf = False
        self._write = write
        self.restart()

    def restart(self) -> None:
        """Forget the session, as a gateway that starts again does; what is committed stays."""
        self.decoder = frame.Decoder()
        self._session: int | None = None
        self._next = 0
        self._ahead: set[int] = set()

    def ask_hello(self) -> None:
        self._write(frame.encode(frame.Frame(frame.HELLO)))

    def receive(self, data: bytes) -> None:
        for one in self.decoder.feed(data):
            if self.is_deaf:
                continue
            if one.type == frame.HELLO:
                self._hello(one)
            elif one.type == frame.LOG:
                self.logs.append(readings.unpack_log(one.payload)[1])
            elif one.type == frame.DATA:
                self._data(one)

    def acknowledge(self) -> None:
        bitmap = sum(1 << i for i in range(8) if (self._next + 1 + i) % 256 in self._ahead)
        payload = readings.pack_ack(self._next, bitmap)
        assert self._session is not None
        self._write(frame.encode(frame.Frame(frame.ACK, self._session >> 16, self._session, 0, payload)))

    def _hello(self, one: frame.Frame) -> None:
        self.hellos.append(one)
        self.dropped = readings.unpack_hello(one.payload)[0]
        if one.seq != self._session:
            self._session = one.seq
            self._next = 0
            self._ahead = set()
        self.acknowledge()

    def _data(self, one: frame.Frame) -> None:
        if self._session is None:
            self.ask_hello()
            return
        link, packed = readings.unpack_data(one.payload)
        key = (one.boot, one.seq)
        if key in self.committed:
            self.repeats += 1
        else:
            self.committed[key] = Arrival(one.boot, one.seq, one.age_ms, readings.unpack(packed))
        if (link - self._next) % 256 < readings.WINDOW:
            self._ahead.add(link)
        while self._next in self._ahead:
            self._ahead.discard(self._next)
            self._next = (self._next + 1) % 256
        self.acknowledge()
