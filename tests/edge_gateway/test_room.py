"""A full outbox, a full disk, a damaged file: what gives way, what stays, and what can be read again."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.__main__ import main
from edge_gateway.contract.messages import (
    AnyEvent,
    Battery,
    Cooler,
    Lane,
    NodeStatus,
    Position,
    Rejected,
    Span,
    Vehicle,
    decode_event,
    encode,
)
from edge_gateway.outbox.salvage import salvage
from edge_gateway.outbox.thinning import thin
from tests.edge_gateway.rig import START_S, table, tour
from tests.edge_gateway.test_outbox import held, open_outbox

DAY_S = 86_400.0


def battery(seq: int, volts: float | None, t_s: float) -> Battery:
    return Battery(source="van-1/shunt", boot=1, seq=seq, t_s=t_s, voltage_v=volts)


def cooler(seq: int, mean_c: float, t_s: float) -> Cooler:
    span = Span(mean_c=mean_c, min_c=mean_c - 1, max_c=mean_c + 1)
    return Cooler(source="van-1/cooler", boot=1, seq=seq, t_s=t_s, period_s=60, air=span, product=Span(), lid_open_s=2)


# ------------------------------------------------------------ thinning


def test_ten_readings_become_one_that_keeps_mean_lowest_and_highest() -> None:
    [one] = thin([battery(seq, 12.0 + seq, START_S + 60 * seq) for seq in range(10)])
    assert isinstance(one, Battery) and one.thinned is not None
    assert (one.seq, one.t_s, one.voltage_v) == (9, START_S + 540, 21.0), "itself it is the last reading"
    spread = one.thinned.spreads["voltage_v"]
    assert (spread.mean, spread.min, spread.max) == (16.5, 12.0, 21.0)
    assert (one.thinned.count, one.thinned.from_s) == (10, START_S)


def test_a_coolers_spans_grow_together_weighted_by_their_time() -> None:
    [one] = thin([cooler(seq, 3.0 + seq, START_S + 60 * seq) for seq in range(4)])
    assert isinstance(one, Cooler) and one.thinned is not None
    assert (one.air.mean_c, one.air.min_c, one.air.max_c) == (4.5, 2.0, 7.0)
    assert (one.period_s, one.lid_open_s, one.product) == (240, 8, Span())
    assert one.thinned.from_s == START_S - 60


def test_what_must_not_be_blurred_is_kept_apart() -> None:
    common = {"source": "van-1", "boot": 1}
    positions = [
        Position(**common, seq=seq, t_s=START_S + seq, fix="none" if seq % 2 else "3d")  # type: ignore[arg-type]
        for seq in range(6)
    ]
    assert {event.fix for event in thin(positions) if isinstance(event, Position)} == {"none", "3d"}
    vans = [Vehicle(**common, seq=seq, t_s=START_S + seq, plugged=seq > 2) for seq in range(6)]  # type: ignore[arg-type]
    assert [event.plugged for event in thin(vans) if isinstance(event, Vehicle)] == [False, True]
    other = [battery(0, 12.0, START_S), Battery(source="van-1/other", boot=1, seq=0, t_s=START_S, voltage_v=1.0)]
    assert len(thin(other)) == 2
    refused = [
        Rejected(**common, seq=seq, t_s=START_S, origin="gps", field="lat", reason="jump", count=3)  # type: ignore[arg-type]
        for seq in range(3)
    ]
    [told] = thin(refused)
    assert isinstance(told, Rejected) and told.count == 9
    nodes = [
        NodeStatus(**common, seq=seq, t_s=START_S, node="van-1/cooler", online=True, dropped=seq)  # type: ignore[arg-type]
        for seq in range(3)
    ]
    [status] = thin(nodes)
    assert isinstance(status, NodeStatus) and status.dropped == 2, "its counters count from the boot on"


readings = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.none() | st.floats(0, 1000), st.floats(0, 3 * DAY_S)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(readings, st.integers(1, 3))
def test_thinning_again_and_again_keeps_count_lowest_highest_and_mean(
    said: list[tuple[str, float | None, float]], times: int
) -> None:
    events: list[AnyEvent] = [
        Battery(source=f"van-1/{node}", boot=1, seq=seq, t_s=START_S + at, voltage_v=volts)
        for seq, (node, volts, at) in enumerate(sorted(said, key=lambda one: one[2]))
    ]
    thinned = events
    for _ in range(times):
        thinned = thin(thinned)
    assert [decode_event.decode(encode(event)) for event in thinned] == thinned
    assert [event.t_s for event in thinned] == sorted(event.t_s for event in thinned)
    for node in {node for node, _volts, _at in said}:
        before = [event for event in events if event.source == f"van-1/{node}"]
        after = [event for event in thinned if event.source == f"van-1/{node}"]
        assert sum(_count(event) for event in after) == len(before)
        known = [event.voltage_v for event in before if isinstance(event, Battery) and event.voltage_v is not None]
        lows, highs = [_low(event) for event in after], [_high(event) for event in after]
        assert min((low for low in lows if low is not None), default=None) == min(known, default=None)
        assert max((high for high in highs if high is not None), default=None) == max(known, default=None)


def _count(event: AnyEvent) -> int:
    assert isinstance(event, Battery)
    return 1 if event.thinned is None else event.thinned.count


def _low(event: AnyEvent) -> float | None:
    assert isinstance(event, Battery)
    spread = None if event.thinned is None else event.thinned.spreads.get("voltage_v")
    return event.voltage_v if spread is None else spread.min


def _high(event: AnyEvent) -> float | None:
    assert isinstance(event, Battery)
    spread = None if event.thinned is None else event.thinned.spreads.get("voltage_v")
    return event.voltage_v if spread is None else spread.max


# ------------------------------------------------------------ a full outbox


def test_a_full_outbox_thins_its_oldest_telemetry_first_and_counts_it(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=200_000)
    outbox.commit([tour() for _ in range(40)])
    for seq in range(3000):
        outbox.offer(battery(seq, 12.0, START_S + 60 * seq))
        if seq % 20 == 0:
            outbox.flush()
    outbox.flush()
    depth = outbox.depth
    assert depth.business == 40 and depth.thinned > 1000 and depth.dropped == 0
    kept = [event for _n, event in held(outbox, Lane.TELEMETRY) if isinstance(event, Battery)]
    assert sum(_count(event) for event in kept) == 3000, "all are still spoken for"
    assert max(event.seq for event in kept if event.thinned is None) == 2999, "the newest is as it was"
    assert [n for n, _event in held(outbox, Lane.TELEMETRY)] == list(
        range(outbox.span(Lane.TELEMETRY)[1], outbox.span(Lane.TELEMETRY)[2] + 1)
    ), "and the numbers have no holes"
    outbox.close()
    again = open_outbox(tmp_path, max_bytes=200_000)
    assert (again.depth.thinned, again.depth.dropped) == (depth.thinned, 0), "counted for ever"
    again.close()


def test_telemetry_never_takes_the_room_that_is_business(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=200_000)
    for seq in range(2500):
        outbox.offer(battery(seq, 12.0, START_S + 60 * seq))
        if seq % 50 == 0:
            outbox.flush()
    outbox.flush()
    thinned = outbox.depth.thinned
    outbox.commit([tour() for _ in range(60)])
    assert outbox.depth.business == 60 and outbox.depth.thinned == thinned, "a scan does not wait for room to be made"
    outbox.close()


def month(days: float) -> list[Callable[[int], AnyEvent]]:
    """The telemetry of a van that works ten hours a day, six of them driving, at the periods of the settings."""
    place = {
        "fix": "3d",
        "lat": 52.2512345,
        "lon": 6.1602345,
        "speed_m_s": 8.123,
        "heading_deg": 271.3,
        "accuracy_m": 4.2,
    }
    common = {"source": "van-1", "boot": 1_795_417_200}
    kinds: list[tuple[float, Callable[[int], AnyEvent]]] = [
        (6 * 3600 / 5 + 18 * 3600 / 30, lambda at: Position(**common, seq=at, t_s=START_S + at, **place)),  # type: ignore[arg-type]
        (
            10 * 3600 / 10,
            lambda at: Vehicle(
                **common,  # type: ignore[arg-type]
                seq=at,
                t_s=START_S + at,
                soc_percent=71.5,
                odometer_km=12345.6,
                speed_m_s=8.1,
                plugged=False,
                pack_voltage_v=372.25,
                pack_current_a=-31.392,
            ),
        ),
        (24 * 60, lambda at: battery(at, 12.81, START_S + at)),
        (2 * 24 * 60, lambda at: cooler(at, 4.21, START_S + at)),
    ]
    return [make for per_day, make in kinds for _ in range(int(per_day * days))]


def test_an_outage_of_thirty_days_fits_the_file_and_loses_nothing(tmp_path: Path) -> None:
    """At a hundredth of the size: a hundredth of the events, in a hundredth of the file."""
    made = month(30 / 100)
    outbox = open_outbox(tmp_path, max_bytes=10_000_000)
    for at, make in enumerate(made):
        outbox.offer(make(at))
        if at % 500 == 0:
            outbox.commit([tour("longer", record="r" * 36, stop="s" * 20)])
    outbox.flush()
    depth = outbox.depth
    outbox.close()
    assert (depth.dropped, depth.thinned, depth.telemetry) == (0, 0, len(made))
    bytes_on_disk = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert bytes_on_disk * 100 < 500_000_000, "half of 1 GB, as it is: nothing needs to be thinned in a month"


def test_the_file_stays_within_what_it_was_given(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=1_000_000)
    for at in range(6000):  # our own, so that what is remembered of nodes (some MB at most) does not count here
        outbox.offer(msgspec.structs.replace(battery(0, 12.81, START_S + at), source="van-1"))
        if at % 100 == 0:
            outbox.flush()
    outbox.flush()
    assert outbox.depth.thinned > 0
    outbox.close()
    assert (tmp_path / "outbox.sqlite").stat().st_size <= 1_000_000


# ------------------------------------------------------------ a full disk

FULL_DISK = """
import os, sys
from pathlib import Path
from edge_gateway.contract.messages import Lane, Position, Tour
from edge_gateway.errors import OutboxError
from edge_gateway.outbox import Outbox
folder = Path(sys.argv[1])
outbox = Outbox(folder / "outbox.sqlite", source="van-1", now_s=lambda: 1795417200.0, commit_s=30, max_bytes=10**8,
                ballast_bytes=1_000_000)
assert (folder / "outbox.reserve").stat().st_size == 1_000_000
tour = lambda: Tour(source="van-1", boot=0, seq=0, t_s=1795417200.0, phase="longer")
outbox.commit([tour()])
with (folder / "somebody elses").open("wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 4096)
    except OSError:
        pass
outbox.offer(Position(source="van-1", boot=0, seq=0, t_s=1795417200.0, fix="none"))
kept = 1
for _ in range(50):
    kept += len(outbox.commit([tour()]))
assert not (folder / "outbox.reserve").exists(), "given up for business"
assert outbox.depth.telemetry == 1, "and telemetry waits"
(folder / "somebody elses").unlink()
outbox.flush()
held = {lane: len(outbox.read(lane, from_n=1, max_events=10**6, max_bytes=10**9)) for lane in Lane}
outbox.close()
print(kept, held[Lane.BUSINESS], held[Lane.TELEMETRY])
"""


def test_a_full_disk_still_takes_business_from_the_room_that_was_held(tmp_path: Path) -> None:
    """On a real disk of 6 MB (a tmpfs in a namespace of its own), filled by somebody else."""
    script = tmp_path / "full_disk.py"
    script.write_text(FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=6m none "{disk}" && exec "{sys.executable}" "{script}" "{disk}"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0 and ("unshare" in done.stderr or "mount" in done.stderr):
        print(f"no disk of our own here: {done.stderr.strip()}")  # noqa: T201 - a reason to be seen
        return
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["51", "51", "1"]


# ------------------------------------------------------------ a damaged file


def damaged(folder: Path, events: int = 600) -> tuple[Path, list[AnyEvent]]:
    """An outbox of which a third is overwritten, and what had been in it."""
    outbox = open_outbox(folder)
    kept = outbox.commit([tour("longer", extra_s=float(at)) for at in range(events)])
    outbox.offer(battery(1, 12.5, START_S))
    outbox.close()
    file = folder / "outbox.sqlite"
    data = bytearray(file.read_bytes())
    for at in range(4096 * 5, len(data), 4096 * 3):
        data[at : at + 4096] = b"\xa5" * 4096
    file.write_bytes(data)
    return file, kept


def test_what_can_be_read_of_a_damaged_file_is_read(tmp_path: Path) -> None:
    file, kept = damaged(tmp_path)
    found = salvage(file)
    own = [event for event in found if event.source == "van-1"]
    assert all(event in kept for event in own), "as it was, or not at all"
    assert len(own) > len(kept) / 2
    assert open_outbox(tmp_path).set_aside is not None


def test_salvaged_events_go_back_once_under_their_own_identity(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _file, kept = damaged(tmp_path)
    fresh = open_outbox(tmp_path, now_s=START_S + 100)
    aside = fresh.set_aside
    assert aside is not None
    fresh.commit([tour()])
    fresh.close()
    config = tmp_path / "van.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in table(data_dir=str(tmp_path)).items()]
    config.write_text("\n".join(lines))
    for _ in range(2):
        assert main(["salvage", str(aside), "--into", str(config)]) == 0
    again = open_outbox(tmp_path)
    back = [event for _n, event in held(again, Lane.BUSINESS)]
    again.close()
    assert len(back) == len({(event.source, event.boot, event.seq) for event in back}), "each once"
    assert len([event for event in back if event in kept]) > len(kept) / 2
    assert "events read" in capsys.readouterr().err
    assert aside.exists(), "and the file stays"
    assert main(["salvage", str(aside)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert {decode_event.decode(line).source for line in printed} <= {"van-1", "van-1/shunt"}
    with pytest.raises(SystemExit) as refused:
        main(["salvage", str(tmp_path / "absent")])
    assert refused.value.code == 2
    assert "absent: no such file" in capsys.readouterr().err
