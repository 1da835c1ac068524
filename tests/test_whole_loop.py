"""The whole loop with real processes: what the simulated day did is what the hub recorded, to the last event."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.free_port import free_ports

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]


def play(home: Path, *arguments: str) -> dict[str, float]:
    """One demo run on free ports, to its end; its report."""
    report = home / "day.json"
    done = subprocess.run(
        [*_command(home), "--report", str(report), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    written: dict[str, float] = json.loads(report.read_text())
    return written


def _command(home: Path) -> list[str]:
    options = ["--fast", "--headless", "--home", str(home), "--port", str(free_ports(6))]
    return [sys.executable, "-m", "hub_backend.simulator.demo", *options]


def test_a_record_that_somebody_touched_fails_the_day(demo_home: Path) -> None:
    """While the day is played one event is deleted, one doubled, one changed: behind everybody's back, in the file."""
    command = [*_command(demo_home), "--until", "08:14"]
    ran = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _touch(demo_home, ran)
        out, err = ran.communicate(timeout=240)
    finally:
        ran.kill()
    assert ran.returncode == 1, out[-4000:] + err[-4000:]
    assert "! lost: LidMoved(" in out
    assert "! lost: hub-" in out, "the hole in the numbers"
    assert "! doubled: once too often: Scan(" in out
    assert "! different: result <ScanResult.RIGHT: 'right'> became <ScanResult.UNKNOWN: 'unknown'>" in out


def _touch(home: Path, ran: "subprocess.Popen[str]") -> None:
    ends_s = time.monotonic() + 180
    while time.monotonic() < ends_s and ran.poll() is None:
        time.sleep(0.2)
        for file in home.glob("run-*/hub.sqlite"):
            if _has_enough(file):
                with sqlite3.connect(file, timeout=30) as record:
                    _spoil(record)
                record.close()
                return
    raise AssertionError("no events to touch")


def _has_enough(file: Path) -> bool:
    record = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
    try:
        scans = record.execute("select count(*) from events where kind = 'scan'").fetchone()[0]
        lids = record.execute("select count(*) from events where kind = 'lid' and body like '%true%'").fetchone()[0]
    except sqlite3.OperationalError:  # the hub is still making its tables
        return False
    finally:
        record.close()
    return bool(scans >= 4 and lids >= 1)


def _spoil(record: sqlite3.Connection) -> None:
    record.execute(
        "delete from events where id = (select min(id) from events where kind = 'lid' and body like '%true%')"
    )
    first, second = record.execute("select id, body from events where kind = 'scan' and body like '%right%' limit 2")
    columns = "gateway, source, boot, seq, kind, t_s, received_s, body"
    event = json.loads(first[1])
    again = json.dumps(event | {"boot": event["boot"] + 1000, "seq": 0})
    record.execute(
        f"insert into events ({columns}) select gateway, source, boot + 1000, 0, kind, t_s, received_s, ? "
        "from events where id = ?",
        (again, first[0]),
    )
    other = json.dumps(json.loads(second[1]) | {"result": "unknown"})
    record.execute("update events set body = ? where id = ?", (other, second[0]))


def test_a_real_gps_log_becomes_that_track_on_the_hub(tmp_path: Path, shared_data: Path) -> None:
    report = play(tmp_path, "--nmea", str(shared_data / "nmea/bt451.log"))
    assert (report["lost"], report["doubled"], report["different"]) == (0, 0, 0)


def test_the_planners_page_is_opened_and_an_interrupt_ends_every_process(demo_home: Path) -> None:
    opener, opened = demo_home / "browser", demo_home / "opened"
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    opener.chmod(0o755)
    desktop = os.environ | {"DISPLAY": ":0", "BROWSER": f"{opener} %s &"}
    port = free_ports(6)
    command = [sys.executable, "-m", "hub_backend.simulator.demo", "--home", str(demo_home), "--port", str(port)]
    ran = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=desktop)
    try:
        ends_s = time.monotonic() + 60
        while not (_answers(port + 5) and opened.exists()):  # the last of the gateways
            assert ran.poll() is None
            assert time.monotonic() < ends_s, "no gateway's page, or none opened, within a minute"
            time.sleep(0.1)
        assert opened.read_text().strip() == f"http://127.0.0.1:{port}"
        ran.send_signal(signal.SIGINT)
        assert ran.wait(timeout=15) == 130
    finally:
        ran.kill()
    left = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and _runs_in(entry, demo_home)]
    assert not left, f"still running: {left}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _runs_in(process: Path, home: Path) -> bool:
    try:
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return os.fsencode(home) in command and process.name != str(os.getpid())
