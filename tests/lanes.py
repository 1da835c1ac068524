"""The unit tests in two lanes side by side: `python -m tests.lanes` with what is to be told to both pytests.

Each lane is a pytest of its own over folders of its own, so that a module is read and imported in one lane alone: with
unit tests that costs more than the tests do. What the second lane says is printed when the first is done.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
FIRST = ("routing", "simulator")
"""What takes as long as all else together. A new folder comes into the second lane by itself."""

NOTHING_TO_DO = 5
"""What pytest ends with when no test was asked for, as with `-k` in the lane that has none of that name."""


def lanes() -> list[list[str]]:
    """The folders and files of each lane."""
    found = sorted(
        path
        for path in TESTS.iterdir()
        if (path.is_dir() and any(path.glob("test_*.py"))) or (path.is_file() and path.match("test_*.py"))
    )
    return [
        [str(path.relative_to(TESTS.parent)) for path in found if (path.name in FIRST) is first]
        for first in (True, False)
    ]


def verdict(codes: Sequence[int]) -> int:
    """The first that is not well; that there was nothing to do counts only where all lanes say so."""
    if all(code == NOTHING_TO_DO for code in codes):
        return NOTHING_TO_DO
    return next((code for code in codes if code not in (0, NOTHING_TO_DO)), 0)


def run(options: Sequence[str]) -> int:
    """Runs both; what the first says is seen as it says it."""
    first, second = ([sys.executable, "-m", "pytest", *options, *paths] for paths in lanes())
    with tempfile.TemporaryFile() as said, subprocess.Popen(second, stdout=said, stderr=said) as beside:
        before = subprocess.run(first, check=False).returncode
        code = beside.wait()
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return verdict((before, code))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
