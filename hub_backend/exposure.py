"""What a cooler is for, and what lay in it while it was outside its band."""

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.contents import Stay, stays
from hub_backend.kit import Kit
from hub_backend.record import CoolerStateRow, ExcursionRow, OrderRow, ParcelRow, SupplierRow

COLD = frozenset({"chilled", "fridge"})


class Exposed(BaseModel):
    """One thing that lay in a cooler while that was outside its band. By its label and client number, never a name."""

    code: str
    goods: str
    temp_class: str
    supplier: str  # as it is called
    client: str
    order: str
    stop: str | None
    in_s: float | None  # None: nobody scanned it in, and it was handed over from there
    out_s: float | None  # handed over, or taken elsewhere; None: it is still in
    state: str  # at_hub, loaded, handed_over, returned, cancelled


def held_by(kit: Kit, source: str) -> str:
    """What a cooler holds: as the settings say, else chilled food in a van and fridge medication at a hub."""
    said = kit.settings.coolers.get(source)
    if said is not None:
        return said
    gateway = kit.settings.gateways.get(source.partition("/")[0])
    return "fridge" if gateway is not None and gateway.role == "hub" else "chilled"


def exposed(session: Session, kit: Kit, row: ExcursionRow) -> list[Exposed] | None:
    """What lay in the cooler for any part of the excursion, as the record tells it now."""
    gateway = row.source.partition("/")[0]
    to_s = kit.clock.now_s() if row.recovered_s is None else row.recovered_s
    found = stays(session, gateway, from_s=row.began_s, to_s=to_s)
    if not found:
        return None if found is None else []
    rows = session.execute(
        select(ParcelRow, OrderRow, SupplierRow.name)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .outerjoin(SupplierRow, SupplierRow.id == OrderRow.supplier)
        .where(ParcelRow.code.in_([stay.code for stay in found]))
    )
    known = {parcel.code: (parcel, order, name or "") for parcel, order, name in rows}
    classes = _classes_in(session, kit, row.source)
    return [
        _exposed(stay, *known[stay.code])
        for stay in found
        if stay.code in known and known[stay.code][0].temp_class in classes
    ]


def _exposed(stay: Stay, parcel: ParcelRow, order: OrderRow, supplier: str) -> Exposed:
    return Exposed(
        code=stay.code,
        goods=order.goods,
        temp_class=parcel.temp_class,
        supplier=supplier,
        client=order.resident,
        order=order.id,
        stop=order.stop,
        in_s=stay.in_s,
        out_s=stay.out_s,
        state=parcel.state,
    )


def _classes_in(session: Session, kit: Kit, source: str) -> set[str]:
    """What goes into this cooler. What is cold goes where it is cold: only a second cold one has the other class."""
    holds = held_by(kit, source)
    if holds not in COLD:
        return {holds}
    gateway = source.partition("/")[0]
    beside = session.scalars(
        select(CoolerStateRow.source).where(CoolerStateRow.source.startswith(f"{gateway}/", autoescape=True))
    )
    return {holds} | (COLD - {held_by(kit, other) for other in beside})
