"""Sensor drivers against the words of their datasheets, on buses that behave as the real ones do."""

import struct

import pytest
from node import as_scan
from sensors import CoolerSensors, Ds18b20, Ina228, ReedSwitch, SerialScanner

ROM = "28ff641e8d3c0c12"


def crc8(data: bytes) -> int:
    """Dallas CRC-8, x^8 + x^5 + x^4 + 1, as MicroPython's `onewire` computes it."""
    crc = 0
    for byte in data:
        for bit in range(8):
            mix = (crc ^ (byte >> bit)) & 1
            crc >>= 1
            if mix:
                crc ^= 0x8C
    return crc


class Wire:
    """A 1-wire bus with scratchpads by address."""

    def __init__(self, scratchpads: dict[str, bytes]) -> None:
        self.scratchpads = scratchpads
        self.written: list[int] = []
        self._selected = ""

    def reset(self) -> bool:
        return bool(self.scratchpads)

    def select_rom(self, rom: bytearray) -> None:
        self._selected = bytes(rom).hex()

    def writebyte(self, byte: int) -> None:
        self.written.append(byte)

    def readinto(self, buffer: bytearray) -> None:
        buffer[:] = self.scratchpads.get(self._selected, b"\xff" * 9)

    def crc8(self, data: bytes) -> int:
        return crc8(bytes(data))


def scratchpad(register: int) -> bytes:
    body = struct.pack("<H", register) + b"\x4b\x46\x7f\xff\x0c\x10"
    return body + bytes((crc8(body),))


@pytest.mark.parametrize(
    ("register", "temp_c"),
    # Datasheet DS18B20, table 1.
    [(0x07D0, 125.0), (0x0550, 85.0), (0x0191, 25.0625), (0x0008, 0.5), (0xFFF8, -0.5), (0xFF5E, -10.125)],
)
def test_a_ds18b20_reads_as_its_datasheet_says(register: int, temp_c: float) -> None:
    assert Ds18b20(Wire({ROM: scratchpad(register)}), ROM).read() == temp_c


def test_no_answer_or_a_wrong_crc_is_unknown() -> None:
    assert Ds18b20(Wire({}), ROM).read() is None
    for answer in (b"\xff" * 9, bytes(9), b"\x90" + scratchpad(0x0191)[1:]):
        probe = Ds18b20(Wire({ROM: answer}), ROM)
        assert probe.read() is None
        assert probe.crc_errors == 1


def test_all_probes_convert_at_once_and_a_missing_one_is_unknown() -> None:
    wire = Wire({ROM: scratchpad(0x0191)})
    sensors = CoolerSensors(wire, Ds18b20(wire, ROM), None, ReedSwitch(Pin(), lambda: 0))
    sensors.begin()
    assert wire.written == [0xCC, 0x44]
    assert sensors.read() == (25.0625, None)


class Pin:
    level = 0

    def value(self) -> int:
        return self.level


def test_a_bouncing_lid_switch_changes_once() -> None:
    now = [0]
    pin = Pin()
    switch = ReedSwitch(pin, lambda: now[0])
    states = []
    for at, level in enumerate([0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]):
        now[0], pin.level = at * 10, level
        states.append(switch.is_open())
    assert states == [False] * 11 + [True] * 3


class Uart:
    def __init__(self) -> None:
        self.waiting = b""

    def any(self) -> int:
        return min(len(self.waiting), 7)

    def read(self, count: int) -> bytes:
        data, self.waiting = self.waiting[:count], self.waiting[count:]
        return data


def test_a_scanner_gives_whole_codes_only() -> None:
    uart = Uart()
    scanner = SerialScanner(uart)
    uart.waiting = b"]C0BZ1ABCDEFGHJK\r\n]C1019501234"
    assert scanner.scans() == [b"]C0BZ1ABCDEFGHJK"]
    uart.waiting = b"5678903\x1d10AB\r\r\n"
    assert scanner.scans() == [b"]C10195012345678903\x1d10AB"]


def test_a_code_that_never_ends_is_left_out_and_counted() -> None:
    uart = Uart()
    scanner = SerialScanner(uart)
    uart.waiting = b"7" * 1000 + b"\rBZ1\r"
    assert scanner.scans() == [b"BZ1"]
    assert scanner.too_long == 1


def test_the_symbology_identifier_is_parted_from_the_code() -> None:
    assert (as_scan(b"]C1BZ1").symbology, as_scan(b"]C1BZ1").code) == ("]C1", b"BZ1")
    assert (as_scan(b"BZ1").symbology, as_scan(b"BZ1").code) == ("", b"BZ1")
    assert as_scan(b"]C1").code == b"]C1"
    for other in (b"]\xff\xfeBZ1", b"]C\xb2BZ1", b"]]1BZ1"):  # no identifier: kept whole
        assert (as_scan(other).symbology, as_scan(other).code) == ("", other)


class I2c:
    """An INA228's registers, high byte first."""

    def __init__(self, registers: dict[int, bytes]) -> None:
        self.registers = {0x3F: b"\x22\x81", **registers}
        self.is_there = True

    def readfrom_mem(self, address: int, register: int, size: int) -> bytes:
        if not self.is_there or address != 0x40:
            raise OSError(5)
        data = self.registers[register]
        assert len(data) == size
        return data

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self.registers[register] = data


def test_an_ina228_reads_as_its_datasheet_says() -> None:
    step_a = 100 / 2**19
    i2c = I2c(
        {
            0x05: (int(12.8 / 195.3125e-6) << 4).to_bytes(3, "big"),
            0x07: ((int(-1.2 / step_a) & 0xFFFFF) << 4).to_bytes(3, "big"),
            0x0A: (int(-3600 * 2.5 / step_a) & (1 << 40) - 1).to_bytes(5, "big"),
        }
    )
    shunt = Ina228(i2c, shunt_ohm=0.00075, full_scale_a=100)
    assert shunt.read() == (12800, -1200, -2500)
    # SHUNT_CAL = 13107.2e6 x CURRENT_LSB x R_SHUNT
    assert i2c.registers[0x02] == round(13107.2e6 * step_a * 0.00075).to_bytes(2, "big")


def test_a_shunt_that_goes_and_comes_back_is_calibrated_again() -> None:
    i2c = I2c({0x05: bytes(3), 0x07: bytes(3), 0x0A: bytes(5)})
    shunt = Ina228(i2c, shunt_ohm=0.00075, full_scale_a=100)
    assert shunt.read() == (0, 0, 0)
    i2c.is_there = False
    assert shunt.read() == (None, None, None)
    assert shunt.bus_errors == 1
    i2c.is_there, i2c.registers[0x02] = True, b"\0\0"
    assert shunt.read() == (0, 0, 0)
    assert i2c.registers[0x02] != b"\0\0"


def test_another_chip_at_its_address_is_no_shunt() -> None:
    assert Ina228(I2c({0x3F: b"\x11\x11"}), 0.00075, 100).read() == (None, None, None)
