"""How much memory the hub takes: its own resident set and that of every process that it started (Linux)."""

import ctypes
from pathlib import Path

# Of glibc's malloc.h. What is set by hand stays; otherwise both grow to the largest block that was ever let go.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 65_536


def keep_little() -> None:
    """Gives large blocks back to the system as soon as they are let go: for who works in bursts. (glibc only.)"""
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
    except (OSError, AttributeError):  # another C library
        return


def give_back() -> None:
    """Gives back what is free between the blocks in use, too; some milliseconds. (glibc only.)"""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return


def resident_mb(pid: int | str = "self") -> float | None:
    """MB resident of the process and its descendants; None where /proc cannot tell."""
    own = _resident_kb(Path("/proc") / str(pid))
    if own is None:
        return None
    return sum([own, *(_resident_kb(Path("/proc") / str(child)) or 0 for child in _descendants(pid))]) / 1024


def _resident_kb(process: Path) -> int | None:
    try:
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        return None
    return 0  # a process that has ended and is not yet waited for


def _descendants(pid: int | str) -> list[int]:
    found: list[int] = []
    for children in (Path("/proc") / str(pid) / "task").glob("*/children"):
        try:
            direct = [int(child) for child in children.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *_descendants(child)]
    return found
