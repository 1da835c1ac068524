"""What goes down to the gateways: for each van its day, for each hub what it takes in.

Comes in: how the day stands and the plan that holds. Goes out: one message a gateway, kept in the record until that
gateway has said that it holds it, sent retained so that a gateway which was away finds it.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract import messages
from edge_gateway.contract.messages import (
    AnyEvent,
    Downlink,
    HubManifest,
    PlannedParcel,
    PlannedStop,
    PlanReceived,
    VanPlan,
)
from edge_gateway.contract.topics import PLAN
from hub_backend.dispatching.plans import PlanBody, changes_of, driven_to
from hub_backend.dispatching.problem import PlannedStep
from hub_backend.dispatching.standing import Standing, StopNow, is_depot_stop, stop_of_ref
from hub_backend.kit import Kit
from hub_backend.ordering.goods import GOODS
from hub_backend.ordering.stops import may_use_letterbox
from hub_backend.projections.followers import CannotTakeError, Received
from hub_backend.record import DownlinkRow, HubRow, PlanRow, VanRow, VisitRow
from hub_backend.shown import Change

log = logging.getLogger(__name__)

MOST_CHANGES = 8
MOST_BYTES = 18_000
"""The embedded broker refuses 20 KiB (plan of the wire); a sealed message is 29 bytes longer."""

StepKind = Literal["visit", "ride_pickup", "ride_dropoff", "reload", "charge"]
_KINDS: Mapping[str, StepKind] = {
    "task": "visit",
    "pickup": "ride_pickup",
    "dropoff": "ride_dropoff",
    "reload": "reload",
    "charge": "charge",
}


class Sender(Protocol):
    """Sends one sealed message to one gateway, QoS 1: `mqtt.Mqtt`."""

    def send(self, gateway: str, leaf: str, payload: bytes, *, retain: bool = False) -> None: ...


# ---------------------------------------------------------------- the messages


def van_plan(standing: Standing, row: PlanRow, body: PlanBody, van: VanRow, visited: Iterable[VisitRow]) -> VanPlan:
    """A van's whole day: what it did, then what it is to do."""
    steps = next((driven_to(route) for route in body.routes if route.van == van.id), [])
    ahead = {step.ref for step in steps}
    done = [
        _done_stop(visit, standing.stops[stop_of_ref(visit.stop)])
        for visit in visited
        if visit.van == van.id and visit.stop not in ahead and stop_of_ref(visit.stop) in standing.stops
    ]
    planned = [_planned_stop(step, standing, standing.hubs[van.hub]) for step in steps]
    newest = {stop.stop: stop for stop in done}
    return VanPlan(
        plan=row.id,
        revision=row.revision,
        made_s=row.made_s,
        day=row.day,
        van=van.id,
        concierge=van.concierge,
        reason=row.reason,
        changes=tuple(_changes_for(row, van.id)),
        stops=(*newest.values(), *planned),
        elsewhere={
            parcel.code: stop.row.van
            for stop in standing.stops.values()
            if stop.row.van is not None and stop.row.van != van.id
            for parcel in stop.parcels
        },
    )


def _changes_for(row: PlanRow, van: str) -> list[str]:
    concerned = [change for change in changes_of(row) if van in (change.van_before, change.van_after)]
    return [change.words[:300] for change in concerned[:MOST_CHANGES]]


def _done_stop(visit: VisitRow, stop: StopNow) -> PlannedStop:
    kind: StepKind = "visit"
    if "/" in visit.stop:
        kind = _KINDS[visit.stop.partition("/")[2]]
    began_s = visit.began_s if visit.began_s is not None else visit.t_s
    return PlannedStop(
        stop=visit.stop,
        kind=kind,
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


def _planned_stop(step: PlannedStep, standing: Standing, hub: HubRow) -> PlannedStop:
    if is_depot_stop(step.ref):
        return PlannedStop(
            stop=step.ref,
            kind=_KINDS[step.kind],
            name=hub.name,
            address=hub.name,
            lat=hub.lat,
            lon=hub.lon,
            arrive_s=step.arrive_s,
            depart_s=step.depart_s,
            service_s=step.depart_s - step.start_s,
        )
    stop = standing.stops[stop_of_ref(step.ref)]
    kind = _KINDS[step.kind]
    address, lat, lon = stop.address, stop.resident.lat, stop.resident.lon
    if kind == "ride_dropoff" and stop.orders:
        order = stop.orders[0]
        address, lat, lon = order.to_name or "bestemming", order.to_lat or lat, order.to_lon or lon
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
        usual_step=stop.resident.usual_step,
        letterbox_allowed=may_use_letterbox(wishes),
        hint="" if kind == "ride_dropoff" else stop.resident.hint,
        chores=() if kind == "ride_dropoff" else tuple(chore for wish in wishes for chore in wish.chores),
        deliver=_parcels(stop, "deliver") if kind == "visit" else (),
        collect=_parcels(stop, "collect") if kind == "visit" else (),
        locked=stop.row.locked,
    )


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


def hub_manifest(standing: Standing, row: PlanRow, hub: str) -> HubManifest:
    """What a hub takes in today, from suppliers and from vans that come back, and which van each parcel goes with."""
    stops = [stop for stop in standing.stops.values() if stop.row.hub == hub]
    return HubManifest(
        plan=row.id,
        revision=row.revision,
        made_s=row.made_s,
        day=row.day,
        parcels=tuple(
            parcel for stop in stops for direction in ("deliver", "collect") for parcel in _parcels(stop, direction)
        ),
        vans={parcel.code: stop.row.van for stop in stops if stop.row.van is not None for parcel in stop.parcels},
    )


def encoded(message: Downlink) -> bytes:
    """The message's JSON without what is empty; what is done is slimmed when it would grow beyond `MOST_BYTES`."""
    body = _compact(message)
    if len(body) > MOST_BYTES and isinstance(message, VanPlan):
        slim = tuple(msgspec.structs.replace(stop, deliver=()) if stop.done else stop for stop in message.stops)
        message = msgspec.structs.replace(message, stops=slim)
        body = _compact(message)
    if len(body) > MOST_BYTES and isinstance(message, VanPlan):
        body = _compact(msgspec.structs.replace(message, elsewhere={}))
    if len(body) > MOST_BYTES:
        log.warning("downlink_large bytes=%d limit=%d", len(body), MOST_BYTES)
    return body


def _compact(message: Downlink) -> bytes:
    """JSON without the fields that have their default: a reader takes them so when they are absent."""
    return messages.encode(_without_defaults(message))


def _without_defaults(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        kept: dict[str, object] = {} if config.tag_field is None else {config.tag_field: config.tag}
        for field in msgspec.structs.fields(value):
            item = getattr(value, field.name)
            factory = field.default_factory
            default = field.default if factory is msgspec.NODEFAULT else factory()
            if field.required or field.name == "version" or item != default:
                kept[field.encode_name] = _without_defaults(item)
        return kept
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    return value


# ---------------------------------------------------------------- kept and sent


class Downlinks:
    """Keeps the newest message for each gateway and sends it until the gateway says that it holds it."""

    def __init__(self, kit: Kit, sender: Sender) -> None:
        self._kit = kit
        self._sender = sender

    def write(self, session: Session, standing: Standing, row: PlanRow, body: PlanBody) -> list[str]:
        """Keep what this plan means for each gateway; gives the gateways' names."""
        visits = session.scalars(select(VisitRow).where(VisitRow.day == row.day).order_by(VisitRow.t_s)).all()
        written = []
        for name, gateway in self._kit.settings.gateways.items():
            message: Downlink
            if gateway.role == "hub":
                message = hub_manifest(standing, row, gateway.hub)
            elif name in standing.vans:
                message = van_plan(standing, row, body, standing.vans[name], visits)
            else:
                continue
            before = session.get(DownlinkRow, name)
            session.merge(
                DownlinkRow(
                    gateway=name,
                    plan=row.id,
                    revision=row.revision,
                    body=encoded(message).decode(),
                    sent_s=None,
                    acknowledged_revision=before.acknowledged_revision if before else None,
                    acknowledged_s=before.acknowledged_s if before else None,
                )
            )
            written.append(name)
        return written

    def send(self, *, everything: bool = False) -> int:
        """Send what was not sent yet, or (at the hub's start, after the broker's) everything. Gives how many."""
        with self._kit.store.read() as session:
            query = select(DownlinkRow) if everything else select(DownlinkRow).where(DownlinkRow.sent_s.is_(None))
            rows = session.scalars(query.order_by(DownlinkRow.gateway)).all()
        for row in rows:
            if row.gateway in self._kit.settings.gateways:
                self._sender.send(row.gateway, PLAN, row.body.encode(), retain=True)
        if rows:
            self._mark_sent({row.gateway: row.plan for row in rows})
        return len(rows)

    def _mark_sent(self, plans: Mapping[str, str]) -> None:
        now_s = self._kit.clock.now_s()
        with self._kit.store.write() as session:
            for gateway, plan in plans.items():
                row = session.get(DownlinkRow, gateway)
                if row is not None and row.plan == plan:  # a newer plan may have come between
                    row.sent_s = now_s


class Acknowledged:
    """The follower that writes down which gateway holds which plan."""

    name = "acknowledged"
    kinds: frozenset[type[AnyEvent]] = frozenset({PlanReceived})

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        event = received.event
        if not isinstance(event, PlanReceived):
            raise CannotTakeError("kind", "not a plan_received")
        row = session.get(DownlinkRow, received.gateway)
        if row is None:
            raise CannotTakeError("plan", f"no plan was ever sent to {received.gateway}")
        if row.plan == event.plan:
            row.acknowledged_revision, row.acknowledged_s = event.revision, event.t_s
        return [("plan", event.plan)] if row.plan == event.plan else []

    def finish(self, session: Session) -> None:
        """Nothing is written in bulk."""
