"""Judging an order: everything that is wrong with it, each fault with its field. Rules without I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationError

from hub_backend.ordering.addresses import AddressBook
from hub_backend.ordering.goods import GOODS
from hub_backend.ordering.words import RECORD, Text, place
from hub_backend.workday import day_of, is_day

Kind = Literal["delivery", "collection", "swap", "visit", "chore", "ride"]


class OrderIn(BaseModel):
    """One order. The resident is known by client number, or by street, number and postcode on the map."""

    model_config = RECORD

    id: Text | None = Field(None, min_length=1, max_length=40, description="the orderer's own id; made when absent")
    supplier: Text | None = Field(None, max_length=40)
    resident: Text | None = Field(None, max_length=40, description="client number")
    street: Text | None = Field(None, max_length=80)
    number: Text | None = Field(None, max_length=10)
    postcode: Text = Field("", max_length=7)
    name: Text = Field("", max_length=80, description="for an address where nobody is known yet")
    day: Text | None = Field(None, description="local date; from_s tells it when absent")
    kind: Kind = "delivery"
    goods: Text = Field("", max_length=30)
    quantity: int = Field(1, ge=1, le=20)
    from_s: float = Field(ge=946684800, le=4102444800, description="window, UTC s")
    to_s: float = Field(ge=946684800, le=4102444800)
    release_s: float | None = Field(
        None, ge=946684800, le=4102444800, description="goods are at the hub from then on, UTC s"
    )
    to_lat: float | None = Field(None, ge=-90, le=90, description="a ride's destination")
    to_lon: float | None = Field(None, ge=-180, le=180)
    to_name: Text = Field("", max_length=120)
    chores: list[Text] = Field(default_factory=list, max_length=5)
    letterbox_allowed: bool = Field(False, description="given by who sends it; for medication by the pharmacy")
    until_day: Text | None = Field(None, description="may wait for a later day, this local date at the latest")
    optional: bool = Field(False, description="a chore or a visit that falls away where there is no time for it")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one field of an order (or another record) is refused."""

    field: str
    reason: str


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
    return [*_who(order, known), *_when(order, known), *_what(order), *_how_much(order, known)]


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


def _how_much(order: OrderIn, known: Known) -> Iterable[Fault]:
    """Whether it must be done, and today."""
    goods = GOODS.get(order.goods)
    if order.until_day is not None:
        if not is_day(order.until_day):
            yield Fault("until_day", f"{order.until_day!r} is no date as 2026-11-23")
        elif order.until_day < day_of(order.from_s, zone=known.zone):
            yield Fault("until_day", f"{order.until_day} is before the window")
        if order.kind == "ride" or (goods is not None and not goods.may_wait):
            yield Fault("until_day", f"{order.goods or 'a ride'} cannot wait for another day")
    if order.optional and order.kind not in ("chore", "visit"):
        yield Fault("optional", f"a {order.kind} must be done: only a chore or a visit may fall away")


def parsed(record: object) -> tuple[OrderIn | None, list[Fault]]:
    """The order, or everything about its form that is wrong."""
    try:
        return OrderIn.model_validate(record), []
    except ValidationError as error:
        return None, [Fault(place(fault["loc"]) or "order", fault["msg"]) for fault in error.errors()]
