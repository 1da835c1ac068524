"""What a van draws from its pack along a sequence, and how long it must charge.

E = d x (c0 + cm x payload) + stops x e_stop + driving x aux + under way x cooler, times a margin: nine trips in ten
use less. Charging is linear in time.
"""

from dataclasses import dataclass
from math import ceil

from routing.model import Energy, Van

CHARGE_STEP_S = 300
CHARGE_LEAST_S = 900
CHARGE_SPARE_PERCENT = 3.0
"""A charging block is a whole number of five minutes, at least 15, and ends with a little more than is needed."""


def auxiliary_kw(outside_c: float) -> float:
    """Heating, cooling and lights while driving, kW, by the temperature outside: least from 15 to 24 degrees."""
    heating = min(3.0, 0.12 * max(0.0, 15.0 - outside_c))
    return 0.15 + heating + 0.08 * max(0.0, outside_c - 24.0)


def flat(kwh_per_km: float) -> Energy:
    """A figure per km that has everything in it, as measured over whole tours."""
    return Energy(kwh_per_km, 0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Draw:
    """What each thing on the way takes from one van's pack, in percent of it.

    Of a metre, of a metre for each kg of payload, of a second's driving, of a second elsewhere than at the hub, of a
    stop for somebody.
    """

    of_metre: float
    of_metre_kg: float
    of_driving_s: float
    of_staying_s: float
    of_stop: float

    @classmethod
    def of(cls, van: Van) -> "Draw":
        energy = van.energy
        of_kwh = energy.margin * percent(van, 1.0)
        return cls(
            of_metre=of_kwh * energy.kwh_per_km / 1e3,
            of_metre_kg=of_kwh * energy.kwh_per_km_tonne / 1e6,
            of_driving_s=of_kwh * (energy.aux_kw + energy.cooler_kw) / 3600.0,
            of_staying_s=of_kwh * energy.cooler_kw / 3600.0,
            of_stop=of_kwh * energy.kwh_per_stop,
        )


def percent(van: Van, kwh: float) -> float:
    return kwh / van.battery_kwh * 100.0


def gained_percent(van: Van, charge_s: int) -> float:
    return percent(van, charge_s / 3600.0 * van.charge_kw)


def charge_needed_s(van: Van, soc_end_percent: float) -> int:
    """How long to charge so that a route which would end so empty ends above the least, in whole blocks."""
    short = van.min_soc_percent + CHARGE_SPARE_PERCENT - soc_end_percent
    if short <= CHARGE_SPARE_PERCENT:
        return 0
    seconds = short / 100.0 * van.battery_kwh / van.charge_kw * 3600.0
    return max(CHARGE_LEAST_S, ceil(seconds / CHARGE_STEP_S) * CHARGE_STEP_S)
