"""One frame on the line between a node and its gateway: bytes out, frames in.

    COBS( version u8 | type u8 | boot u16 | seq u32 | age_ms u32 | payload 0..200 B | crc32 u32 ) 00

Little-endian; the CRC-32 is that of zlib, over everything before it. This file runs unchanged on MicroPython
(`import frame`) and on the host (`from firmware import frame`), and imports nothing of ours.

| type | way | boot, seq, age_ms | payload (see `readings`) |
|---|---|---|---|
| HELLO | node to gateway | boot; seq = session number | dropped u32, node kind u8, version text |
| HELLO | gateway to node | any | empty: "say hello again" |
| DATA | node to gateway | identity and age of the reading | link u8, reading |
| ACK | gateway to node | boot of the node; seq = session number | next u8, bitmap u8 |
| TIME, CONFIG | gateway to node | | reserved: a node counts and ignores them |
| LOG | node to gateway | boot; seq of nothing | level u8, text |
"""

import struct
from binascii import crc32

VERSION = 1
HELLO = 1
DATA = 2
ACK = 3
TIME = 4
CONFIG = 5
LOG = 6

MAX_PAYLOAD = 200
HEAD = "<BBHII"
HEAD_BYTES = 12
CRC_BYTES = 4
MAX_ENCODED = HEAD_BYTES + MAX_PAYLOAD + CRC_BYTES + 1  # one COBS code byte more; below 254 there are no further ones
AGE_UNKNOWN = 0xFFFFFFFF


class FrameError(ValueError):
    """These values do not fit in a frame."""


class Frame:
    """What one frame says.

    `age_ms` is how long before sending the reading was made, 0..2**32-2, or None when nobody knows: it comes from
    the journal of an earlier boot.
    """

    def __init__(self, type: int, boot: int = 0, seq: int = 0, age_ms: int | None = 0, payload: bytes = b""):
        self.type = type
        self.boot = boot
        self.seq = seq
        self.age_ms = age_ms
        self.payload = payload

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return "Frame(type=%d, boot=%d, seq=%d, age_ms=%r, payload=%r)" % self._key()

    def _key(self) -> tuple[int, int, int, int | None, bytes]:
        return (self.type, self.boot, self.seq, self.age_ms, self.payload)


def encode(frame: Frame) -> bytes:
    """The bytes for the line, the closing 00 included. Raises `FrameError` for what does not fit."""
    if len(frame.payload) > MAX_PAYLOAD:
        raise FrameError("payload of %d B, at most %d" % (len(frame.payload), MAX_PAYLOAD))
    _check("type", frame.type, 0xFF)
    _check("boot", frame.boot, 0xFFFF)
    _check("seq", frame.seq, 0xFFFFFFFF)
    age_ms = AGE_UNKNOWN if frame.age_ms is None else frame.age_ms
    _check("age_ms", age_ms, AGE_UNKNOWN)
    body = struct.pack(HEAD, VERSION, frame.type, frame.boot, frame.seq, age_ms) + frame.payload
    return _stuff(body + struct.pack("<I", crc32(body) & 0xFFFFFFFF)) + b"\0"


class Decoder:
    """Finds the frames in a stream of bytes, however it is cut in pieces, and counts what it refuses.

    `rejected_form`: no valid COBS, too short or too long. `rejected_crc`: bytes were changed on the way.
    `rejected_version`: a whole frame of another version of this protocol.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected_form = 0
        self.rejected_crc = 0
        self.rejected_version = 0
        self._rest = b""
        self._skipping = False  # in the middle of something too long to be a frame

    @property
    def rejected(self) -> int:
        """All refused, for whatever reason."""
        return self.rejected_form + self.rejected_crc + self.rejected_version

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by these bytes, in order."""
        parts = (self._rest + bytes(data)).split(b"\0")
        frames = []
        for part in parts[:-1]:
            if self._skipping:
                self._skipping = False
            elif part:
                frame = self._decode(part)
                if frame is not None:
                    frames.append(frame)
        self._rest = parts[-1]
        if self._skipping:
            self._rest = b""
        elif len(self._rest) > MAX_ENCODED:
            self.rejected_form += 1
            self._skipping = True
            self._rest = b""
        return frames

    def _decode(self, stuffed: bytes) -> Frame | None:
        data = _unstuff(stuffed) if len(stuffed) <= MAX_ENCODED else None
        if data is None or len(data) < HEAD_BYTES + CRC_BYTES:
            self.rejected_form += 1
            return None
        body = data[:-CRC_BYTES]
        if struct.unpack("<I", data[-CRC_BYTES:])[0] != crc32(body) & 0xFFFFFFFF:
            self.rejected_crc += 1
            return None
        version, kind, boot, seq, age_ms = struct.unpack(HEAD, body[:HEAD_BYTES])
        if version != VERSION:
            self.rejected_version += 1
            return None
        self.accepted += 1
        return Frame(kind, boot, seq, None if age_ms == AGE_UNKNOWN else age_ms, body[HEAD_BYTES:])


def _check(field: str, value: int, highest: int) -> None:
    if not 0 <= value <= highest:
        raise FrameError("%s %r is not in 0..%d" % (field, value, highest))


def _stuff(data: bytes) -> bytes:
    """COBS (Cheshire and Baker 1999) of fewer than 254 bytes: each run up to a zero, led by its length plus one."""
    return b"".join([bytes((len(run) + 1,)) + run for run in data.split(b"\0")])


def _unstuff(stuffed: bytes) -> bytes | None:
    """The bytes before `_stuff`; None when no `_stuff` of up to 216 bytes gives this."""
    runs = []
    at = 0
    while at < len(stuffed):
        end = at + stuffed[at]
        if end > len(stuffed):
            return None
        runs.append(stuffed[at + 1 : end])
        at = end
    return b"\0".join(runs)
