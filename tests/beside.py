"""Runs commands beside each other: `python -m tests.beside COMMAND...`, each as one would type it.

What the first says is seen as it says it; what the others say comes after it, each under its own line. Ends with the
code of the first command that failed. Done for pytest: a part in which no test was asked for is no failure, unless
that is so in all of them.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack

NOTHING_TO_DO = 5
"""What pytest ends with when it has no test, as with `-k` in the part that has none of that name."""


def verdict(codes: Sequence[int]) -> int:
    """The first code that is a failure; 0 when there is none."""
    if codes and all(code == NOTHING_TO_DO for code in codes):
        return NOTHING_TO_DO
    return next((code for code in codes if code not in (0, NOTHING_TO_DO)), 0)


def run(commands: Sequence[str]) -> int:
    """Runs them all to their ends, whichever fails."""
    began_s = time.monotonic()
    first, *others = commands
    with ExitStack() as files:
        said = [files.enter_context(tempfile.TemporaryFile()) for _ in others]
        beside = [
            subprocess.Popen(command, shell=True, stdout=file, stderr=file)
            for command, file in zip(others, said, strict=True)
        ]
        codes = [subprocess.run(first, shell=True, check=False).returncode]
        for command, process, file in zip(others, beside, said, strict=True):
            codes.append(process.wait())
            file.seek(0)
            _show(f"\n--- {command}\n{file.read().decode(errors='replace')}")
    for command, code in zip(commands, codes, strict=True):
        if code not in (0, NOTHING_TO_DO):
            _show(f"FAILED ({code}): {command}\n")
    _show(f"{time.monotonic() - began_s:.0f} s in all\n")
    return verdict(codes)


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
