"""One temperature probe: which samples to believe, and their mean, lowest and highest over a period.

In come raw samples in degrees Celsius (None: the probe did not answer), out come believed ones and a span. A sample
that is not believed is None from here on, and counted.
"""

LOWEST_C = -40.0  # what the contract carries; the DS18B20 itself goes to -55
HIGHEST_C = 85.0
POWER_ON_C = 85.0  # what a DS18B20 reads before its first conversion
STEP_C_PER_MIN = 5.0
CONFIRMATIONS = 3  # so many samples in a row at a new level are a real step, not noise


class Probe:
    """Judges the samples of one probe and gathers the good ones."""

    def __init__(self) -> None:
        self.good_c: float | None = None  # the last good sample
        self.good_ms: int | None = None
        self.implausible = 0
        self._doubted_c: float | None = None
        self._doubted = 0
        self._clear()

    def add(self, raw_c: float | None, now_ms: int) -> float | None:
        """The sample if it is to be believed, else None."""
        if raw_c is None:
            return None
        if not self._is_plausible(raw_c, now_ms):
            self.implausible += 1
            return None
        self.good_c = raw_c
        self.good_ms = now_ms
        self._sum += raw_c
        self._count += 1
        self._low = raw_c if self._low is None else min(self._low, raw_c)
        self._high = raw_c if self._high is None else max(self._high, raw_c)
        return raw_c

    def take_span(self) -> tuple[float | None, float | None, float | None]:
        """(mean, lowest, highest) of the good samples since the last call, Nones when there were none."""
        mean = self._sum / self._count if self._count else None
        span = (mean, self._low, self._high)
        self._clear()
        return span

    def _clear(self) -> None:
        self._sum = 0.0
        self._count = 0
        self._low: float | None = None
        self._high: float | None = None

    def _is_plausible(self, raw_c: float, now_ms: int) -> bool:
        if raw_c == POWER_ON_C or not LOWEST_C <= raw_c <= HIGHEST_C:
            return False
        if self.good_c is None or self.good_ms is None:
            return True
        allowed_c = STEP_C_PER_MIN * max(1.0, (now_ms - self.good_ms) / 60000)
        if abs(raw_c - self.good_c) <= allowed_c or self._is_confirmed(raw_c):
            self._doubted = 0
            return True
        return False

    def _is_confirmed(self, raw_c: float) -> bool:
        near = self._doubted and self._doubted_c is not None and abs(raw_c - self._doubted_c) <= STEP_C_PER_MIN
        self._doubted = self._doubted + 1 if near else 1
        self._doubted_c = raw_c
        return self._doubted >= CONFIRMATIONS
