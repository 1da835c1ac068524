"""A serial line: a pseudo terminal whose one end is the device and whose other end has a path for pyserial.

The line knows how many bytes its reader has not yet taken, so that the simulated world can wait for the machine.
"""

import array
import errno
import fcntl
import os
import pty
import termios
import tty
from pathlib import Path


class Line:
    """One serial line. `device` is the fd of the device's end, `path` what the gateway opens.

    Both ends stay open here as long as the line lives, so that neither a gateway nor a node that comes and goes ends
    it for the other.
    """

    def __init__(self, path: Path) -> None:
        self.device, self._host = pty.openpty()
        tty.setraw(self._host)
        os.set_blocking(self.device, False)
        self.path = path
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.terminal = Path(os.ttyname(self._host))
        path.symlink_to(self.terminal)

    def write(self, data: bytes) -> bytes:
        """What did not fit: the reader is behind."""
        try:
            return data[os.write(self.device, data) :]
        except BlockingIOError:
            return data

    def read(self) -> bytes:
        """What the other end has sent until now."""
        try:
            return os.read(self.device, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # nobody has the other end open
                return b""
            raise

    def unread(self) -> int:
        """Bytes sent to the gateway that it has not taken yet."""
        return unread(self._host)

    def close(self) -> None:
        for end in (self.device, self._host):
            os.close(end)
        self.path.unlink(missing_ok=True)


def unread(fd: int) -> int:
    """Bytes that wait in a terminal's or a pipe's buffer (of a pipe, either end tells)."""
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count, True)
    return count[0]
