"""Dispatch with the real router in its own process, on a made-up neighbourhood."""

import json
from pathlib import Path

import pytest

from hub_backend.ordering.goods import TALK_MAX_S
from tests.hub_dispatch.day import played
from tests.hub_dispatch.town import a_day_of_orders
from tests.hub_dispatch.world import DAY, World, clock, directory

pytestmark = pytest.mark.servers


def test_a_day_of_orders_is_planned_on_real_roads(town: World) -> None:
    orders = a_day_of_orders(town)
    plan = town.plan()
    assert plan["left"] == []
    assert set(town.where()) == {order["stop"] for order in orders}
    assert plan["engine"].startswith("pyvrp")
    for route in plan["routes"]:
        if not route["stops"]:
            continue
        assert route["distance_m"] > 500
        assert len(route["geometry"]) > 10
        for stop in route["stops"]:
            if stop["kind"] == "reload":
                continue
            assert stop["window_from_s"] <= stop["start_s"] <= stop["window_to_s"]
    assert town.planning.solver.pid is not None


def test_spare_minutes_go_to_residents_and_each_concierge_has_her_lunch(town: World) -> None:
    lunch = {"lunch_from": "11:00", "lunch_to": "12:00", "lunch_s": 1800}
    town.post("/api/directory", {"vans": [van | lunch for van in directory(())["vans"]]}, status=200)
    a_day_of_orders(town)
    plan = town.plan()
    assert plan["left"] == []
    assert set(town.where().values()) == {"van-1", "van-2"}, "the work is spread"
    for route in plan["routes"]:
        assert route["talk_s"] == sum(stop["talk_s"] for stop in route["stops"]) >= 900
        rests = [stop for stop in route["stops"] if stop["kind"] == "rest"]
        assert rests or route["end_s"] <= clock("12:00"), "who is back before its end has her lunch at the hub"
        for rest in rests:
            assert clock("11:00") <= rest["start_s"] <= clock("12:00")
            assert rest["depart_s"] - rest["start_s"] == 1800
        told = {stop.stop: stop.talk_s for stop in town.mail.newest(route["van"]).stops}
        assert told == {stop["stop"]: stop["talk_s"] for stop in route["stops"]}
        for stop in route["stops"]:
            if stop["client"] is not None:
                assert stop["talk_s"] <= TALK_MAX_S[int(stop["client"][1:]) % 4], "no longer than that resident likes"


def test_an_event_changes_little_and_says_what(town: World) -> None:
    a_day_of_orders(town)
    town.plan()
    before = town.where()
    out = sorted(set(before.values()))
    first = town.route(out[0])[0]
    town.at("09:00")
    for van in out:
        town.load(van)
        town.tour(van, "departed_hub")
    town.tour(out[0], "under_way", first)
    added = town.order("k35", goods="parcel", from_s=clock("10:00"), to_s=clock("15:00"))
    assert town.dispatch.step(), town.dispatch.state
    plan = town.shown()
    assert town.route(out[0])[0] == first
    after = town.where()
    moved = [stop for stop, van in before.items() if after[stop] != van]
    assert moved == [], "a new order is no reason for anybody else to get another van"
    assert plan["left"] == []
    assert not [stop["stop"] for route in plan["routes"] for stop in route["stops"] if stop["late"]]
    van = after[added["stop"]]
    kinds = [stop["kind"] for stop in next(r for r in plan["routes"] if r["van"] == van)["stops"]]
    assert "reload" in kinds or van not in out, "the parcel is still at the hub, and the van is not"
    assert any(change["stop"] == added["stop"] and change["kind"] == "added" for change in plan["changes"])


def test_a_ride_takes_the_resident_there(town: World, map_dir: Path) -> None:
    market = next(site for site in json.loads((map_dir / "map.json").read_text())["sites"] if site["kind"] == "market")
    ride = town.order(
        "k33", supplier=None, goods="", kind="ride", to_lat=market["lat"], to_lon=market["lon"], to_name="de markt",
    )  # fmt: skip
    plan = town.plan()
    assert plan["left"] == []
    up, down = f"{ride['stop']}/pickup", f"{ride['stop']}/dropoff"
    van = town.where()[up]
    assert town.route(van) == [up, down]
    assert [stop.address for stop in town.mail.newest(van).stops][1] == "de markt"
    town.at("09:00")
    town.tour(van, "departed_hub")
    town.tour(van, "under_way", up)
    town.at("09:10")
    town.tour(van, "arrived", up)
    town.plan("onderweg")
    assert town.route(van) == [up, down]
    town.at("09:14")
    town.visit(van, up, "contact_door")
    town.tour(van, "under_way", down)
    town.plan("met passagier")
    assert town.route(van) == [up, down]
    assert [stop.done for stop in town.mail.newest(van).stops] == [True, False]
    town.at("09:25")
    town.tour(van, "arrived", down)
    town.visit(van, down, "contact_door")
    town.plan("afgezet")
    assert [stop.done for stop in town.mail.newest(van).stops] == [True, True]
    assert town.get(f"/api/days/{DAY}/figures")["contact"]["rides_done"] == 1


def test_a_van_out_of_service_leaves_its_work_to_the_other(town: World) -> None:
    a_day_of_orders(town)
    town.plan()
    town.post("/api/vans/van-2/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert town.dispatch.step(), town.dispatch.state
    assert set(town.where().values()) == {"van-1"}


def test_a_low_battery_leads_to_a_charge(town: World) -> None:
    a_day_of_orders(town)
    town.odometer("van-1", 1000.0, soc=21.0)
    town.odometer("van-2", 1000.0, soc=21.0)
    plan = town.plan()
    kinds = {stop["kind"] for route in plan["routes"] for stop in route["stops"]}
    assert "charge" in kinds


def test_a_charge_that_is_over_is_no_longer_the_next_stop(town: World) -> None:
    a_day_of_orders(town)
    town.odometer("van-1", 1000.0, soc=21.0)
    town.odometer("van-2", 1000.0, soc=21.0)
    plan = town.plan()
    van, charge = next(
        (route["van"], stop["stop"]) for route in plan["routes"] for stop in route["stops"] if stop["kind"] == "charge"
    )

    def ahead() -> list[str]:
        route = next(route for route in town.shown()["routes"] if route["van"] == van)
        return [stop["stop"] for stop in route["stops"]]

    town.tour(van, "arrived", charge)
    assert charge in ahead()
    town.tour(van, "departed_hub")
    assert charge not in ahead()


def test_a_router_that_was_killed_is_started_anew(town: World) -> None:
    import os
    import signal

    town.order("k0")
    town.plan()
    pid = town.planning.solver.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    town.plan("na de klap")
    assert town.shown()["revision"] == 2
    assert town.planning.solver.pid not in (None, pid)


def test_the_figures_compare_with_every_supplier_driving_itself(town: World) -> None:
    orders = a_day_of_orders(town)
    bulk = {"supplier": "keuken", "hub": "colmschate", "t_s": clock("07:30"), "km": 8.0}
    town.post("/api/shipments", bulk, status=201)
    town.plan()
    for van in ("van-1", "van-2"):
        town.odometer(van, 1000.0)
        town.load(van)
    town.at("12:00")
    for stop, van in town.where().items():
        town.visit(van, stop, "contact_door")
    for van in ("van-1", "van-2"):
        town.odometer(van, 1006.5)
    figures = town.get(f"/api/days/{DAY}/figures")
    assert figures["contact"]["contact"] == len({order["stop"] for order in orders})
    assert figures["contact"]["share"] == 1.0
    assert figures["km"] == 13.0
    assert figures["movements"] == {"baseline": 3, "project": 2, "inbound": 1, "avoided": 0}
    co2 = figures["co2"]
    assert co2["unknown"] == []
    assert co2["baseline_km"] > 3 * 8.0
    assert co2["inbound_kg"]["wtw"] == pytest.approx(8.0 * 0.09 * 3.251)
    assert co2["project_kg"]["wtw"] == pytest.approx(13.0 * 0.21 / 0.88 * 0.244)
    assert figures["co2e_saved_kg"] == pytest.approx(
        co2["baseline_kg"]["wtw"] - co2["project_kg"]["wtw"] - co2["inbound_kg"]["wtw"]
    )
    assert "ISO 14083" in co2["method_nl"] and "niet gecertificeerd" in co2["method_nl"]


def test_the_map_is_served_as_it_lies_in_the_file(town: World) -> None:
    shown = town.get("/api/map")
    west, south, east, north = shown["bounds"]
    assert west < east and south < north
    answer = town.http.get("/basemap/0/0/0")
    assert answer.status_code in (200, 204)
    z = shown["max_zoom"]
    from math import asinh, pi, radians, tan

    lon, lat = (west + east) / 2, (south + north) / 2
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**z)
    zipped = town.http.get(f"/basemap/{z}/{x}/{y}")
    assert zipped.status_code == 200
    assert zipped.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    plain = town.http.get(f"/basemap/{z}/{x}/{y}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == zipped.content
    assert town.http.get("/basemap/3/99/0").status_code == 404


def test_whatever_happens_no_promise_is_broken_by_the_router(town: World) -> None:
    happened = played(town, 7, residents=40, steps=25)
    assert happened.plans > 8
    assert town.planning.health().failure == ""


def test_a_ride_off_the_map_is_named_though_its_pickup_is_under_way(map_dir: Path) -> None:
    from hub_backend.dispatching.router.answering import Router
    from hub_backend.dispatching.router.problem import DayHub, DayProblem, DayRide, DayVan, PlanAnswer, PlanRequest

    site = next(site for site in json.loads((map_dir / "map.json").read_text())["sites"] if site["kind"] == "hub")
    lat, lon = site["lat"], site["lon"]
    day = (0, 8 * 3600)
    ride = DayRide(
        id="rit",
        pickup_lat=lat,
        pickup_lon=lon,
        dropoff_lat=0.0,  # in the Gulf of Guinea
        dropoff_lon=0.0,
        pickup=day,
        dropoff=day,
        pickup_s=180,
        dropoff_s=180,
        seats=1,
        max_ride_s=1800,
    )
    van = DayVan(
        id="van-1",
        hub="colmschate",
        lat=lat,
        lon=lon,
        ready_s=0,
        shift=day,
        capacity={"seats": 2},
        skills=(),
        at_depot=False,
        on_board=(),
        committed=("rit/pickup",),
        collected={},
        battery_kwh=33.0,
        soc_percent=80.0,
        kwh_per_km=0.21,
        charge_kw=7.4,
    )
    problem = DayProblem(
        day=DAY,
        now_s=0,
        hubs=(DayHub(id="colmschate", lat=lat, lon=lon, open=day, reload_s=300),),
        vans=(van,),
        tasks=(),
        rides=(ride,),
    )
    *_, answer = Router(map_dir).answers(PlanRequest(problem=problem, previous=None, names={}, seconds=0.1, seed=1))
    assert isinstance(answer, PlanAnswer)
    assert [(left.task, left.reason) for left in answer.unserved] == [
        ("rit", "het adres ligt niet aan een weg van deze kaart")
    ]
