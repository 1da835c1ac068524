"""The board's twin: the same node on MicroPython's unix port, with a pty for its line and a file for its flash.

    micropython -X heapsize=192k firmware/twin.py --uart-fd 3 --flash FILE --config FILE.json

Its sensors are told on stdin, a line at a time: `<ticks_ms> air=4.21 product=4.02 lid=0`, `<ticks_ms> scan=<hex>`,
`<ticks_ms> v=12.8 i=-1.2 ah=40.1` or only `<ticks_ms>`; `none` for what does not answer. `ticks_ms` is the world's
time since this process was started. It waits in poll and never spins. When stdin ends it stays until all is
acknowledged, at most 2 s. A flash file that is no file system is set aside beside itself.
"""

import gc
import os
import select
import struct
import sys
import termios  # pyright: ignore[reportMissingImports] the unix port has it, a board has not
import time

import vfs
from node import Node
from settings import SettingsError, load_settings
from ticks import Ticks

BLOCK_BYTES = 4096  # as the flash of a Pico
BLOCKS = 64
LAST_MS = 2000
GC_BYTES = 16384  # collect early and often, so that the heap is not broken up
HUNG_UP_MS = 200


class FlashFile:
    """A file as a block device. kill -9 cuts it between two writes; the page cache survives that, so nothing syncs."""

    def __init__(self, path: str):
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
        for _ in range(self._file.seek(0, 2) // BLOCK_BYTES, BLOCKS):
            self._file.write(b"\xff" * BLOCK_BYTES)

    def readblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buf)

    def writeblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.write(buf)

    def ioctl(self, op: int, arg: int) -> int | None:
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK_BYTES
        return 0

    def close(self) -> None:
        self._file.close()


class Line:
    """The node's end of the pty. A fd that blocks is read a byte at a time, so that it never does."""

    def __init__(self, fd: int, poll):
        self.file = open(fd, "r+b")
        self._poll = poll
        self._ready = select.poll()
        self._ready.register(self.file, select.POLLIN | select.POLLOUT)
        try:
            termios.setraw(fd)  # before anybody opens the other end, a pty echoes and edits lines
        except OSError:
            pass  # a socket or a pipe: nothing to set
        self._is_watched = False
        self._watch_again_ms = 0
        self.watch(0)

    def watch(self, now_ms: int) -> None:
        """Wait for this line again after the other end hung up."""
        if not self._is_watched and now_ms >= self._watch_again_ms:
            self._poll.register(self.file, select.POLLIN)
            self._is_watched = True

    def read(self, now_ms: int) -> bytes:
        """What has come in; when nobody is there, the line is left alone for a while, since poll would not wait."""
        data = b""
        while True:
            events = self._events()
            if not events & select.POLLIN:
                break
            try:
                data += self.file.read(1) or b""
            except OSError:
                events = select.POLLHUP
                break
        if events & ~(select.POLLIN | select.POLLOUT):  # hung up, in error, or no such fd
            self._poll.unregister(self.file)
            self._is_watched = False
            self._watch_again_ms = now_ms + HUNG_UP_MS
        return data

    def write(self, data: bytes) -> bool:
        """Put it on the line, or False when there is no room or nobody."""
        if not self._events() & select.POLLOUT:
            return False
        try:
            return self.file.write(data) == len(data)
        except OSError:
            return False

    def _events(self) -> int:
        for _, events in self._ready.ipoll(0):
            return events
        return 0


class TwinCooler:
    """Probes and lid as stdin last said."""

    settle_ms = 0

    def __init__(self) -> None:
        self._air: float | None = None
        self._product: float | None = None
        self._lid: bool | None = None

    def tell(self, name: str, text: str) -> None:
        if name == "air":
            self._air = number(text)
        elif name == "product":
            self._product = number(text)
        elif name == "lid":
            self._lid = None if text == "none" else text == "1"

    def begin(self) -> None:
        pass

    def read(self) -> tuple[float | None, float | None]:
        return self._air, self._product

    def lid(self) -> bool | None:
        return self._lid


class TwinScanner:
    """Codes from stdin, in hex."""

    def __init__(self) -> None:
        self._codes: list[bytes] = []

    def tell(self, name: str, text: str) -> None:
        if name == "scan":
            self._codes.append(bytes.fromhex(text))

    def scans(self) -> list[bytes]:
        codes = self._codes
        self._codes = []
        return codes


class TwinShunt:
    """Volts, amperes and ampere-hours as stdin last said."""

    def __init__(self) -> None:
        self._milli: dict[str, int | None] = {"v": None, "i": None, "ah": None}

    def tell(self, name: str, text: str) -> None:
        if name in self._milli:
            value = number(text)
            self._milli[name] = None if value is None else int(round(value * 1000))

    def read(self) -> tuple[int | None, int | None, int | None]:
        return self._milli["v"], self._milli["i"], self._milli["ah"]


TWINS = {"cooler": TwinCooler, "scanner": TwinScanner, "shunt": TwinShunt}


def number(text: str) -> float | None:
    """The number, None for `none`."""
    return None if text == "none" else float(text)


def mount(path: str):
    """The littlefs in the file, a fresh one when there is none; what is damaged is kept under another name."""
    is_new = not exists(path)
    flash = FlashFile(path)
    if not is_new:
        try:
            return littlefs(flash)
        except OSError:
            flash.close()
            os.rename(path, path + ".damaged-%d" % time.time())
            flash = FlashFile(path)
    return littlefs(flash, is_new=True)


def littlefs(flash: FlashFile, *, is_new: bool = False):
    """The file system on this flash, made first if new. Raises `OSError` when there is none."""
    if is_new:
        vfs.VfsLfs2.mkfs(flash)  # pyright: ignore[reportArgumentType] any object with the methods will do
    return vfs.VfsLfs2(flash, mtime=False)  # pyright: ignore[reportArgumentType]


def exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def run(node: Node, line: Line, sensors, poll, ticks: Ticks) -> None:
    """Go on until stdin ends and all is acknowledged."""
    world_ms = 0
    end_ms = None
    node.step(ticks.now_ms(), world_ms)
    while True:
        now_ms = ticks.now_ms()
        line.watch(now_ms)
        wait_ms = min(node.link.due_in_ms(now_ms), HUNG_UP_MS)
        for source, _ in poll.ipoll(wait_ms):
            if source is sys.stdin:
                text = sys.stdin.readline()
                if text:
                    world_ms = tell(sensors, text, world_ms)
                else:
                    poll.unregister(sys.stdin)
                    end_ms = now_ms + LAST_MS
        now_ms = ticks.now_ms()
        data = line.read(now_ms)
        if data:
            node.receive(data, now_ms)
        node.step(now_ms, world_ms)
        if end_ms is not None and (node.link.is_idle or now_ms >= end_ms):
            return


def tell(sensors, text: str, world_ms: int) -> int:
    """Take in one line; the world's time that it gives. A line that cannot be read is left out, and said so."""
    words = text.split()
    try:
        for word in words[1:]:
            name, value = word.split("=")
            sensors.tell(name, value)
        return max(world_ms, int(words[0]))
    except (ValueError, IndexError):
        print("twin: cannot read %r" % text, file=sys.stderr)
        return world_ms


def main(arguments: list[str]) -> int:
    gc.threshold(GC_BYTES)
    options = {arguments[index]: arguments[index + 1] for index in range(0, len(arguments) - 1, 2)}
    try:
        with open(options["--config"]) as file:
            settings = load_settings(file.read())
    except SettingsError as error:
        for fault in error.faults:
            print("%s: %s" % (options["--config"], fault), file=sys.stderr)
        return 2
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    line = Line(int(options["--uart-fd"]), poll)
    sensors = TWINS[settings["kind"]]()
    fs = mount(options["--flash"])
    ticks = Ticks()
    random_u16 = struct.unpack("<H", os.urandom(2))[0]
    node = Node(settings, sensors, fs, "", random_u16=random_u16, write=line.write, now_ms=ticks.now_ms(), world_ms=0)
    run(node, line, sensors, poll, ticks)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
