"""The one way in: every event of every input passes here into the outbox and, once kept, into the state.

What the hub would set aside is refused here, counted and visible. Nothing here acknowledges: who called may do so
when a call has returned (business) or when its `committed` was called (telemetry).
"""

import datetime
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edge_gateway.codes.reading import Reading, RefusedCodeError, read
from edge_gateway.contract.messages import (
    AnyEvent,
    ClockQuality,
    Downlink,
    PlanReceived,
    Rejected,
    Scan,
    ScanPurpose,
    Tour,
    VanPlan,
    Visit,
    decode_downlink,
)
from edge_gateway.errors import InvalidEventError
from edge_gateway.outbox import Identity, Outbox
from edge_gateway.page_messages import PageRecord, PageScan, RefusedRecord, ScanAnswer, TourRecord
from edge_gateway.rejects import Rejects
from edge_gateway.scans import REPEAT_S, judge
from edge_gateway.spoken import Words
from edge_gateway.state import State
from edge_gateway.timekeeping import Timekeeper

log = logging.getLogger(__name__)

PLAN = "plan"
AHEAD_S = 120.0
"""A tablet whose clock is further ahead than this is not believed."""


@dataclass(frozen=True, kw_only=True)
class HeardCode:
    """A code as a scanner or the page gave it; `identity` for a node's scan, `record` for the page's own id of it.

    `purpose` None: it follows from where the van is.
    """

    raw: str
    symbology: str = ""
    purpose: ScanPurpose | None = None
    t_s: float
    clock: ClockQuality
    identity: Identity | None = None
    record: str | None = None


class Intake:
    """Safe for threads."""

    def __init__(
        self, *, gateway: str, role: str, outbox: Outbox, state: State, rejects: Rejects, time: Timekeeper
    ) -> None:
        self._gateway = gateway
        self._role = role
        self._outbox = outbox
        self._state = state
        self._rejects = rejects
        self._time = time
        self._judging = threading.Lock()
        self._last_scans: dict[str, tuple[str, float, ScanAnswer]] = {}

    def restore(self) -> None:
        """Takes up the day where the last start of this gateway left it."""
        held = self._outbox.fact(PLAN)
        if held is not None:
            self._state.take_plan(decode_downlink.decode(held))
        last: Scan | None = None
        for event in self._outbox.today():
            self._state.apply(event)
            last = event if isinstance(event, Scan) else last
        if last is not None:  # whoever pulled the trigger just before still wants to know
            self._state.show_scan(_shown_again(last))

    # ------------------------------------------------------------ readings

    def offer(self, event: AnyEvent, *, committed: Callable[[], None] | None = None) -> None:
        """Telemetry: kept with the next group commit."""
        try:
            self._outbox.offer(event, committed=committed)
        except InvalidEventError as error:
            self._rejects.add(event.source, error.field, error.reason)
            self._set_aside(event, error, committed)
            return
        self._state.apply(event)

    def keep(self, event: AnyEvent) -> None:
        """A lid or an alarm: kept when this returns. Raises `OutboxError`: not kept, do not acknowledge."""
        try:
            kept = self._outbox.commit([event], remember=True)
        except InvalidEventError as error:
            self._rejects.add(event.source, error.field, error.reason)
            self._set_aside(event, error, None)
            return
        for stamped in kept:
            self._state.apply(stamped)

    def _set_aside(self, event: AnyEvent, error: InvalidEventError, committed: Callable[[], None] | None) -> None:
        """A node's event that nobody can read still has its place in the node's numbering."""
        if event.source == self._gateway:
            return
        self.refuse_reading(
            (event.source, event.boot, event.seq), field=error.field, reason=error.reason, committed=committed
        )

    def refuse_reading(
        self, identity: Identity, *, field: str, reason: str, committed: Callable[[], None] | None
    ) -> None:
        """Puts a refusal in the place of a node's reading, so that its numbering keeps no hole and the node goes on."""
        source, boot, seq = identity
        rejected = Rejected(
            source=source,
            boot=boot,
            seq=seq,
            t_s=self._time.now_s(),
            clock=self._time.quality,
            origin=source,
            field=field[:80],
            reason=reason[:300],
        )
        self._outbox.offer(rejected, committed=committed)

    # ------------------------------------------------------------ scans

    def scan(self, heard: HeardCode) -> ScanAnswer:
        """Judges a code and keeps the scan. Raises `OutboxError`: not kept."""
        source = self._gateway if heard.identity is None else heard.identity[0]
        with self._judging:
            if heard.record is not None:
                held = self._outbox.answer(heard.record)
                if held is not None:
                    return msgspec.json.decode(held, type=ScanAnswer)
            try:
                reading = read(heard.raw, symbology=heard.symbology, this_year=self._today().year)
            except RefusedCodeError as error:
                self._rejects.add(f"{source} scan", "code", str(error))
                self._pass_over(heard, str(error))
                return ScanAnswer(
                    result=None, words=f"Niet bewaard: {error.words.nl}", words_en=f"Not kept: {error.words.en}"
                )
            last = self._last_scans.get(source)
            if last is not None and last[0] == reading.code and 0 <= heard.t_s - last[1] < REPEAT_S:
                self._pass_over(heard, "repeated within 2 s: ignored")
                return msgspec.structs.replace(last[2], repeated=True)
            answer = self._judge(reading, heard)
            self._last_scans[source] = (reading.code, heard.t_s, answer)
        return answer

    def _today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(self._time.now_s(), datetime.UTC).date()

    def _judge(self, reading: Reading, heard: HeardCode) -> ScanAnswer:
        code = reading.code
        verdict = judge(code, heard.purpose, self._state.situation)
        words = verdict.words
        if reading.expires is not None and reading.expires < self._today():
            words = Words(f"{words.nl}. Let op: over de datum", f"{words.en}. Note: past its date")
        source, boot, seq = heard.identity or (self._gateway, 0, 0)
        event = Scan(
            source=source,
            boot=boot,
            seq=seq,
            t_s=heard.t_s,
            clock=heard.clock,
            code=code,
            symbology=heard.symbology[:20],
            purpose=verdict.purpose,
            result=verdict.result,
            stop=verdict.stop,
        )
        answer = ScanAnswer(
            result=verdict.result,
            words=words.nl,
            words_en=words.en,
            code=code,
            stop=verdict.stop,
            van=verdict.van,
            is_back=verdict.is_back,
        )
        held = None if heard.record is None else (heard.record, msgspec.json.encode(answer))
        for stamped in self._outbox.commit([event], record=held, remember=True):
            self._state.apply(stamped)
        self._state.show_scan(
            PageScan(
                t_s=heard.t_s,
                code=code,
                purpose=verdict.purpose,
                result=verdict.result,
                words=words.nl,
                words_en=words.en,
                stop=verdict.stop,
                van=verdict.van,
                is_back=verdict.is_back,
            )
        )
        return answer

    def _pass_over(self, heard: HeardCode, reason: str) -> None:
        """A scan of a node that is not kept still has its place in the node's numbering. Raises `OutboxError`."""
        if heard.identity is not None:
            self.refuse_reading(heard.identity, field="code", reason=reason, committed=None)
            self._outbox.flush()

    # ------------------------------------------------------------ the page's records

    def record(self, record: PageRecord) -> RefusedRecord | None:
        """Keeps a record of the page, once; None when it is kept. Raises `OutboxError`: not kept, try again."""
        if self._outbox.answer(record.id) is not None:
            return None
        now_s = self._time.now_s()
        t_s, clock = record.t_s, ClockQuality.NTP
        if t_s is None or t_s > now_s + AHEAD_S:
            if t_s is not None:
                self._rejects.add(f"{self._gateway} page", "t_s", "the tablet's clock is ahead: the gateway's is used")
            t_s, clock = now_s, self._time.quality
        event = self._event_of(record, t_s, clock)
        try:
            kept = self._outbox.commit([event], record=(record.id, b"{}"), remember=True)
        except InvalidEventError as error:
            self._rejects.add(f"{self._gateway} page", error.field, error.reason)
            return RefusedRecord(id=record.id, field=error.field, reason=error.reason)
        for stamped in kept:
            self._state.apply(stamped)
        return None

    def _event_of(self, record: PageRecord, t_s: float, clock: ClockQuality) -> Tour | Visit:
        if isinstance(record, TourRecord):
            return Tour(
                source=self._gateway,
                boot=0,
                seq=0,
                t_s=t_s,
                clock=clock,
                phase=record.phase,
                stop=record.stop,
                extra_s=record.extra_s,
                record=record.id,
            )
        distance_m = record.distance_m
        if distance_m is None:
            distance_m = self._state.distance_to_m(record.stop)
        return Visit(
            source=self._gateway,
            boot=0,
            seq=0,
            t_s=t_s,
            clock=clock,
            stop=record.stop,
            outcome=record.outcome,
            step=record.step,
            delivered=record.delivered,
            collected=record.collected,
            chores_done=record.chores_done,
            began_s=record.began_s,
            distance_m=None if distance_m is None else round(distance_m, 1),
            record=record.id,
        )

    # ------------------------------------------------------------ plans

    def plan(self, plan: Downlink, body: bytes) -> bool:
        """Takes a plan that came down, and says so to the hub; False for one that we have, or an older one.

        Raises `OutboxError`: not kept.
        """
        if isinstance(plan, VanPlan) is not (self._role == "van"):
            self._rejects.add("downlink", "kind", f"a {self._role} has no use for this kind of plan")
            return False
        if isinstance(plan, VanPlan) and plan.van != self._gateway:
            self._rejects.add("downlink", "van", f"a plan for {plan.van}, not for us")
            return False
        if not self._state.wants(plan):
            if self._state.holds_newer(plan):
                self._rejects.add("downlink", "revision", "an older plan than the one we work by: ignored")
            return False
        if self._state.begins_with(plan):
            self._outbox.forget_today()
        received = PlanReceived(
            source=self._gateway,
            boot=0,
            seq=0,
            t_s=self._time.now_s(),
            clock=self._time.quality,
            plan=plan.plan,
            revision=plan.revision,
        )
        self._outbox.commit([received], facts={PLAN: body})
        self._state.take_plan(plan)
        stops = len(plan.stops) if isinstance(plan, VanPlan) else len(plan.parcels)
        log.info("event=plan_received day=%s revision=%d stops_or_parcels=%d", plan.day, plan.revision, stops)
        return True


def _shown_again(scan: Scan) -> PageScan:
    return PageScan(
        t_s=scan.t_s,
        code=scan.code,
        purpose=scan.purpose,
        result=scan.result,
        words="",  # what it was then said of it is not kept
        stop=scan.stop,
        van=None,
    )
