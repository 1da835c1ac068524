"""A hub that stands elsewhere for some hours, by its roster: vans load there, and everybody is told where that is."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub_backend.dispatching.day.places import places_of, standing_at
from hub_backend.record import HubRow
from tests.hub_dispatch.world import DAY, HUB, ZONE, HandPlanner, World, clock, directory

MARKET = {"from": "12:00", "to": "15:00", "address": "de markt", "lat": 52.264, "lon": 6.24, "weekdays": [1, 4]}


def hub_with(**fields: Any) -> dict[str, Any]:
    record: dict[str, Any] = directory(())["hubs"][0]
    return record | fields


def test_a_hub_is_at_home_before_and_after_it_stands_elsewhere() -> None:
    hub = HubRow(id="h", name="Hub H", lat=HUB[0], lon=HUB[1], open_from="07:00", open_to="18:00")
    hub.stands = [MARKET | {"charges": False}]
    places = places_of(hub, DAY, zone=ZONE)  # a Monday
    assert [(place.id, place.name, place.charges) for place in places] == [
        ("h", "Hub H", True),
        ("h@12:00", "Hub H, de markt", False),
        ("h@15:00", "Hub H", True),
    ]
    assert [place.from_s for place in places] == [clock("07:00"), clock("12:00"), clock("15:00")]
    assert [place.to_s for place in places] == [clock("12:00"), clock("15:00"), clock("18:00")]
    at = ("05:00", "11:59", "12:00", "20:00")
    assert [standing_at(places, clock(time)).id for time in at] == ["h", "h", "h@12:00", "h@15:00"]
    assert [place.id for place in places_of(hub, "2026-11-24", zone=ZONE)] == ["h"], "not on a Tuesday"


def test_a_roster_that_cannot_be_meant_is_refused(world: World) -> None:
    wrong = {
        "stands.0.to": [MARKET | {"to": "11:00"}],
        "stands.0.from": [MARKET | {"to": "19:00"}],
        "stands.1.from": [MARKET, MARKET | {"from": "14:00", "address": "het plein"}],
        "stands.0.weekdays.0": [MARKET | {"weekdays": [8]}],
        "stands.0.lat": [MARKET | {"lat": 95}],
    }
    taken = world.post("/api/directory", {"hubs": [hub_with(stands=stands) for stands in wrong.values()]}, status=200)
    assert [one["field"] for one in taken["rejected"]] == list(wrong)


def test_a_van_waits_and_ends_where_its_hub_then_is(world: World, planner: HandPlanner) -> None:
    world.post("/api/directory", {"hubs": [hub_with(stands=[MARKET | {"to": "18:00"}])]}, status=200)
    world.order("k0")
    world.plan()
    asked = planner.requests[-1].problem
    assert [(hub.id, hub.hub, hub.lat) for hub in asked.hubs] == [
        ("colmschate", "colmschate", HUB[0]),
        ("colmschate@12:00", "colmschate", MARKET["lat"]),
    ]
    assert {(van.hub, van.lat) for van in asked.vans} == {("colmschate@12:00", HUB[0])}
    world.at("12:30")
    world.plan("middag")
    assert {van.lat for van in planner.requests[-1].problem.vans} == {MARKET["lat"]}


@pytest.mark.servers
def test_a_van_loads_on_the_market_what_comes_in_there_and_both_pages_say_so(town: World, map_dir: Path) -> None:
    sites = json.loads((map_dir / "map.json").read_text())["sites"]
    market = next(site for site in sites if site["kind"] == "market")
    stand = MARKET | {"lat": market["lat"], "lon": market["lon"], "to": "18:00"}
    home = next(site for site in sites if site["kind"] == "hub")
    moved = hub_with(lat=home["lat"], lon=home["lon"], stands=[stand])
    town.post("/api/directory", {"hubs": [moved]}, status=200)
    town.order("k1", from_s=clock("09:00"), to_s=clock("11:00"))
    town.post("/api/vans/van-2/service", {"in_service": False}, status=200)
    late = town.order("k2", from_s=clock("13:00"), to_s=clock("15:00"), release_s=clock("12:30"))["stop"]
    plan = town.plan()
    assert plan["left"] == []
    stops = next(route for route in plan["routes"] if route["van"] == "van-1")["stops"]
    reload = stops[[stop["stop"] for stop in stops].index(late) - 1]
    assert (reload["kind"], reload["address"]) == ("reload", "Hub Colmschate, de markt")
    assert reload["lat"] == pytest.approx(market["lat"], abs=0.003)
    assert reload["start_s"] >= clock("12:30")
    told = next(stop for stop in town.mail.newest("van-1").stops if stop.stop == reload["stop"])
    assert (told.address, told.lat, told.lon) == ("Hub Colmschate, de markt", market["lat"], market["lon"])
