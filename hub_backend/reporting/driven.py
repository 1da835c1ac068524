"""How far each van really drove on a day, by its odometer, by GPS where that is missing, and what that took.

Comes in: the day's events of the record. Goes out: kilometres with where they come from and the events that tell, and
kWh out of the pack; what the record cannot tell is None.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import Position, Vehicle, decode_event
from hub_backend.record import EventRow, VanRow
from hub_backend.reporting.energy import Reading, energy_of
from hub_backend.workday import bounds

EARTH_KM = 6371.0088
LOOK = 50
"""How many readings from either end are looked through for one with an odometer."""

STILL_M = 15.0
"""Smaller steps between fixes are the receiver's noise, not driving."""


@dataclass(frozen=True, slots=True)
class Driven:
    """Kilometres of one van on one day; None when neither odometer nor GPS tells. `source`: odometer, gps, none.

    `kwh` is what left the pack by the state of charge; None when that cannot be known, and `no_kwh` says why.
    """

    van: str
    km: float | None
    source: str
    first_event: int | None = None
    last_event: int | None = None
    kwh: float | None = None
    charged_kwh: float | None = None
    no_kwh: str = ""

    @property
    def kwh_per_km(self) -> float | None:
        """From the pack; None without both, and for a van that stood still."""
        return self.kwh / self.km if self.kwh is not None and self.km else None


def driven(session: Session, day: str, *, zone: ZoneInfo) -> list[Driven]:
    """Every van that sent anything about its driving that day."""
    from_s, to_s = bounds(day, zone=zone)
    vans = session.scalars(
        select(EventRow.gateway)
        .where(EventRow.kind.in_(("vehicle", "position", "tour")), EventRow.t_s >= from_s, EventRow.t_s < to_s)
        .distinct()
        .order_by(EventRow.gateway)
    ).all()
    packs = {van: kwh for van, kwh in session.execute(select(VanRow.id, VanRow.battery_kwh))}
    found = []
    for van in vans:
        one = _by_odometer(session, van, from_s, to_s) or _by_gps(session, van, from_s, to_s)
        if van in packs:
            energy = energy_of(_readings(session, van, from_s, to_s), battery_kwh=packs[van])
            one = replace(one, kwh=energy.used_kwh, charged_kwh=energy.charged_kwh, no_kwh=energy.unknown)
        found.append(one)
    return found


def _readings(session: Session, van: str, from_s: int, to_s: int) -> Iterator[Reading]:
    """A few thousand a day, one after the other."""
    rows = session.execute(
        select(EventRow.body)
        .where(EventRow.kind == "vehicle", EventRow.gateway == van, EventRow.t_s >= from_s, EventRow.t_s < to_s)
        .order_by(EventRow.t_s, EventRow.id)
        .execution_options(yield_per=500)
    )
    for (body,) in rows:
        event = decode_event.decode(body)
        if isinstance(event, Vehicle):
            yield Reading(event.t_s, event.soc_percent, event.odometer_km, event.plugged)


def _by_odometer(session: Session, van: str, from_s: int, to_s: int) -> Driven | None:
    first = _odometer(session, van, from_s, to_s, newest=False)
    last = _odometer(session, van, from_s, to_s, newest=True)
    if first is None or last is None or last[1] < first[1]:
        return None
    return Driven(van, round(last[1] - first[1], 3), "odometer", first[0], last[0])


def _odometer(session: Session, van: str, from_s: int, to_s: int, *, newest: bool) -> tuple[int, float] | None:
    order = EventRow.t_s.desc() if newest else EventRow.t_s
    rows = session.execute(
        select(EventRow.id, EventRow.body)
        .where(EventRow.kind == "vehicle", EventRow.gateway == van, EventRow.t_s >= from_s, EventRow.t_s < to_s)
        .order_by(order)
        .limit(LOOK)
    )
    for id_, body in rows:
        event = decode_event.decode(body)
        if isinstance(event, Vehicle) and event.odometer_km is not None:
            return id_, event.odometer_km
    return None


def _by_gps(session: Session, van: str, from_s: int, to_s: int) -> Driven:
    rows = session.execute(
        select(EventRow.id, EventRow.body)
        .where(EventRow.kind == "position", EventRow.gateway == van, EventRow.t_s >= from_s, EventRow.t_s < to_s)
        .order_by(EventRow.t_s, EventRow.id)
    )
    fixes: list[tuple[int, float, float]] = []
    for id_, body in rows:
        event = decode_event.decode(body)
        if isinstance(event, Position) and event.lat is not None and event.lon is not None:
            moved = not fixes or km_between(fixes[-1][1:], (event.lat, event.lon)) * 1000 >= STILL_M
            fixes += [(id_, event.lat, event.lon)] if moved else []
    if not fixes:
        return Driven(van, None, "none")
    km = sum(km_between(one[1:], other[1:]) for one, other in pairwise(fixes))
    return Driven(van, round(km, 3), "gps", fixes[0][0], fixes[-1][0])


def km_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance between two (lat, lon), by the haversine formula."""
    lat, lon = radians(other[0] - one[0]), radians(other[1] - one[1])
    h = sin(lat / 2) ** 2 + cos(radians(one[0])) * cos(radians(other[0])) * sin(lon / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(h))
