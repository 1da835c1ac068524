"""What goes wrong follows from the seed, and leaves every other fault room to be told."""

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from hub_backend.simulator.day import local_s
from hub_backend.simulator.faults import Faults, Spell
from tests.simulator.test_day import day


def told_from_memory(faults: Faults) -> set[str]:
    """The gateways that count something in memory before they tell it."""
    return {faults.noise_on.partition("/")[0], faults.bus_van, faults.jump_van, faults.clock.who, faults.tunnel.who}


@given(st.integers(0, 100_000))
def test_no_gateway_is_killed_that_may_not_have_told_what_it_counted(seed: int) -> None:
    faults = day(seed).faults
    assert faults.killed not in told_from_memory(faults)


@given(st.integers(0, 100_000))
def test_every_fault_happens_within_the_working_day(seed: int) -> None:
    script = day(seed)
    opens_s, closes_s = local_s(script.day, "08:10"), local_s(script.day, "16:00")
    for name, value in asdict(script.faults).items():
        if name.endswith("_s") and not name.endswith(("ahead_s", "behind_s")):
            assert opens_s <= value <= closes_s, name
    for spell in (script.faults.probe, script.faults.tunnel, script.faults.clock):
        assert opens_s <= spell.from_s < spell.to_s <= closes_s


@given(st.integers(0, 100_000))
def test_faults_on_one_receiver_or_clock_do_not_hide_each_other(seed: int) -> None:
    faults = day(seed).faults
    assert faults.jump_s + 300 < faults.tunnel.from_s
    assert faults.tunnel.to_s + 300 < faults.clock.from_s
    assert faults.clock.from_s + 600 < faults.clock_back_at_s < faults.clock.to_s - 600
    assert faults.clock.to_s + 300 < faults.bus_s


@given(st.integers(0, 100_000))
def test_an_outage_lasts_an_hour_and_a_scan_goes_wrong_before_noon_is_loaded(seed: int) -> None:
    faults = day(seed).faults
    assert faults.outage_to_s - faults.outage_from_s == 3600
    assert max(faults.wrong_van_s, faults.repeat_s) < local_s("2026-11-23", "11:00")


def test_the_seed_decides() -> None:
    assert day(3).faults == day(3).faults
    assert len({day(seed).faults.killed_s for seed in range(20)}) == 20
    assert len({day(seed).faults.clock.who for seed in range(20)}) == 3


def test_a_spell_covers_its_own_and_no_other() -> None:
    spell = Spell("van-1", 100.0, 200.0)
    assert spell.covers("van-1", 100.0) and spell.covers("van-1", 205.0, room_s=5.0)
    assert not spell.covers("van-2", 150.0) and not spell.covers("van-1", 201.0)
