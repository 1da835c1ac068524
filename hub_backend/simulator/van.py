"""A van as it drives, stands and charges: the physics behind what its instruments show.

Kilometres, kWh, degrees Celsius; energy after domain.md part 5: 0.17 kWh/km, 0.02 kWh a stop and 0.3 kW while on.
"""

from dataclasses import dataclass, field

from hub_backend.simulator.cooler import Cooler
from hub_backend.simulator.driving import Drive, Moving, Place
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.slcan import Dashboard

KWH_PER_KM = 0.17
KWH_PER_STOP = 0.02
AUXILIARY_KW = 0.3
BATTERY_KWH = 33.0
CHARGE_KW = 7.4
OUTSIDE_C = 15.0
"""In the load space, on a November day."""


@dataclass
class Van:
    """A van now. `odometer_km` is what its dashboard has shown since it was built."""

    id: str
    place: Place
    odometer_km: float
    soc_percent: float
    cooler: Cooler
    on: bool = False
    plugged: bool = False
    drive: Drive | None = None
    used_kwh: float = 0.0
    """What left the pack; charging is not taken off."""
    _driven_m: float = field(default=0.0, init=False)
    _moving: Moving | None = field(default=None, init=False)

    def set_off(self, drive: Drive) -> None:
        """Raises `ValueError` for a van on its cable: nobody drives off with it."""
        if self.plugged:
            raise ValueError(f"{self.id}: plugged in")
        self.drive, self._driven_m, self.on = drive, 0.0, True
        self._use(KWH_PER_STOP)

    def pass_time(self, t_s: float, seconds: float) -> None:
        """The world has come to `t_s`, `seconds` further."""
        self.cooler.pass_time(seconds)
        if self.plugged:
            self._use(-CHARGE_KW * seconds / 3600)
        elif self.on:
            self._use(AUXILIARY_KW * seconds / 3600)
        self._moving = None
        if self.drive is not None:
            self._move(self.drive, t_s)

    def _move(self, drive: Drive, t_s: float) -> None:
        moving = drive.at(t_s)
        km = (moving.driven_m - self._driven_m) / 1000
        self._driven_m = moving.driven_m
        self.odometer_km += km
        self._use(km * KWH_PER_KM)
        self.place = moving.place
        self._moving = moving
        if t_s >= drive.end_s:
            self.drive = None

    def _use(self, kwh: float) -> None:
        self.used_kwh += max(kwh, 0.0)
        self.soc_percent = max(0.0, min(100.0, self.soc_percent - kwh / BATTERY_KWH * 100))

    @property
    def speed_m_s(self) -> float:
        return 0.0 if self._moving is None else self._moving.speed_m_s

    def fix(self, t_s: float) -> Fix:
        heading = None if self._moving is None else self._moving.heading_deg
        return Fix(t_s, self.place[0], self.place[1], self.speed_m_s, heading)

    def dashboard(self) -> Dashboard:
        return Dashboard(self.soc_percent, self.odometer_km, self.speed_m_s, self.plugged)
