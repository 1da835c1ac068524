"""A serial port that is read in pieces, for python-can's slcan, which asks for each byte alone.

Each such question costs pyserial two system calls: at forty frames a second that was half of what a gateway used.
"""

from typing import Any

import serial


class ReadAhead:
    """As the port given, but what has come is taken whole and handed out from memory."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._held = b""

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read without waiting."""
        return len(self._held) or int(self._port.in_waiting)

    def read(self, size: int = 1) -> bytes:
        """At most `size` bytes; waits for the first as long as the port does. Raises `OSError`."""
        if not self._held:
            self._held = self._port.read(max(1, self._port.in_waiting))
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def reset_input_buffer(self) -> None:
        """What has come and was not read is forgotten."""
        self._held = b""
        self._port.reset_input_buffer()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)
