"""The van's own bus: frames in (listening only, through python-can), `Vehicle` events out.

A measure that was not heard for a while is None, not its last value; one out of range is None and counted.
"""

import logging
import os
import random
import threading
from collections.abc import Callable

import can
from can.interfaces.slcan import slcanBus

from edge_gateway.contract.messages import Vehicle
from edge_gateway.errors import ReceiverError
from edge_gateway.intake import Intake
from edge_gateway.rejects import Rejects
from edge_gateway.timekeeping import Timekeeper
from edge_gateway.vehicle_profile import Field, Profile

log = logging.getLogger(__name__)

PERIODS_TO_LIVE = 3
"""A measure not heard for so many periods is not known any more."""
RANGES: dict[Field, tuple[float, float]] = {
    "soc_percent": (0.0, 100.0),
    "odometer_km": (0.0, 2_000_000.0),
    "speed_m_s": (0.0, 70.0),
    "plugged": (0.0, 1.0),
}
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 15.0


class Dashboard:
    """What the bus said last, without I/O. Periods are seconds of the world."""

    def __init__(self, profile: Profile, *, period_s: float, refuse: Callable[[str, str], None]) -> None:
        self._profile = profile
        self._period_s = period_s
        self._refuse = refuse
        self._values: dict[Field, tuple[float | bool, float]] = {}
        self._told_s: float | None = None
        self._told_plugged: bool | None = None

    def hear(self, can_id: int, data: bytes, now_s: float) -> None:
        for field, value in self._profile.decode(can_id, data).items():
            low, high = RANGES[field]
            if low <= value <= high:
                self._values[field] = (value, now_s)
            else:
                self._values.pop(field, None)
                self._refuse(field, f"out of range {low:g} to {high:g}")

    def due(self, now_s: float, source: str) -> Vehicle | None:
        """The event to tell now: once a period while anything is known, at once when the plug goes in or out."""
        live_s = PERIODS_TO_LIVE * self._period_s
        known = {field: value for field, (value, at_s) in self._values.items() if 0 <= now_s - at_s <= live_s}
        self._values = {field: held for field, held in self._values.items() if field in known}
        plugged = bool(known["plugged"]) if "plugged" in known else None
        waited = self._told_s is None or not 0 <= now_s - self._told_s < self._period_s - 0.05
        if not known or not (waited or plugged is not self._told_plugged):
            return None
        self._told_s, self._told_plugged = now_s, plugged
        return Vehicle(
            source=source,
            boot=0,
            seq=0,
            t_s=now_s,
            soc_percent=_number(known, "soc_percent"),
            odometer_km=_number(known, "odometer_km"),
            speed_m_s=_number(known, "speed_m_s"),
            plugged=plugged,
        )


def _number(known: dict[Field, float | bool], field: Field) -> float | None:
    return round(float(known[field]), 3) if field in known else None


def open_bus(adapter: str, bitrate: int) -> can.BusABC:
    """`slcan:/dev/ttyUSB0` or `socketcan:can0`, listening only. Raises `ReceiverError`."""
    kind, _, channel = adapter.partition(":")
    try:
        if kind == "slcan":
            return can.Bus(
                interface="slcan",
                channel=channel,
                bitrate=bitrate,
                listen_only=True,
                sleep_after_open=0.0,
                timeout=0.01,
            )
        return can.Bus(interface="socketcan", channel=channel)
    except (can.CanError, OSError, ValueError) as error:
        raise ReceiverError(f"vehicle bus {adapter}: {error}") from error


def _device(adapter: str) -> str:
    """Where the adapter's path leads now: a plug that went out and in, or a pty that was replaced, leads elsewhere."""
    return os.path.realpath(adapter.partition(":")[2])


class VehicleBus:
    """The thread that listens, and keeps the adapter open with growing pauses."""

    def __init__(
        self,
        adapter: str,
        profile: Profile,
        *,
        source: str,
        period_s: float,
        intake: Intake,
        rejects: Rejects,
        time: Timekeeper,
        random: random.Random,
        poll_s: float,
    ) -> None:
        self._adapter = adapter
        self._bitrate = profile.bitrate
        self._source = source
        self._intake = intake
        self._rejects = rejects
        self._time = time
        self._random = random
        self._poll_s = poll_s
        self._dashboard = Dashboard(profile, period_s=period_s, refuse=self._refuse)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vehicle", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    def _refuse(self, field: str, reason: str) -> None:
        self._rejects.add("vehicle", field, reason)

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                bus = open_bus(self._adapter, self._bitrate)
            except ReceiverError as error:
                log.info("event=vehicle_unavailable error=%r retry_s=%.1f", str(error), pause_s)
            else:
                log.info("event=vehicle_listening adapter=%s", self._adapter)
                pause_s = FIRST_PAUSE_S
                self._listen(bus)
            self._stopping.wait(pause_s * self._random.uniform(0.5, 1.5))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _listen(self, bus: can.BusABC) -> None:
        opened = _device(self._adapter)
        try:
            while not self._stopping.is_set():
                self._hear(bus)
                if _device(self._adapter) != opened:
                    raise OSError(f"{self._adapter} leads to another device now")
                event = self._dashboard.due(self._time.now_s(), self._source)
                if event is not None:
                    self._intake.offer(event)
        except (can.CanError, OSError) as error:
            log.info("event=vehicle_lost error=%r", str(error))
        finally:
            try:
                bus.shutdown()
            except (can.CanError, OSError) as error:
                log.debug("event=vehicle_closed error=%r", str(error))

    def _hear(self, bus: can.BusABC) -> None:
        try:
            message = bus.recv(timeout=self._poll_s)
        except (ValueError, IndexError) as error:
            self._refuse("frame", f"cannot be read ({type(error).__name__})")
            return
        except can.CanOperationError as error:
            if not isinstance(error.__cause__, UnicodeDecodeError) or not isinstance(bus, slcanBus):
                raise
            self._refuse("frame", "no text")
            bus.flush()  # python-can keeps the line that is no text, and would meet it again with every next one
            return
        if message is not None and not message.is_error_frame and not message.is_remote_frame:
            self._dashboard.hear(message.arbitration_id, bytes(message.data), self._time.now_s())
