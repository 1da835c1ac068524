"""What may wait for another day, and what may fall away: asked so, and brought along to the next morning."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from edge_gateway.contract.messages import ScanPurpose
from hub_backend.dispatching.router.problem import Left, PlanAnswer
from hub_backend.ordering.another_day import may_wait, worth_s
from hub_backend.ordering.goods import ANOTHER_DAY_S, OPTIONAL_S
from hub_backend.ordering.judging import OrderIn, faults
from hub_backend.record import OrderRow, ParcelRow
from hub_backend.workday import at, is_workday, next_workday, same_time
from tests.hub_dispatch.test_orders import GOOD, KNOWN
from tests.hub_dispatch.town import a_day_of_orders
from tests.hub_dispatch.world import DAY, ZONE, HandPlanner, World, clock

TOMORROW, SATURDAY, MONDAY = "2026-11-24", "2026-11-28", "2026-11-30"
DAYS = st.dates(date(2001, 1, 1), date(2098, 12, 31)).map(date.isoformat)


@given(DAYS)
def test_the_next_working_day_is_the_first_one_that_is_no_sunday(day: str) -> None:
    assert day < next_workday(day)
    assert is_workday(next_workday(day))
    assert next_workday(SATURDAY) == MONDAY


def test_the_same_time_of_another_day_is_that_of_the_clock_on_the_wall() -> None:
    before_summer = float(at("2027-03-27", "10:15", zone=ZONE))
    assert same_time(before_summer, "2027-03-28", zone=ZONE) == before_summer + 23 * 3600


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"goods": "parcel", "until_day": "donderdag"}, "until_day", "no date"),
        ({"goods": "parcel", "until_day": "2026-11-22"}, "until_day", "before the window"),
        ({"goods": "chilled_meal", "until_day": TOMORROW}, "until_day", "chilled_meal cannot wait"),
        ({"goods": "medication_roll", "until_day": TOMORROW}, "until_day", "medication_roll cannot wait"),
        ({"goods": "parcel", "optional": True}, "optional", "must be done"),
    ],
)
def test_what_may_not_wait_or_fall_away_is_refused(change: dict[str, Any], field: str, reason: str) -> None:
    [fault] = faults(OrderIn.model_validate(GOOD | change), KNOWN)
    assert (fault.field, reason in fault.reason) == (field, True), fault


def order_row(**fields: Any) -> OrderRow:
    return OrderRow(**{"day": DAY, "until_day": None, "optional": False} | fields)


def test_together_orders_are_worth_what_each_is_and_one_must_makes_a_must() -> None:
    letter, lamp = order_row(until_day=TOMORROW), order_row(optional=True)
    assert worth_s([letter]) == ANOTHER_DAY_S
    assert worth_s([letter, lamp]) == ANOTHER_DAY_S + OPTIONAL_S
    assert worth_s([letter, order_row()]) is None
    assert worth_s([]) is None


def test_on_its_last_day_it_is_a_must() -> None:
    assert may_wait(order_row(until_day=TOMORROW))
    assert not may_wait(order_row(until_day=DAY))
    assert not may_wait(order_row(day=SATURDAY, until_day="2026-11-29")), "nobody drives on a Sunday"


def letter(world: World, resident: str, *, until_day: str | None = TOMORROW, **fields: Any) -> dict[str, Any]:
    asked = {"supplier": "apotheek", "goods": "letterbox_item", "from_s": clock("09:00"), "to_s": clock("12:00")}
    return world.order(resident, **asked | {"until_day": until_day} | fields)


def test_the_router_is_told_what_it_may_leave(world: World, planner: HandPlanner) -> None:
    waits, must = letter(world, "k0")["stop"], letter(world, "k1", until_day=None)["stop"]
    lamp = {"supplier": None, "goods": "", "kind": "chore", "chores": ["lamp verwisselen"], "optional": True}
    falls_away = world.order("k2", **lamp)["stop"]
    world.plan()
    asked = {task.id: (task.value, task.deferrable) for task in planner.requests[-1].problem.tasks}
    assert asked == {waits: (ANOTHER_DAY_S, True), must: (None, False), falls_away: (OPTIONAL_S, False)}
    world.post(f"/api/stops/{waits}/lock", {"locked": True, "van": "van-1"}, status=200)
    world.dispatch.step()
    [locked] = [task for task in planner.requests[-1].problem.tasks if task.id == waits]
    assert locked.value is None, "the planner wants it today"


def begin(world: World, day: str) -> None:
    """It is a quarter to eight in the morning of `day`."""
    world.clock.t_s = float(at(day, "07:45", zone=ZONE))
    world.dispatch._morning._look_at = 0.0  # machine time has hardly passed
    settle(world)


def settle(world: World) -> None:
    """Until nothing is left to plan."""
    while world.dispatch.step():
        pass


def test_what_was_not_brought_comes_along_the_next_morning(world: World) -> None:
    order = letter(world, "k0", id="kaart")
    [code] = [parcel["code"] for parcel in order["parcels"]]
    world.plan()
    van = world.where()[order["stop"]]
    world.at("09:00")
    world.load(van)
    world.visit(van, order["stop"], "no_answer", deliver=False)
    world.tour(van, "back_at_hub")
    world.scan("hub-colmschate", code, ScanPurpose.INTAKE)
    assert state_of(world, "kaart") == (DAY, "failed", "returned")
    begin(world, TOMORROW)
    assert state_of(world, "kaart") == (TOMORROW, "open", "at_hub")
    [stop] = world.get(f"/api/days/{TOMORROW}/stops")
    assert stop["id"] != order["stop"], "another day, another pseudonym"
    assert stop["window_from_s"] == at(TOMORROW, "09:00", zone=ZONE)
    [route] = [route for route in world.get(f"/api/days/{TOMORROW}/plan")["routes"] if route["stops"]]
    assert [one["stop"] for one in route["stops"]] == [stop["id"]]
    [before] = world.get(f"/api/days/{DAY}/stops")
    assert (before["state"], before["moved_to"]) == ("failed", TOMORROW), "what happened stays"
    [shown] = [one for route in world.shown()["routes"] for one in route["stops"]]
    assert (shown["state"], shown["moved_to"]) == ("failed", TOMORROW)


def test_what_nobody_came_for_says_that_it_moved_and_to_which_day(world: World) -> None:
    moved = letter(world, "k0")["stop"]
    stays = letter(world, "k1", until_day=None)["stop"]
    cancelled = letter(world, "k2", id="toch niet")["stop"]
    world.plan()
    world.post("/api/orders/toch niet/cancel", {}, status=200)
    settle(world)
    begin(world, TOMORROW)
    states = {one["id"]: (one["state"], one["moved_to"]) for one in world.get(f"/api/days/{DAY}/stops")}
    assert states == {moved: ("moved", TOMORROW), stays: ("open", None), cancelled: ("cancelled", None)}
    shown = {one["stop"]: one for route in world.shown()["routes"] for one in route["stops"]}
    assert (shown[moved]["state"], shown[moved]["moved_to"]) == ("moved", TOMORROW)
    counted = world.get(f"/api/days/{DAY}/figures")["stops"]
    assert (counted["moved"], counted["cancelled"], counted["open"], counted["all"]) == (1, 1, 1, 3)
    refused = world.post(f"/api/stops/{moved}/lock", {"locked": True, "van": "van-1"}, status=409)
    assert "moved" in refused["detail"]


def test_who_had_no_place_is_told_the_day_on_which_it_comes_along(world: World, planner: HandPlanner) -> None:
    stop = letter(world, "k0")["stop"]

    def leaves_it(answer: PlanAnswer) -> PlanAnswer:
        left = Left(task=stop, reason="mag wachten tot een andere dag", code="deferred")
        return msgspec.structs.replace(answer, routes=(), unserved=(left,))

    planner.before = [leaves_it] * 4
    world.plan()
    assert [one["moved_to"] for one in world.shown()["left"]] == [None]
    begin(world, TOMORROW)
    assert [one["moved_to"] for one in world.shown()["left"]] == [TOMORROW]


def state_of(world: World, order: str) -> tuple[str, str, str]:
    with world.kit.store.read() as session:
        row = session.get_one(OrderRow, order)
        [parcel] = session.scalars(select(ParcelRow.state).where(ParcelRow.order == order))
        return row.day, row.state, parcel


@pytest.mark.parametrize(("until_day", "outcome"), [(DAY, None), (TOMORROW, "refused")])
def test_what_may_not_wait_or_was_refused_stays(until_day: str, outcome: str | None, world: World) -> None:
    order = letter(world, "k0", id="kaart", until_day=until_day)
    world.plan()
    if outcome is not None:
        world.at("09:30")
        world.visit("van-1", order["stop"], outcome, deliver=False)
    begin(world, TOMORROW)
    assert state_of(world, "kaart")[0] == DAY


def test_over_the_sunday_it_waits_until_monday(world: World) -> None:
    window = {"from_s": float(at(SATURDAY, "09:00", zone=ZONE)), "to_s": float(at(SATURDAY, "12:00", zone=ZONE))}
    letter(world, "k0", id="kaart", until_day=MONDAY, **window)
    begin(world, "2026-11-29")
    assert state_of(world, "kaart")[0] == SATURDAY
    begin(world, MONDAY)
    assert state_of(world, "kaart")[0] == MONDAY


def test_a_plan_that_was_made_the_evening_before_is_made_again(world: World) -> None:
    letter(world, "k0", id="kaart")
    hours = {"from_s": float(at(TOMORROW, "09:00", zone=ZONE)), "to_s": float(at(TOMORROW, "12:00", zone=ZONE))}
    world.order("k1", **hours)
    world.at("17:30")
    world.post(f"/api/days/{TOMORROW}/plan", {"reason": "alvast"}, status=202)
    settle(world)
    begin(world, TOMORROW)
    plan = world.get(f"/api/days/{TOMORROW}/plan")
    assert plan["reason"] == "Eén adres van een eerdere dag"
    assert sum(len(route["stops"]) for route in plan["routes"]) == 2


@pytest.mark.servers
def test_where_there_is_no_time_what_may_wait_waits_and_says_so(town: World) -> None:
    """Both vans have an hour, and the musts need most of it."""
    short = [
        {"id": van, "hub": "colmschate", "concierge": van, "capacity": {"parcels": 40, "chilled": 40, "ambient": 40,
         "hot": 9, "laundry": 9, "seats": 2}, "skills": ["medication"], "shift_from": "09:00", "shift_to": "10:00"}
        for van in ("van-1", "van-2")
    ]  # fmt: skip
    town.post("/api/directory", {"vans": short}, status=200)
    musts = {order["stop"] for order in a_day_of_orders(town)}
    without = {one["stop"] for one in town.plan()["left"]}
    waiting = [letter(town, f"k{n}", from_s=clock("09:00"), to_s=clock("13:00"))["stop"] for n in range(35, 40)]
    left = {one["stop"]: one for one in town.plan()["left"]}
    assert set(left) & set(waiting), "too much for one hour"
    for stop in set(left) & set(waiting):
        assert left[stop]["code"] in ("deferred", "full", "shift"), left[stop]
    assert len(set(left) & musts) <= len(without), "what may wait takes nobody's place"
