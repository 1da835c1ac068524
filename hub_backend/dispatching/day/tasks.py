"""A stop as the router is asked about it: its window, its goods, and what stands in the way of planning it."""

from collections.abc import Sequence

from hub_backend.dispatching.day.concessions import Concessions
from hub_backend.dispatching.day.facts import DayFacts
from hub_backend.dispatching.day.stops import StopNow
from hub_backend.dispatching.router.problem import DayFetch, DayTask, Window
from hub_backend.ordering.another_day import may_wait, worth_s
from hub_backend.ordering.goods import GOODS, TALK_MAX_S, TEMP_CLASSES_AT_RISK, WARM_COOLER_LATEST_S
from hub_backend.ordering.wishes import Wish, may_use_letterbox, skills_needed, wish_of
from hub_backend.record import ResidentRow
from hub_backend.spoken import Words, said, van_called
from hub_backend.workday import at

LATE_S = 2 * 3600
"""How far a window is stretched for a stop that can no longer be reached in it: late is better than not at all."""

HAND_OVER_S = 90
"""Taking one resident's goods over from another van (own choice, as `routing.events`)."""

USELESS_S = 300
"""A limit nearer than this cannot be met any more: then it is no help to anybody."""


def obstacle(facts: DayFacts, stop: StopNow, concessions: Concessions) -> Words | None:
    """Why a stop cannot be planned at all; None when it can."""
    if stop.row.id in concessions.without:
        return concessions.without[stop.row.id]
    if stuck := sorted(stop.aboard & (facts.out - facts.stranded)):
        return said("stuck", van=van_called(stuck[0]))
    if len(stop.aboard) > 1:
        return _in_several(sorted(stop.aboard))
    return None


def _in_several(vans: Sequence[str]) -> Words:
    called = [van_called(van) for van in vans]
    listed = Words(", ".join(one.nl for one in called), ", ".join(one.en for one in called))
    return said("in_several_vans", vans=listed)


def window(facts: DayFacts, stop: StopNow, concessions: Concessions) -> Window:
    """When somebody may come: as ordered, stretched when it is too late for that, cut off by what the goods bear."""
    from_s, to_s = int(stop.row.from_s), int(stop.row.to_s)
    if stop.row.id in concessions.late or to_s < facts.now_s:
        to_s = max(to_s, facts.now_s) + LATE_S
    latest_s = _latest_s(facts, stop)
    return from_s, to_s if latest_s is None or is_overdue(facts, stop) else min(to_s, latest_s)


def is_overdue(facts: DayFacts, stop: StopNow) -> bool:
    """Whether its goods can no longer be out of the van in time: deliver, and let who is at the door decide."""
    latest_s = _latest_s(facts, stop)
    return latest_s is not None and latest_s <= max(int(stop.row.from_s), facts.now_s) + USELESS_S


def day_task(facts: DayFacts, stop: StopNow, concessions: Concessions) -> DayTask:
    """The stop's remaining work."""
    wishes = stop.wishes
    at_hub = [order for order in stop.orders if wish_of(order).brings] if not stop.aboard else []
    releases = [int(order.release_s) for order in at_hub if order.release_s is not None]
    aboard_limits = [
        limit
        for order in stop.orders
        if order.goods and wish_of(order).brings and (limit := GOODS[order.goods].max_aboard_s) is not None
    ]
    value = None if stop.row.locked else worth_s(stop.orders)
    return DayTask(
        id=stop.row.id,
        lat=stop.resident.lat,
        lon=stop.resident.lon,
        window=window(facts, stop, concessions),
        service_s=int(stop.row.service_s),
        street=stop.resident.street,
        hub=stop.row.hub if any(wish.brings or wish.takes for wish in wishes) else None,
        deliver=stop.units("deliver"),
        collect=stop.units("collect"),
        skills=tuple(sorted(skills_needed(wishes))),
        release_s=max(releases) if releases else None,
        # What is aboard already has its limit in the window, counted from when it was loaded.
        max_aboard_s=None if stop.aboard or not aboard_limits else min(aboard_limits),
        value=value,
        deferrable=value is not None and all(may_wait(order) for order in stop.orders),
        familiar=tuple(sorted(van for van in map(str, stop.resident.known_vans) if van in facts.vans)),
        locked_van=facts.lock_of(stop),
        talk_max_s=talk_max_s(wishes, stop.resident),
        contact_days=facts.contact_days.get(stop.resident.id),
        told_s=stop.told_s,
        fetch=_fetch(facts, stop),
    )


def _fetch(facts: DayFacts, stop: StopNow) -> DayFetch | None:
    """From where its goods are to be taken, when they are in a van that cannot go on: as soon as somebody can."""
    van = next(iter(stop.aboard & facts.stranded), None)
    if van is None:
        return None
    lat, lon = facts.van_place(van)
    until_s = max(facts.now_s, at(facts.day, facts.vans[van].shift_to, zone=facts.zone))
    return DayFetch(lat=lat, lon=lon, window=(facts.now_s, until_s), service_s=HAND_OVER_S)


def talk_max_s(wishes: Sequence[Wish], resident: ResidentRow) -> int:
    """How much longer than needed somebody may stay: nobody waits for a talk at a letterbox."""
    if may_use_letterbox(wishes):
        return 0
    return TALK_MAX_S[resident.usual_step] if resident.talk_max_s is None else resident.talk_max_s


def _latest_s(facts: DayFacts, stop: StopNow) -> int | None:
    """When goods that are in a van must be out of it: by their longest time aboard, or by a warm cooler."""
    limits: list[float] = []
    for parcel in stop.parcels:
        if parcel.direction != "deliver" or parcel.state != "loaded" or parcel.van is None:
            continue
        longest_s = GOODS[stop.goods[parcel.code].goods].max_aboard_s
        if longest_s is not None and parcel.changed_s is not None and facts.tour(parcel.van).left_hub:
            limits.append(parcel.changed_s + longest_s)
        if parcel.temp_class in TEMP_CLASSES_AT_RISK and parcel.van in facts.warm:
            limits.append(facts.warm[parcel.van] + WARM_COOLER_LATEST_S)
    return int(min(limits)) if limits else None
