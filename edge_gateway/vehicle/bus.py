"""The van's own bus: frames in through python-can, and politely asked answers; `Vehicle` events out."""

import logging
import os
import random
import threading
import time as machine
from collections.abc import Callable, Mapping

import can
from can.interfaces.slcan import slcanBus

from edge_gateway.errors import ReceiverError
from edge_gateway.intake import Intake
from edge_gateway.rejects import Rejects
from edge_gateway.timekeeping import Timekeeper
from edge_gateway.vehicle.dashboard import Dashboard
from edge_gateway.vehicle.manners import Manners
from edge_gateway.vehicle.questions import Frame, Questions
from edge_gateway.vehicle_profile import Field, Profile

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 15.0


def open_bus(adapter: str, bitrate: int, *, listen_only: bool) -> can.BusABC:
    """`slcan:/dev/ttyUSB0`, `socketcan:can0`, or python-can's own `virtual:NAME` inside one process.

    Raises `ReceiverError`.
    """
    kind, _, channel = adapter.partition(":")
    try:
        if kind == "slcan":
            return can.Bus(
                interface="slcan",
                channel=channel,
                bitrate=bitrate,
                listen_only=listen_only,
                sleep_after_open=0.0,
                timeout=0.01,
            )
        return can.Bus(interface=kind, channel=channel)
    except (can.CanError, OSError, ValueError) as error:
        raise ReceiverError(f"vehicle bus {adapter}: {error}") from error


def _device(adapter: str) -> str:
    """Where the adapter's path leads now: a plug that went out and in, or a pty that was replaced, leads elsewhere."""
    return os.path.realpath(adapter.partition(":")[2])


class VehicleBus:
    """The thread that listens and, with `asks`, asks; it keeps the adapter open with growing pauses.

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
        self._adapter = adapter
        self._profile = profile
        self._asks = asks and bool(profile.queries)
        self._drives = drives
        self._source = source
        self._intake = intake
        self._rejects = rejects
        self._time = time
        self._random = random
        self._poll_s = poll_s
        self._dashboard = Dashboard(period_s=period_s, refuse=self._refuse)
        self._manners = Manners(profile.wakes, questions=len(profile.queries))
        self._questions: Questions | None = None
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
                bus = open_bus(self._adapter, self._profile.bitrate, listen_only=not self._asks)
            except ReceiverError as error:
                log.info("event=vehicle_unavailable error=%r retry_s=%.1f", str(error), pause_s)
            else:
                log.info("event=vehicle_listening adapter=%s asks=%s", self._adapter, str(self._asks).lower())
                pause_s = FIRST_PAUSE_S
                self._listen(bus)
            self._stopping.wait(pause_s * self._random.uniform(0.5, 1.5))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _listen(self, bus: can.BusABC) -> None:
        opened = _device(self._adapter)
        self._questions = self._new_questions(bus) if self._asks else None
        try:
            while not self._stopping.is_set():
                self._hear(bus)
                if _device(self._adapter) != opened:
                    raise OSError(f"{self._adapter} leads to another device now")
                self._ask()
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
