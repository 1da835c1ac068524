"""Hubs, vans, suppliers and residents of the demo as records for the hub's directory."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from hub_backend.simulator.day import Day
from hub_backend.simulator.neighbourhood import Neighbourhood
from hub_backend.simulator.van import AUXILIARY_KW, BATTERY_KWH, CHARGE_KW, KWH_PER_KM, KWH_PER_STOP

CAPACITY = {"chilled": 12, "hot": 10, "ambient": 20, "parcels": 30, "laundry": 8, "seats": 2}
CONCIERGES = {"van-1": "Anneke", "van-2": "Joost", "van-3": "Samira"}  # made up
ENERGY = {
    "kwh_per_km": KWH_PER_KM,
    "kwh_per_km_tonne": 0.0,
    "kwh_per_stop": KWH_PER_STOP,
    "cooler_kw": AUXILIARY_KW,
}
"""As `van` draws it; heating comes on top by the temperature that the hub reckons with."""

SELDOM_SEEN = 0.15
"""Residents to whom nobody has spoken for as long as is known; the others get a visit twice a week (domain.md N3)."""

Records = Mapping[str, Sequence[Mapping[str, object]]]


def directory(place: Neighbourhood, day: Day) -> Records:
    """What an office enters before the first day."""
    return {
        "hubs": [
            {"id": hub.id, "name": hub.name, "lat": hub.address.lat, "lon": hub.address.lon} for hub in place.hubs
        ],
        "vans": [
            {
                "id": van,
                "hub": hub,
                "concierge": CONCIERGES[van],
                "skills": ["medication"],
                "capacity": CAPACITY,
                "shift_from": "08:30",
                "shift_to": "16:30",
                "lunch_from": "11:45",
                "lunch_to": "13:15",
                "lunch_s": 1800,
                "partition": True,
                "energy": ENERGY,
                "battery_kwh": BATTERY_KWH,
                "charge_kw": CHARGE_KW,
            }
            for van, hub in day.vans.items()
        ],
        "suppliers": [
            {
                "id": supplier.id,
                "name": supplier.name,
                "lat": site.lat,
                "lon": site.lon,
                "van_class": supplier.van_class,
                "approach_km": supplier.approach_km,
            }
            for supplier, site in day.suppliers
        ],
        "residents": [
            {
                "id": resident.id,
                "name": resident.name,
                "street": resident.address.street,
                "number": resident.address.number,
                "postcode": resident.address.postcode,
                "lat": resident.address.lat,
                "lon": resident.address.lon,
                "hub": resident.hub,
                "usual_step": resident.usual_step,
                "last_contact_day": _last_contact(resident.id, day),
                "known_vans": [van for van, hub in day.vans.items() if hub == resident.hub],
            }
            for resident in place.residents
        ],
    }


def _last_contact(resident: str, day: Day) -> str | None:
    """When somebody last spoke with them before the demo's day: mostly some days ago, with some for weeks not."""
    dice = random.Random(f"contact/{day.seed}/{resident}")
    if dice.random() < SELDOM_SEEN:
        return None
    ago = min(28, 1 + int(dice.expovariate(1 / 3.5)))
    return (date.fromisoformat(day.day) - timedelta(days=ago)).isoformat()
