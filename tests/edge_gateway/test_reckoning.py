"""Gaps between fixes: reckoned by the odometer, marked as such, and ended where it would be a guess."""

import math
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.contract.messages import Position, Vehicle
from edge_gateway.gps import Fix, Gps, Pace
from edge_gateway.page_messages import PagePosition, PageVehicle
from edge_gateway.reckoning import DRIFT, LONGEST_M, LONGEST_S, ROUGH_M, Reckoning
from edge_gateway.state import distance_m
from tests.edge_gateway.rig import START_S, Parts, parts, wait_until


def fix(**more: float | None) -> PagePosition:
    whole: dict[str, float | None] = {"lat": 52.25, "lon": 6.16, "heading_deg": 90.0, **more}
    return PagePosition(t_s=START_S, fix="3d", **whole)  # type: ignore[arg-type]


def van(odometer_km: float | None) -> PageVehicle:
    return PageVehicle(t_s=START_S, odometer_km=odometer_km)


def test_a_van_in_a_tunnel_is_straight_on_as_far_as_its_odometer_says() -> None:
    reckoning = Reckoning()
    reckoning.fixed(fix(), van(1000.0))
    where = reckoning.at(van(1000.8), START_S + 60)
    assert where is not None
    assert where.driven_m == 800.0 and where.accuracy_m == pytest.approx(ROUGH_M + DRIFT * 800)
    assert where.lat == pytest.approx(52.25, abs=1e-5) and where.lon > 6.16, "eastwards"
    assert distance_m(52.25, 6.16, where.lat, where.lon) == pytest.approx(800, abs=1)


@given(st.floats(-70, 70), st.floats(-170, 170), st.floats(0, 360), st.floats(0, LONGEST_M / 1000))
def test_what_is_reckoned_lies_as_far_off_as_was_driven(lat: float, lon: float, heading: float, km: float) -> None:
    reckoning = Reckoning()
    reckoning.fixed(fix(lat=lat, lon=lon, heading_deg=heading), van(0.0))
    where = reckoning.at(van(km), START_S + 60)
    assert where is not None
    assert distance_m(lat, lon, where.lat, where.lon) == pytest.approx(km * 1000, rel=0.003, abs=0.3)


def test_where_it_would_be_a_guess_nothing_is_said() -> None:
    reckoning = Reckoning()
    assert reckoning.at(van(1.0), START_S) is None, "never a fix"
    reckoning.fixed(fix(), None)
    assert reckoning.at(van(1.0), START_S) is None, "no odometer at the fix"
    reckoning.fixed(fix(), van(1000.0))
    assert reckoning.at(None, START_S) is None and reckoning.at(van(None), START_S) is None
    assert reckoning.at(van(999.0), START_S) is None, "an odometer that runs back"
    assert reckoning.at(van(1000.0 + LONGEST_M / 1000 + 1), START_S) is None, "too far"
    assert reckoning.at(van(1000.0), START_S + LONGEST_S + 1) is None, "too long ago"
    assert reckoning.at(van(1000.0), START_S - 1) is None, "a clock that jumped"
    reckoning = Reckoning()
    reckoning.fixed(fix(heading_deg=None), van(1000.0))
    assert reckoning.at(van(1000.1), START_S) is None, "no heading ever"
    reckoning.fixed(fix(heading_deg=180.0), van(1000.0))
    reckoning.fixed(fix(heading_deg=None), van(1000.0))  # standing at the lights, before the tunnel
    assert reckoning.at(van(1000.1), START_S) is not None


class Script:
    """A receiver that gives what it is told to."""

    def __init__(self) -> None:
        self.next: list[Fix] = []

    def open(self) -> None:
        """Always there."""

    def read(self) -> list[Fix]:
        threading.Event().wait(0.01)
        said, self.next = self.next, []
        return said

    def close(self) -> None:
        """Nothing to close."""


def drives(gateway: Parts, odometer_km: float) -> None:
    vehicle = Vehicle(source="van-1", boot=0, seq=0, t_s=gateway.clock.t_s, odometer_km=odometer_km)
    gateway.intake.offer(vehicle)


def positions(gateway: Parts) -> list[Position]:
    return [event for event in gateway.events() if isinstance(event, Position)]


def test_a_tunnel_is_told_as_reckoned_and_never_as_a_fix(tmp_path: Path) -> None:
    script = Script()
    with parts(tmp_path) as gateway:
        gps = Gps(
            script,
            Pace(moving_period_s=5, standing_period_s=60, fix_timeout_s=5),
            source="van-1",
            intake=gateway.intake,
            state=gateway.state,
            rejects=gateway.rejects,
            time=gateway.time,
            random=random.Random(1),
            poll_s=0.01,
        )
        drives(gateway, 1000.0)
        gps.start()
        try:
            script.next = [Fix(time_s=START_S, kind="3d", lat=52.25, lon=6.16, speed_m_s=14.0, heading_deg=0.0)]
            wait_until(lambda: [one.fix for one in positions(gateway)][-1:] == ["3d"])
            for step in range(1, 4):
                gateway.clock.t_s += 10
                drives(gateway, 1000.0 + step * 0.1)
                wait_until(lambda step=step: reckoned_m(gateway) == pytest.approx(100 * step))  # type: ignore[misc]
            inside = positions(gateway)[1:]
            assert all(one.fix == "none" and one.lat is None and one.speed_m_s is None for one in inside)
            assert inside[-1].reckoned is not None and inside[-1].reckoned.lat > 52.25
            told = len(inside)
            gateway.clock.t_s += 6
            threading.Event().wait(0.1)
            assert len(positions(gateway)) == 1 + told, "a van that stands in the tunnel says nothing new"
            script.next = [Fix(time_s=gateway.clock.t_s, kind="3d", lat=52.2527, lon=6.16, heading_deg=0.0)]
            wait_until(lambda: positions(gateway)[-1].fix == "3d")
            assert positions(gateway)[-1].reckoned is None
        finally:
            gps.stop()


def reckoned_m(gateway: Parts) -> float:
    last = positions(gateway)[-1]
    return math.nan if last.reckoned is None else last.reckoned.driven_m
