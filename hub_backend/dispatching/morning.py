"""The first plan of a day that nobody asked for: asked for shortly before its first shift begins."""

import time

from sqlalchemy import select

from hub_backend.dispatching.plans import newest_plan
from hub_backend.kit import Kit
from hub_backend.record import StopRow, TriggerRow, VanRow
from hub_backend.spoken import said
from hub_backend.trigger import pull
from hub_backend.workday import at, day_of

BEFORE_SHIFT_S = 3600
LOOK_S = 1.0  # machine: how often to look whether a morning is due


class Morning:
    """Looks whether today still needs its first plan."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._look_at = 0.0

    def ask(self) -> None:
        """Pull today's trigger when its time has come and there is something to plan."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        now_s = self._kit.clock.now_s()
        day = day_of(now_s, zone=self._kit.settings.zone)
        if not self._is_due(day, now_s):
            return
        with self._kit.store.write() as session:
            pull(session, kind="morning", subject=day, words=said("morning"), t_s=now_s, cause=f"morning:{day}")

    def _is_due(self, day: str, now_s: float) -> bool:
        with self._kit.store.read() as session:
            shifts = session.scalars(select(VanRow.shift_from).where(VanRow.in_service)).all()
            if not shifts or now_s < at(day, min(shifts), zone=self._kit.settings.zone) - BEFORE_SHIFT_S:
                return False
            stop = session.scalars(
                select(StopRow.id).where(StopRow.day == day, StopRow.state == "open").limit(1)
            ).first()
            if stop is None or newest_plan(session, day) is not None:
                return False
            asked = select(TriggerRow.id).where(TriggerRow.plan.is_(None), TriggerRow.subject == day).limit(1)
            return session.scalars(asked).first() is None
