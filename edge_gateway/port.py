"""A serial port that may disappear and come back: a USB plug, or the symlink of a pty that now leads elsewhere."""

import contextlib
import os
import time
from pathlib import Path

import serial

LOOK_S = 0.5
"""How often (machine time) it is checked that the path still leads to the device that is open."""


class SerialPort:
    """Bytes in and out; every failure is an `OSError` (`serial.SerialException` is one)."""

    def __init__(self, path: str, *, baud: int, read_s: float) -> None:
        self.path = path
        self._baud = baud
        self._read_s = read_s
        self._port: serial.Serial | None = None
        self._device = ""
        self._looked_s = 0.0

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self) -> None:
        """Raises `OSError`."""
        self.close()
        self._device = os.path.realpath(self.path)
        self._port = serial.Serial(self._device, self._baud, timeout=self._read_s, write_timeout=1.0, exclusive=True)
        self._looked_s = time.monotonic()

    def read(self) -> bytes:
        """What has come, at most 4 KiB; waits at most `read_s` for the first byte. Raises `OSError`."""
        port = self._opened()
        self._look()
        first: bytes = port.read(1)
        return first + port.read(min(port.in_waiting, 4095)) if first else b""

    def write(self, data: bytes) -> None:
        """Raises `OSError`."""
        self._opened().write(data)

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise serial.SerialException(f"{self.path}: not open")
        return self._port

    def _look(self) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        if os.path.realpath(self.path) != self._device or not Path(self._device).exists():
            raise serial.SerialException(f"{self.path}: leads to another device now")

    def close(self) -> None:
        """Never raises."""
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.close()
            self._port = None
