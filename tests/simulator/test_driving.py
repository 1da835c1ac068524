from hypothesis import given
from hypothesis import strategies as st

from hub_backend.simulator.cooler import Cooler
from hub_backend.simulator.driving import Drive, distance_m, heading_deg
from hub_backend.simulator.van import Van

HOME = (52.26, 6.23)
POINTS = [HOME, (52.261, 6.23), (52.261, 6.233), (52.262, 6.233)]
SECONDS = [0.0, 14.0, 40.0, 52.0]


def van(soc_percent: float = 80.0) -> Van:
    cooler = Cooler.settled(set_c=4, outside_c=15)
    return Van(id="van-1", place=HOME, odometer_km=100.0, soc_percent=soc_percent, cooler=cooler)


def test_headings_are_clockwise_from_north() -> None:
    assert round(heading_deg((52.0, 6.0), (52.1, 6.0))) == 0
    assert round(heading_deg((52.0, 6.0), (52.0, 6.1))) == 90


@given(st.lists(st.floats(0, 120), min_size=1, max_size=30))
def test_a_drive_only_goes_forward_and_stays_on_its_way(steps: list[float]) -> None:
    drive = Drive(POINTS, SECONDS, start_s=1000.0, slower=1.3)
    driven, t_s = 0.0, 1000.0
    for step in steps:
        t_s += step
        now = drive.at(t_s)
        assert now.driven_m >= driven
        assert 52.26 <= now.place[0] <= 52.262
        driven = now.driven_m
    assert driven <= drive.length_m


def test_a_drive_ends_at_its_last_point_and_stands() -> None:
    drive = Drive(POINTS, SECONDS, start_s=1000.0)
    arrived = drive.at(drive.end_s)
    assert arrived.place == POINTS[-1]
    assert arrived.speed_m_s == 0.0
    assert drive.end_s == 1052.0


def test_a_van_counts_its_metres_whatever_the_steps() -> None:
    drive = Drive(POINTS, SECONDS, start_s=0.0)
    coarse, fine = van(), van()
    for each, step in ((coarse, 7.0), (fine, 0.5)):
        each.set_off(Drive(POINTS, SECONDS, start_s=0.0))
        t_s = 0.0
        while t_s < 60:
            t_s += step
            each.pass_time(t_s, step)
    assert abs(coarse.odometer_km - fine.odometer_km) < 1e-9
    assert abs(coarse.odometer_km - 100.0 - drive.length_m / 1000) < 1e-9
    assert coarse.soc_percent < 80.0


def test_a_van_on_its_cable_charges() -> None:
    charging = van(soc_percent=20.0)
    charging.plugged = True
    charging.pass_time(3600.0, 3600.0)
    assert abs(charging.soc_percent - (20.0 + 7.4 / 33.0 * 100)) < 0.01


def test_a_fix_says_where_the_van_is() -> None:
    moving = van()
    moving.set_off(Drive(POINTS, SECONDS, start_s=0.0))
    moving.pass_time(7.0, 7.0)
    fix = moving.fix(7.0)
    assert distance_m((fix.lat, fix.lon), HOME) > 40
    assert abs(fix.speed_m_s - distance_m(POINTS[0], POINTS[1]) / 14.0) < 0.1
