"""Hubs, vans, suppliers and residents of the demo as records for the hub's directory."""

from collections.abc import Mapping, Sequence

from hub_backend.simulator.day import Day
from hub_backend.simulator.neighbourhood import Neighbourhood
from hub_backend.simulator.van import BATTERY_KWH, CHARGE_KW

CAPACITY = {"chilled": 12, "hot": 10, "ambient": 20, "parcels": 30, "laundry": 8, "seats": 2}
CONCIERGES = {"van-1": "Anneke", "van-2": "Joost", "van-3": "Samira"}  # made up
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
                "known_vans": [van for van, hub in day.vans.items() if hub == resident.hub],
            }
            for resident in place.residents
        ],
    }
