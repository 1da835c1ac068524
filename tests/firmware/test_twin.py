"""The whole node as a process of real MicroPython, under the heap of a Pico W, against a peer on a real pty."""

import array
import fcntl
import json
import os
import pty
import random
import select
import subprocess
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from node_board import FIRMWARE
from node_peer import Peer

from firmware import frame, readings

pytestmark = pytest.mark.servers


class Twin:
    """A node process, its flash file, and the peer at the other end of its pty."""

    def __init__(self, micropython: Path, folder: Path, **settings: object) -> None:
        self._micropython = micropython
        self._folder = folder
        self.flash = folder / "node.flash"
        self._config = folder / "node.json"
        self._config.write_text(json.dumps({"name": "node", **settings}))
        self._node_fd, self._peer_fd = pty.openpty()
        tty.setraw(self._peer_fd)
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self.peer = Peer(self._to_node)
        self.process = self._spawn()
        self.ticks_ms = 0

    def tell(self, words: str, *, after_s: float = 0.0) -> None:
        """A line of stdin, `after_s` of the world's time later."""
        assert self.process.stdin is not None
        self.ticks_ms += int(after_s * 1000)
        self.process.stdin.write(f"{self.ticks_ms} {words}\n".encode())
        self.process.stdin.flush()

    def run(self, seconds: float) -> None:
        """The peer listens for so long."""
        self.run_until(lambda: False, limit_s=seconds)

    def run_until(self, is_done: Callable[[], bool], *, limit_s: float = 20.0) -> bool:
        end_s = time.monotonic() + limit_s
        while not is_done():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return False
            if select.select([self._peer_fd], [], [], min(left_s, 0.05))[0]:
                self.peer.receive(self.spoil(os.read(self._peer_fd, 4096)))
        return True

    def hears_all(self) -> bool:
        """Listens until the node has read every line and waits for the next."""
        return self.run_until(lambda: not self._unread() and self._sleeps(), limit_s=60)

    def _unread(self) -> int:
        """How many bytes of stdin the node has still to read."""
        assert self.process.stdin is not None
        count = array.array("i", [0])
        fcntl.ioctl(self.process.stdin, termios.FIONREAD, count)
        return count[0]

    def _sleeps(self) -> bool:
        return psutil.Process(self.process.pid).status() == psutil.STATUS_SLEEPING

    def scans(self) -> list[bytes]:
        """The codes committed, by (boot, seq)."""
        arrivals = [self.peer.committed[key].reading for key in sorted(self.peer.committed)]
        return [one.code for one in arrivals if isinstance(one, readings.Scan)]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()

    def start_again(self) -> None:
        self.process = self._spawn()
        self.ticks_ms = 0

    def end(self) -> int:
        """Stdin ends; the code that the process ends with."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.run_until(lambda: self.process.poll() is not None, limit_s=10)
        return self.process.wait(timeout=1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        os.close(self._node_fd)
        os.close(self._peer_fd)

    def _to_node(self, data: bytes) -> None:
        os.write(self._peer_fd, self.spoil(data))

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [self._micropython, "-X", "heapsize=192k", FIRMWARE / "twin.py", "--uart-fd", str(self._node_fd)]
        command += ["--flash", self.flash, "--config", self._config]
        return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(self._node_fd,))


MakeTwin = Callable[..., Twin]


@pytest.fixture
def make_twin(micropython: Path, tmp_path: Path) -> Iterator[MakeTwin]:
    twins: list[Twin] = []

    def make(**settings: object) -> Twin:
        twins.append(Twin(micropython, tmp_path, **settings))
        return twins[-1]

    yield make
    for twin in twins:
        twin.close()


def tell_scan(twin: Twin, code: bytes) -> None:
    twin.tell(f"scan={(b']C0' + code).hex()}", after_s=1)


def test_a_day_of_a_cooler_arrives_once_within_its_heap(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="cooler")
    for line in range(8 * 3600 // 10):  # a working day, ten seconds a line
        lid = 1 if line % 360 < 3 else 0
        twin.tell(f"air={4 + line % 7 / 10:.2f} product=4.02 lid={lid}", after_s=10)
        if line % 50 == 0:
            twin.run(0.02)
    periods = 8 * 60
    lids = 8 * 2
    assert twin.run_until(lambda: len(twin.peer.committed) == periods + lids)
    boot = twin.peer.hellos[0].boot
    assert sorted(twin.peer.committed) == [(boot, seq) for seq in range(periods + lids)]
    open_s = [
        one.reading.lid_open_s for one in twin.peer.committed.values() if isinstance(one.reading, readings.Cooler)
    ]
    assert sum(open_s) == 8 * 30
    assert twin.end() == 0


def test_a_shunt_tells_what_it_is_told(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="shunt")
    twin.tell("v=12.8 i=-1.2 ah=40.1", after_s=61)
    twin.tell("v=none i=none ah=none", after_s=60)
    assert twin.run_until(lambda: len(twin.peer.committed) == 2)
    first, second = [twin.peer.committed[key] for key in sorted(twin.peer.committed)]
    assert vars(first.reading) == {"voltage_mv": 12800, "current_ma": -1200, "charge_mah": 40100}
    assert first.age_ms in (1000, 61_000)  # one or both lines were read when it was sent
    assert vars(second.reading) == {"voltage_mv": None, "current_ma": None, "charge_mah": None}


def test_scans_survive_kill_9_with_their_old_identity_and_no_age(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="scanner")
    for number in range(10):
        tell_scan(twin, b"BZ1A%03d" % number)
    assert twin.run_until(lambda: len(twin.scans()) == 10)
    first_boot = twin.peer.hellos[0].boot
    twin.peer.is_deaf = True
    for number in range(10, 40):
        tell_scan(twin, b"BZ1A%03d" % number)
    twin.run(1.0)
    twin.kill()
    twin.peer.is_deaf = False
    twin.start_again()
    for number in range(40, 50):
        tell_scan(twin, b"BZ1A%03d" % number)
    assert twin.run_until(lambda: len(twin.scans()) == 50)
    assert twin.scans() == [b"BZ1A%03d" % number for number in range(50)]
    old = [one for one in twin.peer.committed.values() if one.boot == first_boot]
    assert [one.seq for one in old] == list(range(40))
    assert [one.age_ms is None for one in old] == [False] * 10 + [True] * 30
    assert {one.boot for one in twin.peer.committed.values()} == {first_boot, (first_boot + 1) & 0xFFFF}
    assert twin.end() == 0


def test_kill_9_at_random_moments_loses_no_scan_that_was_under_way(make_twin: MakeTwin) -> None:
    """A scan is promised once it was seen on the line, since it is journalled before it is sent."""
    dice = random.Random(7)
    twin = make_twin(kind="scanner")
    seen: set[tuple[int, int]] = set()
    number = 0
    for _ in range(6):
        twin.peer.is_deaf = False
        assert twin.run_until(lambda: bool(twin.peer.hellos))
        twin.peer.is_deaf = True
        spy = frame.Decoder()
        twin.spoil = lambda data, spy=spy: (seen.update((f.boot, f.seq) for f in spy.feed(data) if f.type == 2), data)[
            1
        ]
        for _ in range(6):
            tell_scan(twin, b"BZ1B%03d" % number)
            number += 1
        twin.run(dice.random() * 0.1)
        twin.kill()
        twin.peer.hellos.clear()
        twin.start_again()
    twin.peer.is_deaf = False
    twin.run_until(lambda: seen <= set(twin.peer.committed), limit_s=10)
    assert seen
    assert seen <= set(twin.peer.committed)


def test_a_gateway_that_starts_again_and_again_gets_everything_once(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="scanner")
    for number in range(60):
        tell_scan(twin, b"BZ1C%03d" % number)
        if number % 10 == 5:
            twin.run(0.03)
            twin.peer.restart()
            if number % 20 == 5:
                heard = len(twin.peer.hellos)
                twin.peer.ask_hello()
                assert twin.run_until(lambda heard=heard: len(twin.peer.hellos) > heard)
    assert twin.run_until(lambda: len(twin.scans()) == 60)
    assert twin.scans() == [b"BZ1C%03d" % number for number in range(60)]
    assert len(twin.peer.hellos) >= 3


def test_noise_on_the_line_loses_and_changes_nothing(make_twin: MakeTwin) -> None:
    dice = random.Random(3)

    def spoil(data: bytes) -> bytes:
        changed = bytearray(data)
        for at in range(len(changed)):
            if dice.random() < 0.003:
                changed[at] = dice.randrange(256)
        return bytes(changed)

    twin = make_twin(kind="scanner")
    twin.spoil = spoil
    for number in range(60):
        tell_scan(twin, b"BZ1D%03d" % number)
        twin.run(0.01)
    assert twin.run_until(lambda: len(twin.scans()) == 60, limit_s=40)
    assert twin.scans() == [b"BZ1D%03d" % number for number in range(60)]
    assert twin.peer.decoder.rejected > 0


def test_a_ring_that_overflows_says_how_many_and_leaves_a_gap(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="shunt", ring=10)
    twin.peer.is_deaf = True
    for _ in range(30):
        twin.tell("v=12.8 i=0 ah=0", after_s=60)
    assert twin.hears_all()
    twin.peer.is_deaf = False
    assert twin.run_until(lambda: len(twin.peer.committed) == 10)
    assert twin.peer.dropped == 20
    assert [seq for _, seq in sorted(twin.peer.committed)] == list(range(20, 30))


def test_a_day_without_a_gateway_stays_within_the_heap(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="cooler")
    twin.peer.is_deaf = True
    for line in range(8 * 360):
        twin.tell(f"air=4.5 product=4.02 lid={line // 2 % 2}", after_s=10)
    assert twin.hears_all()
    assert twin.process.poll() is None
    twin.peer.is_deaf = False
    assert twin.run_until(lambda: len(twin.peer.committed) == 256 + 180, limit_s=60)
    assert twin.peer.dropped == 8 * 60 + 8 * 180 - 1 - 256 - 180


def test_it_waits_without_spinning_also_when_nobody_is_at_the_other_end(micropython: Path, tmp_path: Path) -> None:
    node_fd, peer_fd = pty.openpty()
    (tmp_path / "node.json").write_text('{"name": "cooler", "kind": "cooler"}')
    os.close(peer_fd)  # poll on the node's end says "hung up" from now on
    command = [micropython, "-X", "heapsize=192k", FIRMWARE / "twin.py", "--uart-fd", str(node_fd)]
    command += ["--flash", tmp_path / "node.flash", "--config", tmp_path / "node.json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(node_fd,)) as process:
        assert process.stdin is not None
        time.sleep(0.5)
        before = psutil.Process(process.pid).cpu_times()
        for line in range(60):
            process.stdin.write(b"%d air=4.1 product=4.2 lid=0\n" % (line * 4000))
            process.stdin.flush()
            time.sleep(1 / 30)
        after = psutil.Process(process.pid).cpu_times()
        process.kill()
    os.close(node_fd)
    assert after.user + after.system - before.user - before.system < 0.2  # of two seconds


def test_it_ends_two_seconds_after_stdin_when_nobody_acknowledges(make_twin: MakeTwin) -> None:
    twin = make_twin(kind="scanner")
    twin.peer.is_deaf = True
    tell_scan(twin, b"BZ1E000")
    twin.run(0.3)
    began_s = time.monotonic()
    assert twin.end() == 0
    assert 1.0 < time.monotonic() - began_s < 5


def test_a_flash_that_is_no_file_system_is_set_aside(make_twin: MakeTwin, tmp_path: Path) -> None:
    (tmp_path / "node.flash").write_bytes(b"\xa5" * 262144)
    twin = make_twin(kind="scanner")
    tell_scan(twin, b"BZ1F000")
    assert twin.run_until(lambda: twin.scans() == [b"BZ1F000"])
    (aside,) = tmp_path.glob("node.flash.damaged-*")
    assert aside.read_bytes() == b"\xa5" * 262144


def test_settings_with_faults_are_refused_with_all_of_them(micropython: Path, tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text('{"name": "", "kind": "cooler", "sample_s": 0}')
    command = [micropython, FIRMWARE / "twin.py", "--uart-fd", "0"]
    command += ["--flash", tmp_path / "node.flash", "--config", tmp_path / "node.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=10)
    assert done.returncode == 2
    assert "name:" in done.stderr
    assert "sample_s:" in done.stderr
