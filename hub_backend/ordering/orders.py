"""Taking orders into the record: each is judged alone, finds or makes its stop, and its parcels get their labels.

Comes in: order records from the API. Goes out: rows in the record, and for each refused order its index, the field
and the reason. One bad order never stops the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.ordering.addresses import Address, AddressBook
from hub_backend.ordering.goods import GOODS, collected_goods
from hub_backend.ordering.judging import Fault, Known, OrderIn, faults, parsed
from hub_backend.ordering.refs import RandomBelow, new_label, new_ref
from hub_backend.ordering.stops import refresh_stop, stop_for
from hub_backend.record import HubRow, OrderRow, ParcelRow, ResidentRow, SupplierRow
from hub_backend.workday import day_of


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
            order, found = parsed(record)
            if order is not None:
                found = faults(order, known)
                if order.id is not None and order.id in ids:
                    found = [Fault("id", f"order {order.id} is twice in this request"), *found]
            if order is None or found:
                outcome.rejected += [Rejected(index, fault.field, fault.reason) for fault in found]
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
            until_day=order.until_day,
            optional=order.optional,
            created_s=now_s,
        )
        session.add(row)
        stop = stop_for(session, row, resident, random_below=self._random_below)
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
