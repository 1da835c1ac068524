from hypothesis import given
from hypothesis import strategies as st

from hub_backend.simulator.governor import SLOWEST, Governor, Load

IDLE = Load()


def test_a_world_in_which_everybody_keeps_up_runs_as_fast_as_asked() -> None:
    governor = Governor(rate=150)
    for _ in range(100):
        governor.hear(IDLE)
    assert governor.rate == 150


def test_a_deep_outbox_slows_the_world_and_a_very_deep_one_holds_it() -> None:
    governor = Governor(rate=150)
    assert governor.hear(Load(unsent=400)) < 150
    assert governor.hear(Load(unsent=5000)) == 0
    assert "5000" in governor.held_for


def test_the_world_waits_for_the_router_and_says_so() -> None:
    governor = Governor(rate=150)
    assert governor.hear(Load(solving=True)) == 0
    assert governor.held_for == "the router is solving"
    assert governor.hear(IDLE) > 0
    assert governor.held_for == ""


def test_a_trigger_that_waits_for_world_time_never_stops_the_world() -> None:
    governor = Governor(rate=150)
    assert 0 < governor.hear(Load(waiting=True)) <= 40


@given(
    st.lists(
        st.builds(
            Load,
            unsent=st.integers(0, 10_000),
            behind=st.integers(0, 10_000),
            waiting=st.booleans(),
            solving=st.booleans(),
            answer_s=st.floats(0, 3),
        )
    )
)
def test_the_rate_is_a_hold_or_between_its_bounds(loads: list[Load]) -> None:
    governor = Governor(rate=150)
    for load in loads:
        rate = governor.hear(load)
        assert rate == 0 or SLOWEST <= rate <= 150
    for _ in range(200):
        governor.hear(IDLE)
    assert governor.rate == 150
