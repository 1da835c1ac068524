"""Small numbers that a node remembers in flash: how often it started, and what it last told of its lid and alarms."""

import struct
from binascii import crc32


class Memory:
    """Numbers 0..2**32-1 by name, each in its own small file; littlefs replaces a file whole or not at all."""

    def __init__(self, fs, path: str):
        self._fs = fs
        self._path = path
        try:
            fs.stat(path)
        except OSError:
            fs.mkdir(path)

    def read(self, name: str) -> int | None:
        """The number last written, None when there is none or its file is damaged."""
        try:
            with self._fs.open(self._path + "/" + name, "rb") as file:
                data = file.read()
        except OSError:
            return None
        if len(data) != 8 or struct.unpack("<I", data[4:])[0] != crc32(data[:4]) & 0xFFFFFFFF:
            return None
        return struct.unpack("<I", data[:4])[0]

    def write(self, name: str, number: int) -> None:
        """On flash when this returns. Raises `OSError` when the flash fails."""
        data = struct.pack("<I", number)
        with self._fs.open(self._path + "/" + name, "wb") as file:
            file.write(data + struct.pack("<I", crc32(data) & 0xFFFFFFFF))

    def next_boot(self, random_u16: int) -> int:
        """This start's number 0..65535, on flash before it is used, one more than the last.

        A node that remembers nothing (new board in an old place, flash erased) begins at `random_u16`: beginning at 1
        again would give new readings the (boot, seq) of old ones, and the hub would take them for repeats.
        """
        last = self.read("boot")
        boot = random_u16 if last is None else (last + 1) & 0xFFFF
        self.write("boot", boot)
        return boot
