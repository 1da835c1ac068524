"""Bundling, service times and the letterbox, as properties."""

from hypothesis import given
from hypothesis import strategies as st

from hub_backend.ordering.bundling import MIN_WINDOW_S, OpenStop, common_window, stop_to_join
from hub_backend.ordering.goods import GOODS, STEP_S, WALK_S
from hub_backend.ordering.wishes import Wish, may_use_letterbox, service_s

WINDOWS = st.tuples(st.integers(0, 40_000), st.integers(600, 20_000)).map(lambda w: (float(w[0]), float(w[0] + w[1])))
DELIVERIES = st.builds(Wish, kind=st.just("delivery"), goods=st.sampled_from(sorted(GOODS)), quantity=st.integers(1, 5))


@given(WINDOWS, WINDOWS)
def test_a_common_window_lies_in_both_and_does_not_depend_on_the_order(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    common = common_window(one, other)
    assert common == common_window(other, one)
    if common is not None:
        assert max(one[0], other[0]) == common[0] < common[1] == min(one[1], other[1])
        shortest = min(one[1] - one[0], other[1] - other[0])
        assert common[1] - common[0] >= min(MIN_WINDOW_S, shortest)


@given(WINDOWS)
def test_a_window_joins_itself_however_short(window: tuple[float, float]) -> None:
    assert common_window(window, window) == window


@given(DELIVERIES, WINDOWS, st.lists(st.tuples(WINDOWS, st.booleans()), max_size=6))
def test_an_order_joins_the_stop_with_which_it_shares_most(
    wish: Wish, window: tuple[float, float], others: list[tuple[tuple[float, float], bool]]
) -> None:
    stops = [OpenStop(str(n), *other, loaded=loaded) for n, (other, loaded) in enumerate(others)]
    joined = stop_to_join(wish, window, stops)
    lengths = {
        stop.id: common[1] - common[0]
        for stop in stops
        if not stop.loaded and (common := common_window((stop.from_s, stop.to_s), window)) is not None
    }
    assert (joined is None) == (not lengths)
    if joined is not None:
        assert lengths[joined.id] == max(lengths.values())
        assert not joined.loaded


def test_what_is_only_taken_along_joins_a_stop_whose_goods_already_drive() -> None:
    loaded = OpenStop("a", 0.0, 7200.0, loaded=True)
    laundry = Wish(kind="collection", goods="laundry_dirty")
    assert stop_to_join(laundry, (0.0, 7200.0), [loaded]) == loaded
    assert stop_to_join(Wish(kind="swap", goods="laundry_clean"), (0.0, 7200.0), [loaded]) is None


def test_a_ride_is_a_stop_of_its_own() -> None:
    assert stop_to_join(Wish(kind="ride"), (0.0, 7200.0), [OpenStop("a", 0.0, 7200.0)]) is None


@given(st.lists(DELIVERIES, min_size=1, max_size=5), st.sampled_from([0, 1, 2, 3]))
def test_more_to_do_never_takes_less_time(wishes: list[Wish], step: int) -> None:
    all_s = service_s(wishes, usual_step=step)
    assert all_s >= service_s(wishes[:1], usual_step=step)
    assert all_s >= WALK_S + STEP_S[step]


@given(st.lists(DELIVERIES, min_size=1, max_size=5))
def test_further_in_takes_longer(wishes: list[Wish]) -> None:
    times = [service_s(wishes, usual_step=step) for step in (0, 1, 2, 3)]
    assert times == sorted(times)


@given(st.lists(DELIVERIES, min_size=1, max_size=5))
def test_one_thing_that_needs_a_person_keeps_everything_from_the_letterbox(wishes: list[Wish]) -> None:
    allowed = may_use_letterbox(wishes)
    assert allowed == all(GOODS[wish.goods].letterbox for wish in wishes)


def test_medication_goes_by_letterbox_only_with_the_pharmacys_leave() -> None:
    roll = Wish(kind="delivery", goods="medication_roll")
    assert not may_use_letterbox([roll])
    assert may_use_letterbox([Wish(kind="delivery", goods="medication_roll", letterbox_allowed=True)])
    assert not may_use_letterbox([Wish(kind="swap", goods="medication_roll", letterbox_allowed=True)])
    assert not may_use_letterbox([Wish(kind="visit")])
