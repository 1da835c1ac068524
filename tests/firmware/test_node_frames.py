"""The frame on the line: the same golden bytes on both sides, and rules that hold for any bytes."""

import json
import struct
import zlib

import pytest
import vectors
from hypothesis import given
from hypothesis import strategies as st
from node_board import GOLDEN, RunOnBoard

from firmware import frame, readings

FRAMES = st.builds(
    frame.Frame,
    type=st.integers(0, 255),
    boot=st.integers(0, 0xFFFF),
    seq=st.integers(0, 0xFFFFFFFF),
    age_ms=st.none() | st.integers(0, 0xFFFFFFFE),
    payload=st.binary(max_size=frame.MAX_PAYLOAD),
)


def test_golden_frames_hold_on_the_host() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert len(vectors.check(frame, readings, golden)) == sum(len(v) for v in golden.values() if isinstance(v, list))


def test_golden_frames_hold_on_micropython(run_on_board: RunOnBoard) -> None:
    held = json.loads(run_on_board("vectors.py", str(GOLDEN)))
    assert held == vectors.check(frame, readings, json.loads(GOLDEN.read_text()))


def reference_line(one: frame.Frame) -> bytes:
    """The frame by another road: COBS byte by byte as its paper has it, and zlib's CRC."""
    age_ms = 0xFFFFFFFF if one.age_ms is None else one.age_ms
    body = struct.pack("<BBHII", 1, one.type, one.boot, one.seq, age_ms) + one.payload
    out = bytearray(b"\0")
    code_at = 0
    for byte in body + struct.pack("<I", zlib.crc32(body)):
        if byte:
            out.append(byte)
        else:
            out[code_at] = len(out) - code_at
            code_at = len(out)
            out.append(0)
    out[code_at] = len(out) - code_at
    return bytes(out) + b"\0"


@given(FRAMES)
def test_a_line_is_what_the_reference_makes(one: frame.Frame) -> None:
    line = frame.encode(one)
    assert line == reference_line(one)
    assert line.count(0) == 1
    assert len(line) <= frame.MAX_ENCODED + 1


@given(st.lists(FRAMES, max_size=4), st.data())
def test_frames_arrive_however_the_bytes_are_cut(frames: list[frame.Frame], data: st.DataObject) -> None:
    line = b"".join(frame.encode(one) for one in frames)
    decoder = frame.Decoder()
    arrived = []
    while line:
        size = data.draw(st.integers(1, len(line)))
        arrived += decoder.feed(line[:size])
        line = line[size:]
    assert arrived == frames
    assert decoder.accepted == len(frames)
    assert decoder.rejected == 0


@given(st.binary(max_size=600), FRAMES)
def test_after_any_noise_the_next_whole_frame_is_read(noise: bytes, one: frame.Frame) -> None:
    decoder = frame.Decoder()
    assert decoder.feed(noise + b"\0") == []
    assert decoder.feed(frame.encode(one)) == [one]


@given(FRAMES, st.data())
def test_a_changed_byte_is_never_taken_for_a_frame(one: frame.Frame, data: st.DataObject) -> None:
    line = bytearray(frame.encode(one))
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    decoder = frame.Decoder()
    assert decoder.feed(bytes(line) + b"\0") == []
    assert decoder.rejected >= 1


@pytest.mark.parametrize(
    ("field", "one"),
    [
        ("payload", frame.Frame(frame.DATA, payload=bytes(201))),
        ("boot", frame.Frame(frame.DATA, boot=65536)),
        ("seq", frame.Frame(frame.DATA, seq=-1)),
        ("age_ms", frame.Frame(frame.DATA, age_ms=1 << 32)),
    ],
)
def test_what_does_not_fit_is_refused_by_name(field: str, one: frame.Frame) -> None:
    with pytest.raises(frame.FrameError, match=field):
        frame.encode(one)


CENTI = st.none() | st.integers(-4000, 8500).map(lambda centi: centi / 100)
SPAN = st.tuples(CENTI, CENTI, CENTI)
READINGS = st.one_of(
    st.builds(
        readings.Cooler,
        period_s=st.integers(0, 65535),
        lid_open_s=st.none() | st.integers(0, 65534),
        air=SPAN,
        product=SPAN,
    ),
    st.builds(readings.Lid, open=st.booleans()),
    st.builds(readings.Alarm, reason=st.sampled_from(sorted(readings.ALARM_REASONS)), value=CENTI),
    st.builds(
        readings.Scan, symbology=st.sampled_from(["", "]C1", "]d2", "]Q3"]), code=st.binary(min_size=1, max_size=195)
    ),
    st.builds(
        readings.Battery,
        voltage_mv=st.none() | st.integers(0, 1_000_000),
        current_ma=st.none() | st.integers(-1_000_000, 1_000_000),
        charge_mah=st.none() | st.integers(-10_000_000, 10_000_000),
    ),
)
AnyReading = readings.Cooler | readings.Lid | readings.Alarm | readings.Scan | readings.Battery


@given(READINGS, st.integers(0, 255))
def test_a_reading_comes_back_as_it_was(reading: AnyReading, link: int) -> None:
    payload = readings.pack_data(link, reading.pack())
    assert len(payload) <= frame.MAX_PAYLOAD
    link_back, packed = readings.unpack_data(payload)
    assert link_back == link
    assert vectors.values(readings.unpack(packed)) == vectors.values(reading)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reading_or_a_named_fault(data: bytes) -> None:
    try:
        readings.unpack(data)
    except readings.ReadingError as error:
        assert error.field
        assert error.reason


def test_a_code_too_long_for_a_frame_is_refused() -> None:
    with pytest.raises(readings.ReadingError, match="code"):
        readings.Scan("]C1", bytes(196)).pack()
