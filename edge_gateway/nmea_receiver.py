"""A receiver on a serial port that speaks NMEA 0183, through pyserial and pynmeagps; `nmea:/dev/ttyACM0`.

RMC makes the fix: it alone has date, time, place, speed and validity. GSA says whether it is 2d or 3d.
"""

import datetime
from collections.abc import Callable
from typing import Any

import serial
from pynmeagps import NMEAReader
from pynmeagps.exceptions import NMEAMessageError, NMEAParseError, NMEAStreamError, NMEATypeError

from edge_gateway.errors import ReceiverError
from edge_gateway.gps import Fix, FixKind
from edge_gateway.port import SerialPort

KNOT_M_S = 1852 / 3600
LONGEST_LINE = 512


class Sentences:
    """Bytes in, fixes out, without I/O. `refuse(field, reason)` hears of every damaged sentence."""

    def __init__(self, refuse: Callable[[str, str], None]) -> None:
        self._refuse = refuse
        self._rest = b""
        self._kind: FixKind = "2d"

    def feed(self, data: bytes) -> list[Fix]:
        """The fixes completed by these bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
            self._refuse("sentence", f"longer than {LONGEST_LINE} bytes: is the baud rate right?")
        fixes = [self._fix_of(line.strip()) for line in lines if b"$" in line]
        return [fix for fix in fixes if fix is not None]

    def _fix_of(self, line: bytes) -> Fix | None:
        start = line.rfind(b"$")
        if b"*" not in line[start:]:
            self._refuse("sentence", "without a checksum")
            return None
        try:
            message: Any = NMEAReader.parse(line[start:] + b"\r\n")
        except (NMEAMessageError, NMEAParseError, NMEAStreamError, NMEATypeError, ValueError, KeyError) as error:
            reason = "checksum" if "checksum" in str(error) else "cannot be read"
            self._refuse("sentence", reason)
            return None
        match getattr(message, "msgID", ""):
            case "GSA":
                self._kind = "3d" if getattr(message, "navMode", None) == 3 else "2d"
            case "RMC":
                try:
                    return self._fix_of_rmc(message)
                except AttributeError:  # pynmeagps gives a sentence that was cut short without its last fields
                    self._refuse("sentence", "cut short")
        return None

    def _fix_of_rmc(self, rmc: Any) -> Fix:
        time_s = _seconds(rmc.date, rmc.time)
        lat, lon = _number(rmc.lat), _number(rmc.lon)
        if rmc.status != "A" or lat is None or lon is None:
            return Fix(time_s=time_s, kind="none")
        knots = _number(rmc.spd)
        return Fix(
            time_s=time_s,
            kind=self._kind,
            lat=lat,
            lon=lon,
            speed_m_s=None if knots is None else knots * KNOT_M_S,
            heading_deg=_number(rmc.cog),
        )


class NmeaReceiver:
    """Reads a serial port."""

    def __init__(self, url: str, *, poll_s: float, refuse: Callable[[str, str], None], baud: int = 9600) -> None:
        self._port = SerialPort(url.removeprefix("nmea:"), baud=baud, read_s=poll_s)
        self._sentences = Sentences(refuse)

    def open(self) -> None:
        try:
            self._port.open()
        except (OSError, serial.SerialException) as error:
            raise ReceiverError(f"nmea: {error}") from error

    def read(self) -> list[Fix]:
        try:
            return self._sentences.feed(self._port.read())
        except (OSError, serial.SerialException) as error:
            raise ReceiverError(f"nmea: {error}") from error

    def close(self) -> None:
        self._port.close()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _seconds(day: object, at: object) -> float | None:
    if not isinstance(day, datetime.date) or not isinstance(at, datetime.time):
        return None
    return datetime.datetime.combine(day, at, tzinfo=datetime.UTC).timestamp()
