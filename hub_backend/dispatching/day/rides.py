"""A resident's ride as the router is asked about it."""

from hub_backend.dispatching.day import tasks
from hub_backend.dispatching.day.concessions import Concessions
from hub_backend.dispatching.day.facts import DayFacts
from hub_backend.dispatching.day.stops import StopNow
from hub_backend.dispatching.router.problem import DayRide, Window
from hub_backend.ordering.goods import RIDE_DROPOFF_S, RIDE_MAX_S, RIDE_PICKUP_S
from hub_backend.spoken import Words, said, van_called
from hub_backend.stop_ref import DROPOFF

FETCHED_WITHIN_S = 900
"""Who sits in a van that cannot go on is fetched before anything else: within a quarter of an hour where somebody can
be there by then, and else as soon as that may be (own default)."""


def is_over(facts: DayFacts, stop: StopNow) -> bool:
    """Whether nothing of the ride is left to plan: the passenger has arrived, or is getting out now."""
    dropoff = f"{stop.row.id}{DROPOFF}"
    return dropoff in facts.visited.done_by or facts.van_at(dropoff) is not None


def obstacle(facts: DayFacts, stop: StopNow, concessions: Concessions) -> Words | None:
    """Why a ride cannot be planned at all; None when it can."""
    aboard = facts.passenger_in(stop)
    if aboard in facts.out - facts.stranded:
        return said("passenger_stuck", van=van_called(aboard))
    if facts.place_of(f"{stop.row.id}{DROPOFF}") is None:
        return said("no_destination")
    if facts.stuck_in(stop) is not None:  # whoever can come does, whatever the ride was locked to
        return concessions.without.get(stop.row.id)
    return tasks.obstacle(facts, stop, concessions)


def day_ride(facts: DayFacts, stop: StopNow, concessions: Concessions) -> DayRide:
    """The ride's remaining ends: both, or the dropoff alone once the passenger sits in a van that drives."""
    order = stop.orders[0]
    stuck = facts.stuck_in(stop)
    window = tasks.window(facts, stop, concessions) if stuck is None else _fetch_window(facts, stop, stuck, concessions)
    lat, lon = (stop.resident.lat, stop.resident.lon) if stuck is None else facts.van_place(stuck)
    to_lat, to_lon = facts.place_of(f"{stop.row.id}{DROPOFF}") or (stop.resident.lat, stop.resident.lon)
    return DayRide(
        id=stop.row.id,
        pickup_lat=lat,
        pickup_lon=lon,
        dropoff_lat=to_lat,
        dropoff_lon=to_lon,
        pickup=window,
        dropoff=(window[0], window[1] + RIDE_MAX_S),
        pickup_s=RIDE_PICKUP_S,
        dropoff_s=RIDE_DROPOFF_S,
        seats=order.quantity,
        max_ride_s=RIDE_MAX_S,
        locked_van=facts.lock_of(stop),
        aboard=facts.passenger_in(stop) if stuck is None else None,
        told_s=stop.told_s if stuck is None else _since_s(facts, stuck),
    )


def _fetch_window(facts: DayFacts, stop: StopNow, van: str, concessions: Concessions) -> Window:
    """Counted from when the van was taken out of service, so that no later plan puts it off."""
    by_s = _since_s(facts, van) + FETCHED_WITHIN_S
    if stop.row.id in concessions.late or by_s < facts.now_s:
        by_s = max(by_s, facts.now_s) + tasks.LATE_S
    return facts.now_s, by_s


def _since_s(facts: DayFacts, van: str) -> int:
    return min(facts.now_s, int(facts.out_s.get(van, facts.now_s)))
