"""Small disks of their own, which can be filled or made read-only. Needs root and tmpfs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BALLAST = "ballast"
PIECE_BYTES = 1 << 20


class Disks:
    """Called for each folder that needs one: mounts a small disk there, unless that is not `possible`."""

    def __init__(self) -> None:
        self.possible = os.geteuid() == 0 and shutil.which("mount") is not None
        self._mounted: list[Path] = []

    def __call__(self, folder: Path, *, size_mb: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if self.possible:
            command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
            self.possible = subprocess.run(command, capture_output=True, check=False).returncode == 0
        if self.possible:
            self._mounted.append(folder)
        return folder

    def unmount(self) -> None:
        for folder in self._mounted:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


@contextmanager
def disks() -> Iterator[Disks]:
    made = Disks()
    try:
        yield made
    finally:
        made.unmount()


def fill(disk: Path) -> None:
    """To the last byte."""
    with suppress(OSError), (disk / BALLAST).open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(PIECE_BYTES))


def unfill(disk: Path) -> None:
    """Not while it is read-only, too: then `make_writable` does it."""
    with suppress(OSError):
        (disk / BALLAST).unlink(missing_ok=True)


def make_read_only(disk: Path) -> None:
    """As a worn-out card does. Linux refuses while a file is open for writing: who writes there must be down."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], capture_output=True, check=True)


def make_writable(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], capture_output=True, check=True)
    unfill(disk)
