from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_backend.simulator.day import RESIDENTS, SUPPLIERS, Day, make_day
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.neighbourhood import Address, Neighbourhood, settle
from hub_backend.simulator.residents import Habit
from hub_backend.simulator.staff import order_record

ADDRESSES = [
    Address(f"Laan {row}", str(column), "7499 AB", 52.25 + row * 0.001, 6.21 + column * 0.001)
    for row in range(12)
    for column in range(20)
]


def place(seed: int = 1) -> Neighbourhood:
    return settle(ADDRESSES, (), residents=RESIDENTS, seed=seed)


def day(seed: int = 1) -> Day:
    return make_day(place(seed), day="2026-11-23", seed=seed)


def test_the_same_seed_is_the_same_day() -> None:
    assert day(7) == day(7)
    assert day(7) != day(8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_every_seed_has_everything_that_the_demo_promises(seed: int) -> None:
    script = day(seed)
    residents = {wish.resident for wish in script.wishes}
    assert 55 <= len(residents) <= 65
    assert {wish.supplier for wish in script.wishes if wish.supplier} == {supplier.id for supplier in SUPPLIERS}
    assert {wish.goods for wish in script.wishes if wish.goods} == {
        *("chilled_meal", "hot_meal", "medication_roll", "fridge_medication", "groceries"),
        *("laundry_clean", "laundry_dirty", "parcel", "letterbox_item"),
    }
    kinds = Counter(wish.kind for wish in script.wishes)
    assert kinds["ride"] == 2
    assert kinds["chore"] >= 1
    assert kinds["visit"] >= 1
    assert kinds["swap"] >= 1
    assert sum(wish.at_s > script.begins_s for wish in script.wishes) == 2
    habits = Counter(door.habit for door in script.doors.values())
    assert habits[Habit.AWAY] >= 3
    assert habits[Habit.TALKS] == 1
    assert set(script.vans.values()) == {hub.id for hub in place(seed).hubs}
    assert len(script.vans) == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_goods_come_in_before_they_are_wanted_and_after_they_were_ordered(seed: int) -> None:
    script = day(seed)
    for wish in script.wishes:
        assert wish.from_s < wish.to_s
        if wish.release_s is not None:
            assert wish.at_s < wish.release_s - 600
            assert wish.release_s < wish.to_s - 3600
    cancelled = next(wish for wish in script.wishes if wish.id == script.mishaps.cancelled)
    assert cancelled.release_s is not None
    assert script.mishaps.cancelled_s < cancelled.release_s - 600


def test_each_wish_has_an_id_of_its_own_and_a_known_resident() -> None:
    script = day()
    assert len({wish.id for wish in script.wishes}) == len(script.wishes)
    assert {wish.resident for wish in script.wishes} <= set(script.doors)


def test_a_ride_has_a_goal_and_an_order_has_none() -> None:
    for wish in day().wishes:
        assert ("to_lat" in order_record(wish, "2026-11-23")) == (wish.kind == "ride")


def test_two_of_three_residents_live_near_the_first_hub() -> None:
    hubs = Counter(resident.hub for resident in place().residents)
    assert hubs["colmschate"] == RESIDENTS * 2 // 3


def test_there_is_no_round_on_a_sunday() -> None:
    with pytest.raises(ValueError, match="Sunday"):
        make_day(place(), day="2026-11-22", seed=1)


def test_a_map_with_too_few_doors_around_a_hub_is_refused() -> None:
    with pytest.raises(DemoError, match="too few"):
        settle(ADDRESSES[:60], (), residents=RESIDENTS, seed=1)
