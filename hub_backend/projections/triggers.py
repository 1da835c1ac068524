"""The follower that sees when the day no longer goes as planned, and asks for a new plan: once for each cause.

Judged by the events' own time, so that a van that was out of reach and tells its morning at noon is judged as it was
then, and a replay asks for nothing twice. The plan it compares with is the one that was sent to the van.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from edge_gateway.contract import messages
from edge_gateway.contract.messages import AnyEvent, Outcome, PlannedStop, Position, Tour, VanPlan, Vehicle, Visit
from hub_backend.kit import Kit
from hub_backend.projections.follower import Follower, Received
from hub_backend.projections.proof import FAILED, stop_id
from hub_backend.record import DownlinkRow, StopRow, VanStateRow
from hub_backend.shown import Change
from hub_backend.spoken import said, sentence, van_called
from hub_backend.store import row_of
from hub_backend.trigger import pull
from hub_backend.workday import day_of

BEHIND_S = 600.0  # later than planned by more than this, or longer at a door than planned
LOW_SOC_PERCENT = 30.0
LOOK_EVERY_S = 30.0  # of a van's positions
OPEN = ("open", "under_way", "at_door")
DRIVING = ("departed_hub", "under_way")
AT_DOOR = ("arrived", "longer")

# Asked at every look, so made once: that is half of what asking costs.
SENT_REVISION = select(DownlinkRow.revision).where(DownlinkRow.gateway == bindparam("van"))
STOPS_AHEAD = select(StopRow.id).where(StopRow.van == bindparam("van"), StopRow.state.in_(OPEN))


@dataclass(frozen=True)
class _Sent:
    revision: int
    plan: VanPlan


class Triggers(Follower):
    """Writes `triggers` of kind no_answer, longer_visit, delay and low_battery."""

    name = "triggers"
    kinds: frozenset[type[AnyEvent]] = frozenset({Visit, Tour, Position, Vehicle})

    def __init__(self, kit: Kit, vans: frozenset[str]) -> None:
        self._kit = kit
        self._vans = vans
        self._looked_s: dict[str, float] = {}
        self._sent: dict[str, _Sent] = {}

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        van = received.gateway
        if van not in self._vans:
            return []
        match received.event:
            case Visit() as visit if visit.outcome in FAILED:
                _missed(session, visit)
            case Tour() as tour if tour.phase == "longer":
                _longer(session, van, tour)
            case Tour() as tour if tour.phase == "arrived":
                self._arrived(session, van, tour)
            case Position() as position if self._is_due(van, position.t_s):
                self._look(session, van, position.t_s)
            case Vehicle() as vehicle:
                self._check_battery(session, van, vehicle)
            case _:
                pass
        return []

    def _is_due(self, van: str, t_s: float) -> bool:
        if abs(t_s - self._looked_s.get(van, 0.0)) < LOOK_EVERY_S:
            return False
        self._looked_s[van] = t_s
        return True

    def _look(self, session: Session, van: str, t_s: float) -> None:
        """How the van stands at the moment of one of its positions."""
        now = row_of(session, VanStateRow, van)
        if now is None or now.phase_s is None or now.phase_s > t_s:
            return
        if now.phase in AT_DOOR and now.stop is not None and now.arrived_s is not None:
            self._check_stay(session, now, t_s)
        elif now.phase in DRIVING:
            self._check_delay(session, van, t_s)

    def _check_stay(self, session: Session, now: VanStateRow, t_s: float) -> None:
        stop = row_of(session, StopRow, stop_id(now.stop or ""))
        if stop is None or stop.state != "at_door" or now.arrived_s is None:
            return  # an outcome was given, even if somebody is to come again
        late_s = t_s - (now.arrived_s + stop.service_s + stop.talk_s + now.extra_s + BEHIND_S)
        if late_s > 0:
            words = sentence(said("long_stay", van=van_called(now.van)))
            cause = f"long_stay:{now.van}:{now.stop}:{now.arrived_s:.0f}"
            pull(session, kind="longer_visit", subject=now.van, words=words, t_s=t_s, cause=cause)

    def _check_delay(self, session: Session, van: str, t_s: float) -> None:
        sent = self._plan_of(session, van)
        if sent is None:
            return
        ahead = _first_ahead(session, van, sent.plan)
        if ahead is not None and t_s - ahead.arrive_s > BEHIND_S:
            self._delayed(session, van, sent, t_s)

    def _arrived(self, session: Session, van: str, tour: Tour) -> None:
        sent = self._plan_of(session, van)
        planned = next((stop for stop in sent.plan.stops if stop.stop == tour.stop), None) if sent else None
        if sent is not None and planned is not None and tour.t_s - planned.arrive_s > BEHIND_S:
            self._delayed(session, van, sent, tour.t_s)

    def _delayed(self, session: Session, van: str, sent: _Sent, t_s: float) -> None:
        if t_s < sent.plan.made_s:
            return  # told late: that plan knew it already
        words = sentence(said("delay", van=van_called(van)))
        cause = f"delay:{van}:{sent.plan.day}:{sent.revision}"
        pull(session, kind="delay", subject=van, words=words, t_s=t_s, cause=cause)

    def _check_battery(self, session: Session, van: str, vehicle: Vehicle) -> None:
        if vehicle.soc_percent is None or vehicle.soc_percent >= LOW_SOC_PERCENT or vehicle.plugged:
            return
        now = row_of(session, VanStateRow, van)
        if now is not None and now.vehicle_s is not None and now.vehicle_s > vehicle.t_s:
            return
        day = day_of(vehicle.t_s, zone=self._kit.settings.zone)
        left = select(StopRow.id).where(StopRow.day == day, StopRow.van == van, StopRow.state.in_(OPEN)).limit(1)
        if session.scalar(left) is None:
            return
        words = said("low_battery", van=van_called(van), percent=f"{vehicle.soc_percent:.0f}")
        cause = f"low_battery:{van}:{day}"
        pull(session, kind="low_battery", subject=van, words=words, t_s=vehicle.t_s, cause=cause)

    def _plan_of(self, session: Session, van: str) -> _Sent | None:
        """The plan that was sent to the van, decoded once for each revision."""
        found = session.scalar(SENT_REVISION, {"van": van})
        if found is None:
            return None
        known = self._sent.get(van)
        if known is None or known.revision != found:
            row = session.get(DownlinkRow, van, populate_existing=True)
            plan = messages.decode_downlink.decode(row.body) if row is not None else None
            if row is None or not isinstance(plan, VanPlan):
                return None
            known = self._sent[van] = _Sent(row.revision, plan)
        return known


def _first_ahead(session: Session, van: str, plan: VanPlan) -> PlannedStop | None:
    """The first address of the plan where nobody has been yet."""
    ahead = set(session.scalars(STOPS_AHEAD, {"van": van}))
    return next((planned for planned in plan.stops if not planned.done and stop_id(planned.stop) in ahead), None)


def _missed(session: Session, visit: Visit) -> None:
    words = said("refused" if visit.outcome is Outcome.REFUSED else "no_answer")
    cause = f"no_answer:{visit.stop}:{visit.t_s:.0f}"
    pull(session, kind="no_answer", subject=stop_id(visit.stop), words=words, t_s=visit.t_s, cause=cause)


def _longer(session: Session, van: str, tour: Tour) -> None:
    if tour.extra_s:
        words = said("longer_visit_by", van=van_called(van), minutes=f"{tour.extra_s / 60:.0f}")
    else:
        words = said("longer_visit", van=van_called(van))
    words = sentence(words)
    cause = f"longer:{van}:{tour.boot}:{tour.seq}"
    pull(session, kind="longer_visit", subject=van, words=words, t_s=tour.t_s, cause=cause)
