"""What and who is in a van that cannot go on is fetched from where it stands, and a concierge is told where that is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_gateway.contract.messages import Outcome, Position, ScanPurpose, Visit
from hub_backend.dispatching.router.problem import DayRide, PlanAnswer
from tests.hub_dispatch.town import a_day_of_orders
from tests.hub_dispatch.world import DAY, HandPlanner, World, clock, directory

pytestmark = pytest.mark.whole

PLACES = [(52.26, 6.22 + number * 0.002) for number in range(1, 5)]
STANDS = (52.262, 6.231)


@pytest.fixture
def world(tmp_path: Path, planner: HandPlanner) -> Iterator[World]:
    one = World(tmp_path, planner=planner)
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
    assert (fetch.kind, fetch.stop, fetch.name, fetch.from_van) == ("fetch", "fetch.1", "bus 1", "van-1")
    assert (round(fetch.lat, 3), round(fetch.lon, 3)) == STANDS
    assert fetch.depart_s - fetch.arrive_s >= 180, "a minute and a half for each resident's goods"
    assert set(stops) < {stop.stop for stop in doors}
    assert len(stops) == 2
    shown = next(route for route in world.shown()["routes"] if route["van"] == other)["stops"]
    assert [(stop["address"], stop["from_van"]) for stop in shown if stop["kind"] == "fetch"] == [("bus 1", "van-1")]


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
    shown = next(route for route in world.shown()["routes"] if route["van"] == other)["stops"]
    assert [stop["from_van"] for stop in shown if stop["kind"] == "fetch"] == ["van-1"], "not herself"
    world.scan(other, doors[1].deliver[0].code, ScanPurpose.LOAD)
    world.tour(other, "departed_hub")
    world.plan("daarna")
    assert {stop.kind for stop in world.mail.newest(other).stops} == {"visit"}
    assert world.shown()["left"] == []


def committed(planner: HandPlanner, van: str) -> tuple[str, ...]:
    """What the newest question says that this van may not be taken from."""
    (found,) = [one for one in planner.requests[-1].problem.vans if one.id == van]
    return found.committed


def test_a_van_that_drives_to_another_vans_goods_is_not_sent_elsewhere(world: World, planner: HandPlanner) -> None:
    stops = planned_for_one_van(world)
    other = strand(world, "van-1")
    world.plan("nog niet onderweg")
    assert committed(planner, other) == ()
    world.tour(other, "departed_hub")
    world.tour(other, "under_way", "fetch.1")
    world.plan("onderweg")
    assert sorted(committed(planner, other)) == sorted(f"{stop}/fetch" for stop in stops)
    world.tour(other, "arrived", "fetch.1")
    codes = {stop.stop: stop.deliver[0].code for stop in world.mail.newest(other).stops if stop.stop in stops}
    world.scan(other, codes[stops[0]], ScanPurpose.LOAD)
    world.plan("tijdens het overnemen")
    assert committed(planner, other) == (f"{stops[1]}/fetch",), "what is not scanned yet"
    world.scan(other, codes[stops[1]], ScanPurpose.LOAD)
    world.plan("alles over")
    assert committed(planner, other) == ()


def test_a_van_that_set_off_for_the_goods_meanwhile_keeps_them(world: World, planner: HandPlanner) -> None:
    planned_for_one_van(world)
    other = strand(world, "van-1")
    world.tour(other, "departed_hub")
    asked = len(planner.requests)

    def sets_off(answer: PlanAnswer) -> PlanAnswer:
        world.tour(other, "under_way", "fetch.1")
        routes = tuple(
            msgspec.structs.replace(route, steps=tuple(sorted(route.steps, key=lambda step: step.kind == "fetch")))
            for route in answer.routes
        )
        return msgspec.structs.replace(answer, routes=routes)

    planner.before = [sets_off]
    world.plan("een andere volgorde")
    assert len(planner.requests) == asked + 2, "the first answer would have sent her elsewhere"
    assert world.mail.newest(other).stops[0].stop == "fetch.1"


MARKET = {"to_lat": 52.264, "to_lon": 6.24, "to_name": "de markt"}


def ride_of(world: World, van: str, *, locked: bool = False, **to: Any) -> str:
    """Somebody who sits in this van, which then cannot go on; gives the ride's stop."""
    ride = world.order("k3", supplier=None, goods="", kind="ride", **(MARKET | to))["stop"]
    world.plan()
    if locked:
        world.post(f"/api/stops/{ride}/lock", {"locked": True, "van": van}, status=200)
        world.dispatch.step()
    pickup = f"{ride}/pickup"
    world.at("09:30")
    world.tour(van, "departed_hub")
    world.tour(van, "under_way", pickup)
    world.tour(van, "arrived", pickup)
    visited = Visit(source=van, boot=1, seq=0, t_s=clock("09:34"), stop=pickup, outcome=Outcome.CONTACT_DOOR, step=1)
    world.at("09:34")
    world.tell(visited)
    world.tour(van, "under_way", f"{ride}/dropoff")
    return str(ride)


def strand_at(world: World, van: str, place: tuple[float, float]) -> None:
    world.at("09:40")
    world.tell(Position(source=van, boot=1, seq=0, t_s=world.clock.t_s, fix="3d", lat=place[0], lon=place[1]))
    world.post(f"/api/vans/{van}/service", {"in_service": False, "reason": "aanrijding"}, status=200)
    assert world.dispatch.step(), world.dispatch.state


def test_a_passenger_of_a_stranded_van_is_to_be_fetched_from_there_and_soon(world: World, planner: HandPlanner) -> None:
    ride_of(world, "van-1", locked=True)
    strand_at(world, "van-1", STANDS)

    def asked() -> DayRide:
        (ride,) = planner.requests[-1].problem.rides
        return ride

    assert (asked().aboard, asked().locked_van) == (None, None)
    assert (asked().pickup_lat, asked().pickup_lon) == STANDS
    assert asked().pickup == (clock("09:40"), clock("09:55"))
    assert world.shown()["notes"] == ["Proefstraat 3: de passagier wacht in bus 1, die niet rijdt"]
    assert world.shown()["notes_en"] == ["Proefstraat 3: the passenger waits in van 1, which does not drive"]
    world.at("09:45")
    world.plan("iets anders")
    assert asked().pickup == (clock("09:45"), clock("09:55")), "a later plan does not put it off"
    world.at("10:10")
    world.plan("nog steeds")
    assert asked().pickup[1] > clock("10:10"), "late is better than not at all"


def test_a_passenger_whose_van_has_ended_its_day_is_asked_after_and_not_fetched(world: World) -> None:
    """At the end of a day everybody is out, only a tap is missing: nobody drives to a van that stands at the hub."""
    ride = ride_of(world, "van-1")
    world.tour("van-1", "ended")
    plan = world.plan("einde van de dag")
    (left,) = plan["left"]
    assert (left["stop"], left["code"]) == (ride, "passenger_stuck")
    assert left["reason"] == "niet gemeld als uitgestapt, en de dag van bus 1 is voorbij: bel de conciërge"


def test_a_van_that_drives_again_brings_its_passenger_itself(world: World, planner: HandPlanner) -> None:
    ride_of(world, "van-1")
    strand_at(world, "van-1", STANDS)
    world.post("/api/vans/van-1/service", {"in_service": True}, status=200)
    world.dispatch.step()
    (ride,) = planner.requests[-1].problem.rides
    assert ride.aboard == "van-1"


def test_a_stranded_van_without_a_fix_stands_where_its_passenger_got_in(world: World, planner: HandPlanner) -> None:
    ride_of(world, "van-1")
    world.post("/api/vans/van-1/service", {"in_service": False}, status=200)
    assert world.dispatch.step()
    (ride,) = planner.requests[-1].problem.rides
    assert (ride.pickup_lat, ride.pickup_lon) == PLACES[3]


@pytest.mark.servers
def test_another_van_goes_for_the_passenger_first_and_brings_them_on(town: World, map_dir: Path) -> None:
    sites = json.loads((map_dir / "map.json").read_text())["sites"]
    market = next(site for site in sites if site["kind"] == "market")
    a_day_of_orders(town)
    ride = ride_of(town, "van-1", locked=True, to_lat=market["lat"], to_lon=market["lon"])
    up, down = f"{ride}/pickup", f"{ride}/dropoff"
    town.load("van-2")
    town.tour("van-2", "departed_hub")
    home = next(stop for stop in town.mail.newest("van-1").stops if stop.stop == up)
    strand_at(town, "van-1", (market["lat"], market["lon"]))
    plan = town.shown()
    assert plan["left"] == []
    assert town.route("van-2")[0] == up, town.route("van-2")
    first = town.mail.newest("van-2").stops[0]
    assert (first.kind, first.address, first.from_van) == ("ride_pickup", "bus 1", "van-1")
    assert (first.lat, first.lon) != (home.lat, home.lon)
    shown = next(route for route in plan["routes"] if route["van"] == "van-2")["stops"][0]
    assert (shown["address"], shown["from_van"]) == ("bus 1", "van-1")
    told = [change["words"] for change in plan["changes"] if change["stop"].startswith(ride)]
    assert any("bus 1" in words and "bus 2" in words for words in told), told
    town.tour("van-2", "under_way", up)
    town.at("09:48")
    town.tour("van-2", "arrived", up)
    town.plan("bij de bus")
    assert town.route("van-2")[:2] == [up, down]
    town.visit("van-2", up, "contact_door")
    town.tour("van-2", "under_way", down)
    town.plan("met passagier")
    assert town.route("van-2")[:2] == [up, down]
    assert town.shown()["notes"] == []
    town.at("10:00")
    town.tour("van-2", "arrived", down)
    town.visit("van-2", down, "contact_door")
    assert town.get(f"/api/days/{DAY}/figures")["contact"]["rides_done"] == 1


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
