"""The two ways a hand scanner hangs on a gateway. Both give whole codes, and raise `OSError` when they go away."""

import fcntl
import os
import select
from collections.abc import Callable
from typing import Protocol

import serial

from edge_gateway.port import SerialPort
from edge_gateway.scanner.keys import LONGEST, Keys

EVIOCGRAB = 0x40044590
"""_IOW('E', 0x90, int): nobody else hears this keyboard any more."""


class Device(Protocol):
    """A scanner that can be opened, read and closed, again and again."""

    def open(self) -> None:
        """Raises `OSError`."""
        ...

    def read(self) -> list[str]:
        """The codes since the last call; waits a little. Raises `OSError`."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class Lines:
    """Bytes in, codes out, without I/O: a code ends at CR or LF. Nothing of one that is too long is taken for one."""

    def __init__(self, refuse: Callable[[str, str], None]) -> None:
        self._refuse = refuse
        self._rest = b""
        self._is_endless = False

    def feed(self, data: bytes) -> list[str]:
        """The codes that these bytes complete."""
        *lines, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if self._is_endless and lines:
            lines, self._is_endless = lines[1:], False
        if self._is_endless:
            self._rest = b""
        elif len(self._rest) > LONGEST:
            self._rest, self._is_endless = b"", True
            self._refuse("code", f"longer than {LONGEST} bytes: is the baud rate right?")
        return [line.decode("utf-8", errors="backslashreplace") for line in lines if line]


class SerialScanner:
    """`serial:/dev/serial/by-id/…`: a scanner in USB serial mode. `baud` means nothing to most."""

    def __init__(self, device: str, *, poll_s: float, refuse: Callable[[str, str], None], baud: int = 9600) -> None:
        self._port = SerialPort(device, baud=baud, read_s=poll_s)
        self._lines = Lines(refuse)

    def open(self) -> None:
        self._port.open()

    def read(self) -> list[str]:
        try:
            return self._lines.feed(self._port.read())
        except serial.SerialException as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        self._port.close()


class KeyboardScanner:
    """`hid:/dev/input/by-id/…-event-kbd`: a scanner in keyboard mode, taken for us alone so that it types nowhere."""

    def __init__(self, device: str, *, poll_s: float, refuse: Callable[[str, str], None]) -> None:
        self._device = device
        self._poll_s = poll_s
        self._refuse = refuse
        self._keys = Keys(refuse)
        self._fd: int | None = None

    def open(self) -> None:
        fd = os.open(self._device, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.ioctl(fd, EVIOCGRAB, 1)
        except OSError:
            os.close(fd)
            raise
        self._fd, self._keys = fd, Keys(self._refuse)

    def read(self) -> list[str]:
        if self._fd is None:
            raise OSError(f"{self._device}: not open")
        ready, _, _ = select.select([self._fd], [], [], self._poll_s)
        return self._keys.feed(os.read(self._fd, 4096)) if ready else []

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)  # ends the grab as well
            self._fd = None
