"""Which orders are taken, and what each refusal names."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from edge_gateway.contract import parcel_label
from hub_backend.ordering.addresses import Address, AddressBook
from hub_backend.ordering.judging import Known, OrderIn, faults
from hub_backend.record import OrderRow, ParcelRow, StopRow
from tests.hub_dispatch.world import DAY, World, clock

BOOK = AddressBook(
    [
        Address("Eikenlaan", "4", "7431 AB", 52.26, 6.22),
        Address("Eikenlaan", "4a", "7431 AB", 52.2601, 6.2201),
        Address("Kerkstraat", "1", "7431 AC", 52.20, 6.20),
        Address("Kerkstraat", "1", "7433 ZZ", 52.30, 6.30),
    ]
)
KNOWN = Known(
    now_s=clock("10:00"),
    zone=ZoneInfo("Europe/Amsterdam"),
    suppliers=frozenset({"keuken"}),
    residents={"k1": "colmschate"},
    orders=frozenset({"taken"}),
    addresses=BOOK,
)
GOOD: dict[str, Any] = {
    "supplier": "keuken",
    "resident": "k1",
    "goods": "chilled_meal",
    "from_s": clock("11:00"),
    "to_s": clock("13:00"),
}


def test_a_good_order_has_no_faults() -> None:
    assert faults(OrderIn.model_validate(GOOD), KNOWN) == []


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"resident": None}, "address", "no address"),
        ({"resident": None, "street": "Eikenlaan"}, "address", "no address"),
        ({"resident": None, "street": "Nergenspad", "number": "1"}, "address", "unknown address"),
        ({"resident": None, "street": "Kerkstraat", "number": "1"}, "address", "unknown address"),
        ({"resident": "k9"}, "resident", "unknown resident"),
        ({"from_s": clock("08:00"), "to_s": clock("09:00")}, "to_s", "in the past"),
        ({"from_s": clock("13:00"), "to_s": clock("12:00")}, "to_s", "reversed"),
        ({"day": "2026-11-24"}, "day", "begins on 2026-11-23"),
        ({"day": "morgen"}, "day", "no date"),
        ({"release_s": clock("14:00")}, "release_s", "after the window"),
        ({"supplier": "bakker"}, "supplier", "unknown supplier"),
        ({"supplier": None}, "supplier", "goods need a supplier"),
        ({"goods": "vuurwerk"}, "goods", "unknown goods"),
        ({"goods": "laundry_dirty"}, "kind", "must be collection"),
        ({"kind": "visit"}, "goods", "carries no goods"),
        ({"id": "taken"}, "id", "exists already"),
        ({"kind": "chore", "goods": ""}, "chores", "at least one"),
        ({"kind": "ride", "goods": ""}, "to_lat", "destination"),
    ],
)
def test_a_refusal_names_the_field_and_the_reason(change: dict[str, Any], field: str, reason: str) -> None:
    found = faults(OrderIn.model_validate(GOOD | change), KNOWN)
    assert [fault.field for fault in found][:1] == [field]
    assert reason in found[0].reason


def test_an_address_is_found_however_it_is_spelled() -> None:
    assert BOOK.find("eikenlaan", "4 A", "7431ab") == Address("Eikenlaan", "4a", "7431 AB", 52.2601, 6.2201)
    assert BOOK.find("Kerkstraat", "1", "7433 ZZ") == Address("Kerkstraat", "1", "7433 ZZ", 52.30, 6.30)
    assert BOOK.find("Kerkstraat", "1") is None, "two places could be meant"


@given(st.lists(st.integers(0, 47), min_size=2, max_size=6), st.integers(0, 2))
def test_orders_whose_windows_fit_become_one_stop(steps: list[int], shift: int) -> None:
    """The greedy bundling over the API is covered below; here only that a shared hour is always found."""
    from hub_backend.ordering.bundling import common_window

    windows = [(float(900 * step), float(900 * step + 3600 * (12 + shift))) for step in steps]
    window: tuple[float, float] | None = windows[0]
    for other in windows[1:]:
        window = None if window is None else common_window(window, other)
    overlap = min(to for _, to in windows) - max(frm for frm, _ in windows)
    assert (window is not None) == (overlap >= 900)


# ---------------------------------------------------------------- with a record


def test_one_bad_order_does_not_stop_the_others(world: World) -> None:
    orders = [
        {"supplier": "keuken", "resident": "k0", "goods": "hot_meal", "from_s": clock("11:00"), "to_s": clock("12:00")},
        {"supplier": "keuken", "resident": "k0", "goods": "hot_meal", "from_s": "later", "to_s": clock("12:00")},
        "no order at all",
        {"supplier": "keuken", "resident": "k0", "goods": "hot_meal", "from_s": clock("07:00"), "to_s": clock("07:30")},
    ]
    taken = world.post("/api/orders", {"orders": orders}, status=201)
    assert [one["index"] for one in taken["accepted"]] == [0]
    assert [(one["index"], one["field"]) for one in taken["rejected"]] == [(1, "from_s"), (2, "order"), (3, "to_s")]


def test_a_request_without_one_good_order_is_422(world: World) -> None:
    answer = world.post("/api/orders", {"orders": [{"goods": "hot_meal"}]}, status=422)
    assert answer["accepted"] == []
    assert answer["rejected"][0]["field"] == "from_s"


def test_orders_of_several_suppliers_become_one_stop_with_labels_of_our_own(world: World) -> None:
    meal = world.order("k1", goods="chilled_meal")
    roll = world.order("k1", goods="medication_roll", kind="swap", supplier="apotheek", from_s=clock("10:00"))
    laundry = world.order("k1", goods="laundry_clean", kind="swap", supplier="wasserij")
    assert meal["stop"] == roll["stop"] == laundry["stop"]
    parcels = [*meal["parcels"], *roll["parcels"], *laundry["parcels"]]
    assert [parcel["direction"] for parcel in parcels] == ["deliver", "deliver", "collect", "deliver", "collect"]
    for parcel in parcels:
        assert parcel_label.read(parcel["code"]) == parcel["code"]
    stop = world.get(f"/api/days/{DAY}/stops")[0]
    assert stop["window_from_s"] == clock("10:00")
    assert stop["parcels"] == 5
    assert "Bewoner" not in str(stop), "a planner sees a client number, no name"


def test_windows_that_do_not_meet_are_two_stops(world: World) -> None:
    morning = world.order("k1", from_s=clock("09:00"), to_s=clock("11:00"))
    evening = world.order("k1", from_s=clock("15:00"), to_s=clock("17:00"))
    assert morning["stop"] != evening["stop"]


def test_an_order_for_goods_that_already_drive_becomes_a_stop_of_its_own(world: World) -> None:
    first = world.order("k1")
    world.plan()
    world.load(world.where()[first["stop"]])
    assert world.order("k1", goods="laundry_dirty", kind="collection", supplier="wasserij")["stop"] == first["stop"]
    assert world.order("k1", goods="parcel")["stop"] != first["stop"]


def test_the_same_id_is_taken_once(world: World) -> None:
    world.order("k1", id="a-1")
    again = world.post("/api/orders", {"orders": [GOOD | {"id": "a-1"}]}, status=422)
    assert again["rejected"][0]["field"] == "id"
    twice = world.post("/api/orders", {"orders": [GOOD | {"id": "a-2"}, GOOD | {"id": "a-2"}]}, status=201)
    assert (len(twice["accepted"]), twice["rejected"][0]["field"]) == (1, "id")


def test_cancelling_one_of_two_orders_leaves_the_stop(world: World) -> None:
    one = world.order("k1", id="one", from_s=clock("09:00"), to_s=clock("12:00"))
    world.order("k1", id="two", goods="parcel", from_s=clock("11:00"), to_s=clock("15:00"))
    world.post("/api/orders/two/cancel", {}, status=200)
    with world.kit.store.read() as session:
        stop = session.get_one(StopRow, one["stop"])
        assert (stop.state, stop.from_s, stop.to_s) == ("open", clock("09:00"), clock("12:00"))
        states = dict(session.execute(select(ParcelRow.order, ParcelRow.state)).all())
        assert states == {"one": "expected", "two": "cancelled"}
        assert session.scalar(select(func.count()).select_from(OrderRow)) == 2


def test_a_directory_record_is_refused_alone(world: World) -> None:
    resident = {"id": "k99", "name": "B", "street": "Proefstraat", "number": "99", "hub": "colmschate"}
    van = {"id": "van-9", "hub": "colmschate", "concierge": "C", "capacity": {"parcels": 3}}
    taken = world.post(
        "/api/directory",
        {
            "hubs": [
                {"id": "Grote Hub", "name": "x", "lat": 52, "lon": 6},
                {"id": "zuid", "name": "x", "lat": 52, "lon": 6, "open_from": "18:00", "open_to": "07:00"},
            ],
            "vans": [
                van,
                van | {"capacity": {"doodskisten": 1}},
                van | {"hub": "mars"},
                van | {"shift_to": "08:00"},
                van | {"lunch_from": "20:00", "lunch_to": "21:00"},
                van | {"concierge": "D"},
            ],
            "suppliers": [{"id": "x", "name": "x", "lat": 52, "lon": 6, "van_class": "spaceship"}],
            "residents": [
                resident,
                resident | {"lat": 52.2, "lon": 6.2},
                resident | {"last_contact_day": "2026-02-31", "id": "k98"},
            ],
        },
        status=200,
    )
    assert taken["taken"] == {"hubs": 0, "vans": 1, "suppliers": 0, "residents": 1}
    assert [(one["list"], one["index"], one["field"]) for one in taken["rejected"]] == [
        ("hubs", 0, "id"),
        ("hubs", 1, "open_to"),
        ("vans", 1, "capacity"),
        ("vans", 2, "hub"),
        ("vans", 3, "shift_to"),
        ("vans", 4, "lunch_from"),
        ("vans", 5, "id"),
        ("suppliers", 0, "van_class"),
        ("residents", 0, "street"),
        ("residents", 2, "last_contact_day"),
    ]


def test_a_shipment_names_what_it_does_not_know(world: World) -> None:
    shipment = {"supplier": "keuken", "hub": "colmschate", "t_s": clock("07:30")}
    assert world.post("/api/shipments", shipment, status=201)["day"] == DAY
    answer = world.http.post("/api/shipments", json=shipment | {"supplier": "mars"})
    assert answer.status_code == 422
    assert "supplier" in answer.text
