"""Dispatch from order to downlink, with plans made by hand."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from edge_gateway.contract.messages import HubManifest
from hub_backend.dispatching.router.problem import Broken, PlanAnswer, PlanRequest
from hub_backend.dispatching.router.solver import OvertakenError, SolverError
from hub_backend.record import DownlinkRow, PlanRow, StopRow, TriggerRow
from tests.hub_dispatch.by_hand import by_hand
from tests.hub_dispatch.day import played
from tests.hub_dispatch.world import DAY, HandPlanner, World, clock

pytestmark = pytest.mark.whole


def test_orders_become_a_plan_and_a_message_for_each_gateway(world: World) -> None:
    stops = [world.order(f"k{n}")["stop"] for n in range(4)]
    plan = world.plan()
    assert plan["revision"] == 1
    assert plan["reason"] == "ochtend"
    assert len(plan["inputs_hash"]) == 64
    assert set(world.where()) == set(stops)
    assert {gateway for gateway, _ in world.mail.sent} == {"van-1", "van-2", "hub-colmschate"}
    planned = world.mail.newest("van-1").stops
    assert [stop.name for stop in planned] == [f"Bewoner {stop.address.split()[1]}" for stop in planned]
    assert all(stop.deliver[0].goods == "chilled_meal" for stop in planned)
    with world.kit.store.read() as session:
        assert {row.sent_s for row in session.scalars(select(DownlinkRow))} == {clock("08:00")}


def test_a_parcel_of_the_other_van_is_named_so_that_a_wrong_scan_can_be_told(world: World) -> None:
    for n in range(4):
        world.order(f"k{n}")
    world.plan()
    others = {p.code: "van-2" for stop in world.mail.newest("van-2").stops for p in stop.deliver}
    assert others
    assert world.mail.newest("van-1").elsewhere == others


def test_a_gateway_that_holds_the_plan_is_written_down(world: World) -> None:
    from edge_gateway.contract.messages import PlanReceived

    world.order("k0")
    world.plan()
    sent = world.mail.newest("van-1")
    world.tell(PlanReceived(source="van-1", boot=1, seq=1, t_s=clock("08:01"), plan=sent.plan, revision=sent.revision))
    route = next(route for route in world.shown()["routes"] if route["van"] == "van-1")
    assert route["acknowledged_revision"] == 1


def test_everything_is_sent_again_when_the_hub_starts(world: World) -> None:
    world.order("k0")
    world.plan()
    before = len(world.mail.sent)
    world.dispatch.step()
    assert len(world.mail.sent) == before
    world.dispatch.send_again()
    world.dispatch.step()
    assert len(world.mail.sent) == before + 3


def test_a_new_order_during_the_day_leads_to_a_new_plan_that_names_it(world: World) -> None:
    world.order("k0")
    world.plan()
    world.at("09:10")
    order = world.order("k5", from_s=clock("10:00"), to_s=clock("13:00"))
    assert world.dispatch.step()
    shown = world.shown()
    assert shown["revision"] == 2
    assert shown["reason"] == "Nieuwe opdracht: Proefstraat 5"
    assert order["stop"] in world.where()


def test_a_cancelled_order_leaves_the_plan_and_the_hubs_list(world: World) -> None:
    order = world.order("k0")
    other = world.order("k1")
    world.plan()
    cancelled = world.post(f"/api/orders/{order['id']}/cancel", {}, status=200)
    assert cancelled["stop_state"] == "cancelled"
    assert world.dispatch.step()
    assert set(world.where()) == {other["stop"]}
    world.post(f"/api/orders/{order['id']}/cancel", {}, status=409)
    world.post("/api/orders/nonsense/cancel", {}, status=404)


def test_triggers_that_come_together_are_answered_by_one_plan(world: World) -> None:
    world.order("k0")
    world.plan()
    for n in (1, 2, 3):
        world.order(f"k{n}")
    assert world.dispatch.step()
    assert not world.dispatch.step()
    with world.kit.store.read() as session:
        assert session.scalars(select(TriggerRow.plan).where(TriggerRow.kind == "new_order").distinct()).all() == [
            session.scalars(select(PlanRow.id).where(PlanRow.revision == 2)).one()
        ]


def test_the_stop_under_way_never_moves(world: World) -> None:
    for n in range(6):
        world.order(f"k{n}")
    world.plan()
    world.at("09:00")
    world.load("van-1")
    world.tour("van-1", "departed_hub")
    last = world.route("van-1")[-1]
    world.tour("van-1", "under_way", last)
    world.order("k8", from_s=clock("08:00"), to_s=clock("10:00"))
    assert world.dispatch.step()
    assert world.route("van-1")[0] == last


def test_a_plan_that_was_overtaken_by_the_day_is_asked_for_again(world: World, planner: HandPlanner) -> None:
    for n in range(6):
        world.order(f"k{n}")
    world.plan()
    world.at("09:00")
    last = world.route("van-2")[-1]

    def meanwhile(answer: PlanAnswer) -> PlanAnswer:
        world.tour("van-2", "under_way", last)
        return answer

    planner.before = [meanwhile]
    world.post(f"/api/days/{DAY}/plan", {"reason": "opnieuw"}, status=202)
    assert world.dispatch.step()
    assert world.route("van-2")[0] == last
    assert world.shown()["revision"] == 2


def test_at_the_door_the_stop_stays_first_and_a_longer_visit_moves_the_rest(world: World) -> None:
    for n in range(4):
        world.order(f"k{n}")
    world.plan()
    world.at("09:00")
    world.load("van-1")
    first, second = world.route("van-1")[:2]
    world.tour("van-1", "departed_hub")
    world.tour("van-1", "under_way", first)
    world.at("09:05")
    world.tour("van-1", "arrived", first)
    world.tour("van-1", "longer", first, extra_s=1800)
    assert world.dispatch.step()
    shown = next(route for route in world.shown()["routes"] if route["van"] == "van-1")
    assert [stop["stop"] for stop in shown["stops"]][:2] == [first, second]
    assert shown["stops"][0]["state"] == "at_door"
    service_s = shown["stops"][0]["depart_s"] - clock("09:05")
    assert service_s > 1800
    assert shown["stops"][1]["arrive_s"] >= shown["stops"][0]["depart_s"]
    assert "langer" in world.shown()["reason"]


def test_the_router_knows_what_people_call_a_van_a_hub_and_a_skill(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    asked = planner.requests[-1]
    assert [asked.names[id_] for id_ in ("van-1", "colmschate", "medication")] == [
        "bus 1",
        "hub Colmschate",
        "medicijnen",
    ]
    assert asked.names_en == {"van-1": "van 1", "van-2": "van 2", "medication": "medication"}


def test_a_locked_stop_never_moves_to_another_van(world: World) -> None:
    stops = [world.order(f"k{n}")["stop"] for n in range(4)]
    world.plan()
    target = stops[0]
    other = "van-2" if world.where()[target] == "van-1" else "van-1"
    locked = world.post(f"/api/stops/{target}/lock", {"locked": True, "van": other}, status=200)
    assert locked["locked"]
    assert world.dispatch.step()
    assert world.where()[target] == other
    for n in range(4, 8):
        world.order(f"k{n}")
        assert world.dispatch.step()
        assert world.where()[target] == other


def locked_to(world: World, van: str) -> str:
    """A stop that the planner locked to this van."""
    stop = str(world.order("k0")["stop"])
    world.plan()
    world.post(f"/api/stops/{stop}/lock", {"locked": True, "van": van}, status=200)
    assert world.dispatch.step()
    return stop


def test_a_lock_yields_with_a_word_when_its_van_does_not_drive(world: World) -> None:
    stop = locked_to(world, "van-1")
    world.post("/api/vans/van-1/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert world.dispatch.step()
    plan = world.shown()
    assert plan["left"] == []
    assert world.where()[stop] == "van-2"
    assert plan["notes"] == ["Proefstraat 0: vastgezet op bus 1, die niet rijdt, en daarom vrij voor een andere bus"]
    (change,) = [change for change in plan["changes"] if change["kind"] == "unlocked"]
    assert change["words"] == "Proefstraat 0: losgemaakt van bus 1, die niet rijdt; bus 2 komt."
    assert change["words_en"] == "Proefstraat 0: unlocked from van 1, which does not drive; van 2 comes."
    assert not next(one for one in world.mail.newest("van-2").stops if one.stop == stop).locked
    world.post("/api/vans/van-1/service", {"in_service": True}, status=200)
    assert world.dispatch.step()
    assert world.shown()["notes"] == []
    assert not next(one for one in world.get(f"/api/days/{DAY}/stops") if one["id"] == stop)["locked"]


def test_a_lock_stands_where_no_other_van_comes(world: World) -> None:
    stop = locked_to(world, "van-1")
    for van in ("van-2", "van-1"):
        world.post(f"/api/vans/{van}/service", {"in_service": False}, status=200)
        assert world.dispatch.step()
    assert [left["stop"] for left in world.shown()["left"]] == [stop]
    assert "vastgezet op bus 1" in world.shown()["notes"][0]
    world.post("/api/vans/van-1/service", {"in_service": True}, status=200)
    assert world.dispatch.step()
    assert world.where()[stop] == "van-1"
    assert next(one for one in world.get(f"/api/days/{DAY}/stops") if one["id"] == stop)["locked"]


def test_a_ride_is_locked_by_either_of_its_ends(world: World) -> None:
    to = {"to_lat": 52.264, "to_lon": 6.24, "to_name": "de markt"}
    ride = world.order("k3", supplier=None, goods="", kind="ride", **to)["stop"]
    world.plan()
    for end, locked in (("dropoff", True), ("pickup", False)):
        answer = world.post(f"/api/stops/{ride}/{end}/lock", {"locked": locked, "van": "van-1"}, status=200)
        assert (answer["id"], answer["locked"]) == (ride, locked)


def test_a_lock_that_cannot_be_kept_is_refused(world: World) -> None:
    stop = world.order("k0")["stop"]
    world.post(f"/api/stops/{stop}/lock", {"locked": True}, status=409)
    world.post(f"/api/stops/{stop}/lock", {"locked": True, "van": "van-9"}, status=422)
    world.post("/api/stops/nonsense/lock", {"locked": True}, status=404)
    world.plan()
    van = world.where()[stop]
    world.load(van)
    other = "van-2" if van == "van-1" else "van-1"
    world.post(f"/api/stops/{stop}/lock", {"locked": True, "van": other}, status=409)


def test_a_van_out_of_service_gives_its_stops_away_and_what_it_has_aboard_is_fetched_first(world: World) -> None:
    for n in range(6):
        world.order(f"k{n}")
    world.plan()
    mine = world.route("van-1")
    world.at("09:00")
    code = world.mail.newest("van-1").stops[0].deliver[0].code
    from edge_gateway.contract.messages import ScanPurpose

    world.scan("van-1", code, ScanPurpose.LOAD)
    world.tour("van-1", "departed_hub")
    world.post("/api/vans/van-1/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert world.dispatch.step()
    assert {world.where()[stop] for stop in mine} == {"van-2"}
    assert world.shown()["left"] == []
    route = world.route("van-2")
    assert route.index("fetch.1") < route.index(mine[0])
    assert world.mail.newest("van-1").stops == ()


def test_nobody_at_home_is_tried_once_more_later_when_it_is_a_meal(world: World) -> None:
    stop = world.order("k0")["stop"]
    world.plan()
    van = world.where()[stop]
    for attempt, when in ((1, "09:30"), (2, "10:30")):
        world.at(when)
        if attempt == 1:
            world.load(van)
            world.tour(van, "departed_hub")
        world.tour(van, "under_way", stop)
        world.tour(van, "arrived", stop)
        world.visit(van, stop, "no_answer", deliver=False)
        assert world.dispatch.step()
        if attempt == 1:
            again = next(one for one in world.shown()["routes"] if one["van"] == van)["stops"][0]
            assert again["stop"] == stop
            assert again["start_s"] >= clock("10:10")
            assert not world.mail.newest(van).stops[0].done
    assert world.route(van) == [stop]
    assert world.mail.newest(van).stops[-1].done
    assert [stop["state"] for stop in world.get(f"/api/days/{DAY}/stops")] == ["failed"]


def test_the_hub_hears_what_a_van_has_along_and_what_suppliers_are_called(world: World) -> None:
    for n in range(2):
        world.order(f"k{n}")
    world.plan()
    first = manifest(world)
    assert first.out == {}
    assert set(first.suppliers) == {parcel.supplier for parcel in first.parcels}
    van = next(iter(first.vans.values()))
    loaded = sorted(code for code, name in first.vans.items() if name == van)
    world.load(van)
    world.plan(reason="nog eens")
    assert sorted(manifest(world).out) == loaded


def test_a_van_that_is_home_tells_its_hub_what_it_brings_back(world: World) -> None:
    for n in range(3):
        world.order(f"k{n}")
    world.order("k3", kind="collection", goods="laundry_dirty")
    world.plan()
    first = manifest(world)
    assert len(first.fetched) == 1
    van, stops = next((van, stops) for van in ("van-1", "van-2") if (stops := world.route(van)))
    world.load(van)
    loaded = {parcel.code for stop in world.mail.newest(van).stops for parcel in stop.deliver}
    world.at("10:00")
    gone = next(stop for stop in world.mail.newest(van).stops if stop.stop == stops[0])
    world.visit(van, gone.stop, "contact_door")
    world.tour(van, "back_at_hub")
    world.dispatch.step()
    told = manifest(world)
    assert (told.revision, set(told.out)) == (first.revision, loaded - {parcel.code for parcel in gone.deliver})
    assert told.made_s > first.made_s


def manifest(world: World) -> HubManifest:
    message = next(message for gateway, message in reversed(world.mail.sent) if gateway == "hub-colmschate")
    assert isinstance(message, HubManifest)
    return message


def test_refused_is_not_tried_again(world: World) -> None:
    stop = world.order("k0")["stop"]
    world.plan()
    van = world.where()[stop]
    world.at("09:30")
    world.visit(van, stop, "refused", deliver=False)
    assert world.dispatch.step()
    assert world.mail.newest(van).stops[-1].done


def test_what_was_done_stays_in_the_vans_day(world: World) -> None:
    stops = [world.order(f"k{n}")["stop"] for n in range(2)]
    world.plan()
    van = world.where()[stops[0]]
    world.at("09:30")
    world.load(van)
    world.visit(van, stops[0], "contact_inside")
    world.plan("opnieuw")
    newest = world.mail.newest(van).stops
    assert (newest[0].stop, newest[0].done) == (stops[0], True)
    assert world.route(van)[0] == stops[0]


def test_a_van_with_nothing_to_do_shows_how_long(world: World) -> None:
    """The planner sees why one van stands while another drives: minutes, not a guess."""
    stop = world.order("k0", from_s=clock("09:00"), to_s=clock("09:30"))["stop"]
    world.plan()
    van = world.where()[stop]
    idle = {route["van"]: route["idle_s"] for route in world.shown()["routes"]}
    busy = next(route for route in world.shown()["routes"] if route["van"] == van)
    step = busy["stops"][0]
    shift_s = clock("17:00") - clock("08:30")
    assert idle[van] == shift_s - busy["drive_s"] - (step["depart_s"] - step["start_s"])
    other = "van-2" if van == "van-1" else "van-1"
    assert idle[other] == shift_s
    world.at("12:00")
    world.post(f"/api/vans/{other}/service", {"in_service": False, "reason": ""}, status=200)
    assert world.dispatch.step()
    later = {route["van"]: route["idle_s"] for route in world.shown()["routes"]}
    assert later[other] is None, "out of service is not idle"
    assert later[van] < clock("17:00") - clock("12:00")


def test_a_router_that_fails_leaves_the_last_plan_and_says_so(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()

    def broken(_answer: PlanAnswer) -> PlanAnswer:
        raise SolverError("router: no answer after 3.0 s")

    planner.before = [broken]
    world.order("k1")
    assert not world.dispatch.step()
    assert world.shown()["revision"] == 1
    assert "router: no answer after 3.0 s" in world.planning.health().failure
    assert world.planning.health().waiting_triggers == 1
    assert not world.dispatch.step(), "the next try waits a little"


def test_what_overtook_a_search_is_answered_together_with_it(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    late: list[str] = []

    def overtaken(_answer: PlanAnswer) -> PlanAnswer:
        late.append(world.order("k2")["stop"])
        raise OvertakenError("router: overtaken")

    planner.before = [overtaken]
    world.order("k1")
    assert not world.dispatch.step()
    assert world.shown()["revision"] == 1
    assert world.planning.health().failure == "", "that is no failure"
    assert world.dispatch.step()
    assert late[0] in world.where()
    assert world.shown()["reason"] == "Nieuwe opdracht: Proefstraat 1; Nieuwe opdracht: Proefstraat 2"


def test_a_search_is_overtaken_only_by_what_is_due(world: World) -> None:
    """An order that comes in during a search waits its time like any other; a van that breaks down does not."""
    world.order("k0")
    world.plan()
    object.__setattr__(world.kit.settings, "debounce_s", 20.0)
    world.order("k1")
    assert world.dispatch.waiting.due() is None
    world.clock.t_s += 21
    waiting = world.dispatch.waiting.due()
    assert waiting is not None
    world.order("k2")
    assert not world.dispatch.waiting.overtakes(waiting)
    world.post("/api/vans/van-2/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert world.dispatch.waiting.overtakes(waiting)


def test_on_a_day_full_of_events_there_is_a_plan_all_the_same(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    asked: list[bool] = []

    def always_overtaken(request: PlanRequest, *, overtaken: Callable[[], bool]) -> PlanAnswer:
        world.post(f"/api/days/{DAY}/plan", {"reason": f"vraag {len(asked)}"}, status=202)
        asked.append(overtaken())
        if asked[-1]:
            raise OvertakenError("router: overtaken")
        return by_hand(request)

    planner.plan = always_overtaken  # type: ignore[method-assign,assignment]
    world.order("k1")
    planned = [world.dispatch.step() for _ in range(4)]
    assert planned == [False, False, False, True]
    assert asked == [True, True, True, False]
    assert len(world.where()) == 2


def test_a_plan_that_breaks_a_promise_is_not_adopted(world: World, planner: HandPlanner) -> None:
    stop = world.order("k0")["stop"]
    keep = world.order("k1")["stop"]

    def breaks(answer: PlanAnswer) -> PlanAnswer:
        fault = Broken(rule="capacity", van="van-1", task=stop, detail="21 of 20")
        return msgspec.structs.replace(answer, broken=(fault,))

    planner.before = [breaks, breaks]
    plan = world.plan()
    assert set(world.where()) == {keep}
    assert [left["reason"] for left in plan["left"]] == ["past niet meer in het busje"]


def test_a_plan_that_stays_broken_leaves_the_old_one(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()

    def breaks(answer: PlanAnswer) -> PlanAnswer:
        return msgspec.structs.replace(answer, broken=(Broken(rule="shift", van="van-1", task=None, detail=""),))

    planner.before = [breaks] * 4
    world.order("k1")
    assert not world.dispatch.step()
    assert world.shown()["revision"] == 1
    assert "geen nieuw plan aangenomen" in world.planning.health().failure
    assert "No new plan was adopted" in world.planning.health().failure_en
    assert world.planning.health().waiting_triggers == 0


def test_a_warm_cooler_gives_its_chilled_goods_a_latest_time(world: World, planner: HandPlanner) -> None:
    from hub_backend.record import ExcursionRow

    stop = world.order("k0", to_s=clock("16:00"))["stop"]
    world.plan()
    van = world.where()[stop]
    world.at("09:00")
    world.load(van)
    world.tour(van, "departed_hub")
    world.at("09:30")
    with world.kit.store.write() as session:
        session.add(
            ExcursionRow(
                id="e", source=f"{van}/cooler", rule="chilled", limit_c=7.0, began_s=clock("09:15"),
                opened_s=clock("09:30"), extreme_c=9.0,
            )
        )  # fmt: skip
    world.plan("warm")
    task = next(task for task in planner.requests[-1].problem.tasks if task.id == stop)
    assert task.window[1] == clock("10:15")


def test_a_promise_moves_only_by_a_quarter_of_an_hour(world: World) -> None:
    stop = world.order("k0")["stop"]
    world.plan()

    def promised() -> float:
        with world.kit.store.read() as session:
            found = session.get_one(StopRow, stop).promised_s
        assert found is not None
        return found

    first = promised()
    world.at("09:10")
    world.plan("later")
    assert promised() == first
    world.at("09:40")
    world.plan("veel later")
    assert promised() > first


def test_a_day_that_nobody_asked_for_is_planned_before_its_first_shift(world: World) -> None:
    world.order("k0")
    world.at("07:00")
    assert not world.dispatch.step()
    world.at("07:45")
    world.dispatch._morning._look_at = 0.0  # machine time has hardly passed
    assert world.dispatch.step()
    assert world.shown()["reason"] == "Ochtendplan"


@pytest.mark.parametrize("path", ["/api/days/2026-13-40/plan", f"/api/days/{DAY}/plan"])
def test_a_plan_that_is_not_there_is_said_so(world: World, path: str) -> None:
    answer = world.http.get(path)
    assert answer.status_code in (404, 422)
    assert "day" in answer.text


def test_the_history_tells_every_plan_and_why(world: World) -> None:
    world.order("k0")
    world.plan()
    world.plan("wegwerkzaamheden")
    plans: list[dict[str, Any]] = world.get(f"/api/days/{DAY}/plans")
    assert [plan["reason"] for plan in plans] == ["wegwerkzaamheden", "ochtend"]
    assert [plan["triggers"] for plan in plans] == [["wegwerkzaamheden"], ["ochtend"]]


@pytest.mark.parametrize("seed", [21])
def test_whatever_happens_no_promise_is_broken(world: World, seed: int) -> None:
    happened = played(world, seed, residents=12, steps=24)
    assert happened.plans > 6
    assert len(happened.events) >= 4
