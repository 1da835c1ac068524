"""Orders: what suppliers, residents and concierges ask for, judged one by one and bundled into stops.

Comes in: order records from the API. Goes out: rows in the record, and for each refused order its index, the field
and the reason. One bad order never stops the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.errors import HubError
from hub_backend.ordering.addresses import Address, AddressBook
from hub_backend.ordering.goods import GOODS, RIDE_DROPOFF_S, RIDE_PICKUP_S, collected_goods
from hub_backend.ordering.refs import RandomBelow, new_label, new_ref
from hub_backend.ordering.stops import OpenStop, Wish, common_window, service_s, stop_to_join
from hub_backend.record import HubRow, OrderRow, ParcelRow, ResidentRow, StopRow, SupplierRow
from hub_backend.workday import day_of, is_day

Kind = Literal["delivery", "collection", "swap", "visit", "chore", "ride"]


class OrderIn(BaseModel):
    """One order. The resident is known by client number, or by street, number and postcode on the map."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, min_length=1, max_length=40, description="the orderer's own id; made when absent")
    supplier: str | None = Field(None, max_length=40)
    resident: str | None = Field(None, max_length=40, description="client number")
    street: str | None = Field(None, max_length=80)
    number: str | None = Field(None, max_length=10)
    postcode: str = Field("", max_length=7)
    name: str = Field("", max_length=80, description="for an address where nobody is known yet")
    day: str | None = Field(None, description="local date; from_s tells it when absent")
    kind: Kind = "delivery"
    goods: str = Field("", max_length=30)
    quantity: int = Field(1, ge=1, le=20)
    from_s: float = Field(ge=946684800, le=4102444800, description="window, UTC s")
    to_s: float = Field(ge=946684800, le=4102444800)
    release_s: float | None = Field(None, description="goods are at the hub from then on, UTC s")
    to_lat: float | None = Field(None, ge=-90, le=90, description="a ride's destination")
    to_lon: float | None = Field(None, ge=-180, le=180)
    to_name: str = Field("", max_length=120)
    chores: list[str] = Field(default_factory=list, max_length=5)
    letterbox_allowed: bool = Field(False, description="given by who sends it; for medication by the pharmacy")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one field of an order (or another record) is refused."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    index: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptedParcel:
    code: str
    direction: str
    temp_class: str


@dataclass(frozen=True, slots=True)
class Accepted:
    index: int
    id: str
    stop: str
    day: str
    parcels: tuple[AcceptedParcel, ...]


@dataclass
class Outcome:
    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What the record and the map know, against which an order is judged."""

    now_s: float
    zone: ZoneInfo
    suppliers: frozenset[str]
    residents: Mapping[str, str]
    """Each resident's hub."""
    orders: frozenset[str]
    addresses: AddressBook
    has_hub: bool = True


def faults(order: OrderIn, known: Known) -> list[Fault]:
    """Everything that is wrong with an order, empty when it can be taken."""
    return [*_who(order, known), *_when(order, known), *_what(order)]


def _who(order: OrderIn, known: Known) -> Iterable[Fault]:
    if order.id is not None and order.id in known.orders:
        yield Fault("id", f"order {order.id} exists already")
    if order.supplier is not None and order.supplier not in known.suppliers:
        yield Fault("supplier", f"unknown supplier {order.supplier!r}")
    if order.resident is not None:
        if order.resident not in known.residents:
            yield Fault("resident", f"unknown resident {order.resident!r}")
    elif not order.street or not order.number:
        yield Fault("address", "no address: give resident, or street and number")
    elif not known.has_hub:
        yield Fault("address", "no hub is known yet that could serve it")
    elif known.addresses.find(order.street, order.number, order.postcode) is None:
        yield Fault("address", f"unknown address on this map: {order.street} {order.number} {order.postcode}".rstrip())


def _when(order: OrderIn, known: Known) -> Iterable[Fault]:
    if order.to_s <= order.from_s:
        yield Fault("to_s", "window is reversed: to_s must be after from_s")
    elif order.to_s <= known.now_s:
        yield Fault("to_s", "window is in the past")
    if order.day is not None and not is_day(order.day):
        yield Fault("day", f"{order.day!r} is no date as 2026-11-23")
    elif order.day is not None and order.day != day_of(order.from_s, zone=known.zone):
        yield Fault("day", f"window begins on {day_of(order.from_s, zone=known.zone)}, not on {order.day}")
    if order.release_s is not None and order.release_s >= order.to_s:
        yield Fault("release_s", "goods come in after the window has ended")


def _what(order: OrderIn) -> Iterable[Fault]:
    carries = order.kind in ("delivery", "collection", "swap")
    if carries and order.goods not in GOODS:
        yield Fault("goods", f"unknown goods {order.goods!r}: must be one of {', '.join(GOODS)}")
    elif not carries and order.goods:
        yield Fault("goods", f"a {order.kind} carries no goods")
    elif order.kind == "delivery" and GOODS[order.goods].direction == "collect":
        yield Fault("kind", f"{order.goods} is taken along: kind must be collection")
    if carries and order.supplier is None:
        yield Fault("supplier", "goods need a supplier")
    if order.kind == "chore" and not order.chores:
        yield Fault("chores", "a chore needs at least one chore")
    if any(not chore.strip() or len(chore) > 60 for chore in order.chores):
        yield Fault("chores", "a chore is 1 to 60 characters")
    if order.kind == "ride" and (order.to_lat is None or order.to_lon is None):
        yield Fault("to_lat", "a ride needs a destination: to_lat and to_lon")


def wish_of(order: OrderRow) -> Wish:
    """What of a recorded order matters at the door."""
    return Wish(
        kind=order.kind,
        goods=order.goods,
        quantity=order.quantity,
        chores=tuple(order.chores),
        letterbox_allowed=order.letterbox_allowed,
    )


class OrderDesk:
    """Takes orders into the record: judges each, finds or makes its stop, gives its parcels their labels."""

    def __init__(self, *, addresses: AddressBook, zone: ZoneInfo, random_below: RandomBelow) -> None:
        self._addresses = addresses
        self._zone = zone
        self._random_below = random_below

    def take(self, session: Session, records: Sequence[object], *, now_s: float) -> Outcome:
        """Take what can be taken of `records` (order objects as they came), in the order of their windows."""
        outcome = Outcome()
        orders: list[tuple[int, OrderIn]] = []
        known = self._known(session, now_s=now_s)
        ids: set[str] = set()
        for index, record in enumerate(records):
            order, found = _parsed(record)
            if order is not None:
                found = faults(order, known)
                if order.id is not None and order.id in ids:
                    found = [Fault("id", f"order {order.id} is twice in this request"), *found]
            if order is None or found:
                outcome.rejected += [Rejected(index, fault.field, fault.reason) for fault in found[:1]]
                continue
            ids |= {order.id} if order.id is not None else set()
            orders.append((index, order))
        # By window, so that the bundles do not depend on the order in which a supplier lists its orders.
        orders.sort(key=lambda item: (item[1].from_s, item[1].to_s, item[0]))
        outcome.accepted = [self._write(session, index, order, now_s=now_s) for index, order in orders]
        outcome.accepted.sort(key=lambda accepted: accepted.index)
        return outcome

    def _known(self, session: Session, *, now_s: float) -> Known:
        return Known(
            now_s=now_s,
            zone=self._zone,
            suppliers=frozenset(session.scalars(select(SupplierRow.id))),
            residents={id_: hub for id_, hub in session.execute(select(ResidentRow.id, ResidentRow.hub))},
            orders=frozenset(session.scalars(select(OrderRow.id))),
            addresses=self._addresses,
            has_hub=session.scalars(select(HubRow.id).limit(1)).first() is not None,
        )

    def _write(self, session: Session, index: int, order: OrderIn, *, now_s: float) -> Accepted:
        resident = self._resident(session, order)
        day = day_of(order.from_s, zone=self._zone)
        row = OrderRow(
            id=order.id or new_ref(self._random_below),
            supplier=order.supplier,
            resident=resident.id,
            day=day,
            kind=order.kind,
            goods=order.goods,
            quantity=order.quantity,
            from_s=order.from_s,
            to_s=order.to_s,
            release_s=order.release_s,
            to_lat=order.to_lat,
            to_lon=order.to_lon,
            to_name=order.to_name,
            chores=list(order.chores),
            letterbox_allowed=order.letterbox_allowed,
            created_s=now_s,
        )
        session.add(row)
        stop = self._stop(session, row, resident)
        row.stop = stop.id
        parcels = self._parcels(row)
        session.flush()  # the parcels refer to the order
        session.add_all(parcels)
        session.flush()
        refresh_stop(session, stop)
        return Accepted(
            index,
            row.id,
            stop.id,
            day,
            tuple(AcceptedParcel(parcel.code, parcel.direction, parcel.temp_class) for parcel in parcels),
        )

    def _resident(self, session: Session, order: OrderIn) -> ResidentRow:
        """Who lives there; a door where nobody is known yet gets a client number of its own."""
        if order.resident is not None:
            return session.get_one(ResidentRow, order.resident)
        address = self._addresses.find(order.street or "", order.number or "", order.postcode)
        if address is None:
            raise LookupError("address: judged as known, and is not")
        living = session.scalars(
            select(ResidentRow).where(
                ResidentRow.street == address.street,
                ResidentRow.number == address.number,
                ResidentRow.postcode == address.postcode,
            )
        ).first()
        return living or self._new_resident(session, order, address)

    def _new_resident(self, session: Session, order: OrderIn, address: Address) -> ResidentRow:
        hubs = session.scalars(select(HubRow)).all()
        nearest = min(hubs, key=lambda hub: (hub.lat - address.lat) ** 2 + ((hub.lon - address.lon) * 0.62) ** 2)
        resident = ResidentRow(
            id=new_ref(self._random_below),
            name=order.name or "bewoner",
            street=address.street,
            number=address.number,
            postcode=address.postcode,
            lat=address.lat,
            lon=address.lon,
            hub=nearest.id,
        )
        session.add(resident)
        session.flush()
        return resident

    def _stop(self, session: Session, order: OrderRow, resident: ResidentRow) -> StopRow:
        rows = session.scalars(
            select(StopRow)
            .where(
                StopRow.day == order.day,
                StopRow.resident == resident.id,
                StopRow.state == "open",
                StopRow.attempts == 0,
                StopRow.kind == "visit",
            )
            .order_by(StopRow.from_s, StopRow.id)
        ).all()
        open_stops = [OpenStop(row.id, row.from_s, row.to_s, loaded=_loaded(session, row.id)) for row in rows]
        joined = stop_to_join(wish_of(order), (order.from_s, order.to_s), open_stops)
        if joined is not None:
            return session.get_one(StopRow, joined.id)
        stop = StopRow(
            id=new_ref(self._random_below),
            day=order.day,
            hub=resident.hub,
            resident=resident.id,
            kind="ride" if order.kind == "ride" else "visit",
            from_s=order.from_s,
            to_s=order.to_s,
            service_s=0.0,
        )
        session.add(stop)
        session.flush()
        return stop

    def _parcels(self, order: OrderRow) -> list[ParcelRow]:
        if not order.goods:
            return []
        goods = GOODS[order.goods]
        directions = {"swap": ("deliver", "collect"), "collection": ("collect",)}.get(order.kind, ("deliver",))
        return [
            ParcelRow(
                code=new_label(self._random_below),
                order=order.id,
                direction=direction,
                temp_class=(collected_goods(goods) if direction == "collect" else goods).temp_class,
            )
            for direction in directions
            for _ in range(order.quantity)
        ]


def _parsed(record: object) -> tuple[OrderIn | None, list[Fault]]:
    try:
        return OrderIn.model_validate(record), []
    except ValidationError as error:
        first = error.errors()[0]
        return None, [Fault(".".join(map(str, first["loc"])) or "order", first["msg"])]


def _loaded(session: Session, stop_id: str) -> bool:
    query = (
        select(ParcelRow.code)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .where(OrderRow.stop == stop_id, ParcelRow.state == "loaded", ParcelRow.direction == "deliver")
        .limit(1)
    )
    return session.scalars(query).first() is not None


def refresh_stop(session: Session, stop: StopRow) -> None:
    """Give a stop the window and the time that its open orders ask for; without any it is cancelled."""
    orders = session.scalars(select(OrderRow).where(OrderRow.stop == stop.id, OrderRow.state == "open")).all()
    if not orders:
        if stop.state in ("open", "under_way"):
            stop.state = "cancelled"
        return
    window = (orders[0].from_s, orders[0].to_s)
    for order in orders[1:]:
        window = common_window(window, (order.from_s, order.to_s)) or window
    stop.from_s, stop.to_s = window
    resident = session.get_one(ResidentRow, stop.resident)
    if stop.kind == "ride":
        stop.service_s = RIDE_PICKUP_S + RIDE_DROPOFF_S
    else:
        stop.service_s = service_s((wish_of(order) for order in orders), usual_step=resident.usual_step)


class CancelError(HubError):
    """An order that cannot be cancelled any more: the message says why."""


def cancel(session: Session, order_id: str, *, now_s: float) -> StopRow:
    """Cancel an open order and its parcels; gives the stop it was part of. Parcels in a van go back to the hub.

    Raises `LookupError` when there is no such order and `CancelError` when it is too late.
    """
    order = session.get(OrderRow, order_id)
    if order is None:
        raise LookupError(f"order: {order_id!r} does not exist")
    if order.state != "open":
        raise CancelError(f"order: {order_id} is {order.state}")
    stop = session.get_one(StopRow, order.stop)
    if stop.state in ("at_door", "done"):
        raise CancelError(f"order: {order_id} is being handed over (stop is {stop.state})")
    order.state = "cancelled"
    for parcel in session.scalars(select(ParcelRow).where(ParcelRow.order == order.id)):
        parcel.state, parcel.changed_s = "cancelled", now_s
    session.flush()
    refresh_stop(session, stop)
    return stop
