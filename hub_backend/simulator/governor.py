"""How fast the world may go: as fast as everybody keeps up, and never faster than asked.

The hub's and the gateways' health say how they do; the governor answers with a rate (world seconds a real second) or
with a hold. A hold has a machine deadline: a part that never catches up is a fault to be seen, not a demo that hangs.
"""

from dataclasses import dataclass

HELD = 0.0
SLOWER = 0.7
FASTER = 1.04
SLOWEST = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """How everybody does. `unsent` is the deepest outbox, `behind` the slowest follower, both in events."""

    unsent: int = 0
    behind: int = 0
    waiting: bool = False
    solving: bool = False
    answer_s: float = 0.0
    """The longest time a health request took: a machine that is out of breath."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where it becomes too much: `easy` slows down, `hard` stands still."""

    easy_events: int = 250
    hard_events: int = 1200
    easy_answer_s: float = 0.15
    hard_answer_s: float = 1.0


class Governor:
    """Keeps the world's rate between `SLOWEST` and `rate`: down fast, up slowly."""

    def __init__(self, *, rate: float, waiting_rate: float | None = None, limits: Limits | None = None) -> None:
        self._most = rate
        self._waiting = min(rate, 40.0) if waiting_rate is None else waiting_rate
        self._limits = limits or Limits()
        self._free = rate
        self.rate = rate
        self.held_for = ""
        self.slow_for = ""

    def hear(self, load: Load) -> float:
        """The rate from now on; 0 is a hold, and `held_for` says why."""
        limits = self._limits
        deepest = max(load.unsent, load.behind)
        if deepest > limits.easy_events or load.answer_s > limits.easy_answer_s:
            self._free = max(SLOWEST, self._free * SLOWER)
        else:
            self._free = min(self._most, self._free * FASTER)
        self.held_for = self._reason(load, deepest)
        if self.held_for:
            self.rate = HELD
        elif load.waiting:
            self.rate, self.slow_for = min(self._free, self._waiting), "a plan is asked for"
        else:
            self.rate, self.slow_for = self._free, self._breath(load, deepest)
        return self.rate

    def _breath(self, load: Load, deepest: int) -> str:
        if self._free >= self._most:
            return ""
        return f"{deepest} events behind, health in {load.answer_s * 1000:.0f} ms"

    def _reason(self, load: Load, deepest: int) -> str:
        if load.solving:
            return "the router is solving"
        if deepest > self._limits.hard_events:
            return f"{deepest} events behind"
        if load.answer_s > self._limits.hard_answer_s:
            return f"health took {load.answer_s:.1f} s"
        return ""
