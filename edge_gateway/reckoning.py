"""Dead reckoning in a gap between fixes: how far the van drove by its own odometer, straight on from where it was.

A tunnel, a garage, a street of high houses. What comes out is marked as reckoned, is worse with every metre, and ends
where it would be a guess. Pure rules; seconds of the world.
"""

import math

from edge_gateway.contract.messages import Reckoned
from edge_gateway.page_messages import PagePosition, PageVehicle

LONGEST_M = 5_000.0
LONGEST_S = 900.0
DRIFT = 0.5
"""Of what was driven, how much it may be off: nobody knows the turns."""
ROUGH_M = 100.0
"""The step of most odometers."""
EARTH_M = 6_371_008.8


class Reckoning:
    """One van. Tell it every fix with what the odometer said then, and ask in a gap."""

    def __init__(self) -> None:
        self._fix: PagePosition | None = None
        self._odometer_km: float | None = None

    def fixed(self, fix: PagePosition, vehicle: PageVehicle | None) -> None:
        """A good fix; a heading that stood still is not known, so the last one with a heading counts."""
        heading_deg = fix.heading_deg
        if heading_deg is None and self._fix is not None:
            heading_deg = self._fix.heading_deg
        self._fix = PagePosition(t_s=fix.t_s, fix=fix.fix, lat=fix.lat, lon=fix.lon, heading_deg=heading_deg)
        self._odometer_km = None if vehicle is None else vehicle.odometer_km

    def at(self, vehicle: PageVehicle | None, now_s: float) -> Reckoned | None:
        """Where the van may be now; None when nothing is known, or too much time or way lies between."""
        fix = self._fix
        if fix is None or fix.lat is None or fix.lon is None or fix.heading_deg is None:
            return None
        if vehicle is None or vehicle.odometer_km is None or self._odometer_km is None:
            return None
        driven_m = (vehicle.odometer_km - self._odometer_km) * 1000
        if not (0 <= driven_m <= LONGEST_M and 0 <= now_s - fix.t_s <= LONGEST_S):
            return None
        heading = math.radians(fix.heading_deg)
        lat = fix.lat + math.degrees(driven_m * math.cos(heading) / EARTH_M)
        across = EARTH_M * math.cos(math.radians(fix.lat))
        lon = fix.lon + math.degrees(driven_m * math.sin(heading) / across) if across > 1 else fix.lon
        if abs(lat) > 90 or abs(lon) > 180:
            return None
        return Reckoned(
            lat=round(lat, 6), lon=round(lon, 6), driven_m=round(driven_m, 1), accuracy_m=ROUGH_M + DRIFT * driven_m
        )
