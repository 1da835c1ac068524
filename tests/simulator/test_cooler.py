import math

from hypothesis import given
from hypothesis import strategies as st

from hub_backend.simulator.cooler import AIR_OPEN_S, Cooler


def closed() -> Cooler:
    return Cooler.settled(set_c=3.5, outside_c=15.0)


def test_a_closed_cooler_stays_as_it_is() -> None:
    cooler = closed()
    for _ in range(100):
        cooler.pass_time(60)
    assert abs(cooler.air_c - 3.5) < 0.01
    assert abs(cooler.product_c - 3.5) < 0.2


def test_an_open_lid_follows_the_exponential() -> None:
    cooler = closed()
    cooler.lid_open = True
    cooler.pass_time(AIR_OPEN_S)
    assert math.isclose(cooler.air_c, 15.0 + (3.5 - 15.0) * math.exp(-1), rel_tol=1e-9)


def test_a_short_opening_warms_the_air_and_not_the_product() -> None:
    cooler = closed()
    cooler.lid_open = True
    cooler.pass_time(30)
    assert cooler.air_c > 5.0
    assert cooler.product_c < 3.9


def test_a_lid_left_open_brings_the_product_above_seven_degrees_for_a_quarter_of_an_hour() -> None:
    cooler = closed()
    cooler.lid_open = True
    above_s = 0
    for _ in range(2700 // 10):
        cooler.pass_time(10)
        above_s += 10 if cooler.product_c > 7.0 else 0
    assert above_s > 900


@given(st.lists(st.tuples(st.floats(0.5, 900), st.booleans()), max_size=40))
def test_temperatures_stay_between_inside_and_outside(steps: list[tuple[float, bool]]) -> None:
    cooler = closed()
    for seconds, is_open in steps:
        cooler.lid_open = is_open
        cooler.pass_time(seconds)
        assert 3.5 - 1e-6 <= cooler.air_c <= 15.0 + 1e-6
        assert 3.5 - 1e-6 <= cooler.product_c <= 15.0 + 1e-6
