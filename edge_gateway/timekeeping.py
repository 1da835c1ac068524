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
AGREEING = 5
"""So many fixes in a row must say that our time is off before it moves: one that came late says so, too."""
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

    `trusted` is asked now and then whether `clock` is right. `moment` gives what the clock shows and a time that never
    steps, both of one instant; None: `clock` and `monotonic`. `corrected` is told when earlier stamps prove to have
    been off: by how many seconds, and what the time rests on now. `stepped` is told of a clock that jumped by itself.

    A clock that steps while nobody keeps it right is not followed once our time was right: what we had goes on, and
    its quality is told as what it is. That is seen at every look at the time, so that no stamp in between is off.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        trusted: Callable[[], bool],
        corrected: Callable[[float, ClockQuality], None],
        stepped: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
        moment: Callable[[], tuple[float, float]] | None = None,
    ) -> None:
        self._moment = moment or (lambda: (clock.now_s(), monotonic()))
        self._trusted = trusted
        self._corrected = corrected
        self._stepped = stepped
        self._lock = threading.Lock()
        self._offset_s = 0.0
        self._last = self._moment()
        self.quality = ClockQuality.NTP if trusted() else ClockQuality.NONE
        self._was_right = self.quality is ClockQuality.NTP
        self._doubts: list[float] = []
        self._steps: list[float] = []  # seen, and not told yet
        self._corrections: list[tuple[float, ClockQuality]] = []

    def now_s(self) -> float:
        """UTC seconds."""
        with self._lock:
            return self._look()

    def heard(self, gps_s: float) -> None:
        """A receiver with a fix says that it is `gps_s` now; taken only while nobody else keeps the clock right."""
        with self._lock:
            step_s = gps_s - self._look()
            if self.quality is ClockQuality.NTP or gps_s < BUILT_S:
                return
            if self.quality is ClockQuality.GPS:
                step_s = self._agreed(step_s)
                if abs(step_s) < STEP_S:
                    return
            self._offset_s += step_s
            first = self.quality is ClockQuality.NONE
            self.quality, self._was_right = ClockQuality.GPS, True
        if first:
            self._corrected(step_s, ClockQuality.GPS)

    def _agreed(self, step_s: float) -> float:
        """By how much our time is off after several fixes; of these the one that came least late is nearest."""
        if abs(step_s) < STEP_S:
            self._doubts.clear()
            return 0.0
        self._doubts.append(step_s)
        if len(self._doubts) < AGREEING:
            return 0.0
        agreed_s = max(self._doubts)
        self._doubts.clear()
        return agreed_s

    def check(self) -> None:
        """Looks whether somebody keeps the clock right now, or no longer, and tells what was seen since."""
        with self._lock:
            self._look()
            trusted = self._trusted()
            if trusted and self.quality is not ClockQuality.NTP:
                self._change(-self._offset_s, ClockQuality.NTP)
            elif not trusted and self.quality is ClockQuality.NTP:
                self.quality = ClockQuality.NONE
            steps, self._steps = self._steps, []
            corrections, self._corrections = self._corrections, []
        for step_s in steps:
            self._stepped(step_s)
        for moved_s, quality in corrections:
            self._corrected(moved_s, quality)

    def _look(self) -> float:
        """Our time now; a step of the clock since the last look is dealt with first. The caller holds the lock."""
        (then_s, then_steady_s), self._last = self._last, self._moment()
        step_s = (self._last[0] - then_s) - (self._last[1] - then_steady_s)
        if abs(step_s) > STEP_S:
            self._steps.append(step_s)
            if self._trusted():
                self._change(step_s - self._offset_s, ClockQuality.NTP)
            elif self._was_right:
                self._offset_s -= step_s
                self.quality = ClockQuality.GPS if self.quality is ClockQuality.GPS else ClockQuality.NONE
            else:
                self._change(step_s, ClockQuality.NONE)
        return self._last[0] + self._offset_s

    def _change(self, moved_s: float, quality: ClockQuality) -> None:
        """Our time moves by `moved_s`: the clock is followed from now on, and stamps of quality none are corrected."""
        if self.quality is ClockQuality.NONE:
            self._corrections.append((moved_s, quality))
        if quality is ClockQuality.NTP:
            self._offset_s, self._was_right = 0.0, True
        self.quality = quality
