"""Running the parts of a check beside each other hides no failure and loses no words."""

import pytest

from tests.beside import NOTHING_TO_DO, run, verdict


@pytest.mark.parametrize(
    ("codes", "whole"),
    [((0, 0), 0), ((0, 1), 1), ((2, 0), 2), ((NOTHING_TO_DO, 0), 0), ((NOTHING_TO_DO, 1), 1), ((-9, 0), -9)],
)
def test_a_failure_in_any_part_is_a_failure(codes: tuple[int, int], whole: int) -> None:
    assert verdict(codes) == whole


def test_nothing_to_do_in_every_part_is_said() -> None:
    assert verdict((NOTHING_TO_DO, NOTHING_TO_DO)) == NOTHING_TO_DO


def test_every_part_runs_and_is_heard_though_another_failed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["echo tests; exit 3", "echo types; exit 4", "echo lint >&2"]) == 3
    said = capfd.readouterr().out
    assert said.index("tests\n") < said.index("\ntypes\n") < said.index("\nlint\n")
    assert "FAILED (3): echo tests" in said
    assert "FAILED (4): echo types" in said
    assert "FAILED (0)" not in said
