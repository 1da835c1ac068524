"""Cut the power at every single block operation of a node's flash life, on a real littlefs; print what was lost.

Arguments: the firmware folder, and for the test of the test "mutant": the same journal without its flush.
"""

import json
import sys

import vfs

sys.path.append(sys.argv[1])
import journal
import memory
from ring import Entry

BLOCK_BYTES = 512
BLOCKS = 40


class PowerCutError(Exception):
    """The power is gone: no `except OSError` may catch this."""


class RamFlash:
    """A block device that dies in the middle of write or erase number `cut_at`: from then on nothing can use it."""

    def __init__(self, image, cut_at):
        self.image = image
        self.operations = 0
        self._cut_at = cut_at
        self._is_dead = False
        self._is_buried = False

    def bury(self):
        """The node is gone: a file of it that MicroPython still closes when it collects it finds nothing to do."""
        self._is_buried = True

    def readblocks(self, block, buf, offset=0):
        if self._is_buried:
            return
        if self._is_dead:
            raise PowerCutError
        start = block * BLOCK_BYTES + offset
        buf[:] = self.image[start : start + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        if self._is_buried:
            return
        start = block * BLOCK_BYTES + offset
        self._change(start, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK_BYTES
        if op == 6 and not self._is_buried:
            self._change(arg * BLOCK_BYTES, b"\xff" * BLOCK_BYTES)
        return 0

    def _change(self, start, data):
        if self._is_dead:
            raise PowerCutError
        self.operations += 1
        if self.operations == self._cut_at:
            self._is_dead = True
            data = bytes(data[: len(data) // 2])  # torn
        self.image[start : start + len(data)] = data
        if self._is_dead:
            raise PowerCutError


class Life:
    """What a node did with its flash, and what it was promised."""

    def __init__(self):
        self.promised = {}  # (boot, seq) -> reading, once put said True
        self.tried = {}
        self.acked = set()
        self.boots = []

    def start(self, flash, journal_class):
        """One boot: what is left is sent on (some acknowledged), new readings come, some of them acknowledged."""
        fs = vfs.VfsLfs2(flash, mtime=False)
        kept = memory.Memory(fs, "/memory")
        boot = kept.next_boot(7)
        assert boot not in self.boots, "boot %d twice" % boot
        self.boots.append(boot)
        book = journal_class(fs, "/journal", 60)
        left = book.take()
        if left is not None:
            self.acknowledge(book, left)
        for seq in range(40):
            self.put(book, Entry(boot, seq, bytes((4,)) + b"]C1" + b"BZ1%05d" % (boot * 100 + seq), seq))
            if seq % 4 == 3:
                entry = book.take()
                if entry is not None:
                    self.acknowledge(book, entry)
            if seq % 13 == 5:
                kept.write("lid", seq)
        while True:
            entry = book.take()
            if entry is None or entry.seq >= 38:
                break
            self.acknowledge(book, entry)

    def put(self, book, entry):
        key = (entry.boot, entry.seq)
        self.tried[key] = entry.reading
        if book.put(entry):
            self.promised[key] = entry.reading

    def acknowledge(self, book, entry):
        self.acked.add((entry.boot, entry.seq))  # from here on it may go, or come once more
        book.done(entry)

    def lost(self, image, journal_class):
        """How many promises the flash did not keep; raises when it holds what was never written."""
        flash = RamFlash(image, 0)
        fs = vfs.VfsLfs2(flash, mtime=False)
        book = journal_class(fs, "/journal", 60)
        found = {}
        while True:
            entry = book.take()
            if entry is None:
                break
            assert entry.made_ms is None
            found[(entry.boot, entry.seq)] = entry.reading
        for key, reading in found.items():
            assert self.tried[key] == reading, "a changed reading"
        assert book.damaged == 0, "littlefs replaces whole"
        flash.bury()
        return len([key for key in self.promised if key not in self.acked and key not in found])


def live(image, cut_at, life, journal_class):
    """Two boots with a cut at this operation; whether it was cut."""
    flash = RamFlash(image, cut_at)
    try:
        life.start(flash, journal_class)
        life.start(flash, journal_class)
    except PowerCutError:
        flash.bury()
        return True
    return False


def main(journal_class):
    blank = bytearray(b"\xff" * BLOCK_BYTES * BLOCKS)
    vfs.VfsLfs2.mkfs(RamFlash(blank, 0))
    cuts = 0
    lost = 0
    cut_at = 0
    while True:
        cut_at += 1
        image = bytearray(blank)
        life = Life()
        if not live(image, cut_at, life, journal_class):
            break
        cuts += 1
        lost += life.lost(bytearray(image), journal_class)
        if cut_at % 5 == 0:  # the power is cut again while the node comes up
            for again_at in range(1, 12, 2):
                twice = bytearray(image)
                second = Life()
                second.promised, second.tried = dict(life.promised), dict(life.tried)
                second.acked, second.boots = set(life.acked), list(life.boots)
                if live(twice, again_at, second, journal_class):
                    cuts += 1
                    lost += second.lost(twice, journal_class)
    print(json.dumps({"cuts": cuts, "lost": lost}))


def mutant():
    """The journal as it would be without its flush."""
    with open(sys.argv[1] + "/journal.py") as file:
        source = file.read()
    assert source.count("file.flush()") == 1
    names = {}
    exec(source.replace("file.flush()", "pass"), names)
    return names["Journal"]


if __name__ == "__main__":
    main(mutant() if sys.argv[2:] == ["mutant"] else journal.Journal)
