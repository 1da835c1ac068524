"""A morning: what may wait and was not brought before comes along, and the day's first plan is asked for.

Shortly before the first shift of a day begins; a plan that somebody has asked for already is asked again for what comes
along.
"""

import time

from sqlalchemy import select

from hub_backend.dispatching.plans import has_plan
from hub_backend.kit import Kit
from hub_backend.ordering.another_day import carry_over
from hub_backend.ordering.refs import RandomBelow
from hub_backend.record import StopRow, TriggerRow, VanRow
from hub_backend.spoken import said
from hub_backend.trigger import pull
from hub_backend.workday import at, day_of, is_workday

BEFORE_SHIFT_S = 3600
LOOK_S = 1.0  # machine: how often to look whether a morning is due


class Morning:
    """Looks whether today still needs its first plan."""

    def __init__(self, kit: Kit, random_below: RandomBelow) -> None:
        self._kit = kit
        self._random_below = random_below
        self._look_at = 0.0
        self._begun = ""
        """The day that what may wait was brought along to."""

    def ask(self) -> None:
        """Begin today when its time has come: pull its trigger when there is something to plan."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        now_s = self._kit.clock.now_s()
        day = day_of(now_s, zone=self._kit.settings.zone)
        if not self._has_come(day, now_s):
            return
        if day != self._begun:
            self._bring_along(day, now_s)
        if self._is_due(day):
            with self._kit.store.write() as session:
                pull(session, kind="morning", subject=day, words=said("morning"), t_s=now_s, cause=f"morning:{day}")

    def _has_come(self, day: str, now_s: float) -> bool:
        with self._kit.store.read() as session:
            shifts = session.scalars(select(VanRow.shift_from).where(VanRow.in_service)).all()
        return bool(shifts) and now_s >= at(day, min(shifts), zone=self._kit.settings.zone) - BEFORE_SHIFT_S

    def _bring_along(self, day: str, now_s: float) -> None:
        if is_workday(day):
            with self._kit.store.write() as session:
                stops = carry_over(session, day, zone=self._kit.settings.zone, random_below=self._random_below)
                if stops and has_plan(session, day):
                    words = said("brought_along") if len(stops) == 1 else said("brought_along_many", n=len(stops))
                    pull(session, kind="new_order", subject=day, words=words, t_s=now_s, cause=f"brought_along:{day}")
        self._begun = day

    def _is_due(self, day: str) -> bool:
        with self._kit.store.read() as session:
            stop = session.scalars(
                select(StopRow.id).where(StopRow.day == day, StopRow.state == "open").limit(1)
            ).first()
            if stop is None or has_plan(session, day):
                return False
            asked = select(TriggerRow.id).where(TriggerRow.plan.is_(None), TriggerRow.subject == day).limit(1)
            return session.scalars(asked).first() is None
