"""Directory, orders and shipments over HTTP. Each record is judged alone: a bad one is named, the others are taken."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Response
from pydantic import BaseModel, Field, WithJsonSchema
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.dispatching.plans import newest_plan
from hub_backend.kit import Kit
from hub_backend.ordering.cancelling import CancelError, cancel
from hub_backend.ordering.directory import Directory, HubIn, ResidentIn, SupplierIn, VanIn
from hub_backend.ordering.judging import OrderIn
from hub_backend.ordering.orders import OrderDesk
from hub_backend.ordering.refs import RandomBelow, new_ref
from hub_backend.ordering.words import RECORD, Text
from hub_backend.record import HubRow, ShipmentRow, SupplierRow
from hub_backend.refused_requests import OF_A_RECORD
from hub_backend.spoken import said
from hub_backend.trigger import ask
from hub_backend.workday import day_of


def _listed(model: type[BaseModel]) -> WithJsonSchema:
    """The schema of a list whose items are judged one by one by us, and not all together by FastAPI."""
    return WithJsonSchema({"type": "array", "items": model.model_json_schema(), "maxItems": 5000})


class DirectoryIn(BaseModel):
    """Records to bring up to date, each list may be absent."""

    model_config = RECORD
    hubs: Annotated[list[object], _listed(HubIn)] = []
    vans: Annotated[list[object], _listed(VanIn)] = []
    suppliers: Annotated[list[object], _listed(SupplierIn)] = []
    residents: Annotated[list[object], _listed(ResidentIn)] = []


class DirectoryFault(BaseModel):
    """A refused record: in which list, where, and why."""

    list: str
    index: int
    field: str
    reason: str


class DirectoryTaken(BaseModel):
    """How many records of each list were taken, and which were not."""

    taken: dict[str, int]
    rejected: Sequence[DirectoryFault]


class OrdersIn(BaseModel):
    """Orders of any suppliers and days."""

    model_config = RECORD
    orders: Annotated[list[object], _listed(OrderIn), Field(min_length=1, max_length=5000)]


class ParcelOut(BaseModel):
    """A label to print."""

    code: str
    direction: str
    temp_class: str


class OrderAccepted(BaseModel):
    index: int
    id: str
    stop: str
    day: str
    parcels: list[ParcelOut]


class OrderFault(BaseModel):
    index: int
    field: str
    reason: str


class OrdersTaken(BaseModel):
    """What was taken, with labels, and what was not, with the reason."""

    accepted: list[OrderAccepted]
    rejected: list[OrderFault]


class SupplierOut(BaseModel):
    """Who may be named as the supplier of an order."""

    id: str
    name: str


class Cancelled(BaseModel):
    order: str
    stop: str
    stop_state: str


class ShipmentIn(BaseModel):
    """A supplier's bulk delivery at a hub. `km`: out and back, when the supplier tells; else the roads' distance."""

    model_config = RECORD
    id: Text | None = Field(None, min_length=1, max_length=40)
    supplier: Text
    hub: Text
    t_s: float = Field(ge=946684800, le=4102444800)
    km: float | None = Field(None, ge=0, le=5000)


class ShipmentTaken(BaseModel):
    id: str
    day: str


def router(kit: Kit, directory: Directory, desk: OrderDesk, random_below: RandomBelow) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["orders"])

    @routes.post("/directory")
    def take_directory(records: DirectoryIn) -> DirectoryTaken:
        """Bring hubs, vans, suppliers and residents up to date."""
        with kit.store.write() as session:
            outcome = directory.take(
                session,
                hubs=records.hubs,
                vans=records.vans,
                suppliers=records.suppliers,
                residents=records.residents,
            )
        faults = [
            DirectoryFault(list=one.list, index=one.index, field=one.field, reason=one.reason)
            for one in outcome.rejected
        ]
        _count_refused(kit, "/api/directory", faults)
        return DirectoryTaken(taken=outcome.taken, rejected=faults)

    @routes.get("/suppliers")
    def list_suppliers() -> list[SupplierOut]:
        """Every supplier of the directory, by name."""
        with kit.store.read() as session:
            rows = session.scalars(select(SupplierRow).order_by(SupplierRow.name)).all()
            return [SupplierOut(id=row.id, name=row.name) for row in rows]

    @routes.post("/orders", status_code=201, responses={422: {"model": OrdersTaken}})
    def take_orders(request: OrdersIn, response: Response) -> OrdersTaken:
        """Take orders; 422 when none could be taken."""
        now_s = kit.clock.now_s()
        with kit.store.write() as session:
            outcome = desk.take(session, request.orders, now_s=now_s)
            days: dict[str, list[str]] = {}
            for accepted in outcome.accepted:
                days.setdefault(accepted.day, []).append(accepted.stop)
            for day, stops in days.items():
                _ask_for_orders(session, day, stops, now_s=now_s)
        if not outcome.accepted:
            response.status_code = 422
        for accepted in outcome.accepted:
            kit.live.tell("order", {"id": accepted.id, "day": accepted.day, "stop": accepted.stop, "state": "open"})
        faults = [OrderFault(index=one.index, field=one.field, reason=one.reason) for one in outcome.rejected]
        _count_refused(kit, "/api/orders", faults)
        return OrdersTaken(
            accepted=[
                OrderAccepted(
                    index=one.index,
                    id=one.id,
                    stop=one.stop,
                    day=one.day,
                    parcels=[
                        ParcelOut(code=parcel.code, direction=parcel.direction, temp_class=parcel.temp_class)
                        for parcel in one.parcels
                    ],
                )
                for one in outcome.accepted
            ],
            rejected=faults,
        )

    @routes.post("/orders/{order_id}/cancel")
    def cancel_order(order_id: str) -> Cancelled:
        """Cancel an order that is not being handed over yet."""
        now_s = kit.clock.now_s()
        with kit.store.write() as session:
            try:
                stop = cancel(session, order_id, now_s=now_s)
            except LookupError as error:
                raise HTTPException(404, str(error)) from error
            except CancelError as error:
                raise HTTPException(409, str(error)) from error
            if newest_plan(session, stop.day) is not None:
                ask(session, kind="cancellation", t_s=now_s, subject=stop.id, words=said("cancellation"))
            cancelled = Cancelled(order=order_id, stop=stop.id, stop_state=stop.state)
            day = stop.day
        kit.live.tell("order", {"id": order_id, "day": day, "stop": cancelled.stop, "state": "cancelled"})
        return cancelled

    @routes.post("/shipments", status_code=201)
    def take_shipment(shipment: Annotated[ShipmentIn, Body()]) -> ShipmentTaken:
        """Write down a bulk trip to a hub; the same id again replaces it."""
        day = day_of(shipment.t_s, zone=kit.settings.zone)
        id_ = shipment.id or new_ref(random_below)
        with kit.store.write() as session:
            known: Mapping[str, Any] = {
                "supplier": session.get(SupplierRow, shipment.supplier),
                "hub": session.get(HubRow, shipment.hub),
            }
            for name, row in known.items():
                if row is None:
                    raise HTTPException(422, f"{name}: unknown {name} {getattr(shipment, name)!r}")
            session.merge(ShipmentRow(**shipment.model_dump(exclude={"id"}), id=id_, day=day))
        return ShipmentTaken(id=id_, day=day)

    return routes


def _count_refused(kit: Kit, place: str, faults: Sequence[DirectoryFault] | Sequence[OrderFault]) -> None:
    """Each record by itself, for the request that it came in may well be taken."""
    for fault in faults:
        kit.refused.add(place, OF_A_RECORD, field=fault.field, reason=fault.reason, t_s=kit.clock.now_s())


def _ask_for_orders(session: Session, day: str, stops: Sequence[str], *, now_s: float) -> None:
    """New orders ask for a new plan once there is one; before that they wait for the morning's."""
    if newest_plan(session, day) is None:
        return
    if len(set(stops)) == 1:
        ask(session, kind="new_order", t_s=now_s, subject=stops[0], words=said("new_order"))
    else:
        ask(session, kind="new_order", t_s=now_s, subject=day, words=said("new_orders", n=len(stops)))
