"""What a node says inside its frames: readings, hello, ack and log, packed and unpacked.

Little-endian. Temperatures are hundredths of a degree Celsius. None means "not known" and has its own pattern in each
field, so that nothing unknown is ever read as zero. This file runs unchanged on MicroPython (`import readings`)
and on the host (`from firmware import readings`), and imports nothing of ours.

| reading | kind | body |
|---|---|---|
| Cooler | 1 | period_s u16, lid_open_s u16, air mean, min, max i16, product mean, min, max i16 |
| Lid | 2 | open u8 |
| Alarm | 3 | reason u8, value i16 (hundredths) |
| Scan | 4 | symbology 3 B (such as `]C1`; zeros: not known), code 1..195 B as the scanner gave it |
| Battery | 5 | voltage_mv u32, current_ma i32 (positive charges), charge_mah i32 |
"""

import struct

NONE_U16 = 0xFFFF
NONE_I16 = 0x7FFF
NONE_U32 = 0xFFFFFFFF
NONE_I32 = 0x7FFFFFFF

COOLER = 1
LID = 2
ALARM = 3
SCAN = 4
BATTERY = 5
BUSINESS = (LID, ALARM, SCAN)
"""The kinds that a node keeps in its flash journal until they are acknowledged."""

LID_OPEN = 1
TOO_WARM = 2
TOO_COLD = 3
PROBE_LOST = 4
TOO_WARM_OVER = 5
TOO_COLD_OVER = 6
ALARM_REASONS = {
    LID_OPEN: "lid_open",
    TOO_WARM: "too_warm",
    TOO_COLD: "too_cold",
    PROBE_LOST: "probe_lost",
    TOO_WARM_OVER: "too_warm_over",
    TOO_COLD_OVER: "too_cold_over",
}

NODE_KINDS = {1: "cooler", 2: "scanner", 3: "shunt"}
LOG_LEVELS = {1: "info", 2: "warning", 3: "error"}

MAX_CODE_BYTES = 195  # 200 of a frame, less link, kind and symbology
LINKS = 256
WINDOW = 8


class ReadingError(ValueError):
    """This payload says nothing that we know: `field` and the reason."""

    def __init__(self, field: str, reason: str):
        super().__init__("%s: %s" % (field, reason))
        self.field = field
        self.reason = reason


class Cooler:
    """One period of a cooler, made at the end of it.

    `air` and `product` are (mean, lowest, highest) in degrees Celsius over the good samples, each None when there were
    none. `lid_open_s` is how long of `period_s` the lid stood open, None without a lid switch.
    """

    KIND = COOLER

    def __init__(
        self,
        period_s: int,
        lid_open_s: int | None,
        air: tuple[float | None, float | None, float | None],
        product: tuple[float | None, float | None, float | None],
    ):
        self.period_s = period_s
        self.lid_open_s = lid_open_s
        self.air = air
        self.product = product

    def pack(self) -> bytes:
        lid_open_s = NONE_U16 if self.lid_open_s is None else min(self.lid_open_s, NONE_U16 - 1)
        spans = [_centi(value) for value in tuple(self.air) + tuple(self.product)]
        return struct.pack("<BHHhhhhhh", COOLER, self.period_s, lid_open_s, *spans)


class Lid:
    """The lid opened or closed."""

    KIND = LID

    def __init__(self, open: bool):
        self.open = open

    def pack(self) -> bytes:
        return struct.pack("<BB", LID, 1 if self.open else 0)


class Alarm:
    """The node raised an alarm, or says that one is over: one of `ALARM_REASONS`.

    `value` is the temperature in degrees Celsius for too_warm, too_cold and their ends, the seconds open for lid_open,
    and None for probe_lost; kept in hundredths, so within -327..327 (more is cut off there). A closed lid and a probe
    that measures again end the other two.
    """

    KIND = ALARM

    def __init__(self, reason: int, value: float | None):
        self.reason = reason
        self.value = value

    def pack(self) -> bytes:
        return struct.pack("<BBh", ALARM, self.reason, _centi(self.value))


class Scan:
    """A barcode as the scanner gave it; `symbology` is the AIM identifier, such as "]C1", or "" when not known."""

    KIND = SCAN

    def __init__(self, symbology: str, code: bytes):
        self.symbology = symbology
        self.code = code

    def pack(self) -> bytes:
        """Raises `ReadingError` for an empty or too long code, or a symbology that is not three ASCII letters."""
        symbology = self.symbology.encode() or bytes(3)
        if len(symbology) != 3:
            raise ReadingError("symbology", "%d bytes, not 3" % len(symbology))
        if not 1 <= len(self.code) <= MAX_CODE_BYTES:
            raise ReadingError("code", "%d bytes, not 1..%d" % (len(self.code), MAX_CODE_BYTES))
        return bytes((SCAN,)) + symbology + self.code


class Battery:
    """The shunt's view of a battery: millivolts, milliampere (positive charges), milliampere-hours since power-on."""

    KIND = BATTERY

    def __init__(self, voltage_mv: int | None, current_ma: int | None, charge_mah: int | None):
        self.voltage_mv = voltage_mv
        self.current_ma = current_ma
        self.charge_mah = charge_mah

    def pack(self) -> bytes:
        return struct.pack(
            "<BIii",
            BATTERY,
            NONE_U32 if self.voltage_mv is None else self.voltage_mv,
            NONE_I32 if self.current_ma is None else self.current_ma,
            NONE_I32 if self.charge_mah is None else self.charge_mah,
        )


def unpack(data: bytes) -> Cooler | Lid | Alarm | Scan | Battery:
    """The reading in `kind u8 | body`. Raises `ReadingError` naming the field."""
    if not data:
        raise ReadingError("kind", "empty payload")
    kind = data[0]
    if kind == SCAN:
        return _unpack_scan(data)
    if kind not in _FORMS:
        raise ReadingError("kind", "unknown reading %d" % kind)
    form = _FORMS[kind]
    if len(data) != struct.calcsize(form):
        raise ReadingError("body", "%d bytes of reading %d, not %d" % (len(data), kind, struct.calcsize(form)))
    values = struct.unpack(form, data)[1:]
    if kind == COOLER:
        spans = [_degrees(value) for value in values[2:]]
        return Cooler(
            values[0], _known(values[1], NONE_U16), (spans[0], spans[1], spans[2]), (spans[3], spans[4], spans[5])
        )
    if kind == LID:
        if values[0] > 1:
            raise ReadingError("open", "%d is neither 0 nor 1" % values[0])
        return Lid(values[0] == 1)
    if kind == ALARM:
        if values[0] not in ALARM_REASONS:
            raise ReadingError("reason", "unknown alarm %d" % values[0])
        return Alarm(values[0], _degrees(values[1]))
    return Battery(_known(values[0], NONE_U32), _known(values[1], NONE_I32), _known(values[2], NONE_I32))


def pack_data(link: int, reading: bytes) -> bytes:
    """Payload of a DATA frame: the link number 0..255 and a packed reading."""
    return bytes((link,)) + reading


def unpack_data(payload: bytes) -> tuple[int, bytes]:
    """(link, packed reading) of a DATA frame. Raises `ReadingError`."""
    if len(payload) < 2:
        raise ReadingError("link", "%d bytes of DATA, at least 2" % len(payload))
    return payload[0], payload[1:]


def pack_hello(dropped: int, kind: int, version: str) -> bytes:
    """Payload of a node's HELLO: readings dropped since its boot, one of `NODE_KINDS`, its firmware."""
    return struct.pack("<IB", min(dropped, 0xFFFFFFFF), kind) + version.encode()[:40]


def unpack_hello(payload: bytes) -> tuple[int, int, str]:
    """(dropped, node kind, firmware version) of a node's HELLO. Raises `ReadingError`."""
    if len(payload) < 5:
        raise ReadingError("hello", "%d bytes, at least 5" % len(payload))
    dropped, kind = struct.unpack("<IB", payload[:5])
    return dropped, kind, _text(payload[5:], "version")


def pack_ack(next: int, bitmap: int) -> bytes:
    """Payload of an ACK: all links before `next` are committed; bit i of `bitmap`: `next + 1 + i` is as well."""
    return bytes((next & 0xFF, bitmap & 0xFF))


def unpack_ack(payload: bytes) -> tuple[int, int]:
    """(next, bitmap) of an ACK. Raises `ReadingError`."""
    if len(payload) != 2:
        raise ReadingError("ack", "%d bytes, not 2" % len(payload))
    return payload[0], payload[1]


def pack_log(level: int, text: str) -> bytes:
    """Payload of a LOG: one of `LOG_LEVELS` and a line of at most 160 bytes."""
    return bytes((level,)) + text.encode()[:160]


def unpack_log(payload: bytes) -> tuple[int, str]:
    """(level, text) of a LOG. Raises `ReadingError`."""
    if not payload:
        raise ReadingError("level", "empty payload")
    return payload[0], _text(payload[1:], "text")


_FORMS = {COOLER: "<BHHhhhhhh", LID: "<BB", ALARM: "<BBh", BATTERY: "<BIii"}


def _unpack_scan(data: bytes) -> Scan:
    if len(data) < 5:
        raise ReadingError("code", "empty scan")
    symbology = data[1:4]
    return Scan("" if symbology == bytes(3) else _text(symbology, "symbology"), data[4:])


def _centi(value: float | None) -> int:
    if value is None:
        return NONE_I16
    return max(-NONE_I16, min(NONE_I16 - 1, int(round(value * 100))))


def _degrees(centi: int) -> float | None:
    return None if centi == NONE_I16 else centi / 100


def _known(value: int, none: int) -> int | None:
    return None if value == none else value


def _text(data: bytes, field: str) -> str:
    try:
        return data.decode()
    except UnicodeError:
        raise ReadingError(field, "no UTF-8") from None
