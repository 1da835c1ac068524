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

PAGE = struct.Struct("<QdddddQ")  # version, world_s, monotonic_s, rate, limit_s, spare, version again
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
    limit only when everybody has kept up. Raises `FileNotFoundError` when there is no page.
    """

    def __init__(self, page: Path) -> None:
        with page.open("rb") as file:
            self._page = mmap.mmap(file.fileno(), PAGE_BYTES, prot=mmap.PROT_READ)

    def now_s(self) -> float:
        while True:
            before, world_s, monotonic_s, rate, limit_s, _spare, after = PAGE.unpack_from(self._page)
            if before == after:
                return float(min(world_s + (time.monotonic() - monotonic_s) * rate, limit_s))


class ClockPage:
    """The writing side of a shared clock: only the simulator has one."""

    def __init__(self, page: Path, *, start_s: float) -> None:
        page.write_bytes(b"\0" * PAGE_BYTES)
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), PAGE_BYTES)
        self._version = 0
        self.run(world_s=start_s, rate=0.0, limit_s=start_s)

    def run(self, *, world_s: float, rate: float, limit_s: float) -> None:
        """From this moment the world's time is `world_s`, passing `rate` times as fast, up to `limit_s`."""
        self._version += 1
        body = struct.pack("<ddddd", world_s, time.monotonic(), rate, limit_s, 0.0)
        self._page[0:8] = struct.pack("<Q", self._version)
        self._page[8 : 8 + len(body)] = body
        self._page[8 + len(body) : 16 + len(body)] = struct.pack("<Q", self._version)


def open_clock(page: Path | None) -> Clock:
    """The simulated clock of `page`, or the system's when there is none."""
    return WallClock() if page is None else SharedClock(page)
