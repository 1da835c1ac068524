import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.processes import Processes
from hub_backend.simulator.ptys import Line, unread

pytestmark = pytest.mark.whole

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_stop_ends_children_and_what_they_started(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    inner = f"import subprocess, sys; p = subprocess.Popen({SLEEP!r}); print(p.pid, flush=True); p.wait()"
    child = processes.start("outer", [sys.executable, "-S", "-c", inner])
    while not child.log.read_text().strip():
        time.sleep(0.01)
    grandchild = int(child.log.read_text())
    began = time.monotonic()
    processes.stop()
    assert time.monotonic() - began < 5
    assert gone(child.process.pid)
    deadline = time.monotonic() + 30
    while not gone(grandchild) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(grandchild)


def test_a_child_that_ended_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    child = processes.start("short", [sys.executable, "-S", "-c", "raise SystemExit('no settings')"])
    child.process.wait(5)
    with pytest.raises(DemoError, match="no settings"):
        processes.check()
    processes.stop()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="ghost: cannot start /nowhere"):
        Processes(tmp_path).start("ghost", ["/nowhere"])


def test_children_die_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    demo = (
        "import sys, time; from pathlib import Path; from hub_backend.simulator.processes import Processes;"
        f"c = Processes(Path({str(tmp_path)!r})).start('c', {SLEEP!r});"
        "print(c.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", demo], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(child)


def test_a_line_knows_what_its_reader_has_not_read(tmp_path: Path) -> None:
    line = Line(tmp_path / "tty" / "node")
    reader = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    assert line.write(b"\x00\x03\x04hello\r\n\xff") == b""
    deadline = time.monotonic() + 30
    while line.unread() != 11 and time.monotonic() < deadline:
        time.sleep(0.001)  # the kernel carries the bytes over on its own time
    assert line.unread() == 11
    assert os.read(reader, 100) == b"\x00\x03\x04hello\r\n\xff"
    assert line.unread() == 0
    os.write(reader, b"ack")
    deadline = time.monotonic() + 30
    said = b""
    while said != b"ack" and time.monotonic() < deadline:
        said += line.read()
    assert said == b"ack"
    os.close(reader)
    line.close()
    assert not line.path.exists()


def test_a_full_line_gives_back_what_did_not_fit(tmp_path: Path) -> None:
    line = Line(tmp_path / "node")
    rest = line.write(b"x" * 100_000)
    assert 0 < len(rest) < 100_000
    line.close()


def test_a_pipe_tells_what_lies_in_it() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"12345")
    assert unread(writer) == 5
    os.close(reader)
    os.close(writer)


def test_memory_of_a_family_counts_a_file_that_all_have_mapped_once(tmp_path: Path) -> None:
    megabyte = 1024 * 1024
    shared = tmp_path / "shared"
    shared.write_bytes(os.urandom(20 * megabyte))
    hold = (
        "import mmap, subprocess, sys, time;"
        f"f = open({str(shared)!r}, 'rb'); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ);"
        f"seen = sum(m[at] for at in range(0, len(m), 4096)); own = b'x' * {10 * megabyte};"
    )
    inner = hold + "print(1, flush=True); time.sleep(60)"
    outer = hold + f"p = subprocess.Popen([sys.executable, '-S', '-c', {inner!r}]); p.wait()"
    processes = Processes(tmp_path)
    child = processes.start("outer", [sys.executable, "-S", "-c", outer])
    try:
        while not child.log.read_text().strip():
            time.sleep(0.01)
        family = [child.handle, *child.handle.children()]
        twice_mb = sum(member.memory_info().rss for member in family) / 1e6
        found_mb = child.rss_mb()
    finally:
        processes.stop()
    assert len(family) == 2
    assert found_mb is not None
    assert 40 < found_mb < twice_mb - 20
