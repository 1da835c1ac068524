"""What is conceded to get a plan at all: stops that may be late, stops that are left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub_backend.spoken import Words


@dataclass(frozen=True)
class Concessions:
    """`late`: stops that no longer fit in their window, which is then stretched. `without`: left out, with reasons."""

    late: frozenset[str] = frozenset()
    without: Mapping[str, Words] = field(default_factory=dict)
