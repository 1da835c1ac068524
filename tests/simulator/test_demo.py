"""The command itself: its words and exit codes, and a real morning from broker to figures."""

import json
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hub_backend.simulator.demo import main, parse
from hub_backend.simulator.installation import toml
from tests.free_port import free_ports

DEMO = [sys.executable, "-m", "hub_backend.simulator.demo", "--headless", "--fast"]


def demo(*options: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """On free ports, as on a machine without mosquitto and gpsd. (tests/test_wrong_morning.py runs it with them.)"""
    return subprocess.run(
        [*DEMO, "--home", str(home), "--port", str(free_ports(6)), *options],
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
        env={**os.environ, "BUURTRIT_DEMO_SERVERS": "none"},
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", "70000"), ("--rate", "5000"), ("--day", "gisteren"), ("--day", "2026-11-22"), ("--until", "25:99")],
)
def test_what_cannot_be_meant_is_refused_with_its_name(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([option, value])
    assert ended.value.code == 2
    assert option in capsys.readouterr().err


def test_settings_are_written_as_toml() -> None:
    table = {"a": 'x"y', "none": None, "port": 1, "path": Path("/x"), "nodes": [{"name": "n"}], "g": {"v": {"k": True}}}
    assert tomllib.loads(toml(table)) == {
        "a": 'x"y',
        "port": 1,
        "path": "/x",
        "nodes": [{"name": "n"}],
        "g": {"v": {"k": True}},
    }


@pytest.mark.servers
def test_a_sunday_and_a_map_that_is_none_are_refused(demo_home: Path) -> None:
    no_map = demo_home / "holiday.osm.pbf"
    no_map.write_bytes(b"GIF89a, no map at all")
    for options, words in ((["--day", "2026-11-22"], "Sunday"), (["--map", str(no_map)], str(no_map))):
        ended = demo(*options, home=demo_home)
        assert ended.returncode == 2
        assert words in ended.stderr


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_morning_without_any_server_installed_is_recorded_as_it_was_played(tmp_path: Path) -> None:
    report = tmp_path / "day.json"
    # By 08:55 every van has left for addresses that expect it from 08:40 on; at 08:42 that hangs on the plan.
    ended = demo("--until", "08:20", "--report", str(report), home=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:] + ended.stdout[-3000:]
    day = json.loads(report.read_text())
    assert (day["lost"], day["doubled"], day["different"]) == (0, 0, 0)
    assert day["events"] > 200
    assert 0 < day["gateway_rss_mb"] < 80
    assert 0 < day["hub_rss_mb"] < 200
    assert "embedded" in day["broker"]
    assert "NMEA straight" in day["positions"]
    assert not list(tmp_path.glob("run-*")), "a run that went well leaves nothing behind"


@pytest.mark.servers
@pytest.mark.slow
def test_a_real_gps_log_without_gpsd_is_the_track_on_the_hub(shared_data: Path, tmp_path: Path) -> None:
    report = tmp_path / "track.json"
    log = shared_data / "nmea" / "nl2008u.log"
    ended = demo("--nmea", str(log), "--report", str(report), home=tmp_path)
    assert ended.returncode == 0, ended.stderr[-3000:] + ended.stdout[-3000:]
    track = json.loads(report.read_text())
    assert (track["lost"], track["doubled"], track["different"]) == (0, 0, 0)
    assert track["events"] >= 9


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--headless", "--port", str(port), "--home", str(tmp_path / "home")]) == 2
    assert not (tmp_path / "home").exists()


def test_a_place_where_nothing_can_be_kept_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "home").write_text("a file, no folder")
    assert main(["--headless", "--port", str(free_ports(6)), "--home", str(tmp_path / "home")]) == 2
    assert "--home" in capsys.readouterr().err
