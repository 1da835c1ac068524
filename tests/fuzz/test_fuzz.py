"""The short form: a few hundred cases of each target, from a fixed seed. The long form is `make fuzz`."""

import pytest

from tests.fuzz.__main__ import Portion, portions, run, summed
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.whole


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_what_a_stranger_sends_never_breaks_anything(target: str) -> None:
    outcome = run(Portion(target, f"1 {target}", 300))
    assert (outcome.cases, outcome.raised) == (300, ""), outcome


def test_a_fault_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        assert b"\xff" not in data

    monkeypatch.setitem(TARGETS, "frames", broken)
    outcome = run(Portion("frames", "1 frames", 2000))
    assert b"\xff" in bytes.fromhex(outcome.fault)
    [row] = [row for row in summed([outcome]) if row["target"] == "frames"]
    assert "AssertionError" in str(row["raised"])


def test_the_long_form_has_as_many_cases_as_it_says() -> None:
    asked = portions(1_000_000, seed=1)
    assert sum(one.cases for one in asked) >= 1_000_000
    assert len({one.dice for one in asked}) == len(asked), "no two portions throw the same dice"
    assert {one.target for one in asked} == set(TARGETS)
