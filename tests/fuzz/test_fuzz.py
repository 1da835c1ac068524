"""The short form: a few hundred cases of each target, from a fixed seed. The long form is `make fuzz`."""

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_what_a_stranger_sends_never_breaks_anything(target: str) -> None:
    result = run(target, 1, 300)
    assert "fault" not in result, result


def test_a_fault_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        assert b"\xff" not in data

    monkeypatch.setitem(TARGETS, "frames", broken)
    assert "fault" in run("frames", 1, 2000)
