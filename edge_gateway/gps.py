"""Where the van is: fixes of a receiver in, `Position` events out, with the lies of receivers taken out.

A receiver that goes on repeating its last fix, or says nothing, has no fix: what counts is that the receiver's own time
moves on. A fix that would need more than 70 m/s is a jump and is refused, unless three in a row agree with each other.
Unknown is None, never zero.
"""

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from edge_gateway.contract.messages import ClockQuality, Position, Reckoned
from edge_gateway.input import Input
from edge_gateway.intake import Intake
from edge_gateway.page_messages import PagePosition
from edge_gateway.reckoning import Reckoning
from edge_gateway.rejects import Rejects
from edge_gateway.state import State, distance_m
from edge_gateway.timekeeping import Timekeeper

log = logging.getLogger(__name__)

FASTEST_M_S = 70.0
JUMP_ROOM_M = 50.0
"""Two fixes may always differ by this: the receivers' own error."""
AGREEING = 3
"""So many fixes that agree with each other overrule the one before them."""
MOVING_M_S = 1.0
MOVED_M = 30.0
LATE_S = 120.0
"""A receiver's time further than this from ours is not used for stamps (a replayed log, a wrong week number)."""

FixKind = Literal["none", "2d", "3d"]


@dataclass(frozen=True, kw_only=True)
class Fix:
    """What a receiver says at `time_s` of its own UTC clock, if it knows that. Speed in m/s, heading in degrees."""

    time_s: float | None
    kind: FixKind
    lat: float | None = None
    lon: float | None = None
    speed_m_s: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None


class Receiver(Protocol):
    """A source of fixes: `gpsd_receiver` and `nmea_receiver`."""

    def open(self) -> None:
        """Raises `ReceiverError`."""
        ...

    def read(self) -> list[Fix]:
        """The fixes since the last call; waits a little when there are none. Raises `ReceiverError`."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often positions are told, and when a fix is too old; seconds of the world."""

    moving_period_s: float
    standing_period_s: float
    fix_timeout_s: float


@dataclass(frozen=True)
class Seen:
    """What follows from a fix or from the lack of one: the position now, and whether the hub must hear of it."""

    position: PagePosition
    accuracy_m: float | None
    is_due: bool


class Track:
    """The rules, without I/O. `refuse(field, reason)` hears of every fix that is not believed."""

    def __init__(self, pace: Pace, refuse: Callable[[str, str], None]) -> None:
        self._pace = pace
        self._refuse = refuse
        self._newest_time_s: float | None = None
        self._heard_s: float | None = None  # when the receiver's time last moved on, in our time
        self._good: Fix | None = None
        self._doubted: list[Fix] = []
        self._told: PagePosition | None = None

    def take(self, fix: Fix, now_s: float) -> Seen | None:
        """A fix came at `now_s`; None when it says nothing new or is not believed."""
        if fix.kind == "none" or fix.time_s is None or fix.lat is None or fix.lon is None:
            return self.tick(now_s)
        if fix.time_s == self._newest_time_s:
            return self.tick(now_s)  # a dead receiver repeats itself, with mode 3
        self._newest_time_s = fix.time_s
        if not self._is_possible(fix) or not self._is_near(fix):
            return self.tick(now_s)
        self._good = fix
        self._heard_s = now_s
        t_s = fix.time_s if abs(fix.time_s - now_s) <= LATE_S else now_s
        position = PagePosition(
            t_s=t_s,
            fix=fix.kind,
            lat=fix.lat,
            lon=fix.lon,
            speed_m_s=fix.speed_m_s,
            heading_deg=fix.heading_deg,
        )
        return self._see(position, fix.accuracy_m)

    def tick(self, now_s: float) -> Seen | None:
        """Nothing came; None while the last fix is still good, or its loss was told just now."""
        if self._heard_s is not None and 0 <= now_s - self._heard_s < self._pace.fix_timeout_s:
            return None
        told = self._told
        if told is not None and told.fix == "none" and 0 <= now_s - told.t_s < self._pace.standing_period_s:
            return None
        return self._see(PagePosition(t_s=now_s, fix="none"), None)

    def _see(self, position: PagePosition, accuracy_m: float | None) -> Seen:
        told = self._told
        is_due = told is None or told.fix != position.fix or self._period_is_over(told, position)
        if is_due:
            self._told = position
        return Seen(position, accuracy_m, is_due)

    def _period_is_over(self, told: PagePosition, position: PagePosition) -> bool:
        age_s = position.t_s - told.t_s
        if age_s < 0:  # the clock stepped back
            return True
        if _is_moving(position) is not _is_moving(told):
            return True
        moved = _distance_m(told, position) > MOVED_M
        period_s = self._pace.moving_period_s if moved or _is_moving(position) else self._pace.standing_period_s
        return age_s >= period_s - 0.05

    def _is_possible(self, fix: Fix) -> bool:
        assert fix.lat is not None and fix.lon is not None
        if not (math.isfinite(fix.lat) and math.isfinite(fix.lon) and abs(fix.lat) <= 90 and abs(fix.lon) <= 180):
            self._refuse("lat, lon", "outside the Earth")
            return False
        if fix.lat == 0 and fix.lon == 0:
            self._refuse("lat, lon", "0, 0 is no fix")
            return False
        if fix.speed_m_s is not None and not 0 <= fix.speed_m_s <= FASTEST_M_S:
            self._refuse("speed_m_s", f"faster than {FASTEST_M_S:g} m/s, or less than nothing")
            return False
        return True

    def _is_near(self, fix: Fix) -> bool:
        """Within reach of the last good fix, or one of three in a row that agree with each other."""
        if self._good is None or _is_reachable(self._good, fix):
            self._doubted.clear()
            return True
        if self._doubted and not _is_reachable(self._doubted[-1], fix):
            self._doubted.clear()
        self._doubted.append(fix)
        if len(self._doubted) >= AGREEING:
            self._doubted.clear()
            return True
        self._refuse("lat, lon", f"a jump that needs more than {FASTEST_M_S:g} m/s, or back in time")
        return False


def _is_reachable(earlier: Fix, later: Fix) -> bool:
    if None in (earlier.lat, earlier.lon, earlier.time_s, later.lat, later.lon, later.time_s):
        return False
    assert earlier.lat is not None and earlier.lon is not None and earlier.time_s is not None
    assert later.lat is not None and later.lon is not None and later.time_s is not None
    elapsed_s = later.time_s - earlier.time_s
    if elapsed_s <= 0:
        return False
    far_m = distance_m(earlier.lat, earlier.lon, later.lat, later.lon)
    return far_m <= FASTEST_M_S * elapsed_s + JUMP_ROOM_M


def _is_moving(position: PagePosition) -> bool:
    return position.speed_m_s is not None and position.speed_m_s > MOVING_M_S


def _distance_m(a: PagePosition, b: PagePosition) -> float:
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return 0.0
    return distance_m(a.lat, a.lon, b.lat, b.lon)


class Gps(Input):
    """A receiver, and what follows from what it says."""

    def __init__(
        self,
        receiver: Receiver,
        pace: Pace,
        *,
        source: str,
        intake: Intake,
        state: State,
        rejects: Rejects,
        time: Timekeeper,
        random: random.Random,
        poll_s: float,
    ) -> None:
        super().__init__("gps", random=random)
        self._receiver = receiver
        self._source = source
        self._intake = intake
        self._state = state
        self._time = time
        self._poll_s = poll_s
        self._pace = pace
        self._reckoning = Reckoning()
        self._told_reckoned: tuple[float, Reckoned] | None = None
        self._track = Track(pace, lambda field, reason: rejects.add("gps", field, reason))
        self._heard_time_s: float | None = None

    def _listen(self) -> None:
        self._receiver.open()
        log.info("event=gps_connected")
        while self.runs:
            for fix in self._receiver.read():
                self._is_well()  # not before: a gpsd without a receiver opens, too
                self._hear(fix)
                self._tell(self._track.take(fix, self._time.now_s()))
            self._tell(self._track.tick(self._time.now_s()))

    def _close(self) -> None:
        self._receiver.close()

    def _hear(self, fix: Fix) -> None:
        """Set our clock by a fix, once: a dead receiver's last word would make the time stand still."""
        if fix.kind != "none" and fix.time_s is not None and fix.time_s != self._heard_time_s:
            self._heard_time_s = fix.time_s
            self._time.heard(fix.time_s)

    def _rest(self, pause_s: float) -> None:
        """Without a receiver the last fix still grows old."""
        until = time.monotonic() + pause_s
        while time.monotonic() < until and not self._stopping.wait(self._poll_s):
            self._tell(self._track.tick(self._time.now_s()))

    def _tell(self, seen: Seen | None) -> None:
        if seen is None:
            seen = self._driven_on()
        if seen is None:
            return
        position = seen.position
        vehicle = self._state.vehicle
        reckoned = None
        if position.fix == "none":
            reckoned = self._reckoning.at(vehicle, position.t_s)
            self._told_reckoned = None if reckoned is None else (position.t_s, reckoned)
        else:
            self._reckoning.fixed(position, vehicle)
            self._told_reckoned = None
        if not seen.is_due:
            self._state.show_position(position)
            return
        clock = self._time.quality
        self._intake.offer(
            Position(
                source=self._source,
                boot=0,
                seq=0,
                t_s=position.t_s,
                clock=ClockQuality.GPS if clock is ClockQuality.NONE and position.fix != "none" else clock,
                fix=position.fix,
                lat=position.lat,
                lon=position.lon,
                speed_m_s=position.speed_m_s,
                heading_deg=position.heading_deg,
                accuracy_m=seen.accuracy_m,
                reckoned=reckoned,
            )
        )

    def _driven_on(self) -> Seen | None:
        """In a gap the van is told of again once it has driven on, as often as while it drives with a fix."""
        if self._told_reckoned is None:
            return None
        told_s, told = self._told_reckoned
        now_s = self._time.now_s()
        if now_s - told_s < self._pace.moving_period_s:
            return None
        reckoned = self._reckoning.at(self._state.vehicle, now_s)
        if reckoned is None or reckoned.driven_m <= told.driven_m:
            return None
        return Seen(PagePosition(t_s=now_s, fix="none"), None, is_due=True)
