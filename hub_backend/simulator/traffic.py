"""How much slower the streets are by the hour: a factor on a road's driving time."""

import random
from dataclasses import dataclass

RUSH = ((7.5, 9.0, 1.35), (12.0, 13.0, 1.10), (14.5, 15.5, 1.20), (16.0, 18.0, 1.40))
"""From hour, to hour (local), factor: work, lunch, school, work. Made up for the demo, after no measured source."""


@dataclass(frozen=True)
class Traffic:
    """The day's traffic. `midnight_s` is local midnight in UTC seconds."""

    midnight_s: float
    spread: float = 0.12

    def factor(self, t_s: float, random_source: random.Random) -> float:
        """At least 0.9: nobody drives much faster than the road says."""
        hour = (t_s - self.midnight_s) / 3600
        usual = next((factor for start, end, factor in RUSH if start <= hour < end), 1.0)
        return max(0.9, usual * random_source.lognormvariate(0.0, self.spread))
