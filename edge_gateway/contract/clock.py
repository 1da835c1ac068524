"""The world's time, as every process of buurtrit is given it.

In service this is the system's UTC clock. In a simulated day it is a page of shared memory that the simulator
writes and everybody else reads, so that eight hours can pass in minutes and nobody runs ahead of anybody.

The world's time stamps readings and measures what happens in the world (a fix that is stale, a lid that is open).
The machinery (socket timeouts, commit periods, retries) uses `time.monotonic()` and never this.
"""

import mmap
import struct
import time
from pathlib import Path
from typing import Protocol

PAGE = struct.Struct("<QddddddQ")  # version, world_s, monotonic_s, rate, limit_s, wrong_s, kept, version again
PAGE_BYTES = 4096


class Clock(Protocol):
    """Tells the world's time."""

    def now_s(self) -> float:
        """UTC seconds since 1970."""
        ...


class WallClock:
    """The system's own clock."""

    def now_s(self) -> float:
        return time.time()


class SharedClock:
    """The simulated time of a clock page, read without a lock.

    The world's time is `world_s + (monotonic - monotonic_s) * rate`, never beyond `limit_s`: the simulator moves the
    limit only when everybody has kept up. A page may show a clock that is wrong by `wrong_s` and that nobody keeps
    right, which steps when that changes. Raises `FileNotFoundError` when there is no page.
    """

    def __init__(self, page: Path) -> None:
        with page.open("rb") as file:
            self._page = mmap.mmap(file.fileno(), PAGE_BYTES, prot=mmap.PROT_READ)

    def now_s(self) -> float:
        return self.moment()[0]

    def moment(self) -> tuple[float, float]:
        """What the clock shows, and the world's seconds as they pass without a step: both of one instant."""
        while True:
            before, world_s, monotonic_s, rate, limit_s, wrong_s, _kept, after = PAGE.unpack_from(self._page)
            if before == after:
                steady_s = float(min(world_s + (time.monotonic() - monotonic_s) * rate, limit_s))
                return steady_s + wrong_s, steady_s

    @property
    def is_kept(self) -> bool:
        """True while something (NTP, in service) keeps this clock right."""
        return bool(PAGE.unpack_from(self._page)[6])


class ClockPage:
    """The writing side of a shared clock: only the simulator has one."""

    def __init__(self, page: Path, *, start_s: float) -> None:
        page.write_bytes(b"\0" * PAGE_BYTES)
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), PAGE_BYTES)
        self._version = 0
        self._wrong_s = 0.0
        self._is_kept = True
        self._now = (start_s, time.monotonic(), 0.0, start_s)
        self._write()

    def run(self, *, world_s: float, rate: float, limit_s: float) -> None:
        """From this moment the world's time is `world_s`, passing `rate` times as fast, up to `limit_s`."""
        self._now = (world_s, time.monotonic(), rate, limit_s)
        self._write()

    def step(self, *, wrong_s: float, is_kept: bool) -> None:
        """From this moment the clock is `wrong_s` ahead of the world's time, and kept right by something, or not."""
        self._wrong_s, self._is_kept = wrong_s, is_kept
        self._write()

    def _write(self) -> None:
        self._version += 1
        body = struct.pack("<dddddd", *self._now, self._wrong_s, float(self._is_kept))
        self._page[0:8] = struct.pack("<Q", self._version)
        self._page[8 : 8 + len(body)] = body
        self._page[8 + len(body) : 16 + len(body)] = struct.pack("<Q", self._version)


def open_clock(page: Path | None) -> Clock:
    """The simulated clock of `page`, or the system's when there is none."""
    return WallClock() if page is None else SharedClock(page)
