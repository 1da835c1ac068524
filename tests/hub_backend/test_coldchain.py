"""The rules of the cold chain: limits, delays, hysteresis, gaps, lost sensors."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_backend import coldchain
from hub_backend.coldchain import Opened, Reading, Recovered, Watch, Worsened, advance, evaluate

CHILLED = coldchain.RULES["chilled"]
FRIDGE = coldchain.RULES["fridge"]
PERIOD_S = 60.0


def readings(*temps: float | None, period_s: float = PERIOD_S) -> list[Reading]:
    return [Reading(period_s * (n + 1), period_s, temp) for n, temp in enumerate(temps)]


def opened(changes: list[coldchain.Change]) -> list[Opened]:
    return [change for change in changes if isinstance(change, Opened)]


def recovered(changes: list[coldchain.Change]) -> list[Recovered]:
    return [change for change in changes if isinstance(change, Recovered)]


def test_just_below_the_limit_for_hours_is_no_excursion() -> None:
    watch, changes = evaluate(CHILLED, readings(*[6.99] * 300))
    assert changes == []
    assert coldchain.state(CHILLED, watch, now_s=300 * PERIOD_S) == "ok"


def test_above_seven_opens_after_fifteen_minutes_from_the_crossing() -> None:
    _watch, changes = evaluate(CHILLED, readings(6.0, 8.0, *[8.0] * 20))
    (one,) = opened(changes)
    assert one.rule == "warm_7"
    assert one.began_s == pytest.approx(90.0)  # half way between 60 s (6 C) and 120 s (8 C)
    assert one.opened_s == pytest.approx(90.0 + 900.0)


def test_above_ten_opens_after_five_minutes_and_is_the_only_one_of_its_side() -> None:
    _watch, changes = evaluate(CHILLED, readings(5.0, *[12.0] * 60))
    (one,) = opened(changes)
    assert one.rule == "warm_10"
    assert one.opened_s == pytest.approx(60 + 60 * 5 / 7 + 300)


def test_warning_comes_before_the_alarm_and_opens_nothing() -> None:
    watch, changes = evaluate(CHILLED, readings(*[8.0] * 8))
    assert changes == []
    assert coldchain.state(CHILLED, watch, now_s=8 * PERIOD_S) == "warn"


def test_short_opening_of_the_lid_is_no_excursion() -> None:
    _watch, changes = evaluate(CHILLED, readings(5.0, *[9.0] * 9, 5.0, 5.0))
    assert changes == []


def test_swinging_round_the_limit_adds_up_and_ends_only_half_a_degree_inside() -> None:
    swinging = [7.4, 6.8] * 60
    _watch, changes = evaluate(CHILLED, readings(5.0, *swinging))
    assert len(opened(changes)) == 1
    assert recovered(changes) == []
    _watch, changes = evaluate(CHILLED, readings(5.0, *swinging, 6.4))
    assert len(recovered(changes)) == 1


def test_recovery_is_measured_at_its_crossing() -> None:
    _watch, changes = evaluate(CHILLED, readings(*[8.0] * 20, 6.0))
    (over,) = recovered(changes)
    assert over.recovered_s == pytest.approx(20 * PERIOD_S + PERIOD_S * 0.75)  # 6.5 C on the way from 8 to 6


def test_extreme_is_followed() -> None:
    _watch, changes = evaluate(CHILLED, readings(*[8.0] * 17, 9.0, 8.5, 9.5))
    assert [change.extreme_c for change in changes if isinstance(change, Worsened)] == [9.0, 9.5]


def test_freezing_medication_opens_at_once() -> None:
    _watch, changes = evaluate(FRIDGE, readings(4.0, 0.0))
    (one,) = opened(changes)
    assert (one.key, one.rule, one.opened_s) == ("below", "freezing", 120.0)


def test_fridge_too_warm_and_too_cold_are_two_excursions() -> None:
    _watch, changes = evaluate(FRIDGE, readings(*[9.0] * 20, *[1.0] * 20))
    assert [one.key for one in opened(changes)] == ["above", "below"]


def test_a_gap_is_unknown_time_and_never_counts() -> None:
    before = [Reading(60.0 * n, 60.0, 8.0) for n in range(1, 11)]
    after = [Reading(600.0 + 3600.0 + 60.0 * n, 60.0, 8.0) for n in range(5)]
    watch, changes = evaluate(CHILLED, before + after)
    assert opened(changes) == []  # nine minutes and four minutes above; the hour between is unknown
    assert watch.unknown_s == pytest.approx(3600.0)
    assert watch.gaps == [(600.0, 4200.0)]


def test_silent_cooler_is_unknown_never_ok() -> None:
    watch, _changes = evaluate(CHILLED, readings(4.0, 4.0))
    assert coldchain.state(CHILLED, watch, now_s=120.0 + 119.0) == "ok"
    assert coldchain.state(CHILLED, watch, now_s=120.0 + 121.0) == "unknown"
    assert coldchain.state(CHILLED, Watch(), now_s=0.0) == "unknown"


def test_a_probe_that_says_nothing_warns_then_opens_and_recovers_when_it_speaks() -> None:
    watch, changes = evaluate(CHILLED, readings(4.0, *[None] * 5))
    assert changes == []
    assert coldchain.state(CHILLED, watch, now_s=6 * PERIOD_S) == "warn"
    watch, changes = evaluate(CHILLED, readings(4.0, *[None] * 15, 4.0))
    (one,) = opened(changes)
    assert (one.rule, one.limit_c, one.began_s, one.opened_s) == ("sensor_lost", None, 60.0, 960.0)
    assert [over.key for over in recovered(changes)] == ["lost"]


def test_readings_out_of_order_are_refused() -> None:
    watch, _changes = evaluate(CHILLED, readings(4.0, 4.0))
    with pytest.raises(ValueError, match="t_s"):
        advance(CHILLED, watch, Reading(120.0, 60.0, 4.0))


temps = st.lists(st.one_of(st.none(), st.floats(-5, 15).map(lambda temp: round(temp, 2))), min_size=1, max_size=60)


@given(temps)
def test_memory_survives_json_at_every_step(values: list[float | None]) -> None:
    whole, changes = evaluate(FRIDGE, readings(*values))
    watch, pieces = Watch(), []
    for reading in readings(*values):
        watch = Watch.of(watch.memory())
        pieces += advance(FRIDGE, watch, reading)
    assert watch == whole
    assert pieces == changes


@given(temps)
def test_each_excursion_opens_once_recovers_once_and_never_overlaps_its_side(values: list[float | None]) -> None:
    _watch, changes = evaluate(FRIDGE, readings(*values))
    standing: dict[str, float] = {}
    for change in changes:
        match change:
            case Opened(key=key, opened_s=opened_s, began_s=began_s):
                assert key not in standing
                assert began_s <= opened_s
                standing[key] = opened_s
            case Worsened(key=key, opened_s=opened_s):
                assert standing[key] == opened_s
            case Recovered(key=key, opened_s=opened_s, recovered_s=recovered_s):
                assert standing.pop(key) == opened_s
                assert recovered_s >= opened_s


@given(st.lists(st.floats(0, 14).map(lambda temp: round(temp, 2)), min_size=2, max_size=40), st.integers(2, 4))
def test_splitting_a_straight_line_changes_no_moment(values: list[float], pieces: int) -> None:
    """Time outside is measured along the line, not counted in samples."""
    coarse = [Reading(60.0 * n, 60.0, value) for n, value in enumerate(values)]
    fine = [coarse[0]]
    for last, here in itertools.pairwise(coarse):
        assert last.product_c is not None and here.product_c is not None
        for piece in range(1, pieces + 1):
            share = piece / pieces
            temp = here.product_c if piece == pieces else last.product_c + share * (here.product_c - last.product_c)
            fine.append(Reading(last.t_s + share * 60.0, 60.0, temp))
    _watch, by_coarse = evaluate(CHILLED, coarse)
    _watch, by_fine = evaluate(CHILLED, fine)
    for kind, moment in ((Opened, "opened_s"), (Opened, "began_s"), (Recovered, "recovered_s")):
        one = [getattr(change, moment) for change in by_coarse if isinstance(change, kind)]
        other = [getattr(change, moment) for change in by_fine if isinstance(change, kind)]
        assert one == pytest.approx(other, abs=1e-6)


@given(st.lists(st.floats(-5, 6.9), min_size=1, max_size=80))
def test_what_never_leaves_its_band_never_opens(values: list[float]) -> None:
    _watch, changes = evaluate(CHILLED, readings(*values))
    assert changes == []


@given(st.floats(7.1, 40), st.integers(17, 60))
def test_what_stays_outside_always_opens(temp: float, count: int) -> None:
    _watch, changes = evaluate(CHILLED, readings(*[temp] * count))
    assert len(opened(changes)) == 1
