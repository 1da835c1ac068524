"""`python -m routing solve`: what a stranger's file gives, and how it fails."""

import json
from pathlib import Path

import pytest

from routing.__main__ import main
from routing.instances import read
from routing.recount import recount
from tests.routing.test_instances import SOLOMON, VRPLIB


@pytest.mark.parametrize("text", [SOLOMON, VRPLIB])
def test_json_answer_holds_and_says_what_it_took(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "day.txt").write_text(text)
    assert main(["solve", str(tmp_path / "day.txt"), "--seconds", "0.2", "--seed", "7", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    count = recount(read(tmp_path / "day.txt"), said["routes"])
    assert (count.faults, count.cost) == ((), said["cost"])
    assert (said["seed"], said["scale"], said["distances"]) == (7, 10, "dimacs")
    assert said["cpu_s"] > 0


def test_file_that_cannot_be_meant_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.txt").write_text(SOLOMON.replace("10         50 ", "60         50 "))
    assert main(["solve", str(tmp_path / "bad.txt")]) == 2
    assert "bad.txt, line 11: the window of customer 1 ends at 50" in capsys.readouterr().err


def test_absent_file_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", str(tmp_path / "none.txt")]) == 1
    assert "none.txt" in capsys.readouterr().err


def test_customers_beyond_the_fleet_end_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "few.txt").write_text(SOLOMON.replace("  3         20", "  1         20"))
    assert main(["solve", str(tmp_path / "few.txt"), "--iterations", "50"]) == 3
    assert "is not visited" in capsys.readouterr().err


@pytest.mark.whole
def test_bench_holds_the_routers_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "day.txt").write_text(SOLOMON)
    words = ["bench", str(tmp_path), "--cpu", "--seconds", "0.1", "--out", str(tmp_path / "out.json")]
    assert main(words) == 0
    rows = json.loads((tmp_path / "out.json").read_text())["static"]
    gaps = {row["router"]: row["gap"] for row in rows}
    assert gaps == {"ours": 0.0, "plain PyVRP": 0.0, "OR-Tools": 0.0}
    assert "half of plain PyVRP" in capsys.readouterr().out
