"""What was refused: counted for the page, and told to the hub without flooding it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge_gateway.contract.messages import ClockQuality, Rejected
from edge_gateway.page_messages import PageReject

EVERY_S = 60.0
"""The hub hears of one and the same fault at most once in this time (of the world), with the count since."""
KINDS = 200
"""So many different faults are told apart; more are counted as one, so that noise cannot fill the memory."""

Key = tuple[str, str, str]


@dataclass
class _Tally:
    count: int = 0
    told: int = 0
    told_s: float = float("-inf")
    last_s: float = 0.0


class Rejects:
    """Counts refusals by (origin, field, reason); safe for threads. `tell` gets the events for the hub."""

    def __init__(
        self,
        *,
        source: str,
        now_s: Callable[[], float],
        quality: Callable[[], ClockQuality],
        tell: Callable[[Rejected], None],
    ) -> None:
        self._source = source
        self._now_s = now_s
        self._quality = quality
        self._tell = tell
        self._lock = threading.Lock()
        self._tallies: dict[Key, _Tally] = {}

    def add(self, origin: str, field: str, reason: str, *, count: int = 1) -> None:
        """One more refusal, or `count`. No personal data in `reason`: it goes to logs and to the hub."""
        key = (origin[:80], field[:80], reason[:300])
        with self._lock:
            if key not in self._tallies and len(self._tallies) >= KINDS:
                key = ("other", "", "more kinds of faults than are told apart")
            tally = self._tallies.setdefault(key, _Tally())
            tally.count += count
            tally.last_s = self._now_s()
        self._report()

    def tick(self) -> None:
        """Tells the hub what was counted but not told yet, when it is time."""
        self._report()

    def _report(self) -> None:
        now_s = self._now_s()
        due: list[Rejected] = []
        with self._lock:
            for (origin, field, reason), tally in self._tallies.items():
                untold = tally.count - tally.told
                if untold and not 0 <= now_s - tally.told_s < EVERY_S:
                    tally.told, tally.told_s = tally.count, now_s
                    due.append(
                        Rejected(
                            source=self._source,
                            boot=0,
                            seq=0,
                            t_s=tally.last_s,
                            clock=self._quality(),
                            origin=origin,
                            field=field,
                            reason=reason,
                            count=untold,
                        )
                    )
        for event in due:
            self._tell(event)

    @property
    def total(self) -> int:
        with self._lock:
            return sum(tally.count for tally in self._tallies.values())

    def shown(self) -> tuple[PageReject, ...]:
        """For the page, newest first."""
        with self._lock:
            shown = [
                PageReject(origin=origin, field=field, reason=reason, count=tally.count, t_s=tally.last_s)
                for (origin, field, reason), tally in self._tallies.items()
            ]
        return tuple(sorted(shown, key=lambda reject: reject.t_s, reverse=True))
