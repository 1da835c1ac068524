"""One line that says how far the day is: on a terminal it is written over itself, in a log it comes now and then."""

import sys
import time
from datetime import UTC, datetime

from hub_backend.simulator.day import ZONE

TERMINAL_S = 0.3
LOG_S = 20.0


class Progress:
    """Writes to stderr. `total` is how many stops the day is known to have."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._shown = 0.0
        self._marks: list[tuple[float, float]] = []

    def show(self, *, now_s: float, vans: str, done: int, total: int, held: str) -> None:
        moment = time.monotonic()
        self._marks = [*self._marks[-400:], (moment, now_s)]
        if moment - self._shown < (TERMINAL_S if self._tty else LOG_S):
            return
        self._shown = moment
        clock = datetime.fromtimestamp(now_s, UTC).astimezone(ZONE).strftime("%H:%M")
        text = f"{clock}  {vans}  stops {done}/{total}  {self._speed():.0f}x{'  ' + held if held else ''}"
        sys.stderr.write(f"\r\x1b[K{text}" if self._tty else f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._tty:
            sys.stderr.write("\n")

    def _speed(self) -> float:
        """World seconds a second, over the last steps."""
        (began, world_s), (ended, until_s) = self._marks[0], self._marks[-1]
        return (until_s - world_s) / (ended - began) if ended > began else 0.0
