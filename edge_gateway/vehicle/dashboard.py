"""What the van said last, without I/O: measures in, `Vehicle` events out.

A measure that was not heard for a while is None, not its last value; one out of range is None and counted.
"""

from collections.abc import Callable, Mapping

from edge_gateway.contract.messages import Vehicle
from edge_gateway.vehicle_profile import Field

PERIODS_TO_LIVE = 3
"""A measure not heard for so many periods (of the events, or of its own question) is not known any more."""
RANGES: dict[Field, tuple[float, float]] = {
    "soc_percent": (0.0, 100.0),
    "odometer_km": (0.0, 2_000_000.0),
    "speed_m_s": (0.0, 70.0),
    "plugged": (0.0, 1.0),
    "pack_voltage_v": (0.0, 1000.0),
    "pack_current_a": (-1000.0, 1000.0),
    "pack_energy_kwh": (0.0, 200.0),
    "soh_percent": (0.0, 110.0),
    "cell_min_v": (0.0, 5.0),
    "cell_max_v": (0.0, 5.0),
    "outdoor_c": (-40.0, 85.0),
    "charge_ah": (-10_000.0, 10_000.0),
    "charge_power_w": (0.0, 250_000.0),
    "charge_level": (0.0, 3.0),
}
DIGITS = 3


class Dashboard:
    """Periods are seconds of the world. `refuse(field, reason)` hears of values out of range."""

    def __init__(self, *, period_s: float, refuse: Callable[[str, str], None]) -> None:
        self._period_s = period_s
        self._refuse = refuse
        self._values: dict[
            Field, tuple[float | bool, float, float]
        ] = {}  # with when it was said, and how long that holds
        self._told_s: float | None = None
        self._told_plugged: bool | None = None

    def take(self, measures: Mapping[Field, float | bool], now_s: float, *, every_s: float = 0.0) -> None:
        """What a frame said at `now_s`, or an answer to a question that is asked `every_s`."""
        live_s = PERIODS_TO_LIVE * max(self._period_s, every_s)
        for field, value in measures.items():
            low, high = RANGES[field]
            if low <= value <= high:
                self._values[field] = (value, now_s, live_s)
            else:
                self._values.pop(field, None)
                self._refuse(field, f"out of range {low:g} to {high:g}")

    def known(self, now_s: float) -> dict[Field, float | bool]:
        """What was heard lately."""
        self._values = {field: held for field, held in self._values.items() if 0 <= now_s - held[1] <= held[2]}
        return {field: held[0] for field, held in self._values.items()}

    def due(self, now_s: float, source: str) -> Vehicle | None:
        """The event to tell now: once a period while anything is known, at once when the plug goes in or out."""
        known = self.known(now_s)
        plugged = bool(known["plugged"]) if "plugged" in known else None
        waited = self._told_s is None or not 0 <= now_s - self._told_s < self._period_s - 0.05
        if not known or not (waited or plugged is not self._told_plugged):
            return None
        self._told_s, self._told_plugged = now_s, plugged
        numbers = {field: round(float(value), DIGITS) for field, value in known.items() if field != "plugged"}
        return Vehicle(
            source=source,
            boot=0,
            seq=0,
            t_s=now_s,
            soc_percent=numbers.get("soc_percent"),
            odometer_km=numbers.get("odometer_km"),
            speed_m_s=numbers.get("speed_m_s"),
            plugged=plugged,
            pack_voltage_v=numbers.get("pack_voltage_v"),
            pack_current_a=numbers.get("pack_current_a"),
            pack_energy_kwh=numbers.get("pack_energy_kwh"),
            soh_percent=numbers.get("soh_percent"),
            cell_min_v=numbers.get("cell_min_v"),
            cell_max_v=numbers.get("cell_max_v"),
            outdoor_c=numbers.get("outdoor_c"),
            charge_ah=numbers.get("charge_ah"),
            charge_power_w=numbers.get("charge_power_w"),
            charge_level=None if "charge_level" not in numbers else round(numbers["charge_level"]),
        )
