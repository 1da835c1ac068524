"""A resident's ride as the router is asked about it."""

from hub_backend.dispatching.day import tasks
from hub_backend.dispatching.day.concessions import Concessions
from hub_backend.dispatching.day.facts import DayFacts
from hub_backend.dispatching.day.stops import StopNow
from hub_backend.dispatching.router.problem import DayRide
from hub_backend.ordering.goods import RIDE_DROPOFF_S, RIDE_MAX_S, RIDE_PICKUP_S
from hub_backend.spoken import Words, said, van_called
from hub_backend.stop_ref import DROPOFF, PICKUP


def is_over(facts: DayFacts, stop: StopNow) -> bool:
    """Whether nothing of the ride is left to plan: the passenger has arrived, or is getting out now."""
    dropoff = f"{stop.row.id}{DROPOFF}"
    return dropoff in facts.visited.done_by or facts.van_at(dropoff) is not None


def obstacle(facts: DayFacts, stop: StopNow, concessions: Concessions) -> Words | None:
    """Why a ride cannot be planned at all; None when it can."""
    aboard = _aboard(facts, stop)
    if aboard is not None and aboard in facts.out:
        return said("passenger_stuck", van=van_called(aboard))
    if facts.place_of(f"{stop.row.id}{DROPOFF}") is None:
        return said("no_destination")
    return tasks.obstacle(facts, stop, concessions)


def day_ride(facts: DayFacts, stop: StopNow, concessions: Concessions) -> DayRide:
    """The ride's remaining ends: both, or the dropoff alone once the passenger sits in a van."""
    order = stop.orders[0]
    window = tasks.window(facts, stop, concessions)
    to_lat, to_lon = facts.place_of(f"{stop.row.id}{DROPOFF}") or (stop.resident.lat, stop.resident.lon)
    return DayRide(
        id=stop.row.id,
        pickup_lat=stop.resident.lat,
        pickup_lon=stop.resident.lon,
        dropoff_lat=to_lat,
        dropoff_lon=to_lon,
        pickup=window,
        dropoff=(window[0], window[1] + RIDE_MAX_S),
        pickup_s=RIDE_PICKUP_S,
        dropoff_s=RIDE_DROPOFF_S,
        seats=order.quantity,
        max_ride_s=RIDE_MAX_S,
        locked_van=stop.row.van if stop.row.locked else None,
        aboard=_aboard(facts, stop),
        told_s=stop.told_s,
    )


def _aboard(facts: DayFacts, stop: StopNow) -> str | None:
    """The van the passenger sits in; who is being helped in is as good as aboard."""
    pickup = f"{stop.row.id}{PICKUP}"
    return facts.visited.done_by.get(pickup) or facts.van_at(pickup)
