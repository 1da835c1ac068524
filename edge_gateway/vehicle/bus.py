"""The van's own bus: frames in through python-can, and politely asked answers; `Vehicle` events out."""

import logging
import os
import random
import time as machine
from collections.abc import Callable, Mapping

import can
from can.interfaces.slcan import slcanBus

from edge_gateway.errors import ReceiverError
from edge_gateway.input import Input
from edge_gateway.intake import Intake
from edge_gateway.rejects import Rejects
from edge_gateway.timekeeping import Timekeeper
from edge_gateway.vehicle.dashboard import Dashboard
from edge_gateway.vehicle.manners import Manners
from edge_gateway.vehicle.questions import Frame, Questions
from edge_gateway.vehicle.read_ahead import ReadAhead
from edge_gateway.vehicle_profile import Field, Profile

log = logging.getLogger(__name__)


def open_bus(adapter: str, bitrate: int, *, listen_only: bool, read_s: float) -> can.BusABC:
    """`slcan:/dev/ttyUSB0`, `socketcan:can0`, or python-can's own `virtual:NAME` inside one process.

    `read_s` is how long a silent serial adapter is waited for in one go. Raises `ReceiverError`.
    """
    kind, _, channel = adapter.partition(":")
    try:
        if kind == "slcan":
            bus = can.Bus(
                interface="slcan",
                channel=channel,
                bitrate=bitrate,
                listen_only=listen_only,
                sleep_after_open=0.0,
                timeout=read_s,
            )
            if isinstance(bus, slcanBus):
                bus.serialPortOrig = ReadAhead(bus.serialPortOrig)  # type: ignore[assignment]
            return bus
        return can.Bus(interface=kind, channel=channel)
    except (can.CanError, OSError, ValueError) as error:
        raise ReceiverError(f"vehicle bus {adapter}: {error}") from error


def _device(adapter: str) -> str:
    """Where the adapter's path leads now: a plug that went out and in, or a pty that was replaced, leads elsewhere."""
    return os.path.realpath(adapter.partition(":")[2])


class VehicleBus(Input):
    """A CAN bus that is listened to and, with `asks`, asked.

    `drives` tells what others know: True while the van drives, None when nobody knows.
    """

    def __init__(
        self,
        adapter: str,
        profile: Profile,
        *,
        source: str,
        period_s: float,
        asks: bool,
        drives: Callable[[], bool | None],
        intake: Intake,
        rejects: Rejects,
        time: Timekeeper,
        random: random.Random,
        poll_s: float,
    ) -> None:
        super().__init__("vehicle", random=random)
        self._bus: can.BusABC | None = None
        self._adapter = adapter
        self._profile = profile
        self._asks = asks and bool(profile.queries)
        self._drives = drives
        self._source = source
        self._intake = intake
        self._rejects = rejects
        self._time = time
        self._poll_s = poll_s
        self._dashboard = Dashboard(period_s=period_s, refuse=self._refuse)
        self._manners = Manners(profile.wakes, questions=len(profile.queries))
        self._questions: Questions | None = None

    def _refuse(self, field: str, reason: str) -> None:
        self._rejects.add("vehicle", field, reason)

    def _listen(self) -> None:
        bus = self._bus = open_bus(
            self._adapter, self._profile.bitrate, listen_only=not self._asks, read_s=self._poll_s
        )
        log.info("event=vehicle_listening adapter=%s asks=%s", self._adapter, str(self._asks).lower())
        self._is_well()
        opened = _device(self._adapter)
        self._questions = self._new_questions(bus) if self._asks else None
        try:
            while self.runs:
                self._hear(bus)
                if _device(self._adapter) != opened:
                    raise ReceiverError(f"{self._adapter} leads to another device now")
                self._ask()
                event = self._dashboard.due(self._time.now_s(), self._source)
                if event is not None:
                    self._intake.offer(event)
        except can.CanError as error:
            raise ReceiverError(str(error)) from error

    def _close(self) -> None:
        if self._bus is None:
            return
        try:
            self._bus.shutdown()
        except (can.CanError, OSError) as error:
            log.debug("event=vehicle_closed error=%r", str(error))
        self._bus = None

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
            self._take(message.arbitration_id, bytes(message.data))

    def _take(self, can_id: int, data: bytes) -> None:
        now_s = self._time.now_s()
        if self._questions is not None and self._questions.concerns(can_id):
            if self._questions.hear(can_id, data, machine.monotonic()):
                self._manners.answered()
            return
        self._manners.heard(now_s)
        self._dashboard.take(self._profile.hear(can_id, data), now_s)

    # ------------------------------------------------------------ asking

    def _new_questions(self, bus: can.BusABC) -> Questions:
        def send(frame: Frame) -> None:
            bus.send(
                can.Message(arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.is_extended),
                timeout=1.0,
            )

        return Questions(self._profile, send=send, learned=self._learn, refuse=self._refuse)

    def _learn(self, measures: Mapping[Field, float | bool], every_s: float) -> None:
        self._dashboard.take(measures, self._time.now_s(), every_s=every_s)

    def _ask(self) -> None:
        if self._questions is None:
            return
        now_s = self._time.now_s()
        self._manners.learned(self._dashboard.known(now_s), now_s, drives=self._drives())
        if not self._questions.step(now_s, machine.monotonic(), may_ask=self._manners.may_ask(now_s)):
            self._manners.unanswered()
