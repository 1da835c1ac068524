"""A van's GPS receiver: NMEA on a serial line, read by the real gpsd where there is one, else by the gateway itself."""

from dataclasses import dataclass, field
from pathlib import Path

from hub_backend.simulator.nmea import Fix, sentences
from hub_backend.simulator.processes import Processes
from hub_backend.simulator.ptys import Line


@dataclass
class Receiver:
    """`url` is what the gateway's settings call it."""

    line: Line
    url: str
    _pending: bytes = field(default=b"", init=False)

    def show(self, fix: Fix) -> None:
        self.send(sentences(fix))

    def send(self, data: bytes) -> None:
        self._pending = self.line.write(self._pending + data)

    def behind(self) -> int:
        """Bytes that nobody has read yet; what gpsd writes to its receiver is thrown away."""
        self.line.read()
        self._pending = self.line.write(self._pending)
        return len(self._pending) + self.line.unread()


def start_receiver(processes: Processes, *, van: str, run_dir: Path, gpsd: str | None, port: int) -> Receiver:
    """With gpsd on `port`, on loopback; without it the gateway reads the line."""
    line = Line(run_dir / "tty" / f"{van}-gps")
    if gpsd is None:
        return Receiver(line, f"nmea:{line.path}")
    line.terminal.chmod(0o666)  # gpsd gives up its rights and opens the line as another user
    # -n: read without waiting for a client; -b: never write to the receiver; -N: stay in the foreground
    processes.start(f"{van}-gpsd", [gpsd, "-N", "-n", "-b", "-S", str(port), str(line.terminal)])
    return Receiver(line, f"gpsd://127.0.0.1:{port}")
