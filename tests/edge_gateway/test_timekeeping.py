"""A gateway's clock may be unset, wrong, or step."""

from dataclasses import dataclass, field

from edge_gateway.contract.messages import ClockQuality
from edge_gateway.timekeeping import BUILT_S, Timekeeper
from tests.edge_gateway.rig import START_S, HandClock


@dataclass
class World:
    """A wall clock and a monotonic one, both turned by hand."""

    is_trusted: bool = False
    clock: HandClock = field(default_factory=HandClock)
    monotonic_s: float = 0.0
    corrected: list[tuple[float, ClockQuality]] = field(default_factory=list)
    stepped: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keeper = Timekeeper(
            self.clock,
            trusted=lambda: self.is_trusted,
            corrected=lambda step_s, quality: self.corrected.append((step_s, quality)),
            stepped=self.stepped.append,
            monotonic=lambda: self.monotonic_s,
        )

    def passes(self, seconds: float, *, wall_step_s: float = 0.0) -> None:
        self.monotonic_s += seconds
        self.clock.t_s += seconds + wall_step_s
        self.keeper.check()


def test_a_clock_that_nobody_keeps_says_so_until_the_gps_does() -> None:
    world = World()
    assert world.keeper.quality is ClockQuality.NONE
    world.keeper.heard(START_S + 3600)
    assert world.keeper.quality is ClockQuality.GPS
    assert world.keeper.now_s() == START_S + 3600
    assert world.corrected == [(3600.0, ClockQuality.GPS)]


def test_ntp_is_believed_above_the_gps() -> None:
    world = World(is_trusted=True)
    world.keeper.heard(START_S + 3600)
    assert world.keeper.now_s() == START_S and world.corrected == []


def test_a_receiver_that_lives_before_this_software_is_not_believed() -> None:
    world = World()
    world.keeper.heard(BUILT_S - 1)
    assert world.keeper.quality is ClockQuality.NONE


def test_ntp_that_comes_and_steps_the_clock_corrects_earlier_stamps() -> None:
    world = World()
    world.passes(10)
    world.is_trusted = True
    world.passes(1, wall_step_s=7200)
    assert world.keeper.quality is ClockQuality.NTP
    assert world.stepped == [7200.0]
    assert world.corrected == [(7200.0, ClockQuality.NTP)]


def test_a_step_of_a_clock_that_the_gps_keeps_does_not_move_our_time() -> None:
    world = World()
    world.keeper.heard(START_S + 3600)
    world.passes(1, wall_step_s=-500)
    assert world.keeper.now_s() == START_S + 3601
    assert world.stepped == [-500.0]


def test_a_quiet_hour_is_no_step() -> None:
    world = World(is_trusted=True)
    for _ in range(3600):
        world.passes(1, wall_step_s=0.0001)
    assert world.stepped == [] and world.corrected == []


def test_a_clock_that_steps_while_nobody_keeps_it_right_is_not_followed() -> None:
    world = World(is_trusted=True)
    world.is_trusted = False
    for step_s in (5400.0, -7200.0):
        world.monotonic_s += 1
        world.clock.t_s += 1 + step_s
        assert world.keeper.now_s() == START_S + world.monotonic_s  # at once, before anybody has checked
    world.keeper.check()
    assert world.keeper.quality is ClockQuality.NONE
    assert world.stepped == [5400.0, -7200.0]


def test_ntp_that_is_lost_is_no_longer_claimed_and_the_gps_takes_over() -> None:
    world = World(is_trusted=True)
    world.is_trusted = False
    world.passes(1)
    assert world.keeper.quality is ClockQuality.NONE
    world.keeper.heard(world.clock.t_s + 0.5)
    assert world.keeper.quality is ClockQuality.GPS
    assert world.corrected == [(0.5, ClockQuality.GPS)]


def test_ntp_that_comes_back_sets_right_what_was_held_over() -> None:
    world = World(is_trusted=True)
    world.is_trusted = False
    world.passes(1, wall_step_s=3600)
    assert world.keeper.now_s() == START_S + 1
    world.is_trusted = True
    world.passes(9, wall_step_s=-3600 + 0.25)
    assert world.keeper.quality is ClockQuality.NTP
    assert world.keeper.now_s() == START_S + 10.25
    assert world.corrected == [(0.25, ClockQuality.NTP)]


def test_a_trusted_clock_that_steps_is_followed() -> None:
    world = World(is_trusted=True)
    world.passes(1, wall_step_s=30)
    assert world.keeper.quality is ClockQuality.NTP
    assert world.keeper.now_s() == START_S + 31
    assert world.stepped == [30.0]


def test_a_fix_that_came_late_does_not_move_the_time_and_several_that_agree_do() -> None:
    world = World()
    world.keeper.heard(START_S)
    for late_s in (30.0, 0.1, 30.0, 30.0, 30.0, 30.0, 0.1):
        world.passes(1)
        world.keeper.heard(world.clock.t_s - late_s)
    assert world.keeper.now_s() == world.clock.t_s
    for late_s in (9.0, 8.0, 7.5, 9.0, 9.0):
        world.passes(1)
        world.keeper.heard(world.clock.t_s + 60 - late_s)
    assert world.keeper.now_s() == world.clock.t_s + 52.5, "by the one that came least late"
