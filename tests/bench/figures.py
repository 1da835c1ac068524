"""A row of the report: what was to be reached, what was measured, and what else belongs to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Sense = Literal["at least", "at most"]


@dataclass(frozen=True)
class Goal:
    """`at least` or `at most` so much."""

    sense: Sense
    value: float

    def is_met_by(self, figure: float) -> bool:
        return figure >= self.value if self.sense == "at least" else figure <= self.value


@dataclass(frozen=True)
class Row:
    """One figure. `figure` None: it could not be measured, and `note` says why. `goal` None: it is only told."""

    part: str
    what: str
    unit: str
    figure: float | None
    goal: Goal | None = None
    note: str = ""
    also: dict[str, Any] = field(default_factory=dict)
    """Figures behind this one, by name with unit."""

    @property
    def met(self) -> bool | None:
        """None when there is no goal or no figure."""
        return None if self.goal is None or self.figure is None else self.goal.is_met_by(self.figure)

    def told(self) -> dict[str, Any]:
        """As it is written to the report."""
        goal = None if self.goal is None else {"sense": self.goal.sense, "value": self.goal.value}
        figure = None if self.figure is None else significant(self.figure)
        also = {name: significant(one) if isinstance(one, float) else one for name, one in self.also.items()}
        return {
            **{"part": self.part, "what": self.what, "unit": self.unit, "figure": figure, "goal": goal},
            **{"met": self.met, "note": self.note, "also": also},
        }


def significant(value: float) -> float:
    """Three digits: more would be noise."""
    return value if value == 0 or not math.isfinite(value) else float(f"{value:.3g}")


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` of all (0 to 1) do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, math.ceil(part * len(ranked)) - 1))]


def table(rows: Sequence[Row]) -> str:
    """The rows as text for a terminal."""
    lines = [f"{'what':<66} {'figure':>10} {'unit':<12} {'goal':<16} met"]
    for row in rows:
        figure = "-" if row.figure is None else f"{significant(row.figure):,g}"
        goal = "" if row.goal is None else f"{row.goal.sense} {row.goal.value:,g}"
        met = {None: "", True: "yes", False: "NO"}[row.met]
        lines.append(f"{row.what:<66} {figure:>10} {row.unit:<12} {goal:<16} {met}".rstrip())
        lines += [
            f"    {name}: {significant(one):,g}" for name, one in row.also.items() if isinstance(one, int | float)
        ]
        lines += [f"    {row.note}"] if row.note else []
    return "\n".join(lines)
