"""The directory: hubs, vans, suppliers and residents, brought up to date record by record.

Comes in: records as the API got them. Goes out: rows, and for each refused record its list, index, field and reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.factors import Factors
from hub_backend.ordering.addresses import AddressBook
from hub_backend.ordering.words import RECORD, Text, place
from hub_backend.record import Base, HubRow, ResidentRow, SupplierRow, VanRow
from hub_backend.workday import is_day

NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
Units = Annotated[int, Field(ge=0, le=1000)]
COMPARTMENTS = ("chilled", "hot", "ambient", "parcels", "laundry", "seats")
"""As in `routing.model`, which the hub's own process does not import: the router lives in a process of its own."""


class StandIn(BaseModel):
    """Where a hub stands for some hours of some days, instead of at its own address. Times are local."""

    model_config = RECORD
    from_: str = Field(pattern=CLOCK, alias="from")
    to: str = Field(pattern=CLOCK)
    address: Text = Field(min_length=1, max_length=80)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(default=[1, 2, 3, 4, 5, 6], description="1 is Monday")
    charges: bool = Field(False, description="whether a van can charge there")


class HubIn(BaseModel):
    """A hub: where vans load and end. Opening times are local, and hold wherever it stands."""

    model_config = RECORD
    id: str = Field(pattern=NAME)
    name: Text = Field(min_length=1, max_length=80)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    open_from: str = Field("07:00", pattern=CLOCK)
    open_to: str = Field("18:00", pattern=CLOCK)
    stands: list[StandIn] = Field(default_factory=list, max_length=20, description="elsewhere, by roster")


class EnergyIn(BaseModel):
    """What a van draws from its pack, part by part (domain.md 5); `aux_kw` follows from the temperature outside."""

    model_config = RECORD
    kwh_per_km: float = Field(0.17, gt=0, le=2)
    kwh_per_km_tonne: float = Field(0.02, ge=0, le=1)
    kwh_per_stop: float = Field(0.02, ge=0, le=1)
    cooler_kw: float = Field(0.15, ge=0, le=5, description="coolers, all the time under way")


class VanIn(BaseModel):
    """A van with its concierge of the day; its gateway has the same id."""

    model_config = RECORD
    id: str = Field(pattern=NAME)
    hub: Text
    concierge: Text = Field(min_length=1, max_length=80)
    skills: list[Text] = Field(default_factory=list, max_length=10)
    capacity: dict[str, Units] = Field(description="by compartment: " + ", ".join(COMPARTMENTS))
    shift_from: str = Field("08:30", pattern=CLOCK)
    shift_to: str = Field("17:00", pattern=CLOCK)
    lunch_from: str | None = Field(None, pattern=CLOCK, description="local; her lunch begins between these two")
    lunch_to: str | None = Field(None, pattern=CLOCK)
    lunch_s: int = Field(1800, ge=300, le=7200)
    partition: bool = Field(True, description="a wall parts the seats from the goods")
    energy: EnergyIn | None = Field(None, description="null: kwh_per_km has everything in it")
    battery_kwh: float = Field(33.0, gt=0, le=300)
    kwh_per_km: float = Field(0.21, gt=0, le=2, description="from the pack; charging loss is counted apart")
    charge_kw: float = Field(7.4, gt=0, le=350)


class SupplierIn(BaseModel):
    """A supplier, and the van it would drive itself (for the CO2 comparison)."""

    model_config = RECORD
    id: str = Field(pattern=NAME)
    name: Text = Field(min_length=1, max_length=80)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    van_class: Text = "diesel_van_large"
    approach_km: float = Field(0.0, ge=0, le=500, description="one way, from its depot to lat, lon on the map")


class ResidentIn(BaseModel):
    """A resident. Without lat and lon the map's addresses say where the door is. No diagnosis, ever."""

    model_config = RECORD
    id: Text = Field(min_length=1, max_length=40, description="random client number")
    name: Text = Field(min_length=1, max_length=80)
    street: Text = Field(min_length=1, max_length=80)
    number: Text = Field(min_length=1, max_length=10)
    postcode: Text = Field("", max_length=7)
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    hub: Text
    hint: Text = Field("", max_length=200, description="to find the door; never health")
    usual_step: int | None = Field(None, ge=0, le=3)
    talk_max_s: int | None = Field(None, ge=0, le=3600, description="longest talk beyond the task; null: by their step")
    last_contact_day: str | None = Field(None, pattern=DAY, description="of a real contact before this record")
    known_vans: list[Text] = Field(default_factory=list, max_length=10)


@dataclass(frozen=True, slots=True)
class DirectoryRejected:
    """A record that was refused; `list` is hubs, vans, suppliers or residents."""

    list: str
    index: int
    field: str
    reason: str


@dataclass
class DirectoryOutcome:
    """How many records of each list were taken, and what was refused."""

    taken: dict[str, int] = field(default_factory=dict)
    rejected: list[DirectoryRejected] = field(default_factory=list)


class _RefusedError(Exception):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class Directory:
    """Brings the directory up to date. A record that is there already is replaced."""

    def __init__(self, *, addresses: AddressBook, factors: Factors) -> None:
        self._addresses = addresses
        self._factors = factors

    def take(
        self,
        session: Session,
        *,
        hubs: Sequence[object] = (),
        vans: Sequence[object] = (),
        suppliers: Sequence[object] = (),
        residents: Sequence[object] = (),
    ) -> DirectoryOutcome:
        """Take what can be taken, hubs first because the others refer to them."""
        outcome = DirectoryOutcome()
        for name, records in (("hubs", hubs), ("vans", vans), ("suppliers", suppliers), ("residents", residents)):
            outcome.taken[name] = 0
            ids: set[str] = set()
            for index, record in enumerate(records):
                try:
                    session.merge(self._row(session, name, record, ids))
                except ValidationError as error:
                    outcome.rejected += [
                        DirectoryRejected(name, index, place(fault["loc"]) or "record", fault["msg"])
                        for fault in error.errors()
                    ]
                except _RefusedError as error:
                    outcome.rejected.append(DirectoryRejected(name, index, error.name, error.reason))
                else:
                    session.flush()
                    outcome.taken[name] += 1
        return outcome

    def _row(self, session: Session, name: str, record: object, ids: set[str]) -> Base:
        """The record's row; `ids` are those of its list before it, to which its own is added."""
        row: HubRow | VanRow | SupplierRow | ResidentRow
        match name:
            case "hubs":
                row = self._hub(HubIn.model_validate(record))
            case "vans":
                row = self._van(session, VanIn.model_validate(record))
            case "suppliers":
                row = self._supplier(SupplierIn.model_validate(record))
            case _:
                row = self._resident(session, ResidentIn.model_validate(record))
        if row.id in ids:
            raise _RefusedError("id", f"{row.id} is twice in this request")
        ids.add(row.id)
        return row

    def _hub(self, hub: HubIn) -> HubRow:
        if hub.open_to <= hub.open_from:
            raise _RefusedError("open_to", "the hub closes before it opens")
        for index, stand in enumerate(hub.stands):
            if stand.to <= stand.from_:
                raise _RefusedError(f"stands.{index}.to", "the hub leaves before it comes")
            if not hub.open_from <= stand.from_ < stand.to <= hub.open_to:
                raise _RefusedError(f"stands.{index}.from", "the hub stands there while it is closed")
            for other in hub.stands[:index]:
                if set(stand.weekdays) & set(other.weekdays) and stand.from_ < other.to and other.from_ < stand.to:
                    raise _RefusedError(f"stands.{index}.from", f"the hub is at {other.address} then")
        return HubRow(**hub.model_dump(by_alias=True))

    def _van(self, session: Session, van: VanIn) -> VanRow:
        _known_hub(session, van.hub)
        if unknown := sorted(set(van.capacity) - set(COMPARTMENTS)):
            raise _RefusedError("capacity", f"unknown compartment {unknown[0]!r}")
        if van.shift_to <= van.shift_from:
            raise _RefusedError("shift_to", "the shift ends before it begins")
        if (van.lunch_from is None) != (van.lunch_to is None):
            raise _RefusedError("lunch_to", "lunch_from and lunch_to: give both or neither")
        if van.lunch_from is not None and van.lunch_to is not None and van.lunch_to < van.lunch_from:
            raise _RefusedError("lunch_to", "her lunch ends before it begins")
        if van.lunch_from is not None and not van.shift_from <= van.lunch_from < van.shift_to:
            raise _RefusedError("lunch_from", "her lunch begins outside her shift")
        before = session.get(VanRow, van.id)
        row = VanRow(**van.model_dump())
        if before is not None:  # whether it drives today is not the directory's to say
            row.in_service, row.out_reason = before.in_service, before.out_reason
        return row

    def _supplier(self, supplier: SupplierIn) -> SupplierRow:
        if supplier.van_class not in self._factors.van_classes:
            known = ", ".join(sorted(self._factors.van_classes))
            raise _RefusedError("van_class", f"unknown class {supplier.van_class!r}: must be one of {known}")
        return SupplierRow(**supplier.model_dump())

    def _resident(self, session: Session, resident: ResidentIn) -> ResidentRow:
        _known_hub(session, resident.hub)
        if resident.last_contact_day is not None and not is_day(resident.last_contact_day):
            raise _RefusedError("last_contact_day", f"{resident.last_contact_day!r} is no date")
        values = resident.model_dump()
        if resident.lat is None or resident.lon is None:
            found = self._addresses.find(resident.street, resident.number, resident.postcode)
            if found is None:
                raise _RefusedError("street", f"unknown address on this map: {resident.street} {resident.number}")
            values |= {"lat": found.lat, "lon": found.lon, "postcode": resident.postcode or found.postcode}
        return ResidentRow(**values)


def _known_hub(session: Session, hub: str) -> None:
    if session.scalars(select(HubRow.id).where(HubRow.id == hub)).first() is None:
        raise _RefusedError("hub", f"unknown hub {hub!r}")
