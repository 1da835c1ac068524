"""A serial line between a node and its gateway that can be noisy or unplugged.

The node keeps its end (a real UART has no plug on the board); the gateway's end is a path that can vanish.
"""

import os
import pty
import random
import select
import threading
import tty
from contextlib import suppress
from pathlib import Path

from tests.edge_gateway.rig import SerialLine


class SerialRelay:
    """`node` is the fd that the node's process gets, `path` what the gateway opens."""

    def __init__(self, path: Path, *, random: random.Random) -> None:
        self._random = random
        self._near, self.node = pty.openpty()
        tty.setraw(self.node)
        os.set_blocking(self._near, False)
        self._line = SerialLine(path)
        self.path = path
        self.noise = 0.0
        """The share of bytes that arrive with one bit turned."""
        self._is_plugged = True
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._relay, name="serial-relay", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        self._is_plugged = False
        self._line.unplug()

    def plug_in(self) -> None:
        if not self._is_plugged:
            self._line.replace()
            self._is_plugged = True

    def close(self) -> None:
        self._ending.set()
        self._thread.join(timeout=2)
        self._line.unplug()
        os.close(self._near)
        os.close(self.node)

    def _relay(self) -> None:
        while not self._ending.is_set():
            master = self._line.master
            waiting = [self._near] + ([master] if self._is_plugged and master >= 0 else [])
            try:
                ready = select.select(waiting, [], [], 0.02)[0]
            except (OSError, ValueError):
                continue  # unplugged while waiting
            for end in ready:
                with suppress(OSError):
                    data = self._disturbed(os.read(end, 4096))
                    if end == self._near and self._is_plugged:
                        self._line.send(data)
                    elif end == master:
                        os.write(self._near, data)
            if not self._is_plugged:
                self._ending.wait(0.02)

    def _disturbed(self, data: bytes) -> bytes:
        if not self.noise:
            return data
        return bytes(
            byte ^ (1 << self._random.randrange(8)) if self._random.random() < self.noise else byte for byte in data
        )
