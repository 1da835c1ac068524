"""The van's bus as an slcan adapter shows it: PSA e-CMP frames (domain.md part 5, OVMS3 vehicle_fiatedoblo).

0x3A8: state of charge = b3 + b4/256 %. 0x552: odometer, bytes 4..6, 0.1 km. 0x38D: speed, bytes 0..1, 0.01 km/h.
0x4A2: byte 1 bit 0x40 = unplugged. The battery (asked on 0x6B4, answers on 0x694) and the vehicle controller (0x6A2,
0x682) answer UDS "read by identifier"; every request and answer here fits a single frame of ISO-TP.
"""

from dataclasses import dataclass

BATTERY, VEHICLE = 0x6B4, 0x6A2
UNITS = {BATTERY: 0x694, VEHICLE: 0x682}
READ = 0x22
NOT_OFFERED = 0x31
EMPTY_V, VOLTS_PER_PERCENT, CELLS = 320.0, 0.8, 108
CHARGE_W = 7400.0
WATTS_PER_M_S = 612.0  # 0.17 kWh/km
PACK_KWH = 33.0
SOH_PERCENT = 96.0
OUTSIDE_C = 9.0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the van's bus tells."""

    soc_percent: float
    odometer_km: float
    speed_m_s: float
    plugged: bool


def frame(identifier: int, data: bytes) -> bytes:
    """A standard frame as slcan text."""
    return f"t{identifier:03X}{len(data)}{data.hex().upper()}\r".encode("ascii")


def frames(dashboard: Dashboard) -> bytes:
    """The four frames of one moment."""
    charge = min(int(dashboard.soc_percent * 256), 0xFFFF)
    odometer = int(dashboard.odometer_km * 10)
    speed = min(int(dashboard.speed_m_s * 360), 0xFFFF)
    return (
        frame(0x3A8, bytes([0, 0x01, 0]) + charge.to_bytes(2, "big") + bytes(3))
        + frame(0x552, bytes(4) + odometer.to_bytes(3, "big") + bytes(1))
        + frame(0x38D, speed.to_bytes(2, "big") + bytes(6))
        + frame(0x4A2, bytes([0, 0x00 if dashboard.plugged else 0x40]) + bytes(6))
    )


class Adapter:
    """The slcan adapter on the van's plug, and behind it the units that answer. Text in, text out."""

    def __init__(self) -> None:
        self._rest = b""

    def answers(self, commands: bytes, dashboard: Dashboard | None) -> bytes:
        """What comes back on the host's commands: a CR for each, and the units' answers while the van is awake."""
        *lines, self._rest = (self._rest + commands).split(b"\r")
        said = b""
        for line in lines:
            said += b"\r"
            if line.startswith(b"t") and dashboard is not None:
                said += _unit(int(line[1:4], 16), bytes.fromhex(line[5:].decode("ascii")), dashboard)
        return said


def _unit(identifier: int, data: bytes, dashboard: Dashboard) -> bytes:
    """A unit's answer to one frame, as slcan text; nothing when none is asked."""
    answers_on = UNITS.get(identifier)
    request = data[1 : 1 + data[0]] if data and data[0] < 8 else b""
    if answers_on is None or not request:
        return b""
    if request[0] != READ or (value := _value(identifier, int.from_bytes(request[1:], "big"), dashboard)) is None:
        answer = bytes([0x7F, request[0], NOT_OFFERED])
    else:
        answer = bytes([READ + 0x40]) + request[1:] + value
    return frame(answers_on, bytes([len(answer)]) + answer.ljust(7, b"\0"))


def _value(identifier: int, did: int, dashboard: Dashboard) -> bytes | None:
    """evDash's and OVMS' scalings, turned round."""
    volts = EMPTY_V + VOLTS_PER_PERCENT * dashboard.soc_percent
    watts = CHARGE_W if dashboard.plugged else -WATTS_PER_M_S * dashboard.speed_m_s
    numbers = {
        (BATTERY, 0xD410): (dashboard.soc_percent * 512, 2),
        (BATTERY, 0xD815): (volts * 16, 2),
        (BATTERY, 0xD816): (76_800 - watts / volts / 0.018, 4),
        (BATTERY, 0xD86F): (volts / CELLS * 1000 - 8, 2),
        (BATTERY, 0xD870): (volts / CELLS * 1000 + 8, 2),
        (BATTERY, 0xD860): (SOH_PERCENT * 16 + 65_536, 3),
        (BATTERY, 0xD865): (dashboard.soc_percent / 100 * PACK_KWH * 64, 2),
        (VEHICLE, 0xD402): (dashboard.speed_m_s * 3.6 / 0.00794, 2),
        (VEHICLE, 0xD8EF): (OUTSIDE_C, 1),
    }
    number = numbers.get((identifier, did))
    return None if number is None else int(number[0]).to_bytes(number[1], "big")
