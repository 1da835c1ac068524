"""What goes up next: batches of both lanes in a bounded window, again from the committed n when the hub stays silent.

In order of importance: business first and without a limit; telemetry at `telemetry_per_s`, so that a fleet that comes
back from a long outage does not run its hub over, and only a trickle while the host says that it is away. No I/O but
the outbox; safe for threads. Times are the machine's (monotonic s).
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from edge_gateway.contract.messages import EventBatch, Lane
from edge_gateway.outbox import Outbox

WINDOW = 20
"""Batches under way at once; telemetry may fill only `TELEMETRY_WINDOW` of them, so that business always has room."""
TELEMETRY_WINDOW = 15
TRICKLE_WINDOW = 1
BATCH_EVENTS = 50
BATCH_BYTES = 15_000  # the embedded broker refuses a payload above 20 KiB
BURST_S = 2.0
"""So much of the telemetry's rate may go at once."""
LONGEST_RESEND_S = 60.0


@dataclass
class _LaneWindow:
    """How far a lane was sent on this connection; `under_way` are the last n of each batch not committed yet."""

    lane: Lane
    next_n: int = 0
    under_way: list[int] = field(default_factory=list)
    since: float = 0.0
    """The oldest sign of life: the first unconfirmed batch sent, or the last Committed."""
    patience_s: float = 0.0


class Drain:
    """The order of sending. `timeout_s` is how long a Committed may take before everything after it is sent again."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        timeout_s: float,
        telemetry_per_s: float,
        random: random.Random,
        monotonic: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._timeout_s = timeout_s
        self._telemetry_per_s = telemetry_per_s
        self._random = random
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._windows = {lane: _LaneWindow(lane) for lane in (Lane.BUSINESS, Lane.TELEMETRY)}
        self._allowance = telemetry_per_s * BURST_S
        self._allowed_at = monotonic()
        self.host_is_away = False
        self.resent = 0
        """Batches that the hub was silent about, ever."""

    def begin(self) -> None:
        """A new connection: whatever was under way on the last one may be lost."""
        with self._lock:
            for window in self._windows.values():
                self._rewind(window)
                window.patience_s = self._timeout_s

    def look(self) -> list[tuple[Lane, int]]:
        """Begins again from the committed n where the hub was silent too long: which lanes, and how many batches."""
        again = []
        with self._lock:
            now = self._monotonic()
            for lane, window in self._windows.items():
                if not window.under_way or now - window.since < window.patience_s:
                    continue
                again.append((lane, len(window.under_way)))
                self.resent += len(window.under_way)
                self._rewind(window)
                window.patience_s = min(window.patience_s * self._random.uniform(1.5, 2.5), LONGEST_RESEND_S)
        return again

    def next_batch(self) -> EventBatch | None:
        """What to send now, taken as under way; None when nothing is due."""
        with self._lock:
            for lane, window in self._windows.items():
                batch = self._batch_of(lane, window)
                if batch is not None:
                    if not window.under_way:
                        window.since = self._monotonic()
                    window.next_n = batch.first_n + len(batch.events)
                    window.under_way.append(window.next_n - 1)
                    return batch
        return None

    def committed(self, lane: Lane, n: int) -> bool:
        """The hub holds all up to `n`; False for an n that was never given out (nothing changes)."""
        if not self._outbox.committed(lane, n):
            return False
        with self._lock:
            self.host_is_away = False
            window = self._windows[lane]
            before = len(window.under_way)
            window.under_way = [last_n for last_n in window.under_way if last_n > n]
            window.next_n = max(window.next_n, n + 1)
            if len(window.under_way) < before:
                window.since = self._monotonic()
                window.patience_s = self._timeout_s
        return True

    def _batch_of(self, lane: Lane, window: _LaneWindow) -> EventBatch | None:
        under_way = sum(len(each.under_way) for each in self._windows.values())
        limit, most = WINDOW, BATCH_EVENTS
        if lane is Lane.TELEMETRY:
            limit = TRICKLE_WINDOW if self.host_is_away else TELEMETRY_WINDOW
            most = min(BATCH_EVENTS, int(self._allowed()))
        _committed_n, base_n, last_n = self._outbox.span(lane)
        first_n = max(window.next_n, base_n)
        if under_way >= limit or most < 1 or first_n > last_n:
            return None
        rows = self._outbox.read(lane, from_n=first_n, max_events=most, max_bytes=BATCH_BYTES)
        if not rows:
            return None
        events: list[msgspec.Raw] = []
        for expected_n, (n, body) in enumerate(rows, start=rows[0][0]):
            if n != expected_n:
                break
            events.append(msgspec.Raw(body))
        if lane is Lane.TELEMETRY:
            self._allowance -= len(events)
        return EventBatch(
            outbox=self._outbox.id,
            lane=lane,
            base_n=base_n,
            first_n=rows[0][0],
            newest_n=last_n,
            events=tuple(events),
        )

    def _allowed(self) -> float:
        now = self._monotonic()
        grown = self._allowance + (now - self._allowed_at) * self._telemetry_per_s
        self._allowance, self._allowed_at = min(grown, self._telemetry_per_s * BURST_S), now
        return self._allowance

    def _rewind(self, window: _LaneWindow) -> None:
        window.next_n = self._outbox.span(window.lane)[0] + 1
        window.under_way.clear()
