"""Where a hub stands in the course of a day: at its own address, and by its roster for some hours elsewhere.

Comes in: a hub's record and a day. Goes out: its places, one after the other, each for the hours that it is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from hub_backend.record import HubRow
from hub_backend.workday import at


@dataclass(frozen=True)
class HubPlace:
    """Where a hub is from `from_s` to `to_s`; `id` is the hub's for the first of a day, else `HUB@12:00`."""

    id: str
    hub: str
    name: str
    lat: float
    lon: float
    from_s: int
    to_s: int
    charges: bool = True


def places_of(hub: HubRow, day: str, *, zone: ZoneInfo) -> tuple[HubPlace, ...]:
    """At least one, in the order of the hours."""
    return tuple(
        HubPlace(
            id=hub.id if number == 0 else f"{hub.id}@{from_}",
            hub=hub.id,
            name=hub.name if stand is None else f"{hub.name}, {stand['address']}",
            lat=hub.lat if stand is None else stand["lat"],
            lon=hub.lon if stand is None else stand["lon"],
            from_s=at(day, from_, zone=zone),
            to_s=at(day, to, zone=zone),
            charges=stand is None or stand["charges"],
        )
        for number, (from_, to, stand) in enumerate(_hours(hub, date.fromisoformat(day).isoweekday()))
    )


def _hours(hub: HubRow, weekday: int) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """From when to when it is where; None: at its own address."""
    free_from = hub.open_from
    for stand in sorted(hub.stands, key=lambda stand: str(stand["from"])):
        if weekday in stand["weekdays"]:
            if stand["from"] > free_from:
                yield free_from, stand["from"], None
            yield stand["from"], stand["to"], stand
            free_from = stand["to"]
    if free_from < hub.open_to or free_from == hub.open_from:
        yield free_from, hub.open_to, None


def standing_at(places: Sequence[HubPlace], t_s: float) -> HubPlace:
    """Where the hub stands then: before its first hour already there, after its last one still."""
    begun = [place for place in places if place.from_s <= t_s]
    return begun[-1] if begun else places[0]
