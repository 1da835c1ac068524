"""Which goods were in a cooler while it was too warm: from what was scanned, and unknown where nothing was."""

from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from edge_gateway.contract.messages import Cooler, Outcome, ScanPurpose, Span, Visit
from hub_backend import shown
from hub_backend.api import coolers
from hub_backend.projections.series import Series
from hub_backend.record import ExcursionRow
from tests.hub_dispatch.world import World, clock

COOLER = "van-1/cooler"


def warm(world: World, source: str, from_: str, to: str, *, ends: str | None = None) -> shown.Excursion:
    """The cooler is too warm from then until now (or `ends`, when it is cold again); gives its excursion."""
    t_s = clock(from_) - 600
    while t_s <= clock(to):
        is_warm = clock(from_) <= t_s < (clock(to) if ends is None else clock(ends))
        span = Span(12.0, 12.0, 12.0) if is_warm else Span(4.0, 4.0, 4.0)
        world.tell(Cooler(source=source, boot=1, seq=0, t_s=t_s, period_s=60, air=span, product=span))
        t_s += 60
    world.at(to)
    return excursion(world)


def excursion(world: World) -> shown.Excursion:
    with world.kit.store.read() as session:
        (row,) = session.query(ExcursionRow).all()
        return shown.excursion(session, world.kit, row)


def loaded_for(world: World, *goods: dict[str, Any]) -> list[tuple[str, str]]:
    """Orders of these goods, loaded into van-1 at half past eight: stop and code of each."""
    orders = [world.order(f"k{number}", **one) for number, one in enumerate(goods)]
    for order in orders:
        world.post(f"/api/stops/{order['stop']}/lock", {"locked": True, "van": "van-1"}, status=200)
    world.plan()
    world.at("08:30")
    for order in orders:
        world.scan("van-1", order["parcels"][0]["code"], ScanPurpose.LOAD)
    return [(order["stop"], order["parcels"][0]["code"]) for order in orders]


MEAL: dict[str, Any] = {"goods": "chilled_meal"}
MEDICINE: dict[str, Any] = {"goods": "fridge_medication", "supplier": "apotheek"}
POST: dict[str, Any] = {"goods": "letterbox_item", "supplier": "apotheek"}


def hand_over(world: World, at: str, stop: str, code: str, outcome: Outcome = Outcome.CONTACT_DOOR) -> None:
    world.at(at)
    delivered = () if outcome is Outcome.NO_ANSWER else (code,)
    t_s = world.clock.t_s
    world.tell(Visit(source="van-1", boot=1, seq=0, t_s=t_s, stop=stop, outcome=outcome, step=1, delivered=delivered))


def test_what_was_loaded_and_not_handed_over_before_it_began_was_in_it(world: World) -> None:
    early, late, stays, post = loaded_for(world, MEAL, MEAL, MEDICINE, POST)
    hand_over(world, "08:50", *early)
    hand_over(world, "09:10", *late)
    hand_over(world, "09:12", *stays, outcome=Outcome.NO_ANSWER)
    found = warm(world, COOLER, "09:00", "09:30").contents
    assert found is not None
    assert [(one.code, one.goods, one.client, one.out_s) for one in found] == [
        (late[1], "chilled_meal", "k1", clock("09:10")),
        (stays[1], "fridge_medication", "k2", None),
    ], "the first was out by then, and post is in no cooler"
    assert {one.in_s for one in found} == {clock("08:30")}
    assert [(one.stop, one.supplier, one.state) for one in found] == [
        (late[0], "Keuken", "handed_over"),
        (stays[0], "Apotheek", "loaded"),
    ]
    assert post[1] not in {one.code for one in found}


def test_what_came_in_while_it_lasted_is_told_and_after_it_ended_is_not(world: World) -> None:
    inside, after = loaded_for(world, MEAL, MEAL)
    world.scan("van-2", after[1], ScanPurpose.LOAD)  # taken over by another van
    warm(world, COOLER, "08:40", "09:30", ends="09:00")
    assert [one.code for one in excursion(world).contents or ()] == [inside[1]]
    world.scan("van-1", after[1], ScanPurpose.LOAD)
    assert [one.code for one in excursion(world).contents or ()] == [inside[1]]


def test_where_nothing_was_scanned_nobody_knows_and_that_is_not_nothing(world: World) -> None:
    assert warm(world, COOLER, "09:00", "09:30").contents is None


def test_where_something_else_was_scanned_there_was_nothing_cold(world: World) -> None:
    loaded_for(world, POST)
    assert warm(world, COOLER, "09:00", "09:30").contents == []


def test_what_was_handed_over_without_a_scan_was_in_it_since_nobody_knows_when(world: World) -> None:
    order = world.order("k0")
    world.plan()
    hand_over(world, "09:10", order["stop"], order["parcels"][0]["code"])
    (one,) = warm(world, COOLER, "09:00", "09:30").contents or ()
    assert (one.in_s, one.out_s) == (None, clock("09:10"))


def test_a_hubs_fridge_holds_what_was_taken_in_and_no_van_has_fetched(world: World) -> None:
    fetched, waits = (world.order(resident, **MEDICINE)["parcels"][0]["code"] for resident in ("k0", "k1"))
    world.plan()
    world.at("08:10")
    for code in (fetched, waits):
        world.scan("hub-colmschate", code, ScanPurpose.INTAKE)
    world.at("08:20")
    world.scan("van-1", fetched, ScanPurpose.LOAD)
    contents = warm(world, "hub-colmschate/fridge", "08:40", "09:30").contents
    assert [one.code for one in contents or ()] == [waits]


def test_a_second_cold_cooler_has_the_other_class(world: World) -> None:
    meal, medicine = loaded_for(world, MEAL, MEDICINE)
    world.kit.settings.coolers["van-1/fridge"] = "fridge"
    span = Span(4.0, 4.0, 4.0)
    world.tell(Cooler(source="van-1/fridge", boot=1, seq=0, t_s=clock("08:31"), period_s=60, air=span, product=span))
    contents = warm(world, COOLER, "09:00", "09:30").contents
    assert [one.code for one in contents or ()] == [meal[1]]
    assert medicine[1] != meal[1]


def test_what_a_person_signed_for_stays_as_it_was(world: World) -> None:
    ((stop, code),) = loaded_for(world, MEAL)
    opened = warm(world, COOLER, "09:00", "09:30")
    web = FastAPI()
    web.include_router(coolers.router(world.kit, cast("Series", None)), prefix="/api")
    words = {"by": "Ria", "comment": "Deksel open", "disposition": "destroyed"}
    closed = TestClient(web).post(f"/api/excursions/{opened.id}/close", json=words).json()
    assert [(one["code"], one["out_s"]) for one in closed["contents"]] == [(code, None)]
    hand_over(world, "09:29", stop, code)  # told late
    assert [one.out_s for one in excursion(world).contents or ()] == [None]


@pytest.mark.parametrize("order", [1, -1])
def test_events_that_come_late_are_put_in_their_own_time(world: World, order: int) -> None:
    ((stop, code),) = loaded_for(world, MEAL)
    acts = [lambda: warm(world, COOLER, "09:00", "09:30"), lambda: hand_over(world, "08:50", stop, code)]
    for act in acts[::order]:
        act()
    world.at("09:30")
    assert excursion(world).contents == []
