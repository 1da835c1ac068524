"""What a van draws from its pack along a sequence, and how long it must charge.

E = d x (c0 + cm x payload) + stops x e_stop + driving x aux + under way x cooler, times a margin: nine trips in ten
use less. Charging is linear in time.
"""

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


def leg_kwh(energy: Energy, distance_m: int, drive_s: int, payload_kg: float) -> float:
    """Driving from place to place."""
    per_km = energy.kwh_per_km + energy.kwh_per_km_tonne * payload_kg / 1000.0
    used = distance_m / 1000.0 * per_km + (energy.aux_kw + energy.cooler_kw) * drive_s / 3600.0
    return used * energy.margin


def door_kwh(energy: Energy, stay_s: int, *, stop: bool) -> float:
    """Being somewhere else than at the hub: from arriving to leaving; `stop`: for somebody, and not for a rest."""
    used = energy.cooler_kw * stay_s / 3600.0 + (energy.kwh_per_stop if stop else 0.0)
    return used * energy.margin


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
