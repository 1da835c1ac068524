"""The van's bus as an slcan adapter shows it: PSA e-CMP frames (domain.md part 5, OVMS3 vehicle_fiatedoblo).

0x3A8: state of charge = b3 + b4/256 %. 0x552: odometer, bytes 4..6, 0.1 km. 0x38D: speed, bytes 0..1, 0.01 km/h.
0x4A2: byte 1 bit 0x40 = unplugged.
"""

from dataclasses import dataclass


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


def answers(commands: bytes) -> bytes:
    """What the adapter says to the host's commands (open, close, bitrate): one CR each."""
    return b"\r" * commands.count(b"\r")
