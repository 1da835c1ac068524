"""What is conceded to get a plan: stops that may be late or are left out, and vans that go for a passenger first."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub_backend.spoken import Words


@dataclass(frozen=True)
class Concessions:
    """`late`: stops that no longer fit in their window, which is then stretched. `without`: left out, with reasons.

    `first`: the van that goes for the passenger of a ride before it goes anywhere else.
    """

    late: frozenset[str] = frozenset()
    without: Mapping[str, Words] = field(default_factory=dict)
    first: Mapping[str, str] = field(default_factory=dict)
