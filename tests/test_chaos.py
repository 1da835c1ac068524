"""The short form of `make chaos`: a few kills and overlapping outages, and one mutant that must be caught."""

from pathlib import Path

import pytest

from tests.chaos import mutants, power, scenarios
from tests.chaos.campaign import run
from tests.chaos.world import Database

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]


def test_nothing_acknowledged_is_lost_or_doubled_in_overlapping_faults(tmp_path: Path) -> None:
    report = run(tmp_path, seed=7, kills=8, overlaps=4, database=Database(f"sqlite:///{tmp_path / 'hub.sqlite'}"))
    assert report.kills >= 8 and report.overlapping_outages >= 4
    assert report.acked > 100, "too little was acknowledged to prove anything"
    assert (report.lost, report.doubled, report.skipped) == (0, 0, 0)


def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    assert power.acknowledged_but_gone(tmp_path, scenarios.GATEWAY, taps=10) == (10, 0)


def test_a_build_that_trusts_the_page_cache_is_caught(tmp_path: Path) -> None:
    acked, gone = power.acknowledged_but_gone(tmp_path, mutants.program(mutants.TRUSTS_NORMAL), taps=10)
    assert acked == 10 and gone > 0
