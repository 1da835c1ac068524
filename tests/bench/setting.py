"""What every part of the bench is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.bench.world import Ports


@dataclass(frozen=True)
class Setting:
    """A folder of its own on a real disk, ports, the seed's randomness, how long, and whom to tell of progress."""

    folder: Path
    ports: Ports
    random: Random
    short: bool
    say: Callable[[str], None]

    def of(self, whole: int, *, short: int) -> int:
        """The size of a measurement."""
        return short if self.short else whole
