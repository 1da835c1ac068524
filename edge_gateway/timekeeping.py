"""What time it is for the gateway's stamps, and how far that can be trusted.

A Pi has no clock of its own: until NTP or the GPS says so, its time is a guess. Stamps made meanwhile say quality
"none" and are corrected in the outbox as soon as the time is known, as far as they are not sent yet.
"""

import ctypes
import threading
import time
from collections.abc import Callable

from edge_gateway.contract.clock import Clock
from edge_gateway.contract.messages import ClockQuality

BUILT_S = 1_767_225_600.0  # 2026-01-01: no receiver that says an earlier time can be right
STEP_S = 2.0
"""A clock that moved this much against the machine's monotonic time has stepped."""
TIME_ERROR = 5  # what adjtimex(2) returns while nothing keeps the clock right


def kernel_is_synchronised() -> bool:
    """True when the kernel's clock is kept right by NTP (adjtimex(2))."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.adjtimex(ctypes.create_string_buffer(512))) not in (-1, TIME_ERROR)
    except (OSError, AttributeError):
        return False


class Timekeeper:
    """The world's time with its quality; safe for threads.

    `trusted` is asked now and then whether `clock` is right (a simulated world's always is). `corrected` is told when
    earlier stamps prove to have been off: by how many seconds, and what the time rests on now. `stepped` is told of
    a clock that jumped by itself.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        trusted: Callable[[], bool],
        corrected: Callable[[float, ClockQuality], None],
        stepped: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._trusted = trusted
        self._corrected = corrected
        self._stepped = stepped
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offset_s = 0.0
        self._last = (clock.now_s(), monotonic())
        self.quality = ClockQuality.NTP if trusted() else ClockQuality.NONE

    def now_s(self) -> float:
        """UTC seconds."""
        return self._clock.now_s() + self._offset_s

    def heard(self, gps_s: float) -> None:
        """A receiver with a fix says that it is `gps_s` now; taken only while nobody else keeps the clock right."""
        with self._lock:
            if self.quality is ClockQuality.NTP or gps_s < BUILT_S:
                return
            step_s = gps_s - self.now_s()
            if self.quality is ClockQuality.GPS and abs(step_s) < STEP_S:
                return
            self._offset_s += step_s
            first = self.quality is ClockQuality.NONE
            self.quality = ClockQuality.GPS
        if first:
            self._corrected(step_s, ClockQuality.GPS)

    def check(self, *, runs_free: bool) -> None:
        """Looks whether the clock stepped since the last call, and whether NTP has come.

        `runs_free` is True for a clock that follows the machine's own (a simulated one may run faster).
        """
        with self._lock:
            now_s, now_monotonic = self._clock.now_s(), self._monotonic()
            (then_s, then_monotonic), self._last = self._last, (now_s, now_monotonic)
            step_s = (now_s - then_s) - (now_monotonic - then_monotonic) if runs_free else 0.0
            has_stepped = abs(step_s) > STEP_S
            was = self.quality
            trusted = self._trusted()
            moved_s = step_s if has_stepped else 0.0
            if trusted and was is not ClockQuality.NTP:
                moved_s -= self._offset_s
                self._offset_s = 0.0
                self.quality = ClockQuality.NTP
            elif has_stepped and was is ClockQuality.GPS:
                self._offset_s -= step_s  # the GPS's time stands, whatever the machine's does
        if has_stepped:
            self._stepped(step_s)
        if was is ClockQuality.NONE and (has_stepped or self.quality is ClockQuality.NTP):
            self._corrected(moved_s, self.quality)
