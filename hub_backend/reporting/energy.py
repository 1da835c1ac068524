"""What a van took out of its battery on a day, from what its own bus said: rules without I/O.

Comes in: a day's readings of state of charge, odometer and plug, in the order of their times, and the pack's declared
kWh. Goes out: kWh, or None with the reason where the readings cannot tell. A charge that nobody saw is not guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LEAST_PERCENT = 2.0
"""Less out of the pack than this drowns in what a dashboard rounds off."""
REGAINED_PERCENT = 1.5
"""More than this is not won back on a slope: somebody charged, and the bus did not tell."""
GAP_S = 1800.0
MOVED_KM = 0.2


@dataclass(frozen=True, slots=True)
class Reading:
    """One word of the van's bus; None is not known."""

    t_s: float
    soc_percent: float | None
    odometer_km: float | None
    plugged: bool | None


@dataclass(frozen=True, slots=True)
class Energy:
    """kWh out of the pack and into it; None with the reason in `unknown`."""

    used_kwh: float | None
    charged_kwh: float | None
    unknown: str = ""


def energy_of(readings: Iterable[Reading], *, battery_kwh: float) -> Energy:
    """Drops of the state of charge, charging taken out. `battery_kwh` is the pack's, as its van is declared."""
    used = charged = regained = 0.0
    before: Reading | None = None
    for reading in readings:
        if reading.soc_percent is None:
            continue
        if before is not None and before.soc_percent is not None:
            fault = _unseen(before, reading)
            if fault:
                return Energy(None, None, fault)
            rise = reading.soc_percent - before.soc_percent
            if reading.plugged or before.plugged:
                charged += max(rise, 0.0)
                used += max(-rise, 0.0)
                regained = 0.0
            else:
                used -= rise
                regained = max(0.0, regained + rise)
                if regained > REGAINED_PERCENT:
                    return Energy(None, None, "it was charged, and its bus did not say so")
        before = reading
    if before is None:
        return Energy(None, None, "no state of charge in the record")
    if used < LEAST_PERCENT:
        return Energy(None, None, f"less than {LEAST_PERCENT:g} % of the pack: too little to measure")
    return Energy(used * battery_kwh / 100, charged * battery_kwh / 100)


def _unseen(before: Reading, after: Reading) -> str:
    """Why nobody can say what happened between two readings; empty when it can be said."""
    if after.t_s - before.t_s <= GAP_S or after.plugged or before.plugged:
        return ""
    km = None
    if before.odometer_km is not None and after.odometer_km is not None:
        km = after.odometer_km - before.odometer_km
    if km is None or km > MOVED_KM:
        return f"it drove while nothing was heard of it for {(after.t_s - before.t_s) / 60:.0f} min"
    return ""
