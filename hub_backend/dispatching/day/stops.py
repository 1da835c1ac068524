"""The stops of a day, each with its resident, orders and parcels."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.ordering.goods import GOODS, collected_goods
from hub_backend.ordering.wishes import Wish, wish_of
from hub_backend.record import OrderRow, ParcelRow, ResidentRow, StopRow

OPEN = ("open", "under_way", "at_door")
"""States of a stop that somebody still goes to."""


@dataclass
class StopNow:
    """A stop with everything that belongs to it."""

    row: StopRow
    resident: ResidentRow
    orders: list[OrderRow]
    parcels: list[ParcelRow]
    goods: dict[str, OrderRow]
    """The order of each parcel code."""

    def parcel_goods(self, parcel: ParcelRow) -> str:
        goods = GOODS[self.goods[parcel.code].goods]
        return (collected_goods(goods) if parcel.direction == "collect" else goods).name

    @property
    def address(self) -> str:
        return f"{self.resident.street} {self.resident.number}"

    @property
    def destination(self) -> str:
        """Where a ride goes to, as its order says; empty when it does not."""
        return self.orders[0].to_name if self.orders else ""

    @property
    def is_open(self) -> bool:
        return self.row.state in OPEN

    @property
    def told_s(self) -> int | None:
        """When its resident was told that somebody comes."""
        return None if self.row.promised_s is None else int(self.row.promised_s)

    @property
    def wishes(self) -> list[Wish]:
        """What its orders ask for at the door."""
        return [wish_of(order) for order in self.orders]

    @property
    def aboard(self) -> set[str]:
        """The vans in which its goods lie."""
        return {
            parcel.van
            for parcel in self.parcels
            if parcel.direction == "deliver" and parcel.state == "loaded" and parcel.van is not None
        }

    def units(self, direction: str) -> dict[str, int]:
        """Room that its goods take, by compartment; what was handed over already takes none."""
        units: dict[str, int] = {}
        for parcel in self.parcels:
            if parcel.direction != direction or parcel.state in ("handed_over", "returned"):
                continue
            compartment = GOODS[self.parcel_goods(parcel)].compartment
            units[compartment] = units.get(compartment, 0) + 1
        return units

    def collected_by(self, van: str) -> dict[str, int]:
        """What this van took along here and still carries, by compartment."""
        units: dict[str, int] = {}
        for parcel in self.parcels:
            if parcel.direction == "collect" and parcel.state == "loaded" and parcel.van == van:
                compartment = GOODS[self.parcel_goods(parcel)].compartment
                units[compartment] = units.get(compartment, 0) + 1
        return units


def read_stops(session: Session, day: str) -> dict[str, StopNow]:
    """Every stop of a day, in the order of their windows; what was cancelled brings nothing with it."""
    stops = {
        stop.id: StopNow(stop, resident, [], [], {})
        for stop, resident in session.execute(
            select(StopRow, ResidentRow)
            .join(ResidentRow, ResidentRow.id == StopRow.resident)
            .where(StopRow.day == day)
            .order_by(StopRow.from_s, StopRow.id)
        )
    }
    orders = {
        order.id: order
        for order in session.scalars(select(OrderRow).where(OrderRow.day == day).order_by(OrderRow.from_s, OrderRow.id))
    }
    for order in orders.values():
        if order.stop in stops and order.state != "cancelled":
            stops[order.stop].orders.append(order)
    parcels = session.scalars(
        select(ParcelRow)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .where(OrderRow.day == day, ParcelRow.state != "cancelled")
        .order_by(ParcelRow.code)
    )
    for parcel in parcels:
        order = orders[parcel.order]
        if order.stop in stops and order.state != "cancelled":
            stops[order.stop].parcels.append(parcel)
            stops[order.stop].goods[parcel.code] = order
    return stops
