"""The nodes on serial ports: a thread each, readings in, acknowledgements out once the outbox has committed.

A port may be absent, disappear and come back. A reading that makes no sense is counted, told to the hub in its place
in the node's numbering, and acknowledged: nothing is repeated for ever.
"""

import logging
import queue
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

from edge_gateway.contract.messages import (
    Alarm,
    AnyEvent,
    Battery,
    ClockQuality,
    Cooler,
    Lid,
    NodeStatus,
    Span,
)
from edge_gateway.errors import OutboxError
from edge_gateway.input import Input
from edge_gateway.intake import HeardCode, Intake
from edge_gateway.node_link import Data, Hello, NodeLink, Place, Said
from edge_gateway.numbering import Numbering
from edge_gateway.outbox import Identity, Outbox
from edge_gateway.page_messages import PageNode
from edge_gateway.port import SerialPort
from edge_gateway.rejects import Rejects
from edge_gateway.settings import NodeSettings
from edge_gateway.state import State
from edge_gateway.timekeeping import Timekeeper
from firmware import readings

log = logging.getLogger(__name__)

READ_S = 0.05
LONGEST_PAUSE_S = 5.0
ANSWER_S = 5.0
"""A node that was asked for a HELLO and says nothing for so long is offline."""
TELL_S = 10.0
"""Changed counters of a node are told to the hub at most once in this machine time."""
LOWEST_C, HIGHEST_C = -40.0, 85.0


class SerialNode(Input):
    """One node: its port and its link."""

    def __init__(
        self,
        settings: NodeSettings,
        *,
        gateway: str,
        silence_s: float,
        outbox: Outbox,
        intake: Intake,
        state: State,
        rejects: Rejects,
        time: Timekeeper,
        random: random.Random,
    ) -> None:
        super().__init__(f"node-{settings.name}", random=random, longest_pause_s=LONGEST_PAUSE_S)
        self._gateway = gateway
        self._source = f"{gateway}/{settings.name}"
        self._silence_s = silence_s
        self._outbox = outbox
        self._intake = intake
        self._state = state
        self._rejects = rejects
        self._time = time
        self._port = SerialPort(settings.port, baud=settings.baud, read_s=READ_S)
        self._link = NodeLink(_monotonic())
        self._committed: queue.SimpleQueue[Place] = queue.SimpleQueue()
        self._shown = PageNode(source=self._source, kind=settings.kind, online=False)
        self._numbering = Numbering()
        self._told: PageNode | None = None
        self._told_s = float("-inf")
        self._rejected_before = 0  # damaged frames counted on earlier openings of the port
        self._counted = 0
        self._heard_s = _monotonic()
        self._asked_s: float | None = None

    # ------------------------------------------------------------ the port

    def _close(self) -> None:
        """What was taken but nobody acknowledged the node will send again."""
        self._port.close()
        if self.runs:
            self._show(online=False)

    def _listen(self) -> None:
        self._port.open()
        log.info("event=node_port_open node=%s port=%s", self._source, self._port.path)
        self._is_well()
        self._rejected_before += self._link.rejected_frames
        self._link.refused = 0
        self._link.restart(_monotonic())
        self._heard_s, self._asked_s = _monotonic(), None
        while self.runs:
            data = self._port.read()
            now_s = _monotonic()
            for said in self._link.feed(data, now_s) if data else ():
                self._take(said, now_s)
            self._acknowledge()
            self._watch_silence(now_s, heard=bool(data))
            self._link.step(now_s)
            outgoing = self._link.take_outgoing()
            if outgoing:
                self._port.write(outgoing)
            self._count_rejected()
        self._acknowledge()
        self._port.write(self._link.take_outgoing())

    def _watch_silence(self, now_s: float, *, heard: bool) -> None:
        if heard:
            self._heard_s, self._asked_s = now_s, None
        elif self._asked_s is None and now_s - self._heard_s > self._silence_s:
            self._asked_s = now_s
            self._link.ask(now_s)
        elif self._shown.online and self._asked_s is not None and now_s - self._asked_s > ANSWER_S:
            log.warning("event=node_silent node=%s silent_s=%.0f", self._source, now_s - self._heard_s)
            self._show(online=False)

    def _acknowledge(self) -> None:
        places = []
        while not self._committed.empty():
            places.append(self._committed.get())
        if places:
            self._link.committed(places)

    def _count_rejected(self) -> None:
        rejected = self._rejected_before + self._link.rejected_frames
        for _ in range(min(rejected - self._counted, 1000)):
            self._rejects.add(self._source, "frame", "damaged on the line (CRC or form), or of no known kind")
        if rejected != self._counted:
            self._counted = rejected
            self._show(online=self._shown.online)
        elif self._frames_untold:
            self._tell()

    # ------------------------------------------------------------ what the node says

    def _take(self, said: Hello | Data | Said, now_s: float) -> None:
        match said:
            case Hello():
                log.info(
                    "event=node_hello node=%s kind=%s boot=%d dropped=%d firmware=%s",
                    *(self._source, said.kind, said.boot, said.dropped, said.firmware),
                )
                if said.kind != self._shown.kind:
                    reason = f"the node says {said.kind}, the settings say {self._shown.kind}"
                    self._rejects.add(self._source, "kind", reason)
                self._show(online=True, dropped=said.dropped, firmware=said.firmware)
            case Said():
                log.log(
                    _LEVELS.get(said.level, logging.INFO), "event=node_log node=%s text=%r", self._source, said.text
                )
            case Data():
                self._take_data(said)

    def _take_data(self, data: Data) -> None:
        identity = (self._source, data.boot, data.seq)
        committed = partial(self._committed.put, data.place)
        try:
            if self._outbox.has(identity):
                committed()
            else:
                self._keep(data, identity, committed)
        except OutboxError as error:
            self._link.released(data.place)  # not acknowledged: the node keeps it and sends it again
            log.error("event=reading_not_kept node=%s error=%r", self._source, str(error))
        else:
            self._numbering.heard(data.boot, data.seq)
        self._show(online=True)

    def _keep(self, data: Data, identity: Identity, committed: Callable[[], None]) -> None:
        now_s = self._time.now_s()
        t_s = now_s if data.age_s is None else now_s - data.age_s
        clock = ClockQuality.NONE if data.age_s is None else self._time.quality
        reading = data.reading
        if isinstance(reading, readings.ReadingError):
            self._rejects.add(self._source, reading.field, reading.reason)
            self._intake.refuse_reading(identity, field=reading.field, reason=reading.reason, committed=committed)
        elif isinstance(reading, readings.Scan):
            self._intake.scan(
                HeardCode(
                    raw=reading.code.decode("utf-8", errors="backslashreplace"),
                    symbology=reading.symbology,
                    t_s=t_s,
                    clock=clock,
                    identity=identity,
                )
            )
            committed()
        else:
            event = self._event_of(reading, identity, t_s, clock)
            if isinstance(event, Lid | Alarm):
                self._intake.keep(event)
                committed()
            else:
                self._intake.offer(event, committed=committed)

    def _event_of(
        self,
        reading: readings.Cooler | readings.Lid | readings.Alarm | readings.Battery,
        identity: Identity,
        t_s: float,
        clock: ClockQuality,
    ) -> AnyEvent:
        source, boot, seq = identity
        if isinstance(reading, readings.Lid):
            return Lid(source=source, boot=boot, seq=seq, t_s=t_s, clock=clock, open=reading.open)
        if isinstance(reading, readings.Alarm):
            return Alarm(
                source=source,
                boot=boot,
                seq=seq,
                t_s=t_s,
                clock=clock,
                reason=_ALARMS[reading.reason],
                value=reading.value,
            )
        if isinstance(reading, readings.Battery):
            return Battery(
                source=source,
                boot=boot,
                seq=seq,
                t_s=t_s,
                clock=clock,
                voltage_v=self._within("voltage_v", reading.voltage_mv, 1000, 0, 1000),
                current_a=self._within("current_a", reading.current_ma, 1000, -1000, 1000),
                charge_ah=self._within("charge_ah", reading.charge_mah, 1000, -10_000, 10_000),
            )
        return Cooler(
            source=source,
            boot=boot,
            seq=seq,
            t_s=t_s,
            clock=clock,
            period_s=reading.period_s,
            air=self._span("air", reading.air),
            product=self._span("product", reading.product),
            lid_open_s=reading.lid_open_s,
        )

    def _span(self, field: str, values: tuple[float | None, float | None, float | None]) -> Span:
        mean_c, min_c, max_c = (
            self._within(f"{field}.{name}", value, 1, LOWEST_C, HIGHEST_C)
            for name, value in zip(("mean_c", "min_c", "max_c"), values, strict=True)
        )
        return Span(mean_c=mean_c, min_c=min_c, max_c=max_c)

    def _within(self, field: str, raw: float | None, per: int, low: float, high: float) -> float | None:
        """The value in its unit, None and counted when it is out of range."""
        if raw is None:
            return None
        value = raw / per
        if low <= value <= high:
            return value
        self._rejects.add(self._source, field, f"out of range {low:g} to {high:g}")
        return None

    # ------------------------------------------------------------ how the node is

    def _show(self, *, online: bool, dropped: int | None = None, firmware: str | None = None) -> None:
        held = self._shown
        node = PageNode(
            source=self._source,
            kind=held.kind,
            online=online,
            seen_s=self._time.now_s() if online else held.seen_s,
            firmware=held.firmware if firmware is None else firmware[:40],
            dropped=held.dropped if dropped is None else dropped,
            missing=self._numbering.missing,
            rejected_frames=self._counted,
        )
        self._shown = node
        if node.online is not held.online:
            log.info("event=node_%s node=%s", "online" if online else "offline", self._source)
        self._state.show_node(node)
        told = self._told
        is_news = told is None or (node.online, node.dropped, node.firmware) != (
            told.online,
            told.dropped,
            told.firmware,
        )
        if is_news or self._frames_untold:
            self._tell()

    @property
    def _frames_untold(self) -> bool:
        told = 0 if self._told is None else self._told.rejected_frames
        return self._shown.rejected_frames != told and _monotonic() - self._told_s > TELL_S

    def _tell(self) -> None:
        node = self._told = self._shown
        self._told_s = _monotonic()
        self._intake.offer(
            NodeStatus(
                source=self._gateway,
                boot=0,
                seq=0,
                t_s=self._time.now_s(),
                clock=self._time.quality,
                node=self._source,
                online=node.online,
                dropped=node.dropped,
                rejected_frames=node.rejected_frames,
                firmware=node.firmware,
            )
        )


_monotonic = time.monotonic
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_ALARMS: dict[int, Literal["lid_open", "too_warm", "too_cold", "probe_lost", "too_warm_over", "too_cold_over"]] = {
    readings.LID_OPEN: "lid_open",
    readings.TOO_WARM: "too_warm",
    readings.TOO_COLD: "too_cold",
    readings.PROBE_LOST: "probe_lost",
    readings.TOO_WARM_OVER: "too_warm_over",
    readings.TOO_COLD_OVER: "too_cold_over",
}
