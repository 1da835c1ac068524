"""NMEA 0183 as a receiver in a van sends it: what is true in the world, as sentences, and the fixes of a log.

Degrees are WGS 84, speeds m/s, times UTC seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

KNOTS_PER_M_S = 3600 / 1852


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a receiver says it is."""

    t_s: float
    lat: float
    lon: float
    speed_m_s: float = 0.0
    heading_deg: float | None = None


def checksum(body: str) -> int:
    """The exclusive or of the characters between `$` and `*`."""
    total = 0
    for character in body.encode("ascii"):
        total ^= character
    return total


def sentence(body: str) -> bytes:
    return f"${body}*{checksum(body):02X}\r\n".encode("ascii")


def _angle(degrees: float, *, whole: int) -> str:
    """`ddmm.mmmmm`: 0.00001 minute is 2 cm."""
    value = abs(degrees)
    full = int(value)
    minutes = round((value - full) * 60, 5)
    if minutes >= 60.0:
        full, minutes = full + 1, 0.0
    return f"{full:0{whole}d}{minutes:08.5f}"


def sentences(fix: Fix) -> bytes:
    """GGA, GSA and RMC of one moment: a 3D fix of eight satellites."""
    when = datetime.fromtimestamp(fix.t_s, UTC)
    clock = when.strftime("%H%M%S.") + f"{when.microsecond // 10000:02d}"
    lat, north = _angle(fix.lat, whole=2), "N" if fix.lat >= 0 else "S"
    lon, east = _angle(fix.lon, whole=3), "E" if fix.lon >= 0 else "W"
    heading = "" if fix.heading_deg is None else f"{fix.heading_deg % 360:.1f}"
    gga = f"GPGGA,{clock},{lat},{north},{lon},{east},1,08,0.90,8.0,M,46.0,M,,"
    gsa = "GPGSA,A,3,02,05,07,13,15,20,21,30,,,,,1.60,0.90,1.30"
    knots = fix.speed_m_s * KNOTS_PER_M_S
    rmc = f"GPRMC,{clock},A,{lat},{north},{lon},{east},{knots:.2f},{heading},{when:%d%m%y},,,A"
    return sentence(gga) + sentence(gsa) + sentence(rmc)


def _degrees(value: str, side: str) -> float:
    point = value.index(".") - 2
    degrees = int(value[:point]) + float(value[point:]) / 60
    return -degrees if side in "SW" else degrees


def fixes(lines: Iterable[str]) -> Iterator[Fix]:
    """The valid RMC fixes of a log, in its order; a sentence that fails its check is passed over."""
    for line in lines:
        body, star, check = line.strip().lstrip("$").partition("*")
        fields = body.split(",")
        if not star or not fields[0].endswith("RMC") or fields[2:3] != ["A"]:
            continue
        if f"{checksum(body):02X}" != check.upper():
            continue
        clock, date = fields[1], fields[9]
        when = datetime.strptime(f"{date}{clock[:6]}+0000", "%d%m%y%H%M%S%z")
        yield Fix(
            t_s=when.timestamp() + float(f"0{clock[6:] or '.0'}"),
            lat=_degrees(fields[3], fields[4]),
            lon=_degrees(fields[5], fields[6]),
            speed_m_s=float(fields[7] or 0) / KNOTS_PER_M_S,
            heading_deg=float(fields[8]) if fields[8] else None,
        )


def epochs(lines: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """A log cut where its clock moves: what a receiver sends at one moment. Comments are left out."""
    group: list[str] = []
    moment = ""
    for line in lines:
        text = line.strip()
        if not text.startswith("$"):
            continue
        stamp = _stamp(text)
        if stamp and moment and stamp != moment:
            yield tuple(group)
            group = []
        moment = stamp or moment
        group.append(text)
    if group:
        yield tuple(group)


def _stamp(text: str) -> str:
    """The time of day of a sentence; empty when it has none."""
    fields = text.partition("*")[0].split(",")
    place = {"GGA": 1, "RMC": 1, "ZDA": 1, "GLL": 5}.get(fields[0][3:])
    return fields[place] if place is not None and len(fields) > place else ""
