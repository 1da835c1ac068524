"""What the outbox promises: nothing leaves it but by the hub's word, numbers have no holes, repeats count once."""

import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway import salvage_command
from edge_gateway.contract.messages import (
    AnyEvent,
    Battery,
    ClockQuality,
    Lane,
    Lid,
    Position,
    decode_event,
)
from edge_gateway.errors import InvalidEventError, OutboxError, OutboxFullError
from edge_gateway.outbox import Outbox
from tests.edge_gateway.rig import START_S, HandClock, tour, wait_until


def open_outbox(folder: Path, *, commit_s: float = 30.0, max_bytes: int = 10**8, now_s: float = START_S) -> Outbox:
    return Outbox(
        folder / "outbox.sqlite",
        source="van-1",
        now_s=HandClock(now_s).now_s,
        commit_s=commit_s,
        max_bytes=max_bytes,
    )


def position(seq: int = 0, **more: object) -> Position:
    return Position(source="van-1", boot=0, seq=seq, t_s=START_S, fix="none", **more)  # type: ignore[arg-type]


def lid(seq: int, boot: int = 1) -> Lid:
    return Lid(source="van-1/cooler", boot=boot, seq=seq, t_s=START_S, open=True)


def held(outbox: Outbox, lane: Lane) -> list[tuple[int, AnyEvent]]:
    rows = outbox.read(lane, from_n=1, max_events=10**6, max_bytes=10**9)
    return [(n, decode_event.decode(body)) for n, body in rows]


def test_own_events_get_a_boot_and_numbers_without_holes(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour()])
    outbox.offer(position())
    outbox.commit([tour("departed_hub")])
    assert [(n, event.seq) for n, event in held(outbox, Lane.BUSINESS)] == [(1, 0), (2, 2)]
    assert [(n, event.seq) for n, event in held(outbox, Lane.TELEMETRY)] == [(1, 1)]
    assert {event.boot for _n, event in held(outbox, Lane.BUSINESS)} == {outbox.boot}
    outbox.close()


def test_unsent_events_and_numbers_survive_a_restart(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour(), tour()])
    outbox.committed(Lane.BUSINESS, 1)
    name, boot = outbox.id, outbox.boot
    outbox.close()
    again = open_outbox(tmp_path)
    assert (again.id, again.boot) == (name, boot + 1)
    again.commit([tour()])
    assert [n for n, _event in held(again, Lane.BUSINESS)] == [2, 3]
    assert again.span(Lane.BUSINESS) == (1, 2, 3)
    assert held(again, Lane.BUSINESS)[-1][1].seq == 0
    again.close()


def test_numbers_are_not_used_again_after_all_was_committed(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour(), tour()])
    outbox.committed(Lane.BUSINESS, 2)
    outbox.close()
    again = open_outbox(tmp_path)
    again.commit([tour()])
    assert [n for n, _event in held(again, Lane.BUSINESS)] == [3]
    again.close()


def test_a_repeat_of_a_nodes_event_is_kept_once_and_counts_as_committed(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    assert len(outbox.commit([lid(7)])) == 1
    assert outbox.commit([lid(7)]) == []
    assert outbox.has(("van-1/cooler", 1, 7))
    done = threading.Event()
    outbox.offer(lid(7), committed=done.set)
    outbox.flush()
    assert done.is_set()
    assert len(held(outbox, Lane.BUSINESS)) == 1
    outbox.committed(Lane.BUSINESS, 1)
    outbox.flush()
    assert outbox.commit([lid(7)]) == [], "also after it left the outbox"
    outbox.close()


def test_nothing_is_called_committed_before_the_commit(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    done = threading.Event()
    outbox.offer(position(), committed=done.set)
    assert not done.is_set()
    outbox.commit([tour()])
    assert done.is_set(), "a business commit takes the waiting telemetry along"
    outbox.close()


def test_telemetry_commits_by_itself_after_the_period(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, commit_s=0.02)
    done = threading.Event()
    outbox.offer(position(), committed=done.set)
    assert done.wait(5)
    outbox.close()


def test_a_clean_stop_commits_what_waits(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.offer(position())
    outbox.close()
    again = open_outbox(tmp_path)
    assert len(held(again, Lane.TELEMETRY)) == 1
    again.close()


def test_only_the_hubs_word_deletes(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour() for _ in range(5)])
    assert not outbox.committed(Lane.BUSINESS, 6), "more than was ever given out"
    assert outbox.committed(Lane.BUSINESS, 3)
    outbox.flush()
    assert [n for n, _event in held(outbox, Lane.BUSINESS)] == [4, 5]
    assert outbox.committed(Lane.BUSINESS, 2), "an old word changes nothing"
    assert outbox.span(Lane.BUSINESS) == (3, 4, 5)
    outbox.close()


def test_business_is_refused_rather_than_dropped(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=50_000)
    for _ in range(20):
        outbox.offer(position())
    kept = 0
    with pytest.raises(OutboxFullError, match="restore the connection"):
        while kept < 10_000:
            kept += len(outbox.commit([tour()]))
    assert (outbox.depth.business, outbox.depth.telemetry) == (kept, 0), "telemetry gave way first"
    outbox.committed(Lane.BUSINESS, 10)
    [one] = outbox.commit([tour()])
    assert held(outbox, Lane.BUSINESS)[-1][1] == one
    assert one.seq == held(outbox, Lane.BUSINESS)[-2][1].seq + 1, "a refused event leaves no hole"
    outbox.close()


def test_an_event_outside_the_contract_names_its_field(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    with pytest.raises(InvalidEventError) as raised:
        outbox.commit([position(lat=91.0)])
    assert raised.value.field == "lat"
    with pytest.raises(InvalidEventError):
        outbox.offer(Battery(source="van-1/shunt", boot=1, seq=1, t_s=START_S, voltage_v=-1.0))
    assert outbox.depth.telemetry == 0
    outbox.close()


def test_one_file_has_one_gateway(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    with pytest.raises(OutboxError, match="another gateway"):
        open_outbox(tmp_path)
    outbox.close()
    open_outbox(tmp_path).close()


def as_it_was(folder: Path, events: int) -> Path:
    """A file from before each lane had a table, with so many events in each."""
    outbox = open_outbox(folder)
    for _ in range(events):
        outbox.offer(position())
    outbox.commit([tour() for _ in range(events)])
    outbox.committed(Lane.BUSINESS, 1)
    outbox.close()
    file = folder / "outbox.sqlite"
    with closing(sqlite3.connect(file)) as old:
        old.executescript(
            "create table events (lane text not null, n integer not null, body blob not null, primary key (lane, n)) "
            "without rowid;"
            "insert into events select 'business', n, body from business;"
            "insert into events select 'telemetry', n, body from telemetry;"
            "drop table business; drop table telemetry;"
        )
    return file


def test_an_older_file_s_events_keep_their_numbers(tmp_path: Path) -> None:
    as_it_was(tmp_path, 3)
    outbox = open_outbox(tmp_path)
    assert [n for n, _event in held(outbox, Lane.BUSINESS)] == [2, 3]
    assert [n for n, _event in held(outbox, Lane.TELEMETRY)] == [1, 2, 3]
    outbox.commit([tour()])
    assert outbox.span(Lane.BUSINESS) == (1, 2, 4)
    outbox.close()
    open_outbox(tmp_path).close()


def test_an_older_file_that_has_no_room_to_change_loses_nothing(tmp_path: Path) -> None:
    file = as_it_was(tmp_path, 300)
    with prevented_growth(), pytest.raises(OutboxError, match="refuses to write"):
        open_outbox(tmp_path)
    with closing(sqlite3.connect(file)) as old:
        assert old.execute("select count(*) from events where lane = 'telemetry'").fetchone() == (300,)
    outbox = open_outbox(tmp_path)
    assert outbox.set_aside is None
    assert len(held(outbox, Lane.TELEMETRY)) == 300
    outbox.close()


@contextmanager
def prevented_growth() -> Iterator[None]:
    """No file of this process may become longer than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("damage", ["overwritten", "not a database", "cut"])
def test_a_damaged_file_is_set_aside_and_a_fresh_one_begun(tmp_path: Path, damage: str) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour(extra_s=float(i)) for i in range(500)])
    outbox.close()
    file = tmp_path / "outbox.sqlite"
    data = bytearray(file.read_bytes())
    if damage == "overwritten":
        for at in range(4096, len(data) - 4096, 4096):
            data[at : at + 1000] = b"\xa5" * 1000
    elif damage == "cut":
        del data[len(data) // 2 :]
    else:
        data[:] = b"this is no database" * 1000
    file.write_bytes(data)
    again = open_outbox(tmp_path, now_s=START_S + 100)
    assert again.set_aside is not None and again.set_aside.read_bytes()[:4096] == bytes(data[:4096])
    assert again.id != outbox.id
    assert again.boot > outbox.boot, "(source, boot, seq) of the lost file are never used again"
    again.commit([tour()])
    assert [n for n, _event in held(again, Lane.BUSINESS)] == [1]
    again.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_file_that_breaks_while_open_ends_the_thread_and_is_set_aside_at_the_next_start(tmp_path: Path) -> None:
    failed = threading.Event()
    before, threading.excepthook = threading.excepthook, lambda _failure: failed.set()
    try:
        outbox = open_outbox(tmp_path, commit_s=0.02)
        outbox.commit([tour(extra_s=float(i)) for i in range(3000)])
        outbox._file.connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        outbox._file.connection.execute("pragma shrink_memory")
        file = tmp_path / "outbox.sqlite"
        with file.open("r+b") as raw:
            raw.seek(4096)
            raw.write(b"\xa5" * (file.stat().st_size - 4096))
        outbox.offer(position())
        assert failed.wait(5), "a gateway that cannot keep anything must not look well"
        with pytest.raises(OutboxError):
            outbox.commit([tour()])
        with pytest.raises(OutboxError):
            outbox.close()
    finally:
        threading.excepthook = before
    again = open_outbox(tmp_path)
    assert again.set_aside is not None
    again.close()


def test_a_second_damage_does_not_overwrite_the_first(tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "outbox.sqlite").write_text(f"{text} is no database" * 100)
        open_outbox(tmp_path).close()
    kept = sorted(path.name for path in tmp_path.glob("outbox.sqlite.damaged-*"))
    assert kept == ["outbox.sqlite.damaged-1", "outbox.sqlite.damaged-2"]


def test_a_disk_that_refuses_acknowledges_nothing_and_loses_nothing(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    done = threading.Event()
    outbox.offer(position(), committed=done.set)
    other = sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)
    outbox._file.connection.execute("pragma busy_timeout = 10")
    other.execute("begin immediate")
    with pytest.raises(OutboxError, match="refuses"):
        outbox.commit([tour()])
    assert not done.is_set()
    other.execute("rollback")
    other.close()
    outbox.commit([tour()])
    assert done.is_set()
    assert [event.seq for lane in Lane for _n, event in held(outbox, lane)] == [1, 0]
    outbox.close()


def test_records_facts_and_today_are_remembered_with_their_commit(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour()], record=("id-1", b"answer"), facts={"plan": b"body"}, remember=True)
    outbox.commit([tour("ended")])
    outbox.close()
    again = open_outbox(tmp_path)
    assert again.answer("id-1") == b"answer" and again.answer("id-2") is None
    assert again.fact("plan") == b"body" and again.fact("other") is None
    assert [event.phase for event in again.today() if not isinstance(event, Position)] == ["started"]  # type: ignore[union-attr]
    again.forget_today()
    assert again.today() == []
    again.close()


def test_stamps_of_an_unset_clock_are_corrected_while_they_are_unsent(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour()])
    outbox.close()
    outbox = open_outbox(tmp_path)  # what the start before this one stamped is not ours to correct
    unset = Lid(source="van-1", boot=0, seq=0, t_s=START_S, clock=ClockQuality.NONE, open=True)
    outbox.commit([unset, tour()])
    outbox.offer(position(clock=ClockQuality.NONE))
    outbox.correct_times(3600.0, ClockQuality.GPS)
    outbox.flush()
    times = [(event.t_s, event.clock) for lane in Lane for _n, event in held(outbox, lane)]
    late = (START_S + 3600, ClockQuality.GPS)
    assert times == [(START_S, ClockQuality.NTP), late, (START_S, ClockQuality.NTP), late]
    outbox.close()


def test_a_batch_stays_under_its_limits(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.commit([tour() for _ in range(100)])
    size = len(outbox.read(Lane.BUSINESS, from_n=1, max_events=1, max_bytes=10**6)[0][1])
    rows = outbox.read(Lane.BUSINESS, from_n=11, max_events=50, max_bytes=10 * (size + 5))
    assert [n for n, _body in rows] == list(range(11, 11 + len(rows)))
    assert 8 <= len(rows) <= 10
    assert len(outbox.read(Lane.BUSINESS, from_n=1, max_events=50, max_bytes=1)) == 1, "one always fits"
    outbox.close()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 3)),
        st.tuples(st.just("offer"), st.integers(1, 5)),
        st.tuples(st.just("node"), st.integers(0, 8)),
        st.tuples(st.just("committed"), st.integers(0, 20)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=25,
)


@given(steps)
def test_what_is_held_is_always_what_was_kept_and_not_committed(doing: list[tuple[str, int]]) -> None:
    """Against the simplest model: a list a lane, of which the hub's word takes a head away."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        outbox = open_outbox(folder)
        kept: list[AnyEvent] = []
        committed_n = 0
        seen: set[int] = set()
        telemetry = 0
        for word, value in doing:
            if word == "commit":
                kept += outbox.commit([tour() for _ in range(value)])
            elif word == "offer":
                for _ in range(value):
                    outbox.offer(position())
                telemetry += value
            elif word == "node":
                fresh = outbox.commit([lid(value)])
                assert bool(fresh) is (value not in seen)
                seen.add(value)
                kept += fresh
            elif word == "committed":
                if outbox.committed(Lane.BUSINESS, value):
                    committed_n = max(committed_n, value)
                else:
                    assert value > len(kept)
            else:
                outbox.close()
                outbox = open_outbox(folder)
            outbox.flush()
            base_n = outbox.span(Lane.BUSINESS)[1]
            assert base_n == committed_n + 1
            expected = list(enumerate(kept, start=1))[committed_n:]
            assert [entry for entry in held(outbox, Lane.BUSINESS) if entry[0] >= base_n] == expected
            assert [n for n, _event in held(outbox, Lane.TELEMETRY)] == list(range(1, telemetry + 1))
        outbox.close()


# ------------------------------------------------------------ with a real process

WRITER = """
import sys
from pathlib import Path
from edge_gateway.contract.messages import Tour
from edge_gateway.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), source="van-1", now_s=lambda: 1795417200.0, commit_s=0.05, max_bytes=10**8)
for i in range(int(sys.argv[2])):
    tour = Tour(source="van-1", boot=0, seq=0, t_s=1795417200.0, phase="longer", extra_s=float(i % 900))
    [event] = outbox.commit([tour])
    print(event.boot, event.seq, flush=True)
if len(sys.argv) > 3:
    outbox.close()
"""


@pytest.mark.servers
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    acknowledged: list[tuple[int, int]] = []
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "outbox.sqlite"), "1000000"], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(100)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
        writer.wait()
        writer.stdout.close()
        for line in lines:
            if line.endswith(b"\n"):
                boot, seq = line.split()
                acknowledged.append((int(boot), int(seq)))
    outbox = open_outbox(tmp_path)
    on_disk = held(outbox, Lane.BUSINESS)
    outbox.close()
    assert outbox.set_aside is None
    assert [n for n, _event in on_disk] == list(range(1, len(on_disk) + 1))
    identities = [(event.boot, event.seq) for _n, event in on_disk]
    assert len(set(identities)) == len(identities)
    assert set(acknowledged) <= set(identities)
    assert len(acknowledged) >= 500


def test_every_commit_is_asked_to_reach_the_disk(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    modes = [
        outbox._file.connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]
    assert modes == ["wal", 2], "2 is FULL"
    outbox.close()


@pytest.mark.servers
def test_every_acknowledged_event_was_forced_to_the_disk(tmp_path: Path) -> None:
    """kill -9 cannot tell synchronous=FULL from NORMAL, since the page cache survives it: count the calls instead.

    Where no strace may trace, the commits are only made; the test above holds what SQLite was asked for.
    """
    strace = shutil.which("strace")
    trace = tmp_path / "trace"
    tracing = [] if strace is None else [strace, "-f", "-qq", "-e", "trace=fdatasync,fsync", "-o", str(trace)]
    command = [sys.executable, "-c", WRITER, str(tmp_path / "outbox.sqlite"), "50", "close"]
    done = subprocess.run([*tracing, *command], capture_output=True, check=False)
    if strace is None or b"ptrace" in done.stderr:
        print("fdatasync not counted: no strace here, or it may not trace")  # noqa: T201 - a reason to be seen
        trace.unlink(missing_ok=True)
        done = subprocess.run(command, capture_output=True, check=False) if not done.stdout else done
    assert done.returncode == 0, done.stderr.decode()
    assert len(done.stdout.splitlines()) == 50
    if trace.exists():
        assert len(re.findall(r"\b(?:fdatasync|fsync)\(", trace.read_text())) >= 50


@pytest.mark.servers
def test_group_commit_spares_the_disk(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, commit_s=0.1)
    done = threading.Event()
    for seq in range(1000):
        outbox.offer(position(), committed=done.set if seq == 999 else None)
    wait_until(done.is_set)
    (changes,) = outbox._file.connection.execute("select count(*) from telemetry").fetchone()
    assert changes == 1000
    outbox.close()


def test_a_file_that_is_not_there_is_not_an_outbox_without_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        salvage_command.main([str(tmp_path / "outbox.sqlite.damaged-9")])
    assert ended.value.code == 2
    assert "outbox.sqlite.damaged-9: no such file" in capsys.readouterr().err
