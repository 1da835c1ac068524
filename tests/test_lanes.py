"""The two lanes of `make quick` leave no test out, and hide no failure."""

import pytest

from tests.lanes import NOTHING_TO_DO, TESTS, lanes, verdict


def test_every_file_of_tests_is_in_one_lane() -> None:
    found = [file for lane in lanes() for path in lane for file in _files(path)]
    assert sorted(found) == sorted(str(file) for file in TESTS.rglob("test_*.py"))


def _files(path: str) -> list[str]:
    whole = TESTS.parent / path
    return [str(file) for file in whole.rglob("test_*.py")] if whole.is_dir() else [str(whole)]


@pytest.mark.parametrize(
    ("codes", "whole"), [((0, 0), 0), ((0, 1), 1), ((2, 0), 2), ((NOTHING_TO_DO, 0), 0), ((NOTHING_TO_DO, 1), 1)]
)
def test_a_failure_in_either_lane_is_a_failure(codes: tuple[int, int], whole: int) -> None:
    assert verdict(codes) == whole


def test_nothing_to_do_anywhere_is_said() -> None:
    assert verdict((NOTHING_TO_DO, NOTHING_TO_DO)) == NOTHING_TO_DO
