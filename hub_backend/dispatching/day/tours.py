"""Where each van's day has come to, from its own tour events."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import Tour, decode_event
from hub_backend.record import EventRow
from hub_backend.stop_ref import FETCH, is_depot_stop
from hub_backend.workday import bounds

AT_STOP = ("arrived", "longer")


@dataclass(frozen=True)
class VanTour:
    """Where a van's day has come to. `extra_s`: asked for longer at this stop."""

    phase: str = ""
    phase_s: float = 0.0
    stop: str | None = None
    arrived_s: float | None = None
    extra_s: float = 0.0
    depot_stops: tuple[str, ...] = ()
    """The reloads and charges it has begun, in order."""
    fetches: tuple[str, ...] = ()
    """The other vans' goods it has begun to take over, in order."""
    resting: str | None = None
    """The rest that its concierge takes now, wherever she is; it changes nothing of the rest of her tour."""
    resting_s: float = 0.0
    rested: tuple[str, ...] = ()
    """The rests that she has taken."""

    @property
    def left_hub(self) -> bool:
        return self.phase not in ("", "started", "back_at_hub", "ended") and not self.at_depot_stop

    @property
    def is_at_stop(self) -> bool:
        """Whether it stands at a stop, a resident's or the depot's."""
        return self.stop is not None and self.phase in AT_STOP

    @property
    def at_depot_stop(self) -> bool:
        """Whether it stands at the hub to reload or charge."""
        return self.stop is not None and is_depot_stop(self.stop) and self.phase in AT_STOP

    @property
    def numbered(self) -> tuple[str, ...]:
        """The stops that a new plan counts on from: taking goods over goes on until all are scanned."""
        return (*self.depot_stops, *(ref for ref in self.fetches if not (self.is_at_stop and ref == self.stop)))

    @property
    def begun_s(self) -> float:
        """Since when it is at its stop, as far as is known."""
        return self.arrived_s if self.arrived_s is not None else self.phase_s


def read_tours(session: Session, day: str, *, zone: ZoneInfo) -> dict[str, VanTour]:
    """Each van's tour so far. Late events are put in their own time, not in that of their arrival."""
    from_s, to_s = bounds(day, zone=zone)
    rows = session.execute(
        select(EventRow.gateway, EventRow.body)
        .where(EventRow.kind == "tour", EventRow.t_s >= from_s, EventRow.t_s < to_s)
        .order_by(EventRow.t_s, EventRow.id)
    )
    tours: dict[str, VanTour] = {}
    for gateway, body in rows:
        event = decode_event.decode(body)
        if isinstance(event, Tour):
            tours[gateway] = follow_tour(tours.get(gateway, VanTour()), event)
    return tours


def follow_tour(tour: VanTour, event: Tour) -> VanTour:
    """The tour after one more event."""
    if event.phase == "resting":
        return replace(tour, resting=event.stop, resting_s=event.t_s)
    tour = _awake(tour)
    if event.phase == "rested":
        return tour
    stop = event.stop if event.stop is not None or event.phase != "longer" else tour.stop
    same = stop is not None and stop == tour.stop
    arrived_s = event.t_s if event.phase == "arrived" else tour.arrived_s if same else None
    extra_s = tour.extra_s if same and event.phase == "longer" else 0.0
    if event.phase == "longer":
        extra_s += event.extra_s or 0.0
    begun = tour.depot_stops
    if event.phase == "arrived" and stop is not None and is_depot_stop(stop) and stop not in begun:
        begun = (*begun, stop)
    fetches = tour.fetches
    if event.phase == "arrived" and stop is not None and stop.startswith(FETCH) and stop not in fetches:
        fetches = (*fetches, stop)
    return VanTour(event.phase, event.t_s, stop, arrived_s, extra_s, begun, fetches, rested=tour.rested)


def _awake(tour: VanTour) -> VanTour:
    """The tour once a rest is over: by a tap of its own, or because something else was done."""
    if tour.resting is None:
        return tour
    return replace(tour, resting=None, rested=(*tour.rested, tour.resting))
