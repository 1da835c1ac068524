"""A hub with two vans on a made-up map, with forty residents at real doors of it, and a morning's orders."""

import csv
import json
import random
from pathlib import Path
from typing import Any

from tests.hub_dispatch.world import World, clock, directory


def settle(world: World, map_dir: Path) -> None:
    """The directory, with everybody at a door of the map."""
    with (map_dir / "addresses.csv").open() as file:
        doors = list(csv.DictReader(file))
    doors = random.Random(5).sample(doors, 40)
    records = directory([(float(door["lat"]), float(door["lon"])) for door in doors])
    hub = next(site for site in json.loads((map_dir / "map.json").read_text())["sites"] if site["kind"] == "hub")
    records["hubs"][0] |= {"lat": hub["lat"], "lon": hub["lon"]}
    for supplier in records["suppliers"]:
        supplier |= {"lat": hub["lat"], "lon": hub["lon"]}
    for resident, door in zip(records["residents"], doors, strict=True):
        resident |= {"street": door["street"], "number": door["number"], "postcode": door["postcode"]}
    taken = world.post("/api/directory", records, status=200)
    assert taken["rejected"] == []


def a_day_of_orders(world: World) -> list[dict[str, Any]]:
    orders = [
        *({"resident": f"k{n}", "goods": "chilled_meal", "supplier": "keuken"} for n in range(14)),
        *(
            {"resident": f"k{n}", "goods": "medication_roll", "kind": "swap", "supplier": "apotheek"}
            for n in range(4, 9)
        ),
        *({"resident": f"k{n}", "goods": "laundry_clean", "kind": "swap", "supplier": "wasserij"} for n in (2, 20, 21)),
        *({"resident": f"k{n}", "goods": "letterbox_item", "supplier": "apotheek"} for n in range(22, 26)),
        {"resident": "k30", "kind": "visit"},
        {"resident": "k31", "kind": "chore", "chores": ["lamp verwisselen"]},
    ]
    body = [{"from_s": clock("09:00"), "to_s": clock("13:00")} | order for order in orders]
    taken: list[dict[str, Any]] = world.post("/api/orders", {"orders": body}, status=201)["accepted"]
    assert len(taken) == len(orders)
    return taken
