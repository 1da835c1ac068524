"""The physics of a cooler: air and product, both first order, and a lid.

Closed: dT_air/dt = (set - T_air) / 4 min. Open: dT_air/dt = (outside - T_air) / 3 min, cooling loses.
Product: dT/dt = (T_air - T_product) / tau, tau 40 min for meals in a tray (domain.md 1.2: 30 to 60).
"""

import math
from dataclasses import dataclass

AIR_CLOSED_S = 240.0
AIR_OPEN_S = 180.0
PRODUCT_S = 2400.0


@dataclass
class Cooler:
    """A cooler as it is now; degrees Celsius."""

    set_c: float
    outside_c: float
    air_c: float
    product_c: float
    lid_open: bool = False
    product_s: float = PRODUCT_S

    @classmethod
    def settled(cls, *, set_c: float, outside_c: float) -> "Cooler":
        """A cooler that has been closed for hours."""
        return cls(set_c=set_c, outside_c=outside_c, air_c=set_c, product_c=set_c + 0.2)

    def pass_time(self, seconds: float) -> None:
        """Exact for a lid that does not move: an exponential for the air, its mean for the product."""
        goal, tau_s = (self.outside_c, AIR_OPEN_S) if self.lid_open else (self.set_c, AIR_CLOSED_S)
        before = self.air_c
        self.air_c = goal + (before - goal) * math.exp(-seconds / tau_s)
        mean = goal + (before - self.air_c) * tau_s / seconds if seconds > 0 else before
        self.product_c = mean + (self.product_c - mean) * math.exp(-seconds / self.product_s)


@dataclass(frozen=True, slots=True)
class Moment:
    """A cooler at one time, as the world has it."""

    t_s: float
    air_c: float
    product_c: float
    lid_open: bool
