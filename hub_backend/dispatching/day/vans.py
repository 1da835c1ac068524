"""A van as the router is asked about it: where it is, when it can go on, what it carries and how full it is."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from hub_backend.dispatching.day.facts import DayFacts
from hub_backend.dispatching.day.places import HubPlace, standing_at
from hub_backend.dispatching.router.problem import DayEnergy, DayHub, DayRest, DayVan, PlannedStep
from hub_backend.ordering.goods import RIDE_DROPOFF_S, RIDE_PICKUP_S
from hub_backend.record import VanRow
from hub_backend.stop_ref import FETCH, REST, end_of_ref, stop_of_ref
from hub_backend.workday import at

RELOAD_S = 300
LUNCH = "lunch"
"""The one rest that a roster has: `rest.lunch` on the wire."""

FRESH_SOC_S = 1800.0


def day_hub(place: HubPlace) -> DayHub:
    return DayHub(
        id=place.id,
        hub=place.hub,
        lat=place.lat,
        lon=place.lon,
        open=(place.from_s, place.to_s),
        reload_s=RELOAD_S,
        charges=place.charges,
    )


def day_van(
    facts: DayFacts,
    van: VanRow,
    *,
    planned: Collection[str],
    depart_s: Mapping[tuple[str, str], int],
    fetches: Mapping[tuple[str, str], Sequence[str]],
    first: Sequence[str] = (),
) -> DayVan:
    """The van as it stands.

    `planned`: the tasks and rides that are asked. `first`: passengers whom it goes for as soon as it can. The rest: as
    in `read_standing`.
    """
    tour = facts.tour(van.id)
    shift = (at(facts.day, van.shift_from, zone=facts.zone), at(facts.day, van.shift_to, zone=facts.zone))
    ready_s = _ready_s(facts, van.id, shift[0], depart_s)
    lat, lon = facts.van_place(van.id)
    under_way = facts.under_way.get(van.id)
    is_committed = under_way is not None and not tour.is_at_stop and stop_of_ref(under_way) in planned
    begun = (under_way,) if under_way is not None and is_committed else _fetching(facts, van.id, planned, fetches)
    return DayVan(
        id=van.id,
        hub=standing_at(facts.hub_places[van.hub], shift[1]).id,
        lat=lat,
        lon=lon,
        ready_s=ready_s,
        shift=(shift[0], max(shift[1], ready_s)),
        capacity={name: int(units) for name, units in van.capacity.items()},
        skills=tuple(sorted(str(skill) for skill in van.skills)),
        at_depot=not tour.left_hub,
        on_board=tuple(sorted(id_ for id_, stop in facts.stops.items() if van.id in stop.aboard and id_ in planned)),
        committed=(*begun, *(ref for ref in first if ref not in begun)),
        collected=_collected(facts, van.id),
        battery_kwh=van.battery_kwh,
        soc_percent=_soc(facts, van, ready_s),
        kwh_per_km=van.kwh_per_km,
        charge_kw=van.charge_kw,
        energy=None if van.energy is None else msgspec.convert(van.energy, DayEnergy),
        rests=_rests(facts, van),
        partition=van.partition,
    )


def _fetching(
    facts: DayFacts, van: str, planned: Collection[str], fetches: Mapping[tuple[str, str], Sequence[str]]
) -> tuple[str, ...]:
    """What the van drives to another van for, or takes over there now, and has not scanned yet."""
    tour = facts.tour(van)
    if tour.stop is None or not tour.stop.startswith(FETCH) or not (tour.phase == "under_way" or tour.is_at_stop):
        return ()
    tasks = [stop_of_ref(name) for name in fetches.get((van, tour.stop), ())]
    return tuple(f"{task}/fetch" for task in tasks if task in planned and facts.stops[task].aboard & facts.stranded)


def _rests(facts: DayFacts, van: VanRow) -> tuple[DayRest, ...]:
    """Her lunch, until she begins it."""
    if van.lunch_from is None or van.lunch_to is None:
        return ()
    tour = facts.tour(van.id)
    ref = f"{REST}{LUNCH}"
    if ref == tour.resting or ref in tour.rested:
        return ()
    window = (at(facts.day, van.lunch_from, zone=facts.zone), at(facts.day, van.lunch_to, zone=facts.zone))
    return (DayRest(id=LUNCH, window=window, rest_s=van.lunch_s),)


def current_step(facts: DayFacts, van: DayVan) -> PlannedStep | None:
    """Where the van stands now, at a door, to reload or for a rest; None while it drives or has nothing begun."""
    tour = facts.tour(van.id)
    if tour.resting is not None:
        begun_s = int(tour.resting_s)
        return PlannedStep(
            kind="rest",
            task=tour.resting.removeprefix(REST),
            ref=tour.resting,
            lat=van.lat,
            lon=van.lon,
            arrive_s=begun_s,
            start_s=begun_s,
            depart_s=van.ready_s,
        )
    if tour.stop is None or not tour.is_at_stop:
        return None
    if not tour.at_depot_stop and van.id not in facts.under_way:
        return None
    begun_s = int(tour.begun_s)
    kind = tour.stop.partition(".")[0] if tour.at_depot_stop else end_of_ref(tour.stop) or "task"
    return PlannedStep(
        kind=kind,
        task=standing_at(facts.hub_places[facts.vans[van.id].hub], begun_s).id if tour.at_depot_stop else tour.stop,
        ref=tour.stop,
        lat=van.lat,
        lon=van.lon,
        arrive_s=begun_s,
        start_s=begun_s,
        depart_s=van.ready_s,
    )


def _ready_s(facts: DayFacts, van: str, shift_from_s: int, depart_s: Mapping[tuple[str, str], int]) -> int:
    """When it can leave from where it is: after its shift has begun, after what it is busy with."""
    tour = facts.tour(van)
    if tour.resting is not None:
        return max(facts.now_s, int(tour.resting_s) + facts.vans[van].lunch_s)
    if tour.phase in ("", "started"):
        return max(facts.now_s, shift_from_s)
    if tour.at_depot_stop:
        planned_s = depart_s.get((van, tour.stop or ""))
        return max(facts.now_s, planned_s if planned_s is not None else int(tour.phase_s) + RELOAD_S)
    if tour.is_at_stop and van in facts.under_way:
        return max(facts.now_s, _service_end_s(facts, van))
    return facts.now_s


def _service_end_s(facts: DayFacts, van: str) -> int:
    tour = facts.tour(van)
    ref = facts.under_way[van]
    service_s = {"pickup": RIDE_PICKUP_S, "dropoff": RIDE_DROPOFF_S}.get(end_of_ref(ref))
    if service_s is None:
        row = facts.stops[ref].row
        return int(tour.begun_s + row.service_s + row.talk_s + tour.extra_s)
    return int(tour.begun_s + service_s + tour.extra_s)


def _collected(facts: DayFacts, van: str) -> dict[str, int]:
    """What was taken along and is still in the van, by compartment."""
    units: dict[str, int] = {}
    for stop in facts.stops.values():
        for compartment, more in stop.collected_by(van).items():
            units[compartment] = units.get(compartment, 0) + more
    return units


def _soc(facts: DayFacts, van: VanRow, ready_s: int) -> float | None:
    """The charge at `ready_s`: as last read, plus what a charge under way will have brought by then."""
    state, tour = facts.states.get(van.id), facts.tour(van.id)
    if state is None or state.soc_percent is None or state.vehicle_s is None:
        return None
    if tour.left_hub and facts.now_s - state.vehicle_s > FRESH_SOC_S:
        return None
    gained = 0.0
    if tour.at_depot_stop and tour.stop is not None and tour.stop.startswith("charge."):
        gained = max(0, ready_s - facts.now_s) / 3600 * van.charge_kw / van.battery_kwh * 100
    return min(100.0, state.soc_percent + gained)
