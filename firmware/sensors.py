"""What hangs on a node's pins, with the bus handed in: no file but `main.py` knows `machine`.

| for | here | in a simulated day |
|---|---|---|
| cooler | `CoolerSensors`: two DS18B20 on one wire, a reed switch on the lid | `twin.TwinCooler` |
| scanner | `SerialScanner`: a barcode module on a UART or USB | `twin.TwinScanner` |
| shunt | `Ina228`: a shunt amplifier on I2C | `twin.TwinShunt` |

A sensor that does not answer, or answers nonsense, gives None.
"""

import struct

import readings

# DS18B20 datasheet: commands, and 750 ms for 12 bits.
SKIP_ROM = 0xCC
CONVERT = 0x44
READ_SCRATCHPAD = 0xBE
CONVERT_MS = 750
DEBOUNCE_MS = 50


class Ds18b20:
    """One probe of a 1-wire bus (`onewire.OneWire`), by its 64-bit address in hex."""

    def __init__(self, wire, address: str):
        self._wire = wire
        self._rom = bytearray(bytes.fromhex(address))
        self.crc_errors = 0

    def read(self) -> float | None:
        """Degrees Celsius of the last conversion, None when nobody answers or the CRC is wrong."""
        if not self._wire.reset():
            return None
        self._wire.select_rom(self._rom)
        self._wire.writebyte(READ_SCRATCHPAD)
        scratch = bytearray(9)
        self._wire.readinto(scratch)
        # All ones is an open wire, all zeros a shorted one, and zeros have a valid CRC.
        if self._wire.crc8(scratch) or not any(scratch):
            self.crc_errors += 1
            return None
        return struct.unpack("<h", scratch[:2])[0] / 16


class ReedSwitch:
    """The lid's switch: a magnet closes it to ground, so an open lid and a broken wire both read 1."""

    def __init__(self, pin, now_ms):
        self._pin = pin
        self._now_ms = now_ms
        self._raw = pin.value()
        self._state = self._raw
        self._since_ms = now_ms()

    def is_open(self) -> bool:
        """The state that has held for `DEBOUNCE_MS`."""
        now_ms = self._now_ms()
        raw = self._pin.value()
        if raw != self._raw:
            self._raw = raw
            self._since_ms = now_ms
        elif raw != self._state and now_ms - self._since_ms >= DEBOUNCE_MS:
            self._state = raw
        return self._state == 1


class CoolerSensors:
    """A cooler's probes and lid; `air` and `product` are `Ds18b20` or None when not fitted."""

    settle_ms = CONVERT_MS

    def __init__(self, wire, air: Ds18b20 | None, product: Ds18b20 | None, switch: ReedSwitch):
        self._wire = wire
        self._air = air
        self._product = product
        self._switch = switch

    def begin(self) -> None:
        """All probes start converting."""
        if self._wire.reset():
            self._wire.writebyte(SKIP_ROM)
            self._wire.writebyte(CONVERT)

    def read(self) -> tuple[float | None, float | None]:
        """(air, product) in degrees Celsius, `settle_ms` after `begin`."""
        return (
            None if self._air is None else self._air.read(),
            None if self._product is None else self._product.read(),
        )

    def lid(self) -> bool:
        """True when the lid is open."""
        return self._switch.is_open()


class SerialScanner:
    """A barcode module that sends each code with CR or LF behind it, on anything with `any()` and `read(n)`."""

    def __init__(self, uart):
        self._uart = uart
        self._line = b""
        self._is_skipping = False
        self.too_long = 0

    def scans(self) -> list[bytes]:
        """The codes that were completed since the last call, each as sent, symbology identifier included."""
        lines = []
        while self._uart.any():
            for byte in self._uart.read(self._uart.any()) or b"":
                if byte in b"\r\n":
                    if self._line and not self._is_skipping:
                        lines.append(self._line)
                    self._line = b""
                    self._is_skipping = False
                elif not self._is_skipping:
                    self._line += bytes((byte,))
                    self._skip_when_too_long()
        return lines

    def _skip_when_too_long(self) -> None:
        if len(self._line) > readings.MAX_CODE_BYTES + 3:
            self.too_long += 1
            self._is_skipping = True
            self._line = b""


class Ina228:
    """TI INA228 on I2C (datasheet SLYS021): bus voltage, current by a shunt, charge since power-on.

    `full_scale_a` sets the resolution: the current comes in steps of full_scale_a / 2**19.
    """

    SHUNT_CAL = 0x02
    VBUS = 0x05
    CURRENT = 0x07
    CHARGE = 0x0A
    DEVICE_ID = 0x3F

    def __init__(self, i2c, shunt_ohm: float, full_scale_a: float, address: int = 0x40):
        self._i2c = i2c
        self._address = address
        self._step_a = full_scale_a / (1 << 19)
        self._calibration = int(round(13107.2e6 * self._step_a * shunt_ohm))
        self._is_ready = False
        self.bus_errors = 0

    def read(self) -> tuple[int | None, int | None, int | None]:
        """(mV, mA, mAh since power-on), Nones when the chip does not answer."""
        try:
            if not self._is_ready:
                self._configure()
            return self._millivolt(), self._milliampere(), self._milliampere_hours()
        except OSError:
            self.bus_errors += 1
            self._is_ready = False  # it may have lost its power, and its calibration with it
            return None, None, None

    def _configure(self) -> None:
        if self._number(self.DEVICE_ID, 2) >> 4 != 0x228:
            raise OSError("no INA228 at address 0x%02x" % self._address)
        self._i2c.writeto_mem(self._address, self.SHUNT_CAL, struct.pack(">H", self._calibration))
        self._is_ready = True

    def _millivolt(self) -> int:
        return int(round((self._number(self.VBUS, 3) >> 4) * 0.1953125))

    def _milliampere(self) -> int:
        return int(round((self._number(self.CURRENT, 3, signed=True) >> 4) * self._step_a * 1000))

    def _milliampere_hours(self) -> int:
        return int(round(self._number(self.CHARGE, 5, signed=True) * self._step_a / 3.6))

    def _number(self, register: int, size: int, signed: bool = False) -> int:
        value = 0
        for byte in self._i2c.readfrom_mem(self._address, register, size):
            value = value << 8 | byte
        return value - (1 << 8 * size) if signed and value >> (8 * size - 1) else value
