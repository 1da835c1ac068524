"""Asking control units: UDS (ISO 14229) and OBD (SAE J1979) requests over ISO-TP (ISO 15765-2), through can-isotp.

One question at a time, each in its own period, and only when manners allow. Only services that read are ever sent.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import isotp

from edge_gateway.vehicle_profile import STANDARD_IDS, Field, Profile, Query

log = logging.getLogger(__name__)

ANSWER_S = 0.5
"""A unit answers within 50 ms (P2 of ISO 14229), a diagnostic gateway adds to it; machine time."""
PENDING_S = 5.0
"""After "response pending" (P2* of ISO 14229)."""
PAUSE_S = 0.02
"""Machine time between two questions: others use the bus as well."""
NEGATIVE = 0x7F
BUSY, PENDING = 0x21, 0x78
NOT_OFFERED = frozenset({0x11, 0x12, 0x13, 0x31, 0x33, 0x7E, 0x7F})
"""Service, subfunction or identifier unknown here, or only for a workshop's session: not asked again."""
LONGEST_ANSWER = 512


@dataclass(frozen=True)
class Frame:
    """One CAN frame to send."""

    can_id: int
    data: bytes

    @property
    def is_extended(self) -> bool:
        return self.can_id >= STANDARD_IDS


class Conversation:
    """One question and its answer over ISO-TP. Timers are the machine's (monotonic s)."""

    def __init__(self, query: Query, *, send: Callable[[Frame], None], now_s: float) -> None:
        self.query = query
        self._send = send
        self._inbox: deque[isotp.CanMessage] = deque()
        self._ends_s = now_s + ANSWER_S
        self.faults: list[str] = []
        wide = query.tx >= STANDARD_IDS
        mode = isotp.AddressingMode.Normal_29bits if wide else isotp.AddressingMode.Normal_11bits
        self._stack = isotp.TransportLayerLogic(
            rxfn=lambda _timeout: self._inbox.popleft() if self._inbox else None,
            txfn=self._transmit,
            address=isotp.Address(mode, txid=query.tx, rxid=query.rx),
            error_handler=lambda fault: self.faults.append(type(fault).__name__),
            params={
                "tx_padding": 0x00,
                "stmin": 5,
                "blocksize": 0,
                "rx_consecutive_frame_timeout": 500,
                "max_frame_size": LONGEST_ANSWER,
            },
        )
        self._stack.send(query.ask)
        self._stack.process(rx_timeout=0.0)

    def _transmit(self, message: isotp.CanMessage) -> None:
        self._send(Frame(message.arbitration_id, bytes(message.data)))

    def hear(self, can_id: int, data: bytes, now_s: float) -> bytes | None:
        """A frame of the bus; the whole answer when this completes it."""
        self._inbox.append(isotp.CanMessage(can_id, data=data, extended_id=can_id >= STANDARD_IDS))
        self._stack.process(rx_timeout=0.0)
        if self._stack.is_rx_active():
            self._ends_s = max(self._ends_s, now_s + ANSWER_S)
        answer = self._stack.recv()
        if answer is None:
            return None
        whole = bytes(answer)
        if whole[:1] == bytes([NEGATIVE]) and whole[1:2] == self.query.ask[:1]:
            if whole[2:3] == bytes([PENDING]):
                self._ends_s = now_s + PENDING_S
                return None
            return whole
        return whole if whole.startswith(self.query.echo) else None  # somebody else's tester asked something else

    def is_over(self, now_s: float) -> bool:
        """True when no answer will come any more."""
        self._stack.process(rx_timeout=0.0)
        return now_s >= self._ends_s


class Questions:
    """All questions of a profile.

    `learned` hears measures and how often they are asked for, `refuse(field, reason)` what could not be read.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        send: Callable[[Frame], None],
        learned: Callable[[Mapping[Field, float | bool], float], None],
        refuse: Callable[[str, str], None],
    ) -> None:
        self._send = send
        self._learned = learned
        self._refuse = refuse
        self._queries = list(profile.queries)
        self._ids = {query.rx for query in profile.queries} | {query.tx for query in profile.queries}
        self._asked_s: dict[int, float] = {}  # by the query's place, in seconds of the world
        self._under_way: Conversation | None = None
        self._free_s = 0.0
        self.answered = 0
        self.unanswered = 0

    def concerns(self, can_id: int) -> bool:
        """True for a frame that our questions cause: no sign that the van is awake by itself."""
        return can_id in self._ids

    def hear(self, can_id: int, data: bytes, machine_s: float) -> bool:
        """A frame of the bus; True when it completed an answer."""
        talk = self._under_way
        if talk is None or can_id != talk.query.rx:
            return False
        answer = talk.hear(can_id, data, machine_s)
        if answer is None:
            return False
        self._under_way, self._free_s = None, machine_s + PAUSE_S
        self.answered += 1
        if answer[0] == NEGATIVE:
            self._take_refusal(talk.query, answer[2] if len(answer) > 2 else 0)
            return True
        measures = talk.query.decode(answer)
        missing = {measure.field for measure in talk.query.measures} - set(measures)
        if missing and len(answer) < 1 + max(_last_byte(talk.query), 1):
            self._refuse(talk.query.request, f"answer of {len(answer)} bytes is too short")
        self._learned(measures, talk.query.period_s)
        return True

    def _take_refusal(self, query: Query, code: int) -> None:
        if code in NOT_OFFERED:
            self._queries.remove(query)
            self._refuse(query.request, f"this van does not offer it (code 0x{code:02X})")
        elif code != BUSY:
            self._refuse(query.request, f"refused (code 0x{code:02X})")

    def step(self, world_s: float, machine_s: float, *, may_ask: bool) -> bool:
        """Asks what is due, or gives up what was not answered; False when a question just stayed without answer."""
        talk = self._under_way
        if talk is not None:
            if not talk.is_over(machine_s):
                return True
            self._under_way, self._free_s = None, machine_s + PAUSE_S
            self.unanswered += 1
            if talk.faults:
                self._refuse(talk.query.request, f"answer broken off ({talk.faults[0]})")
            return False
        if may_ask and machine_s >= self._free_s:
            query = self._due(world_s)
            if query is not None:
                self._asked_s[id(query)] = world_s
                self._under_way = Conversation(query, send=self._send, now_s=machine_s)
        return True

    def _due(self, world_s: float) -> Query | None:
        """The question that waited longest for its turn."""
        waiting = [
            query
            for query in self._queries
            if not 0 <= world_s - self._asked_s.get(id(query), float("-inf")) < query.period_s
        ]
        return min(waiting, key=lambda query: self._asked_s.get(id(query), float("-inf")), default=None)


def _last_byte(query: Query) -> int:
    bits = max(measure.bits[0] + measure.bits[1] for measure in query.measures)
    return len(query.echo) - 1 + (bits + 7) // 8
