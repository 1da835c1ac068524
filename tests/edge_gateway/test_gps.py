"""The lies of receivers: stale fixes, jumps, zeros."""

import itertools
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.contract.messages import ClockQuality
from edge_gateway.gps import Fix, Gps, Pace, Seen, Track
from edge_gateway.nmea_receiver import Sentences
from edge_gateway.state import distance_m
from edge_gateway.timekeeping import Timekeeper
from tests.edge_gateway.rig import START_S, HandClock, parts

PACE = Pace(moving_period_s=5, standing_period_s=60, fix_timeout_s=5)
DEGREE_M = 111_195.0


class Follower:
    """A track and what it refused and told."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.track = Track(PACE, lambda field, _reason: self.refused.append(field))
        self.told: list[Seen] = []

    def fix(self, after_s: float, *, lat: float = 52.0, lon: float = 6.0, speed: float | None = 0.0) -> Seen | None:
        time_s = START_S + after_s
        return self._keep(
            self.track.take(Fix(time_s=time_s, kind="3d", lat=lat, lon=lon, speed_m_s=speed), time_s + 0.1)
        )

    def tick(self, after_s: float) -> Seen | None:
        return self._keep(self.track.tick(START_S + after_s))

    def _keep(self, seen: Seen | None) -> Seen | None:
        if seen is not None and seen.is_due:
            self.told.append(seen)
        return seen


def test_a_first_fix_is_told_at_once_with_the_receivers_time() -> None:
    seen = Follower().fix(0)
    assert seen is not None and seen.is_due
    assert (seen.position.t_s, seen.position.fix, seen.position.lat) == (START_S, "3d", 52.0)


def test_a_moving_van_is_told_every_5_s_a_standing_one_every_60() -> None:
    follower = Follower()
    for second in range(121):
        follower.fix(second, lat=52 + second * 10 / DEGREE_M, speed=10.0)
    assert len(follower.told) == 25
    follower = Follower()
    for second in range(181):
        follower.fix(second)
    assert len(follower.told) == 4


def test_every_fix_is_shown_also_between_two_that_are_told() -> None:
    follower = Follower()
    assert all(follower.fix(second) is not None for second in range(10))


def test_a_receiver_that_repeats_its_last_fix_has_none() -> None:
    follower = Follower()
    dead = Fix(time_s=START_S, kind="3d", lat=52.0, lon=6.0)
    follower.track.take(dead, START_S)
    for second in range(1, 5):
        assert follower.track.take(dead, START_S + second) is None
    lost = follower.track.take(dead, START_S + 5)
    assert lost is not None and lost.is_due and lost.position.fix == "none"
    assert (lost.position.lat, lost.position.lon, lost.position.speed_m_s) == (None, None, None)


class Stuck:
    """A receiver that says one fix over and over, as gpsd does of a receiver that died."""

    def __init__(self) -> None:
        self.reads = 0

    def open(self) -> None: ...

    def read(self) -> list[Fix]:
        self.reads += 1
        time.sleep(0.001)
        return [Fix(time_s=START_S + 3600, kind="3d", lat=52.0, lon=6.0)]

    def close(self) -> None: ...

    def say_again(self) -> None:
        """Until it was heard twice more."""
        wanted, until_s = self.reads + 3, time.monotonic() + 5
        while self.reads < wanted and time.monotonic() < until_s:
            time.sleep(0.001)


def test_a_dead_receivers_last_fix_does_not_make_the_clock_stand_still(tmp_path: Path) -> None:
    with parts(tmp_path) as held:
        keeper = Timekeeper(
            held.clock,
            trusted=lambda: False,
            corrected=lambda *_: None,
            stepped=lambda _: None,
            monotonic=lambda: held.clock.t_s,
        )
        receiver = Stuck()
        gps = Gps(
            receiver,
            PACE,
            source="van-1",
            intake=held.intake,
            state=held.state,
            rejects=held.rejects,
            time=keeper,
            random=random.Random(1),
            poll_s=0.01,
        )
        gps.start()
        receiver.say_again()
        began_s = keeper.now_s()
        held.clock.t_s += 30
        receiver.say_again()
        gps.stop()
        assert keeper.quality is ClockQuality.GPS
        assert keeper.now_s() == began_s + 30


def test_silence_is_no_fix_and_is_said_again_only_once_a_minute() -> None:
    follower = Follower()
    follower.fix(0)
    told = [second for second in range(1, 200) if follower.tick(second) is not None]
    assert told == [6, 66, 126, 186]


def test_a_jump_is_refused_and_counted() -> None:
    follower = Follower()
    follower.fix(0)
    assert follower.fix(1, lat=53.0) is None
    assert follower.refused == ["lat, lon"]
    back = follower.fix(2)
    assert back is not None and back.position.lat == 52.0


def test_three_that_agree_overrule_the_one_before() -> None:
    follower = Follower()
    follower.fix(0)
    assert follower.fix(1, lat=53.0) is None
    assert follower.fix(2, lat=53.0) is None
    third = follower.fix(3, lat=53.0)
    assert third is not None and third.position.lat == 53.0


def test_three_that_contradict_each_other_overrule_nothing() -> None:
    follower = Follower()
    follower.fix(0)
    assert [follower.fix(second, lat=53.0 + second) for second in range(1, 5)] == [None] * 4


def test_a_fix_from_the_past_is_refused() -> None:
    follower = Follower()
    follower.fix(100)
    assert follower.track.take(Fix(time_s=START_S + 50, kind="3d", lat=52.0, lon=6.0), START_S + 101) is None
    assert follower.refused == ["lat, lon"]


@pytest.mark.parametrize(("lat", "lon", "speed"), [(0.0, 0.0, 0.0), (91.0, 6.0, 0.0), (52.0, 6.0, 90.0)])
def test_impossible_fixes_are_refused(lat: float, lon: float, speed: float) -> None:
    follower = Follower()
    seen = follower.fix(0, lat=lat, lon=lon, speed=speed)
    assert seen is not None and seen.position.fix == "none"
    assert len(follower.refused) == 1


def test_a_replayed_log_is_stamped_with_our_time() -> None:
    track = Track(PACE, lambda _field, _reason: None)
    seen = track.take(Fix(time_s=1_260_355_200.0, kind="2d", lat=55.8, lon=23.6), START_S)
    assert seen is not None and seen.position.t_s == START_S


def test_unknown_speed_stays_unknown() -> None:
    seen = Follower().fix(0, speed=None)
    assert seen is not None and seen.position.speed_m_s is None


@given(
    st.lists(
        st.tuples(
            st.floats(0, 20),
            st.one_of(st.none(), st.floats(51.9, 52.1)),
            st.one_of(st.none(), st.floats(5.9, 6.1)),
            st.sampled_from(["none", "2d", "3d"]),
        ),
        max_size=40,
    )
)
def test_what_is_shown_is_a_whole_fix_or_none_at_all(said: list[tuple[float, float | None, float | None, str]]) -> None:
    follower = Follower()
    now_s = START_S
    last = None
    for after_s, lat, lon, kind in said:
        now_s += after_s
        seen = follower.track.take(Fix(time_s=now_s, kind=kind, lat=lat, lon=lon), now_s)  # type: ignore[arg-type]
        if seen is None:
            continue
        position = seen.position
        assert (position.fix == "none") is (position.lat is None) is (position.lon is None)
        if position.fix != "none" and last is not None:
            assert position.lat is not None and position.lon is not None
            assert position.t_s > last.t_s
        if position.fix != "none":
            last = position


# ------------------------------------------------------------ NMEA

RMC = b"$GPRMC,175736,A,5125.8714,N,00524.2350,E,3.1865,276.241,200610,,*2A\r\n"


def sentences() -> tuple[Sentences, list[str]]:
    refused: list[str] = []
    return Sentences(lambda _field, reason: refused.append(reason)), refused


def test_a_captured_rmc_is_a_fix_in_si_units() -> None:
    reader, refused = sentences()
    [fix] = reader.feed(b"$GPGSA,A,3,14,30,29,31,,,,,,,,,7.6,3.4,6.8*35\r\n" + RMC)
    assert refused == []
    assert fix.kind == "3d"
    assert fix.time_s == 1_277_056_656.0
    assert fix.lat == pytest.approx(51.43119) and fix.lon == pytest.approx(5.40391667)
    assert fix.speed_m_s == pytest.approx(3.1865 * 1852 / 3600) and fix.heading_deg == pytest.approx(276.241)


def test_a_void_rmc_is_no_fix_and_no_zero() -> None:
    [fix] = sentences()[0].feed(b"$GPRMC,,V,,,,,,,,,,N*53\r\n")
    assert (fix.kind, fix.time_s, fix.lat, fix.lon, fix.speed_m_s) == ("none", None, None, None, None)


@given(st.lists(st.integers(1, len(RMC) - 1), max_size=6))
def test_a_sentence_cut_in_pieces_is_the_same(cuts: list[int]) -> None:
    reader, _refused = sentences()
    places = [0, *sorted(cuts), len(RMC)]
    fixes = [fix for start, end in itertools.pairwise(places) for fix in reader.feed(RMC[start:end])]
    assert len(fixes) == 1


@given(st.integers(1, len(RMC) - 6), st.integers(0, 6))
def test_a_flipped_bit_is_refused_or_changes_nothing(place: int, bit: int) -> None:
    reader, refused = sentences()
    noisy = RMC[:place] + bytes([RMC[place] ^ 1 << bit]) + RMC[place + 1 :]
    fixes = reader.feed(noisy)
    assert refused or not fixes or fixes == sentences()[0].feed(RMC)


def test_rubbish_without_an_end_does_not_fill_the_memory() -> None:
    reader, refused = sentences()
    for _ in range(10):
        reader.feed(b"\xa5" * 400)
    assert refused
    assert len(reader.feed(b"\n" + RMC)) == 1


def test_a_real_log_gives_its_track(shared_data: Path) -> None:
    reader, refused = sentences()
    follower = Follower()
    fixes = reader.feed((shared_data / "nmea/bt451.log").read_bytes())
    shown = [follower.track.take(fix, fix.time_s or START_S) for fix in fixes]
    good = [seen.position for seen in shown if seen is not None and seen.position.fix != "none"]
    assert len(good) >= 8
    assert all(position.lat == pytest.approx(55.8, abs=0.3) for position in good)
    assert all(position.lon == pytest.approx(23.6, abs=0.5) for position in good)
    assert not refused


def test_the_length_of_a_degree() -> None:
    assert distance_m(52, 6, 53, 6) == pytest.approx(DEGREE_M, rel=1e-4)
    assert distance_m(52, 6, 52, 6) == 0


WEEK_S = 7 * 86_400
ROLLOVER_S = 1024 * WEEK_S


@pytest.mark.parametrize("rollovers", [1, 2])
def test_a_receiver_whose_weeks_rolled_over_keeps_its_place_and_gets_our_time(rollovers: int) -> None:
    track = Track(PACE, lambda _field, _reason: None)
    theirs = START_S - rollovers * ROLLOVER_S
    for second in range(3):
        seen = track.take(Fix(time_s=theirs + second, kind="3d", lat=52.0, lon=6.0), START_S + second)
        assert seen is not None and (seen.position.fix, seen.position.t_s) == ("3d", START_S + second)


def test_a_rollover_on_the_way_costs_three_fixes_at_most() -> None:
    refused: list[str] = []
    track = Track(PACE, lambda field, _reason: refused.append(field))
    track.take(Fix(time_s=START_S, kind="3d", lat=52.0, lon=6.0), START_S)
    fixes = []
    for second in range(1, 5):
        late = Fix(time_s=START_S - ROLLOVER_S + second, kind="3d", lat=52.0, lon=6.0)
        fixes.append(track.take(late, START_S + second))
    assert [seen.position.fix if seen else None for seen in fixes][-2:] == ["3d", "3d"]
    assert len(refused) == 2


def test_a_rolled_over_receiver_never_sets_the_clock() -> None:
    corrected: list[float] = []
    clock = HandClock(START_S)
    keeper = Timekeeper(
        clock, trusted=lambda: False, corrected=lambda step_s, _q: corrected.append(step_s), stepped=lambda _s: None
    )
    keeper.heard(START_S - ROLLOVER_S)
    assert keeper.quality is ClockQuality.NONE and corrected == []


def test_a_cold_start_says_no_fix_and_then_its_first() -> None:
    follower = Follower()
    for second in range(3):
        follower._keep(follower.track.take(Fix(time_s=None, kind="none"), START_S + second))
    assert [seen.position.fix for seen in follower.told] == ["none"], "once, not every second"
    follower.fix(40)
    assert [seen.position.fix for seen in follower.told] == ["none", "3d"]


def test_a_sentence_cut_short_with_a_good_checksum_is_refused_and_no_crash() -> None:
    """pynmeagps gives it without its last fields: the fuzzer found that it ended the receiver's thread."""
    refused: list[str] = []
    sentences = Sentences(lambda field, _reason: refused.append(field))
    for body in (b"GPRMC,152505.00,A,5547.82113,N", b"GPGSA,A"):
        check = 0
        for byte in body:
            check ^= byte
        assert sentences.feed(b"$" + body + b"*%02X\r\n" % check) == []
    assert refused == ["sentence"]
