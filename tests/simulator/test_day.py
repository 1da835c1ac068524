from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.contract.messages import Outcome
from hub_backend.simulator.concierge import CONTACT
from hub_backend.simulator.cooler import Cooler
from hub_backend.simulator.day import RESIDENTS, SUPPLIERS, Day, Wish, make_day
from hub_backend.simulator.directory import directory
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.neighbourhood import Address, Neighbourhood, settle
from hub_backend.simulator.play import SET_C
from hub_backend.simulator.projections import SURE_S, WARM
from hub_backend.simulator.residents import Habit
from hub_backend.simulator.staff import order_record
from hub_backend.simulator.van import OUTSIDE_C
from routing.places import Site

LOWEST_AT_RETURN_PERCENT = 20.0  # domain.md part 5: a van comes home with at least this much

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


@given(st.integers(0, 100_000))
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
    assert script.mishaps.cancelled in {wish.id for wish in script.wishes}
    habits = Counter(door.habit for door in script.doors.values())
    assert habits[Habit.AWAY] >= 3
    assert habits[Habit.TALKS] == 1
    assert set(script.vans.values()) == {hub.id for hub in place(seed).hubs}
    assert len(script.vans) == 3


def first_rings(script: Day) -> Counter[Outcome]:
    """What happens at every door that is rung at, each once."""
    wishes: dict[str, list[Wish]] = {}
    for wish in script.wishes:
        if wish.kind != "ride" and wish.id != script.mishaps.cancelled:
            wishes.setdefault(wish.resident, []).append(wish)
    return Counter(
        script.doors[resident]
        .answer(seed=script.seed, attempt=1, letterbox_fits=all(wish.letterbox_allowed for wish in asked))
        .outcome
        for resident, asked in wishes.items()
    )


@given(st.integers(0, 100_000))
def test_on_every_seed_four_of_five_have_contact_and_three_are_not_at_home(seed: int) -> None:
    outcomes = first_rings(day(seed))
    contact = sum(outcomes[outcome] for outcome in CONTACT)
    assert 0.7 < contact / (contact + outcomes[Outcome.LETTERBOX]) < 0.9
    assert outcomes[Outcome.NO_ANSWER] >= 3
    assert outcomes[Outcome.REFUSED] == 1


@given(st.integers(0, 100_000))
def test_on_every_seed_a_lid_stays_open_to_an_excursion_and_a_van_must_charge(seed: int) -> None:
    mishaps = day(seed).mishaps
    cooler = Cooler.settled(set_c=SET_C, outside_c=OUTSIDE_C)
    cooler.lid_open = True
    warm_s = 0.0
    for _ in range(int(mishaps.lid_open_s / 10)):
        cooler.pass_time(10)
        warm_s += 10 * (cooler.product_c > WARM[0][0])
    cooler.lid_open = False
    for _ in range(180):
        cooler.pass_time(10)
        warm_s += 10 * (cooler.product_c > WARM[0][0])
    assert warm_s > WARM[0][1] + SURE_S
    assert mishaps.low_soc_percent < LOWEST_AT_RETURN_PERCENT + 2
    assert mishaps.lid_van != mishaps.low_battery_van


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
    assert hubs["noord"] == RESIDENTS * 2 // 3


def test_there_is_no_round_on_a_sunday() -> None:
    with pytest.raises(ValueError, match="Sunday"):
        make_day(place(), day="2026-11-22", seed=1)


def test_a_map_with_too_few_doors_around_a_hub_is_refused() -> None:
    with pytest.raises(DemoError, match="too few"):
        settle(ADDRESSES[:60], (), residents=RESIDENTS, seed=1)


def test_a_hub_is_called_what_the_map_calls_it() -> None:
    marks = (Site("hub", "Buurthub Bovendorp", 52.26, 6.22), Site("hub", "Buurthub Beneden", 52.251, 6.23))
    there = settle(ADDRESSES, marks, residents=RESIDENTS, seed=1)
    records = directory(there, make_day(there, day="2026-11-23", seed=1))["hubs"]
    assert [(hub["name"], hub["lat"]) for hub in records] == [(mark.name, mark.lat) for mark in marks]


def test_on_a_map_without_marks_the_hubs_lie_where_their_names_say() -> None:
    north, south = place().hubs
    assert (north.name, south.name) == ("Buurthub Noord", "Buurthub Zuid")
    assert north.address.lat > south.address.lat
