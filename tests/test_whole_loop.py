"""The whole loop with real processes: what the simulated day did is what the hub recorded, to the last event."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.free_port import free_ports

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]

WANTED = {
    *("lost", "doubled", "different", "events", "deliveries", "contact", "letterbox", "replans", "excursions"),
    *("km", "co2e_saved_kg", "gateway_rss_mb", "hub_rss_mb", "wall_s"),
}


def play(home: Path, *arguments: str) -> dict[str, float]:
    """One demo run on free ports, to its end; its report."""
    report = home / "day.json"
    port = str(free_ports(6))
    command = [sys.executable, "-m", "hub_backend.simulator.demo", "--fast", "--headless", "--home", str(home)]
    done = subprocess.run(
        [*command, "--report", str(report), "--port", port, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    written: dict[str, float] = json.loads(report.read_text())
    return written


def test_a_morning_is_recorded_exactly_as_it_was_played(tmp_path: Path) -> None:
    report = play(tmp_path, "--seed", "7", "--until", "10:00")
    assert report.keys() >= WANTED
    assert (report["lost"], report["doubled"], report["different"]) == (0, 0, 0)
    assert report["contact"] > 3
    assert report["km"] > 1
    assert report["gateway_rss_mb"] < 80
    assert report["hub_rss_mb"] < 200


def test_a_real_gps_log_becomes_that_track_on_the_hub(tmp_path: Path, shared_data: Path) -> None:
    report = play(tmp_path, "--nmea", str(shared_data / "nmea/bt451.log"))
    assert (report["lost"], report["doubled"], report["different"]) == (0, 0, 0)


def test_an_interrupt_ends_every_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hub_backend.simulator.demo", "--headless", "--home", str(tmp_path)]
    port = free_ports(6)
    demo = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ends_s = time.monotonic() + 60
        while not _answers(port + 5):  # the last of the gateways
            assert demo.poll() is None
            assert time.monotonic() < ends_s, "no gateway's page within a minute"
            time.sleep(0.1)
        demo.send_signal(signal.SIGINT)
        demo.wait(timeout=15)
    finally:
        demo.kill()
    left = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and _runs_in(entry, tmp_path)]
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
