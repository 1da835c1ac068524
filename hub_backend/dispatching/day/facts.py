"""What the record knows of a day that a plan needs, read once; and what follows from it without any decision.

Comes in: a session and the time. Goes out: `DayFacts`, from which `vans`, `tasks` and `rides` make the router's
question.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub_backend.dispatching.day.places import HubPlace, places_of, standing_at
from hub_backend.dispatching.day.stops import StopNow, read_stops
from hub_backend.dispatching.day.tours import VanTour, read_tours
from hub_backend.record import ExcursionRow, HubRow, StopRow, TriggerRow, VanRow, VanStateRow, VisitRow
from hub_backend.stop_ref import DROPOFF, PICKUP, is_depot_stop, stop_of_ref
from hub_backend.workday import bounds, days_between

CONTACT = ("contact_door", "contact_inside", "contact_other_person")
SPOKEN_WITH = ("contact_door", "contact_inside")
"""Another person of the address took it in: that was contact, but nobody spoke with the resident."""

FRESH_FIX_S = 60.0  # as the screens: older is visibly stale, and no basis for a route

OUTSIDE_C = 10.0
"""The year's mean in the Netherlands, for want of a forecast."""


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
    contact_days: Mapping[str, int] = field(default_factory=dict)
    """Days since somebody last really spoke with a resident, as far as the record goes back."""
    outside_c: float = OUTSIDE_C
    """The temperature outside that plans reckon with."""
    out_s: Mapping[str, float] = field(default_factory=dict)
    """Since when each van that was taken out of service is so, as far as is known."""

    @cached_property
    def hub_places(self) -> Mapping[str, Sequence[HubPlace]]:
        """Where each hub is in the course of the day."""
        return {id_: places_of(hub, self.day, zone=self.zone) for id_, hub in self.hubs.items()}

    def hub_place(self, hub: str, id_: str) -> HubPlace:
        """The place of a hub with this id; its first of the day where its roster has no such any more."""
        return next((place for place in self.hub_places[hub] if place.id == id_), self.hub_places[hub][0])

    def tour(self, van: str) -> VanTour:
        return self.tours.get(van, VanTour())

    @cached_property
    def out(self) -> frozenset[str]:
        """The vans that do not drive any more today."""
        return frozenset(
            van.id for van in self.vans.values() if not van.in_service or self.tour(van.id).phase == "ended"
        )

    @cached_property
    def stranded(self) -> frozenset[str]:
        """Those of them that were taken out of service: what is in them is fetched from where they stand."""
        return frozenset(van.id for van in self.vans.values() if not van.in_service)

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

    def passenger_in(self, stop: StopNow) -> str | None:
        """The van that a ride's passenger sits in; who is being helped in is as good as aboard."""
        pickup = f"{stop.row.id}{PICKUP}"
        return self.van_at(pickup) or self.visited.done_by.get(pickup)

    def stuck_in(self, stop: StopNow) -> str | None:
        """The van out of service in which a ride's passenger sits, to be fetched from where it stands."""
        van = self.passenger_in(stop) if stop.row.kind == "ride" else None
        return van if van in self.stranded else None

    def lock_of(self, stop: StopNow) -> str | None:
        """The only van that may come to a stop, as the planner locked it.

        A lock yields while its van does not drive, and to whoever can come for a passenger who is stuck.
        """
        return stop.row.van if stop.row.locked and not self.lock_yields(stop) else None

    def lock_yields(self, stop: StopNow) -> bool:
        """Whether a stop is locked to a van that cannot come."""
        return stop.row.locked and (stop.row.van in self.out or self.stuck_in(stop) is not None)

    def place_of(self, ref: str) -> tuple[float, float] | None:
        """Where a planned stop is, None for one that is not of this day. Who is stranded is where the van stands."""
        van = self.visited.done_by.get(ref) if ref.endswith(PICKUP) else None
        return self.van_place(van) if van is not None and van in self.stranded else self._address_of(ref)

    def _address_of(self, ref: str) -> tuple[float, float] | None:
        stop = self.stops.get(stop_of_ref(ref))
        if stop is None:
            return None
        if ref.endswith(DROPOFF) and stop.orders:
            order = stop.orders[0]
            if order.to_lat is not None and order.to_lon is not None:
                return order.to_lat, order.to_lon
        return stop.resident.lat, stop.resident.lon

    def van_place(self, van: str) -> tuple[float, float]:
        """Where a van is: at its hub, at its stop, at its last fix while that is fresh, else at its last stop.

        One that cannot go on stands where it was last seen, however long ago that was.
        """
        hub, tour = standing_at(self.hub_places[self.vans[van].hub], self.now_s), self.tour(van)
        if not tour.left_hub:
            return hub.lat, hub.lon
        if tour.is_at_stop and tour.stop is not None:
            found = self._address_of(tour.stop) if van in self.stranded else self.place_of(tour.stop)
            if found is not None:
                return found
        state = self.states.get(van)
        old_s = math.inf if state is None or state.fix_s is None else self.now_s - state.fix_s
        holds = old_s <= FRESH_FIX_S or (van in self.stranded and old_s < math.inf)
        if holds and state is not None and state.lat is not None and state.lon is not None:
            return state.lat, state.lon
        last = self.visited.last_stop.get(van)
        return (None if last is None else self._address_of(last)) or (hub.lat, hub.lon)


def read_facts(session: Session, day: str, *, now_s: float, zone: ZoneInfo, outside_c: float = OUTSIDE_C) -> DayFacts:
    """Read `day`; a time before or after it counts as its first or last second."""
    begin_s, end_s = bounds(day, zone=zone)
    vans = {van.id: van for van in session.scalars(select(VanRow).order_by(VanRow.id))}
    stops = read_stops(session, day)
    return DayFacts(
        day=day,
        now_s=min(max(int(now_s), begin_s), end_s),
        zone=zone,
        hubs={hub.id: hub for hub in session.scalars(select(HubRow).order_by(HubRow.id))},
        vans=vans,
        states={state.van: state for state in session.scalars(select(VanStateRow))},
        tours=read_tours(session, day, zone=zone),
        stops=stops,
        visited=_visited(session, day),
        warm=_warm_vans(session, vans),
        contact_days=_contact_days(session, day, stops.values()),
        outside_c=outside_c,
        out_s=_out_s(session, vans.values()),
    )


def _out_s(session: Session, vans: Iterable[VanRow]) -> dict[str, float]:
    out = [van.id for van in vans if not van.in_service]
    if not out:
        return {}
    rows = session.execute(
        select(TriggerRow.subject, func.max(TriggerRow.t_s))
        .where(TriggerRow.kind == "van_out", TriggerRow.subject.in_(out))
        .group_by(TriggerRow.subject)
    )
    return {van: t_s for van, t_s in rows}


def _visited(session: Session, day: str) -> Visited:
    rows = session.scalars(select(VisitRow).where(VisitRow.day == day).order_by(VisitRow.t_s)).all()
    return Visited(
        last_s={(row.van, row.stop): row.t_s for row in rows},
        done_by={row.stop: row.van for row in rows if row.outcome in CONTACT},
        last_stop={row.van: row.stop for row in rows},
    )


def _contact_days(session: Session, day: str, stops: Iterable[StopNow]) -> dict[str, int]:
    """For each resident of these stops; who was never spoken to, as far as is known, is not in it."""
    residents = {stop.resident.id: stop.resident.last_contact_day for stop in stops}
    rows = session.execute(
        select(StopRow.resident, func.max(VisitRow.day))
        .join(StopRow, StopRow.id == VisitRow.stop)
        .where(StopRow.resident.in_(residents), VisitRow.outcome.in_(SPOKEN_WITH), VisitRow.day <= day)
        .group_by(StopRow.resident)
    )
    recorded: dict[str, str] = {resident: last for resident, last in rows}
    newest = {id_: max(recorded.get(id_, ""), before or "") for id_, before in residents.items()}
    return {id_: max(0, days_between(last, day)) for id_, last in newest.items() if last}


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
