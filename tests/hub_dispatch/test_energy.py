"""Energy is measured, or it is not known: never guessed, never zero."""

from hypothesis import given
from hypothesis import strategies as st

from hub_backend.reporting.energy import GAP_S, LEAST_PERCENT, Energy, Reading, energy_of

T = 1_795_417_200.0
PACK_KWH = 33.0


def day(*socs: float | None, plugged: bool | None = False, every_s: float = 60.0) -> list[Reading]:
    return [Reading(T + place * every_s, soc, 100.0 + place, plugged) for place, soc in enumerate(socs)]


def test_a_drop_of_ten_percent_is_a_tenth_of_the_pack() -> None:
    assert energy_of(day(80, 76, 70), battery_kwh=PACK_KWH) == Energy(3.3, 0.0)


def test_what_was_charged_meanwhile_is_not_driven_back() -> None:
    morning, cable = day(50, 40), [Reading(T + 600, 40, 101, True), Reading(T + 3600, 60, 101, True)]
    after = [Reading(T + 3660, 60, 101, False), Reading(T + 3720, 55, 110, False)]
    found = energy_of([*morning, *cable, *after], battery_kwh=100.0)
    assert (found.used_kwh, found.charged_kwh) == (15.0, 20.0)


def test_a_slope_gives_back_a_little_and_that_is_no_charging() -> None:
    found = energy_of(day(80, 75, 76, 70), battery_kwh=100.0)
    assert found.used_kwh == 10.0


def test_a_charge_that_the_bus_does_not_tell_makes_the_day_unknown() -> None:
    for plugged in (None, False):
        found = energy_of(day(60, 50, 51, 52, 53, 54, 40, plugged=plugged), battery_kwh=PACK_KWH)
        assert found.used_kwh is None
        assert "charged" in found.unknown


def test_a_drive_that_nobody_heard_makes_the_day_unknown() -> None:
    found = energy_of(day(60, 50, every_s=GAP_S + 1), battery_kwh=PACK_KWH)
    assert found.used_kwh is None
    assert "drove" in found.unknown


def test_a_night_in_silence_is_no_gap_when_the_van_stood_still() -> None:
    stood = [
        Reading(T, 80, 100, False),
        Reading(T + 10 * GAP_S, 80, 100, False),
        Reading(T + 11 * GAP_S, 60, 100, False),
    ]
    assert energy_of(stood, battery_kwh=PACK_KWH).used_kwh == 6.6


def test_too_little_and_nothing_are_unknown_and_not_zero() -> None:
    assert energy_of(day(80, 80 - LEAST_PERCENT / 2), battery_kwh=PACK_KWH).used_kwh is None
    assert energy_of(day(None, None), battery_kwh=PACK_KWH) == Energy(None, None, "no state of charge in the record")
    assert energy_of([], battery_kwh=PACK_KWH).used_kwh is None


@given(st.lists(st.floats(0.01, 1.0), min_size=20, max_size=60), st.sets(st.integers(0, 60)))
def test_readings_that_are_missing_in_between_change_nothing(drops: list[float], missing: set[int]) -> None:
    socs = [100.0]
    for drop in drops:
        socs.append(socs[-1] - drop)
    whole = energy_of(day(*socs, every_s=20), battery_kwh=PACK_KWH)
    holed = [None if 0 < place < len(socs) - 1 and place in missing else soc for place, soc in enumerate(socs)]
    found = energy_of(day(*holed, every_s=20), battery_kwh=PACK_KWH)
    assert (found.used_kwh is None) == (whole.used_kwh is None)
    if found.used_kwh is not None and whole.used_kwh is not None:
        assert abs(found.used_kwh - whole.used_kwh) < 1e-9
