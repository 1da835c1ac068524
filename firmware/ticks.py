"""Milliseconds since the start, from a counter that wraps."""

import time


class Ticks:
    """`time.ticks_ms` starts again at 0 every 12 days on a board; this goes on, if read more often than that."""

    def __init__(self) -> None:
        self._last = time.ticks_ms()
        self._ms = 0

    def now_ms(self) -> int:
        """Since this object was made."""
        now = time.ticks_ms()
        self._ms += time.ticks_diff(now, self._last)
        self._last = now
        return self._ms
