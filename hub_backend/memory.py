"""How much memory the hub takes: its own resident set and that of every process that it started (Linux)."""

from pathlib import Path


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
