"""What is in a van that cannot go on is fetched from where it stands, and its concierge is told where that is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_gateway.contract.messages import Position, ScanPurpose
from tests.hub_dispatch.town import a_day_of_orders
from tests.hub_dispatch.world import HandPlanner, World, directory

PLACES = [(52.26, 6.22 + number * 0.002) for number in range(1, 5)]
STANDS = (52.262, 6.231)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path, planner=HandPlanner())
    one.post("/api/directory", directory(PLACES), status=200)
    yield one
    one.close()


def planned_for_one_van(world: World) -> list[str]:
    """Two stops of van-1, beside two of the other."""
    for resident in ("k0", "k1", "k2", "k3"):
        world.order(resident)
    world.plan()
    return [stop for stop, van in world.where().items() if van == "van-1"]


def strand(world: World, van: str) -> str:
    """The van has left with its goods and cannot go on; gives the other van."""
    world.at("09:30")
    world.load(van)
    world.tour(van, "departed_hub")
    world.tell(Position(source=van, boot=1, seq=0, t_s=world.clock.t_s, fix="3d", lat=STANDS[0], lon=STANDS[1]))
    world.at("09:50")  # its fix is old by now, but it stands where it was
    world.post(f"/api/vans/{van}/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert world.dispatch.step(), world.dispatch.state
    return "van-1" if van == "van-2" else "van-2"


def test_goods_of_a_stranded_van_are_one_stop_of_the_van_that_takes_them_over(world: World) -> None:
    stops = planned_for_one_van(world)
    other = strand(world, "van-1")
    assert world.shown()["left"] == []
    steps = world.mail.newest(other).stops
    (fetch,) = [step for step in steps if step.kind == "fetch"]
    doors = steps[steps.index(fetch) + 1 :]
    assert (fetch.kind, fetch.stop, fetch.name) == ("fetch", "fetch.1", "bus 1")
    assert (round(fetch.lat, 3), round(fetch.lon, 3)) == STANDS
    assert fetch.depart_s - fetch.arrive_s >= 180, "a minute and a half for each resident's goods"
    assert set(stops) < {stop.stop for stop in doors}
    assert len(stops) == 2
    shown = next(route for route in world.shown()["routes"] if route["van"] == other)["stops"]
    assert [stop["address"] for stop in shown if stop["kind"] == "fetch"] == ["bus 1"]


def test_what_is_scanned_over_is_aboard_and_the_rest_is_still_to_be_fetched(world: World) -> None:
    stops = planned_for_one_van(world)
    other = strand(world, "van-1")
    world.tour(other, "departed_hub")
    world.tour(other, "under_way", "fetch.1")
    world.at("09:58")
    world.tour(other, "arrived", "fetch.1")
    doors = [stop for stop in world.mail.newest(other).stops if stop.stop in stops]
    world.scan(other, doors[0].deliver[0].code, ScanPurpose.LOAD)
    world.plan("tijdens het overnemen")
    names = [stop.stop for stop in world.mail.newest(other).stops]
    assert "fetch.1" in names, "she stands there and goes on scanning"
    world.scan(other, doors[1].deliver[0].code, ScanPurpose.LOAD)
    world.tour(other, "departed_hub")
    world.plan("daarna")
    assert {stop.kind for stop in world.mail.newest(other).stops} == {"visit"}
    assert world.shown()["left"] == []


@pytest.mark.servers
def test_the_router_sends_another_van_for_a_stranded_vans_goods(town: World) -> None:
    a_day_of_orders(town)
    town.plan()
    before = town.where()
    town.at("09:00")
    for van in ("van-1", "van-2"):
        town.load(van)
        town.tour(van, "departed_hub")
    town.at("09:10")
    town.post("/api/vans/van-1/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert town.dispatch.step(), town.dispatch.state
    plan = town.shown()
    assert all(left["code"] != "stuck" for left in plan["left"])
    stops = next(route for route in plan["routes"] if route["van"] == "van-2")["stops"]
    fetched = {stop for stop, van in before.items() if van == "van-1"} & {stop["stop"] for stop in stops}
    assert fetched
    kinds = [stop["kind"] for stop in stops]
    first = min(index for index, stop in enumerate(stops) if stop["stop"] in fetched)
    assert "fetch" in kinds[:first]
