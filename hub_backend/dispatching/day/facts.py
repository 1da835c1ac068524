"""What the record knows of a day that a plan needs, read once; and what follows from it without any decision.

Comes in: a session and the time. Goes out: `DayFacts`, from which `vans`, `tasks` and `rides` make the router's
question.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.dispatching.day.stops import StopNow, read_stops
from hub_backend.dispatching.day.tours import VanTour, read_tours
from hub_backend.record import ExcursionRow, HubRow, VanRow, VanStateRow, VisitRow
from hub_backend.stop_ref import DROPOFF, is_depot_stop, stop_of_ref
from hub_backend.workday import bounds

CONTACT = ("contact_door", "contact_inside", "contact_other_person")


@dataclass(frozen=True)
class Visited:
    """What came of the visits of a day, by planned stop."""

    last_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """When each van last recorded an outcome at a stop."""
    done_by: Mapping[str, str] = field(default_factory=dict)
    """The van of each stop, or end of a ride, where a person was met."""
    last_stop: Mapping[str, str] = field(default_factory=dict)
    """Where each van recorded its newest outcome."""


@dataclass(frozen=True)
class DayFacts:
    """A day in the record at `now_s`, which lies within it."""

    day: str
    now_s: int
    zone: ZoneInfo
    hubs: Mapping[str, HubRow]
    vans: Mapping[str, VanRow]
    states: Mapping[str, VanStateRow]
    tours: Mapping[str, VanTour]
    stops: Mapping[str, StopNow]
    visited: Visited
    warm: Mapping[str, float]
    """Vans with a cooler that is too warm now, and since when."""

    def tour(self, van: str) -> VanTour:
        return self.tours.get(van, VanTour())

    @cached_property
    def out(self) -> frozenset[str]:
        """The vans that do not drive any more today."""
        return frozenset(
            van.id for van in self.vans.values() if not van.in_service or self.tour(van.id).phase == "ended"
        )

    @cached_property
    def under_way(self) -> Mapping[str, str]:
        """Each van's planned stop that it is at or drives to, while it is not finished. A depot stop is none."""
        return {van: ref for van in self.vans if (ref := self._under_way(van)) is not None}

    def _under_way(self, van: str) -> str | None:
        tour = self.tour(van)
        if tour.stop is None or is_depot_stop(tour.stop) or tour.phase not in ("under_way", "arrived", "longer"):
            return None
        stop = self.stops.get(stop_of_ref(tour.stop))
        visited_s = self.visited.last_s.get((van, tour.stop))
        if stop is None or not stop.is_open or (visited_s is not None and visited_s >= tour.phase_s):
            return None
        return tour.stop

    def van_at(self, ref: str) -> str | None:
        """The van that stands at this planned stop now."""
        standing = (van for van, at in self.under_way.items() if at == ref and self.tour(van).is_at_stop)
        return next(standing, None)

    def place_of(self, ref: str) -> tuple[float, float] | None:
        """Where a planned stop is, None for one that is not of this day."""
        stop = self.stops.get(stop_of_ref(ref))
        if stop is None:
            return None
        if ref.endswith(DROPOFF) and stop.orders:
            order = stop.orders[0]
            if order.to_lat is not None and order.to_lon is not None:
                return order.to_lat, order.to_lon
        return stop.resident.lat, stop.resident.lon


def read_facts(session: Session, day: str, *, now_s: float, zone: ZoneInfo) -> DayFacts:
    """Read `day`; a time before or after it counts as its first or last second."""
    begin_s, end_s = bounds(day, zone=zone)
    vans = {van.id: van for van in session.scalars(select(VanRow).order_by(VanRow.id))}
    return DayFacts(
        day=day,
        now_s=min(max(int(now_s), begin_s), end_s),
        zone=zone,
        hubs={hub.id: hub for hub in session.scalars(select(HubRow).order_by(HubRow.id))},
        vans=vans,
        states={state.van: state for state in session.scalars(select(VanStateRow))},
        tours=read_tours(session, day, zone=zone),
        stops=read_stops(session, day),
        visited=_visited(session, day),
        warm=_warm_vans(session, vans),
    )


def _visited(session: Session, day: str) -> Visited:
    rows = session.scalars(select(VisitRow).where(VisitRow.day == day).order_by(VisitRow.t_s)).all()
    return Visited(
        last_s={(row.van, row.stop): row.t_s for row in rows},
        done_by={row.stop: row.van for row in rows if row.outcome in CONTACT},
        last_stop={row.van: row.stop for row in rows},
    )


def _warm_vans(session: Session, vans: Mapping[str, VanRow]) -> dict[str, float]:
    """An open excursion counts until its cooler has recovered."""
    rows = session.scalars(
        select(ExcursionRow).where(ExcursionRow.closed_s.is_(None), ExcursionRow.recovered_s.is_(None))
    )
    warm: dict[str, float] = {}
    for row in rows:
        van = row.source.partition("/")[0]
        if van in vans and row.limit_c is not None and (row.extreme_c or 0.0) > row.limit_c:
            warm[van] = min(row.began_s, warm.get(van, row.began_s))
    return warm
