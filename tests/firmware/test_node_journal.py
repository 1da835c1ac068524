"""The journal: what was promised survives a power cut at any moment, and nothing is thrown away in silence."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from journal import Journal
from memory import Memory
from node_board import RunOnBoard
from ring import Entry, Ring


class Folder:
    """A folder of the host with the methods of a littlefs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.is_full = False

    def open(self, path: str, mode: str) -> BinaryIO:
        if self.is_full and "w" in mode:
            raise OSError(28, "no space left")
        return (self._root / path.strip("/")).open(mode)  # type: ignore[return-value]

    def ilistdir(self, path: str) -> Iterator[tuple[str, int]]:
        return iter([(item.name, 0) for item in (self._root / path.strip("/")).iterdir()])

    def mkdir(self, path: str) -> None:
        (self._root / path.strip("/")).mkdir()

    def remove(self, path: str) -> None:
        (self._root / path.strip("/")).unlink()

    def rename(self, old: str, new: str) -> None:
        (self._root / old.strip("/")).rename(self._root / new.strip("/"))

    def stat(self, path: str) -> os.stat_result:
        return (self._root / path.strip("/")).stat()


@pytest.fixture
def fs(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def scan(seq: int, boot: int = 5) -> Entry:
    return Entry(boot, seq, b"\x04]C1BZ1%d" % seq, made_ms=seq * 1000)


def take_all(journal: Journal) -> list[Entry]:
    return list(iter(journal.take, None))


@pytest.mark.servers
def test_a_power_cut_at_any_block_operation_loses_nothing_promised(run_on_board: RunOnBoard) -> None:
    result = json.loads(run_on_board("power_cut.py", heap="8m").splitlines()[-1])
    assert result["cuts"] > 500
    assert result["lost"] == 0


@pytest.mark.servers
def test_the_same_journal_without_its_flush_is_caught(run_on_board: RunOnBoard) -> None:
    result = json.loads(run_on_board("power_cut.py", "mutant", heap="8m").splitlines()[-1])
    assert result["lost"] > 0


def test_after_a_restart_entries_come_back_with_old_identity_and_no_time(fs: Folder) -> None:
    journal = Journal(fs, "/journal", 100)
    for seq in range(70):  # more than two segments
        assert journal.put(scan(seq))
    again = Journal(fs, "/journal", 100)
    entries = take_all(again)
    assert [(entry.boot, entry.seq, entry.made_ms) for entry in entries] == [(5, seq, None) for seq in range(70)]
    assert len(again) == 70


def test_what_is_acknowledged_is_gone_from_flash(fs: Folder, tmp_path: Path) -> None:
    journal = Journal(fs, "/journal", 100)
    for seq in range(70):
        journal.put(scan(seq))
    for entry in take_all(journal):
        journal.done(entry)
    assert len(journal) == 0
    assert list((tmp_path / "journal").iterdir()) == []
    assert journal.put(scan(70))


def test_a_full_journal_refuses_and_counts_the_newest(fs: Folder) -> None:
    journal = Journal(fs, "/journal", 3)
    assert [journal.put(scan(seq)) for seq in range(5)] == [True, True, True, False, False]
    assert journal.dropped == 2
    assert [entry.seq for entry in take_all(Journal(fs, "/journal", 3))] == [0, 1, 2]


def test_a_flash_without_room_refuses_and_goes_on_later(fs: Folder) -> None:
    journal = Journal(fs, "/journal", 100)
    fs.is_full = True
    assert not journal.put(scan(0))
    fs.is_full = False
    assert journal.put(scan(1))
    assert journal.dropped == 1
    assert [entry.seq for entry in take_all(Journal(fs, "/journal", 100))] == [1]


def test_a_damaged_segment_is_set_aside_and_its_good_records_kept(fs: Folder, tmp_path: Path) -> None:
    journal = Journal(fs, "/journal", 100)
    for seq in range(5):
        journal.put(scan(seq))
    segment = tmp_path / "journal" / "00000001"
    data = bytearray(segment.read_bytes())
    data[-10] ^= 1
    segment.write_bytes(data)
    again = Journal(fs, "/journal", 100)
    assert [entry.seq for entry in take_all(again)] == [0, 1, 2, 3]
    assert again.damaged == 1
    assert (tmp_path / "journal" / "damaged-00000001").read_bytes() == bytes(data)
    third = Journal(fs, "/journal", 100)
    assert [entry.seq for entry in take_all(third)] == [0, 1, 2, 3]
    assert third.damaged == 0


def test_a_start_that_finds_acknowledged_entries_again_has_room_for_them(fs: Folder) -> None:
    journal = Journal(fs, "/journal", 40)
    for seq in range(40):
        journal.put(scan(seq))
    taken = take_all(journal)
    for entry in taken[:31] + taken[32:39]:  # one of each segment is left
        journal.done(entry)
    for seq in range(40, 78):
        assert journal.put(scan(seq))
    assert {entry.seq for entry in take_all(Journal(fs, "/journal", 40))} == set(range(78))


def test_more_than_fits_is_kept_for_the_next_start(fs: Folder) -> None:
    journal = Journal(fs, "/journal", 300)
    for seq in range(300):
        journal.put(scan(seq))
    small = Journal(fs, "/journal", 40)
    first = take_all(small)
    for entry in first:
        small.done(entry)
    assert small.failed == 1
    second = take_all(Journal(fs, "/journal", 300))
    assert [entry.seq for entry in first + second] == list(range(300))


def test_the_boot_counter_goes_on_and_a_blank_flash_begins_anywhere(fs: Folder) -> None:
    assert Memory(fs, "/memory").next_boot(40000) == 40000
    assert Memory(fs, "/memory").next_boot(1) == 40001
    Memory(fs, "/memory").write("boot", 65535)
    assert Memory(fs, "/memory").next_boot(1) == 0


def test_a_damaged_number_is_not_known(fs: Folder, tmp_path: Path) -> None:
    Memory(fs, "/memory").write("boot", 7)
    (tmp_path / "memory" / "boot").write_bytes(b"\x08\0\0\0\0\0\0\0")
    assert Memory(fs, "/memory").read("boot") is None


def test_the_ring_drops_its_oldest_and_counts() -> None:
    ring = Ring(3)
    for seq in range(5):
        ring.put(scan(seq))
    assert ring.dropped == 2
    assert [entry.seq for entry in iter(ring.take, None)] == [2, 3, 4]
