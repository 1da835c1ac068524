"""What a plan means for each gateway: a van's whole day, what a hub takes in. Makes messages of the wire's contract."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from edge_gateway.contract.messages import HubManifest, PlannedParcel, PlannedStop, VanPlan
from hub_backend.dispatching.day.standing import Standing
from hub_backend.dispatching.day.stops import StopNow
from hub_backend.dispatching.plans import PlanBody, changes_of, driven_to
from hub_backend.dispatching.router.problem import Changed, PlannedStep
from hub_backend.ordering.goods import GOODS
from hub_backend.ordering.wishes import may_use_letterbox
from hub_backend.record import PlanRow, VanRow, VisitRow
from hub_backend.spoken import van_called
from hub_backend.stop_ref import end_of_ref, is_nobodys, stop_of_ref

MOST_CHANGES = 8

StepKind = Literal["visit", "ride_pickup", "ride_dropoff", "reload", "charge", "rest", "fetch"]
_KINDS: Mapping[str, StepKind] = {
    "task": "visit",
    "pickup": "ride_pickup",
    "dropoff": "ride_dropoff",
    "reload": "reload",
    "charge": "charge",
    "rest": "rest",
    "fetch": "fetch",
}


def van_plan(standing: Standing, row: PlanRow, body: PlanBody, van: VanRow, visited: Iterable[VisitRow]) -> VanPlan:
    """A van's whole day: what it did, then what it is to do."""
    steps = next((driven_to(route) for route in body.routes if route.van == van.id), [])
    ahead = {step.ref for step in steps}
    done = [
        _done_stop(visit, standing.stops[stop_of_ref(visit.stop)])
        for visit in visited
        if visit.van == van.id and visit.stop not in ahead and stop_of_ref(visit.stop) in standing.stops
    ]
    planned = [_planned_stop(step, standing, van.hub, body.taken_from.get(step.task)) for step in steps]
    newest = {stop.stop: stop for stop in done}
    concerned = _changes_for(row, van.id)
    return VanPlan(
        plan=row.id,
        revision=row.revision,
        made_s=row.made_s,
        day=row.day,
        van=van.id,
        concierge=van.concierge,
        reason=row.reason,
        changes=tuple(change.words[:300] for change in concerned),
        reason_en=row.reason_en,
        changes_en=tuple(change.words_en[:300] for change in concerned),
        stops=(*sorted(newest.values(), key=lambda stop: stop.depart_s), *planned),
        elsewhere={
            parcel.code: stop.row.van
            for stop in standing.stops.values()
            if stop.row.van is not None and stop.row.van != van.id
            for parcel in stop.parcels
        },
    )


def _changes_for(row: PlanRow, van: str) -> list[Changed]:
    concerned = [change for change in changes_of(row) if van in (change.van_before, change.van_after)]
    return concerned[:MOST_CHANGES]


def _done_stop(visit: VisitRow, stop: StopNow) -> PlannedStop:
    began_s = visit.began_s if visit.began_s is not None else visit.t_s
    return PlannedStop(
        stop=visit.stop,
        kind=_KINDS[end_of_ref(visit.stop) or "task"],
        name=stop.resident.name,
        address=stop.address,
        lat=stop.resident.lat,
        lon=stop.resident.lon,
        arrive_s=began_s,
        depart_s=visit.t_s,
        service_s=max(0.0, visit.t_s - began_s),
        deliver=_parcels(stop, "deliver"),
        done=True,
    )


def _planned_stop(step: PlannedStep, standing: Standing, hub: str, from_van: str | None) -> PlannedStop:
    if is_nobodys(step.ref):
        return _nobodys_stop(step, standing, hub, from_van)
    stop = standing.stops[stop_of_ref(step.ref)]
    kind = _KINDS[step.kind]
    address, lat, lon = stop.address, stop.resident.lat, stop.resident.lon
    if kind == "ride_dropoff" and stop.orders:
        order = stop.orders[0]
        address, lat, lon = order.to_name or "bestemming", order.to_lat or lat, order.to_lon or lon
    elif from_van is not None:
        address, lat, lon = van_in_dutch(from_van), step.lat, step.lon
    wishes = [wish for wish in stop.wishes if wish.kind != "ride"]
    return PlannedStop(
        stop=step.ref,
        kind=kind,
        name=stop.resident.name,
        address=address,
        lat=lat,
        lon=lon,
        arrive_s=step.arrive_s,
        depart_s=step.depart_s,
        window_from_s=stop.row.from_s,
        window_to_s=stop.row.to_s,
        service_s=step.depart_s - step.start_s,
        talk_s=step.talk_s,
        usual_step=stop.resident.usual_step,
        letterbox_allowed=may_use_letterbox(wishes),
        hint="" if kind == "ride_dropoff" or from_van is not None else stop.resident.hint,
        chores=() if kind == "ride_dropoff" else tuple(chore for wish in wishes for chore in wish.chores),
        deliver=_parcels(stop, "deliver") if kind == "visit" else (),
        collect=_parcels(stop, "collect") if kind == "visit" else (),
        locked=stop.row.locked,
        from_van=from_van,
    )


def _nobodys_stop(step: PlannedStep, standing: Standing, hub: str, from_van: str | None) -> PlannedStop:
    """A loading, a charging, a rest, or goods to be taken over from another van."""
    place = standing.facts.hub_place(hub, step.task) if step.kind in ("reload", "charge") else None
    name = van_in_dutch(from_van) if place is None else place.name
    return PlannedStop(
        stop=step.ref,
        kind=_KINDS[step.kind],
        name=name,
        address=name,
        lat=step.lat if place is None else place.lat,
        lon=step.lon if place is None else place.lon,
        arrive_s=step.arrive_s,
        depart_s=step.depart_s,
        service_s=step.depart_s - step.start_s,
        from_van=from_van,
    )


def van_in_dutch(van: str | None) -> str:
    """What a van is called, for who does not know `from_van`; empty for none."""
    return "" if van is None else van_called(van).nl


def _parcels(stop: StopNow, direction: str) -> tuple[PlannedParcel, ...]:
    return tuple(
        PlannedParcel(
            code=parcel.code,
            goods=stop.parcel_goods(parcel),
            temp_class=msgspec.convert(parcel.temp_class, Literal["chilled", "hot", "fridge", "ambient"]),
            supplier=stop.goods[parcel.code].supplier or "",
            latest_s=_latest_s(stop, parcel.code, parcel.changed_s if parcel.state == "loaded" else None),
        )
        for parcel in stop.parcels
        if parcel.direction == direction
    )


def _latest_s(stop: StopNow, code: str, loaded_s: float | None) -> float | None:
    longest_s = GOODS[stop.goods[code].goods].max_aboard_s
    return None if loaded_s is None or longest_s is None else loaded_s + longest_s


def hub_manifest(standing: Standing, row: PlanRow, hub: str, suppliers: Mapping[str, str]) -> HubManifest:
    """What a hub takes in today, from suppliers and from vans that come back, and which van each parcel goes with.

    `suppliers`: each one's name.
    """
    stops = [stop for stop in standing.stops.values() if stop.row.hub == hub]
    parcels = tuple(
        parcel for stop in stops for direction in ("deliver", "collect") for parcel in _parcels(stop, direction)
    )
    used = {parcel.supplier for parcel in parcels}
    return HubManifest(
        plan=row.id,
        revision=row.revision,
        made_s=row.made_s,
        day=row.day,
        parcels=parcels,
        fetched=tuple(parcel.code for stop in stops for parcel in _parcels(stop, "collect")),
        vans={parcel.code: stop.row.van for stop in stops if stop.row.van is not None for parcel in stop.parcels},
        out={
            parcel.code: parcel.changed_s
            for stop in stops
            for parcel in stop.parcels
            if parcel.direction == "deliver" and parcel.state == "loaded" and parcel.changed_s is not None
        },
        suppliers={name: suppliers[name] for name in sorted(used & suppliers.keys())},
    )
