"""Hand scanners: keyboards that only the gateway hears, serial ports, and the answers to what they read."""

import fcntl
import os
import random
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.codes.gs1 import GS
from edge_gateway.contract import parcel_label
from edge_gateway.contract.messages import Scan, ScanResult
from edge_gateway.scanner.devices import KeyboardScanner, Lines
from edge_gateway.scanner.keys import EVENT, PLAIN, SHIFTED, Keys
from edge_gateway.scanner.scanner import Scanner
from edge_gateway.settings import ScannerSettings
from tests.edge_gateway.rig import Parts, parcel, parts, plan, serial_line, stop, wait_until

MEAL, OTHER = parcel_label.label(1), parcel_label.label(2)
UINPUT = Path("/dev/uinput")


def key(code: int, value: int) -> bytes:
    return EVENT.pack(0, 0, 1, code, value) + EVENT.pack(0, 0, 0, 0, 0)


def typed(text: str, *, enter: int = 28) -> bytes:
    """The events of a scanner that types `text`."""
    plain = {character: code for code, character in reversed(PLAIN.items())}
    shifted = {character: code for code, character in reversed(SHIFTED.items())}
    events = b""
    for character in text:
        if character == GS:
            events += key(29, 1) + key(27, 1) + key(27, 0) + key(29, 0)
        elif character in plain:
            events += key(plain[character], 1) + key(plain[character], 0)
        else:
            events += key(42, 1) + key(shifted[character], 1) + key(shifted[character], 0) + key(42, 0)
    return events + key(enter, 1) + key(enter, 0)


def unheard(_field: str, _reason: str) -> None:
    """Where it is not asked what was refused."""


typeable = st.text(alphabet=sorted(set(PLAIN.values()) | set(SHIFTED.values()) | {GS}), min_size=1, max_size=40)


@given(typeable, st.integers(1, 70))
def test_what_is_typed_is_what_is_read_however_it_is_cut(text: str, size: int) -> None:
    keys, events = Keys(unheard), typed(text)
    codes = [code for at in range(0, len(events), size) for code in keys.feed(events[at : at + size])]
    assert codes == [text]


@given(st.binary(max_size=400))
def test_any_events_are_survived(data: bytes) -> None:
    keys = Keys(unheard)
    for code in keys.feed(data) + keys.feed(data):
        assert all(
            character in PLAIN.values() or character in SHIFTED.values() or character == GS for character in code
        )


def test_a_key_held_down_and_an_endless_code_are_no_code() -> None:
    refused: list[str] = []
    keys = Keys(lambda _field, reason: refused.append(reason))
    assert keys.feed(key(2, 1) + key(2, 2) * 5 + key(28, 1)) == ["1"], "repeats of a held key"
    assert keys.feed(b"".join(key(3, 1) for _ in range(4003)) + key(28, 1)) == [], "nor is its end one"
    assert refused == ["longer than 2000 characters"]
    assert keys.feed(key(28, 1)) == [], "an empty line is no code"
    assert keys.feed(key(2, 1) + key(28, 1)) == ["1"], "the next is one"


def test_an_endless_code_on_a_serial_line_is_no_code_and_nor_is_its_end() -> None:
    refused: list[str] = []
    lines = Lines(lambda _field, reason: refused.append(reason))
    assert [lines.feed(data) for data in (b"7" * 2001, b"7" * 3000, b"BZ1\rBZ", b"2\r")] == [[], [], [], ["BZ2"]]
    assert len(refused) == 1


@given(
    st.lists(st.text(alphabet="ABC123" + GS, min_size=1, max_size=10), max_size=5),
    st.sampled_from(["\r", "\n", "\r\n"]),
)
def test_codes_on_a_serial_line_end_at_cr_or_lf(codes: list[str], end: str) -> None:
    lines = Lines(unheard)
    data = "".join(code + end for code in codes).encode()
    assert [code for at in range(0, len(data), 3) for code in lines.feed(data[at : at + 3])] == codes


@contextmanager
def scanning(gateway: Parts, device: str) -> Iterator[None]:
    scanner = Scanner(
        ScannerSettings(name="hand", device=device),
        gateway="van-1",
        intake=gateway.intake,
        state=gateway.state,
        rejects=gateway.rejects,
        time=gateway.time,
        random=random.Random(1),
        poll_s=0.01,
    )
    scanner.start()
    try:
        yield
    finally:
        scanner.stop()


def results(gateway: Parts) -> list[ScanResult]:
    return [event.result for event in gateway.events() if isinstance(event, Scan)]


def test_a_scanner_on_a_serial_port_gets_all_answers_and_keeps_no_citizens_number(tmp_path: Path) -> None:
    with parts(tmp_path / "data") as gateway, serial_line(tmp_path / "scanner") as line:
        gateway.intake.plan(plan(stop("s1", deliver=(parcel(MEAL),)), elsewhere={OTHER: "van-2"}), b"{}")
        with scanning(gateway, f"serial:{line.path}"):
            wait_until(lambda: gateway.state.nodes["van-1/hand"].online)
            line.send(f"]C0{MEAL}\r\n]C0{MEAL}\r\n".encode())
            wait_until(lambda: len(results(gateway)) == 1)
            gateway.clock.t_s += 3
            for code in (MEAL, OTHER, "who knows", "]Q1111222333", "]Q1BSN 111.222.333"):
                line.send(f"{code}\r".encode())
            wait_until(lambda: sum(gateway.refusals().values()) == 2)
        assert results(gateway) == [
            ScanResult.RIGHT,  # and its repeat within two seconds is none
            ScanResult.ALREADY_SCANNED,
            ScanResult.WRONG_VAN,
            ScanResult.UNKNOWN,
        ]
        assert not gateway.state.nodes["van-1/hand"].online
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"who knows" in on_disk
    assert b"222333" not in on_disk and b"222.333" not in on_disk


def test_a_citizens_number_is_in_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with parts(tmp_path / "data") as gateway, serial_line(tmp_path / "scanner") as line:
        with scanning(gateway, f"serial:{line.path}"):
            wait_until(lambda: gateway.state.nodes["van-1/hand"].online)
            line.send(b"111222333\r")
            wait_until(gateway.refusals)
        shown = str(gateway.state.snapshot()) + str(gateway.rejects.shown())
    assert "222333" not in caplog.text + shown


def test_what_is_no_keyboard_is_not_listened_to(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        KeyboardScanner(str(tmp_path / "absent"), poll_s=0.01, refuse=unheard).open()
    with pytest.raises(OSError):
        KeyboardScanner("/dev/null", poll_s=0.01, refuse=unheard).open()


def test_a_real_keyboard_is_taken_for_the_gateway_alone(tmp_path: Path) -> None:
    """With the kernel's uinput a real keyboard is made. Where there is none, the tests above hold all but the grab."""
    if not UINPUT.exists():
        print("not tried on a real keyboard: no /dev/uinput on this machine")  # noqa: T201 - a reason to be seen
        return
    with made_keyboard() as (write, device):
        other = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
        with parts(tmp_path) as gateway, scanning(gateway, f"hid:{device}"):
            wait_until(lambda: gateway.state.nodes["van-1/hand"].online)
            os.write(write, typed(f"0109876543210982{GS}10AB"))
            wait_until(lambda: len(results(gateway)) == 1)
            with pytest.raises(BlockingIOError):
                os.read(other, 64)  # nobody else hears it
        os.close(other)


@contextmanager
def made_keyboard() -> Iterator[tuple[int, str]]:
    """A keyboard of the kernel's own making: where to write its events, and its path."""
    set_evbit, set_keybit, create, destroy = 0x40045564, 0x40045565, 0x5501, 0x5502
    before = set(Path("/dev/input").glob("event*")) if Path("/dev/input").is_dir() else set[Path]()
    write = os.open(UINPUT, os.O_WRONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(write, set_evbit, 1)
        for code in range(1, 100):
            fcntl.ioctl(write, set_keybit, code)
        os.write(write, struct.pack("80sHHHHI", b"buurtrit test", 3, 1, 1, 1, 0) + bytes(4 * 64 * 4))
        fcntl.ioctl(write, create)
        wait_until(lambda: set(Path("/dev/input").glob("event*")) - before)
        time.sleep(0.2)
        yield write, str((set(Path("/dev/input").glob("event*")) - before).pop())
        fcntl.ioctl(write, destroy)
    finally:
        os.close(write)
