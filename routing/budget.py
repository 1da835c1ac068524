"""How long a search may take, and what earlier rounds of it learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """When to stop: after seconds of wall time, or after a number of iterations (the same answer each time)."""

    seconds: float
    iterations: int | None = None

    @classmethod
    def of_round(cls, number: int, rounds: int, *, seconds: float, iterations: int | Sequence[int] | None) -> "Budget":
        """A round's part: of seconds and of a number of iterations an equal one, of a list its own."""
        if isinstance(iterations, int):
            iterations = [max(1, round(iterations / rounds))] * rounds
        own = None if iterations is None or number >= len(iterations) else iterations[number]
        return cls(seconds / rounds, own)

    def history(self) -> int:
        """PyVRP's late acceptance history: measured best by budget (R1_2_1 at 1 s: 3.5 -> 1.3 % with 30)."""
        return 30 if self.seconds <= 2.0 else 100 if self.seconds <= 5.0 else 300


@dataclass(frozen=True)
class Tightening:
    """Windows that are narrower for the search than for people, absolute seconds, by task or ride's end."""

    latest_s: Mapping[str, int] = field(default_factory=dict)
    """What earlier rounds and the checker found to be too late."""
    held: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """From when to when a start is still what people were told."""

    def sooner(self, latest_s: Mapping[str, int]) -> "Tightening":
        """With more of them; the earlier of two counts."""
        known = dict(self.latest_s)
        for name, at in latest_s.items():
            known[name] = min(at, known.get(name, at))
        return Tightening(known, self.held)
