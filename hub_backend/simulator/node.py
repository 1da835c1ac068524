"""A sensor node as a process: MicroPython's own program on one end of a serial line, fed with its surroundings.

The surroundings are lines on its standard input, `<ticks_ms> air=4.21 product=4.02 lid=0`; what it makes of them, it
tells its gateway over the line, and nobody else.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hub_backend.simulator.cooler import Cooler
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.processes import Child, Processes
from hub_backend.simulator.ptys import Line, unread

HEAP = "heapsize=192k"  # a Pico W's
OPEN_WIRE_C = -127.0  # what common drivers of a DS18B20 make of a probe that does not answer
Kind = Literal["cooler", "scanner", "shunt"]


def twin_program() -> Path:
    """The firmware's twin for this computer. Raises `DemoError` where the firmware is not installed."""
    package = find_spec("firmware")
    if package is None or package.origin is None:
        raise DemoError("firmware: the package is not installed beside hub_backend")
    return Path(package.origin).with_name("twin.py")


@dataclass
class Node:
    """A node of a gateway; `source` is how its events are known. Ticks count from `began_s`, world time."""

    name: str
    kind: Kind
    gateway: str
    line: Line
    child: Child
    began_s: float
    probe_broken: bool = False
    """The product probe's wire is open."""
    _pending: bytes = field(default=b"", init=False)

    @property
    def source(self) -> str:
        return f"{self.gateway}/{self.name}"

    def say(self, t_s: float, surroundings: str = "") -> None:
        """How it is around the node from `t_s` on."""
        ticks_ms = round((t_s - self.began_s) * 1000)
        self._pending += f"{ticks_ms} {surroundings}".rstrip().encode("ascii") + b"\n"
        self.flush()

    def flush(self) -> None:
        """Raises `DemoError` when the node has died."""
        if not self._pending or self.child.stdin is None:
            return
        try:
            written = os.write(self.child.stdin.fileno(), self._pending)
        except BlockingIOError:
            return
        except BrokenPipeError as error:
            raise DemoError(f"{self.source}: the node has ended; its log says:\n{self.child.tail()}") from error
        self._pending = self._pending[written:]

    def behind(self) -> int:
        """Bytes that it has not read yet, and its gateway has not."""
        waiting = 0 if self.child.stdin is None else unread(self.child.stdin.fileno())
        return len(self._pending) + waiting + self.line.unread()

    def scan(self, t_s: float, code: str, *, symbology: str = "]C1") -> None:
        self.say(t_s, f"scan={(symbology + code).encode('ascii').hex()}")

    def feel(self, t_s: float, cooler: Cooler) -> None:
        product_c = OPEN_WIRE_C if self.probe_broken else cooler.product_c
        self.say(t_s, f"air={cooler.air_c:.3f} product={product_c:.3f} lid={1 if cooler.lid_open else 0}")


def start_node(processes: Processes, *, name: str, kind: Kind, gateway: str, run_dir: Path, began_s: float) -> Node:
    """Start the twin with one end of a fresh line; its flash and its configuration are files of the run."""
    line = Line(run_dir / "tty" / f"{gateway}-{name}")
    config = run_dir / f"{gateway}-{name}.json"
    config.write_text(json.dumps({"name": name, "kind": kind}))
    command = [sys.executable, "-m", "micropython_unix", "-X", HEAP, str(twin_program())]
    command += ["--uart-fd", str(line.device), "--flash", str(run_dir / f"{gateway}-{name}.flash")]
    command += ["--config", str(config)]
    child = processes.start(f"{gateway}-{name}", command, pass_fds=[line.device], stdin=True)
    if child.stdin is not None:
        os.set_blocking(child.stdin.fileno(), False)
    return Node(name, kind, gateway, line, child, began_s)
