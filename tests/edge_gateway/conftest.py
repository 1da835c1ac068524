"""Real servers, each on a free port of loopback."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge_gateway.rig import can_connect, end, wait_until
from tests.free_port import free_port


class Mosquitto:
    """A broker that can be stopped and started on the same port."""

    def __init__(self, folder: Path, *, acl: str = "") -> None:
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if binary is None:
            pytest.skip("no mosquitto on this machine (Debian: mosquitto)")
        self.port = free_port()
        self._binary = binary
        self._file = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 0"]
        if acl:
            (folder / "acl").write_text(acl)
            (folder / "acl").chmod(0o644)
            folder.chmod(0o755)
            lines.append(f"acl_file {folder / 'acl'}")
        self._file.write_text("\n".join([*lines, "user root", ""]))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._binary, "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: can_connect(self.port))

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that was started."""
    with running(Mosquitto(tmp_path)) as broker:
        yield broker
