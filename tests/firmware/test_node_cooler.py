"""A cooler's duty: periods, lid, alarms, and which samples it believes. Hours pass in milliseconds."""

import json

import pytest
import readings
from cooler import Cooler
from hypothesis import given
from hypothesis import strategies as st
from probe import Probe
from settings import load_settings


class Box:
    """A cooler that is what the test says it is."""

    settle_ms = 0

    def __init__(self) -> None:
        self.air: float | None = 4.0
        self.product: float | None = 4.5
        self.is_open: bool | None = False

    def begin(self) -> None:
        pass

    def read(self) -> tuple[float | None, float | None]:
        return self.air, self.product

    def lid(self) -> bool | None:
        return self.is_open


class Memory:
    """What was last told of the lid and of each side."""

    def __init__(self, **numbers: int | None) -> None:
        self._numbers = numbers

    def read(self, name: str) -> int | None:
        return self._numbers.get(name)

    def write(self, name: str, number: int) -> None:
        self._numbers[name] = number


class Duty:
    """A cooler node's duty with a clock of its own."""

    def __init__(
        self, more: dict[str, object] | None = None, *, lid: int | None = None, memory: Memory | None = None
    ) -> None:
        self.box = Box()
        self.memory = memory or Memory(lid=lid)
        self.told: list[tuple[readings.Cooler | readings.Lid | readings.Alarm, int]] = []
        settings = load_settings(json.dumps({"name": "cooler", "kind": "cooler", **(more or {})}))
        self.cooler = Cooler(settings, self.box, self.memory, lambda *told: self.told.append(told), 0)
        self.now_ms = 0

    def run(self, seconds: float, *, step_s: float = 1.0) -> None:
        end_ms = self.now_ms + int(seconds * 1000)
        while self.now_ms < end_ms:
            self.now_ms += int(step_s * 1000)
            self.cooler.step(self.now_ms)

    def alarms(self) -> list[tuple[str, float | None, int]]:
        """(reason, value, s)"""
        return [
            (readings.ALARM_REASONS[one.reason], one.value, made_ms // 1000)
            for one, made_ms in self.told
            if isinstance(one, readings.Alarm)
        ]

    def periods(self) -> list[readings.Cooler]:
        return [one for one, _ in self.told if isinstance(one, readings.Cooler)]

    def lids(self) -> list[tuple[bool, int]]:
        return [(one.open, made_ms // 1000) for one, made_ms in self.told if isinstance(one, readings.Lid)]


def test_a_period_has_mean_lowest_and_highest_of_six_samples() -> None:
    duty = Duty()
    for temp_c in (4.0, 4.1, 4.2, 4.3, 4.4, 4.6):
        duty.box.air = temp_c
        duty.run(10)
    (reading,) = duty.periods()
    assert reading.period_s == 60
    assert reading.air == (pytest.approx(4.2666667), 4.0, 4.6)
    assert reading.product == (4.5, 4.5, 4.5)
    assert reading.lid_open_s == 0
    assert duty.told[0][1] == 60_000


def test_a_jump_of_the_clock_makes_up_for_every_sample_that_was_due() -> None:
    slow, fast = Duty(), Duty()
    slow.run(3600)
    fast.run(3600, step_s=7.5)
    assert len(fast.periods()) == len(slow.periods()) == 60
    assert [made_ms for _, made_ms in fast.told] == [made_ms for _, made_ms in slow.told]


def test_a_probe_that_does_not_answer_is_none_and_alarmed_once() -> None:
    duty = Duty()
    duty.run(60)
    duty.box.product = None
    duty.run(1200)
    assert duty.alarms() == [("probe_lost", None, 360)]
    assert duty.periods()[-1].product == (None, None, None)
    duty.box.product = 4.4
    duty.run(60)
    duty.box.product = None
    duty.run(400)
    assert [reason for reason, _, _ in duty.alarms()] == ["probe_lost", "probe_lost"]


def test_a_probe_that_is_not_fitted_is_never_lost() -> None:
    duty = Duty({"product_probe": None})
    duty.box.product = None
    duty.run(3600)
    assert duty.alarms() == []


def test_the_lid_tells_each_change_and_how_long_it_was_open() -> None:
    duty = Duty()
    duty.run(70)
    duty.box.is_open = True
    duty.run(25)
    duty.box.is_open = False
    duty.run(60)
    assert duty.lids() == [(True, 71), (False, 96)]
    assert [reading.lid_open_s for reading in duty.periods()] == [0, 25]


def test_a_lid_left_open_is_alarmed_after_three_minutes_once_each_time() -> None:
    duty = Duty()
    for _ in range(2):
        duty.box.is_open = True
        duty.run(900)
        duty.box.is_open = False
        duty.run(100)
    assert duty.alarms() == [("lid_open", 180.0, 181), ("lid_open", 180.0, 1181)]


def test_the_lid_alarm_is_made_when_it_was_due_also_when_the_clock_jumps() -> None:
    duty = Duty()
    duty.run(8, step_s=8)
    duty.box.is_open = True
    duty.run(400, step_s=8)
    assert duty.alarms() == [("lid_open", 180.0, 196)]


def test_after_a_restart_the_lid_is_told_only_if_it_moved_meanwhile() -> None:
    for told, is_open, expected in ((1, True, []), (1, False, [False]), (0, True, [True]), (None, False, [])):
        duty = Duty(lid=told)
        duty.box.is_open = is_open
        duty.run(5)
        assert [state for state, _ in duty.lids()] == expected


def test_too_warm_is_alarmed_after_its_delay_and_again_only_after_it_was_well_below() -> None:
    duty = Duty()
    duty.run(600)
    duty.box.product = 7.2
    duty.run(1800)
    assert duty.alarms() == [("too_warm", 7.2, 1510)]
    for temp_c in (6.8, 7.2):  # within the hysteresis: the same excursion
        duty.box.product = temp_c
        duty.run(1200)
    assert len(duty.alarms()) == 1
    duty.box.product = 6.0
    duty.run(60)
    duty.box.product = 7.2
    duty.run(1200)
    assert [reason for reason, _, _ in duty.alarms()] == ["too_warm", "too_warm_over", "too_warm"]


def test_an_alarm_is_over_when_it_is_well_within_every_limit_and_that_is_told_once() -> None:
    duty = Duty()
    duty.box.product = 10.5
    duty.run(1200)  # beyond both limits
    duty.box.product = 9.0
    duty.run(600)  # well within the one, not within the other
    duty.box.product = 6.8
    duty.run(600)  # within, not well
    assert "too_warm_over" not in [reason for reason, _, _ in duty.alarms()]
    duty.box.product = 6.4
    duty.run(1200)
    assert [one for one in duty.alarms() if one[0] == "too_warm_over"] == [("too_warm_over", 6.4, 2410)]


def test_too_cold_has_an_end_of_its_own() -> None:
    duty = Duty({"too_cold": [[2.0, 120]]})
    duty.box.product = 1.5
    duty.run(300)
    duty.box.product = 2.6
    duty.run(60)
    assert [reason for reason, _, _ in duty.alarms()] == ["too_cold", "too_cold_over"]


def test_cold_air_does_not_end_what_nobody_measures_in_the_food() -> None:
    duty = Duty()
    duty.box.product = 7.2
    duty.run(1200)
    duty.box.product, duty.box.air = None, 3.0
    duty.run(1800)
    assert [reason for reason, _, _ in duty.alarms()] == ["too_warm", "probe_lost"]
    duty.box.product = 6.0
    duty.run(60)
    assert [reason for reason, _, _ in duty.alarms()] == ["too_warm", "probe_lost", "too_warm_over"]


def test_without_a_product_probe_the_air_ends_what_it_raised() -> None:
    duty = Duty({"product_probe": None})
    duty.box.product, duty.box.air = None, 7.2
    duty.run(1200)
    duty.box.air = 5.0
    duty.run(60)
    assert [reason for reason, _, _ in duty.alarms()] == ["too_warm", "too_warm_over"]


def test_an_alarm_of_an_earlier_boot_is_ended_by_this_one() -> None:
    before = Duty()
    before.box.product = 7.2
    before.run(1200)
    after = Duty(memory=before.memory)
    after.run(60)
    assert after.alarms() == [("too_warm_over", 4.5, 10)]
    assert Duty(memory=after.memory).alarms() == []
    again = Duty(memory=after.memory)
    again.run(60)
    assert again.alarms() == []


def test_exactly_the_limit_is_allowed() -> None:
    duty = Duty()
    duty.box.product = 7.0
    duty.run(7200)
    assert duty.alarms() == []


def test_much_too_warm_is_alarmed_sooner() -> None:
    duty = Duty()
    duty.box.product = 10.5
    duty.run(1200)
    assert [(reason, made_s) for reason, _, made_s in duty.alarms()] == [("too_warm", 310), ("too_warm", 910)]


def test_too_cold_uses_its_own_band() -> None:
    duty = Duty({"too_cold": [[2.0, 120]]})
    duty.box.product = 1.5
    duty.run(300)
    assert duty.alarms() == [("too_cold", 1.5, 130)]


def test_the_air_stands_in_when_the_product_probe_is_lost() -> None:
    duty = Duty()
    duty.run(60)
    duty.box.product = None
    duty.box.air = 8.0
    duty.run(1800)
    assert [reason for reason, _, _ in duty.alarms()] == ["probe_lost", "too_warm"]


@pytest.mark.parametrize("raw_c", [85.0, -127.0, -40.5, 85.5, 125.0])
def test_what_a_probe_cannot_mean_is_refused_and_counted(raw_c: float) -> None:
    probe = Probe()
    assert probe.add(4.0, 0) == 4.0
    assert probe.add(raw_c, 10_000) is None
    assert probe.implausible == 1
    assert probe.take_span() == (4.0, 4.0, 4.0)


def test_a_single_step_of_more_than_five_degrees_a_minute_is_noise() -> None:
    probe = Probe()
    samples = [4.0, 4.1, 12.0, 4.1, 4.2]
    believed = [probe.add(sample, at * 10_000) for at, sample in enumerate(samples)]
    assert believed == [4.0, 4.1, None, 4.1, 4.2]
    assert probe.implausible == 1


def test_a_step_that_stays_is_real_after_three_samples() -> None:
    probe = Probe()
    probe.add(4.0, 0)
    believed = [probe.add(21.0, at * 10_000) for at in range(1, 5)]
    assert believed == [None, None, 21.0, 21.0]
    assert probe.implausible == 2


def test_five_degrees_in_one_minute_of_an_open_lid_are_believed() -> None:
    probe = Probe()
    for at in range(30):
        assert probe.add(4.0 + at * 0.8, at * 10_000) is not None


def test_an_unknown_sample_is_no_zero() -> None:
    probe = Probe()
    assert probe.add(None, 0) is None
    assert probe.take_span() == (None, None, None)
    assert probe.implausible == 0


@given(st.lists(st.none() | st.floats(-200, 200), max_size=60))
def test_a_span_holds_only_believed_samples(samples: list[float | None]) -> None:
    probe = Probe()
    believed = [probe.add(sample, at * 10_000) for at, sample in enumerate(samples)]
    good = [sample for sample in believed if sample is not None]
    mean, low, high = probe.take_span()
    if good:
        assert (low, high) == (min(good), max(good))
        assert mean == pytest.approx(sum(good) / len(good))
        assert -40 <= min(good) <= max(good) < 85
    else:
        assert (mean, low, high) == (None, None, None)
