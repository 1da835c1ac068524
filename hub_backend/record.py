"""The record: every table of the hub, SQLAlchemy 2.

`events` is the truth, written by ingest alone and never changed. The tables below "Projections" are computed from
events and orders by followers and can be dropped and replayed. Times are UTC seconds (float), ids are text.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigCount = BigInteger().with_variant(Integer, "sqlite")  # SQLite's INTEGER is 64 bits, and alone may be a row id


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own idiom


# ---------------------------------------------------------------- what was received


class EventRow(Base):
    """One event, exactly once by (source, boot, seq)."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(BigCount, primary_key=True, autoincrement=True)
    gateway: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(81))
    boot: Mapped[int] = mapped_column(BigCount)
    seq: Mapped[int] = mapped_column(BigCount)
    kind: Mapped[str] = mapped_column(String(20))
    t_s: Mapped[float] = mapped_column(Float)
    received_s: Mapped[float] = mapped_column(Float)
    body: Mapped[str] = mapped_column(Text)  # the event's JSON as it came, but for a time that had not come
    __table_args__ = (
        UniqueConstraint("source", "boot", "seq", name="uq_event_identity"),
        Index("ix_events_kind_t", "kind", "t_s"),
    )


class LaneRow(Base):
    """How far a gateway's lane is committed; `missing` counts n that were gone for ever.

    `newest_n` is the highest that the gateway had when it last sent: what lies above `committed_n` waits there.
    """

    __tablename__ = "lanes"
    gateway: Mapped[str] = mapped_column(String(40), primary_key=True)
    outbox: Mapped[str] = mapped_column(String(40), primary_key=True)
    lane: Mapped[str] = mapped_column(String(10), primary_key=True)
    committed_n: Mapped[int] = mapped_column(BigCount)
    missing: Mapped[int] = mapped_column(BigCount, default=0)
    newest_n: Mapped[int | None] = mapped_column(BigCount)  # None: its gateway does not tell


class SourceRow(Base):
    """What came from a source since its start: `highest_seq + 1 - received` events are not here (seq starts at 0)."""

    __tablename__ = "sources"
    source: Mapped[str] = mapped_column(String(81), primary_key=True)
    boot: Mapped[int] = mapped_column(BigCount, primary_key=True, autoincrement=False)
    received: Mapped[int] = mapped_column(BigCount)
    highest_seq: Mapped[int] = mapped_column(BigCount)
    last_t_s: Mapped[float] = mapped_column(Float)


class GatewayRow(Base):
    """A gateway's presence, as it or its last will said."""

    __tablename__ = "gateways"
    gateway: Mapped[str] = mapped_column(String(40), primary_key=True)
    hub: Mapped[str] = mapped_column(String(40))
    online: Mapped[bool] = mapped_column(Boolean)
    boot: Mapped[int] = mapped_column(BigCount)
    t_s: Mapped[float] = mapped_column(Float)
    software: Mapped[str] = mapped_column(String(40))


class RejectRow(Base):
    """Something that was set aside, with the reason; the payload is kept for who must repair it."""

    __tablename__ = "rejects"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    received_s: Mapped[float] = mapped_column(Float)
    origin: Mapped[str] = mapped_column(String(120), index=True)  # topic, or gateway and input
    field: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(300))
    count: Mapped[int] = mapped_column(Integer, default=1)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)


class CursorRow(Base):
    """How far a follower has read the events."""

    __tablename__ = "cursors"
    follower: Mapped[str] = mapped_column(String(40), primary_key=True)
    event_id: Mapped[int] = mapped_column(BigCount)


# ---------------------------------------------------------------- what was asked


class HubRow(Base):
    __tablename__ = "hubs"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    lat: Mapped[float] = mapped_column(Float)
    lon: Mapped[float] = mapped_column(Float)
    open_from: Mapped[str] = mapped_column(String(5), default="07:00")  # local time HH:MM
    open_to: Mapped[str] = mapped_column(String(5), default="18:00")
    stands: Mapped[list[Any]] = mapped_column(JSON, default=list, server_default="[]")  # ordering.directory.StandIn


class VanRow(Base):
    """A van, its concierge of the day, what it can carry and its battery. Its gateway has the same id."""

    __tablename__ = "vans"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    hub: Mapped[str] = mapped_column(ForeignKey("hubs.id"))
    concierge: Mapped[str] = mapped_column(String(80))
    skills: Mapped[list[Any]] = mapped_column(JSON, default=list)
    capacity: Mapped[dict[str, Any]] = mapped_column(JSON)  # by routing.model.COMPARTMENTS
    shift_from: Mapped[str] = mapped_column(String(5), default="08:30")
    shift_to: Mapped[str] = mapped_column(String(5), default="17:00")
    lunch_from: Mapped[str | None] = mapped_column(String(5))  # between these her lunch begins; None: no lunch of hers
    lunch_to: Mapped[str | None] = mapped_column(String(5))
    lunch_s: Mapped[int] = mapped_column(Integer, default=1800)
    partition: Mapped[bool] = mapped_column(Boolean, default=True)  # a wall between the seats and the goods
    energy: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # ordering.directory.EnergyIn; None: kwh_per_km alone
    battery_kwh: Mapped[float] = mapped_column(Float, default=33.0)
    kwh_per_km: Mapped[float] = mapped_column(Float, default=0.21)
    charge_kw: Mapped[float] = mapped_column(Float, default=7.4)
    in_service: Mapped[bool] = mapped_column(Boolean, default=True)
    out_reason: Mapped[str] = mapped_column(String(200), default="")


class SupplierRow(Base):
    """A supplier, the depot its own van would drive from, and that van's class for the CO2 baseline."""

    __tablename__ = "suppliers"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    lat: Mapped[float] = mapped_column(Float)
    lon: Mapped[float] = mapped_column(Float)
    van_class: Mapped[str] = mapped_column(String(40), default="diesel_van_large")
    approach_km: Mapped[float] = mapped_column(Float, default=0.0)  # from its depot to the edge of the map, one way


class ResidentRow(Base):
    """A resident: client number, address and what the concierge must know to find the door. No diagnosis, ever."""

    __tablename__ = "residents"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)  # random client number
    name: Mapped[str] = mapped_column(String(80))
    street: Mapped[str] = mapped_column(String(80))
    number: Mapped[str] = mapped_column(String(10))
    postcode: Mapped[str] = mapped_column(String(7), default="")
    lat: Mapped[float] = mapped_column(Float)
    lon: Mapped[float] = mapped_column(Float)
    hub: Mapped[str] = mapped_column(ForeignKey("hubs.id"))
    hint: Mapped[str] = mapped_column(String(200), default="")
    usual_step: Mapped[int | None] = mapped_column(Integer)
    talk_max_s: Mapped[int | None] = mapped_column(Integer)  # somebody may stay so much longer; None: by their step
    last_contact_day: Mapped[str | None] = mapped_column(String(10))  # from before this record
    known_vans: Mapped[list[Any]] = mapped_column(JSON, default=list)


class OrderRow(Base):
    """What a supplier, a resident or a concierge asked for.

    `kind`: delivery, collection, swap, visit, chore, ride. `goods`: chilled_meal, hot_meal, medication_roll,
    fridge_medication, bakery, groceries, laundry_clean, laundry_dirty, parcel, letterbox_item, or empty for a visit.
    """

    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    supplier: Mapped[str | None] = mapped_column(ForeignKey("suppliers.id"))
    resident: Mapped[str] = mapped_column(ForeignKey("residents.id"))
    day: Mapped[str] = mapped_column(String(10), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    goods: Mapped[str] = mapped_column(String(30), default="")
    quantity: Mapped[int] = mapped_column(Integer, default=1)
    from_s: Mapped[float] = mapped_column(Float)
    to_s: Mapped[float] = mapped_column(Float)
    release_s: Mapped[float | None] = mapped_column(Float)
    to_lat: Mapped[float | None] = mapped_column(Float)  # a ride's destination
    to_lon: Mapped[float | None] = mapped_column(Float)
    to_name: Mapped[str] = mapped_column(String(120), default="")
    chores: Mapped[list[Any]] = mapped_column(JSON, default=list)
    letterbox_allowed: Mapped[bool] = mapped_column(Boolean, default=False)
    until_day: Mapped[str | None] = mapped_column(String(10))  # may wait for a later day, this one at the latest
    optional: Mapped[bool] = mapped_column(Boolean, default=False)  # falls away where there is no time for it
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, cancelled, done, failed
    created_s: Mapped[float] = mapped_column(Float)
    stop: Mapped[str | None] = mapped_column(String(40), index=True)


class ParcelRow(Base):
    """One thing with our own label. `state`: expected, at_hub, loaded, handed_over, returned, cancelled."""

    __tablename__ = "parcels"
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    order: Mapped[str] = mapped_column("order_id", ForeignKey("orders.id"), index=True)
    direction: Mapped[str] = mapped_column(String(8), default="deliver")  # deliver, collect
    temp_class: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), default="expected")
    van: Mapped[str | None] = mapped_column(String(40))
    changed_s: Mapped[float | None] = mapped_column(Float)


class StopRow(Base):
    """One address on one day: the orders bundled there. `id` is random, new every day: the pseudonym on the wire.

    `state`: open, under_way, at_door, done, failed (nobody at home or refused), cancelled, moved (all to `moved_to`).
    """

    __tablename__ = "stops"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), index=True)
    hub: Mapped[str] = mapped_column(String(40))
    resident: Mapped[str] = mapped_column(ForeignKey("residents.id"), index=True)
    kind: Mapped[str] = mapped_column(String(14), default="visit")  # visit, ride
    from_s: Mapped[float] = mapped_column(Float)
    to_s: Mapped[float] = mapped_column(Float)
    service_s: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(12), default="open")
    van: Mapped[str | None] = mapped_column(String(40))
    locked: Mapped[bool] = mapped_column(Boolean, default=False)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    state_s: Mapped[float | None] = mapped_column(Float)  # time of the newest event that set the state
    promised_s: Mapped[float | None] = mapped_column(Float)
    talk_s: Mapped[float] = mapped_column(Float, default=0.0)  # spare time that the plan hands out on top of service_s
    moved_to: Mapped[str | None] = mapped_column(String(10))  # the day on which what was not brought comes along
    __table_args__ = (Index("ix_stops_van_state", "van", "state"),)


class ShipmentRow(Base):
    """A supplier's bulk delivery at a hub: the inbound trip that the CO2 report counts."""

    __tablename__ = "shipments"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("suppliers.id"))
    hub: Mapped[str] = mapped_column(ForeignKey("hubs.id"))
    day: Mapped[str] = mapped_column(String(10), index=True)
    t_s: Mapped[float] = mapped_column(Float)
    km: Mapped[float | None] = mapped_column(Float)  # None: take the road network's distance


class PlanRow(Base):
    """A plan as it was made, for ever: with its reason, inputs' hash, seed, engine and figures.

    `state`: adopted, proposed (a planner is to decide), accepted (the plan that followed was adopted in its place),
    rejected, overtaken (by a newer plan). The adopted plan of the highest revision is the one that holds.
    """

    __tablename__ = "plans"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), index=True)
    revision: Mapped[int] = mapped_column(Integer)
    made_s: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(String(300))
    reason_en: Mapped[str] = mapped_column(String(300), default="")
    state: Mapped[str] = mapped_column(String(10), default="adopted")
    decided_s: Mapped[float | None] = mapped_column(Float)  # when a proposal was
    engine: Mapped[str] = mapped_column(String(80))
    seed: Mapped[int] = mapped_column(Integer)
    inputs_hash: Mapped[str] = mapped_column(String(64))
    solve_s: Mapped[float] = mapped_column(Float)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)  # routes: van -> steps, unserved, geometry by van
    changes: Mapped[list[Any]] = mapped_column(JSON, default=list)
    evidence: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # dispatching.evidence: to make it again
    __table_args__ = (UniqueConstraint("day", "revision", name="uq_plan_revision"),)


class DownlinkRow(Base):
    """The newest plan for each gateway: sent, and acknowledged by the gateway's own event."""

    __tablename__ = "downlinks"
    gateway: Mapped[str] = mapped_column(String(40), primary_key=True)
    plan: Mapped[str] = mapped_column(String(40))
    revision: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text)  # the message's JSON, before sealing
    sent_s: Mapped[float | None] = mapped_column(Float)
    acknowledged_revision: Mapped[int | None] = mapped_column(Integer)
    acknowledged_s: Mapped[float | None] = mapped_column(Float)


class TriggerRow(Base):
    """A reason to plan again, waiting for dispatch. `kind`: new_order, cancellation, no_answer, longer_visit, delay,
    van_out, van_back, warm_cooler, low_battery, morning, manual, accepted."""

    __tablename__ = "triggers"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    t_s: Mapped[float] = mapped_column(Float)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(80), default="")
    words: Mapped[str] = mapped_column(String(300), default="")
    words_en: Mapped[str] = mapped_column(String(300), default="")  # empty: a person's own words
    plan: Mapped[str | None] = mapped_column(String(40), index=True)  # the plan that answered it
    cause: Mapped[str | None] = mapped_column(String(160), unique=True)  # what it came from: one cause triggers once


# ---------------------------------------------------------------- projections


class VanStateRow(Base):
    """Where each van is and how it does: the newest of each, late data never overwrites it."""

    __tablename__ = "van_states"
    van: Mapped[str] = mapped_column(String(40), primary_key=True)
    position_s: Mapped[float | None] = mapped_column(Float)  # the newest word of the receiver, be it "no fix"
    fix_s: Mapped[float | None] = mapped_column(Float)  # the newest real fix: lat and lon are of this moment
    fix: Mapped[str] = mapped_column(String(4), default="none")
    lat: Mapped[float | None] = mapped_column(Float)
    lon: Mapped[float | None] = mapped_column(Float)
    speed_m_s: Mapped[float | None] = mapped_column(Float)
    heading_deg: Mapped[float | None] = mapped_column(Float)
    vehicle_s: Mapped[float | None] = mapped_column(Float)
    soc_percent: Mapped[float | None] = mapped_column(Float)
    odometer_km: Mapped[float | None] = mapped_column(Float)
    first_odometer_km: Mapped[float | None] = mapped_column(Float)  # the first of the day
    odometer_day: Mapped[str] = mapped_column(String(10), default="")
    plugged: Mapped[bool | None] = mapped_column(Boolean)
    phase: Mapped[str] = mapped_column(String(14), default="")
    phase_s: Mapped[float | None] = mapped_column(Float)
    stop: Mapped[str | None] = mapped_column(String(40))
    arrived_s: Mapped[float | None] = mapped_column(Float)  # at `stop`; None when not there
    extra_s: Mapped[float] = mapped_column(Float, default=0.0)  # longer at `stop`, as the concierge said


class VisitRow(Base):
    """What happened at a stop: proof of contact, or of the letterbox. One per visit event."""

    __tablename__ = "visits"
    event: Mapped[int] = mapped_column(BigCount, primary_key=True, autoincrement=False)  # events.id
    day: Mapped[str] = mapped_column(String(10), index=True)
    stop: Mapped[str] = mapped_column(String(40), index=True)
    van: Mapped[str] = mapped_column(String(40))
    t_s: Mapped[float] = mapped_column(Float)
    began_s: Mapped[float | None] = mapped_column(Float)
    outcome: Mapped[str] = mapped_column(String(24))
    step: Mapped[int | None] = mapped_column(Integer)
    delivered: Mapped[list[Any]] = mapped_column(JSON)
    collected: Mapped[list[Any]] = mapped_column(JSON)
    chores_done: Mapped[list[Any]] = mapped_column(JSON)
    distance_m: Mapped[float | None] = mapped_column(Float)


class CoolerStateRow(Base):
    """A cooler now: source is its node (`van-1/cooler`)."""

    __tablename__ = "cooler_states"
    source: Mapped[str] = mapped_column(String(81), primary_key=True)
    t_s: Mapped[float] = mapped_column(Float)
    air_c: Mapped[float | None] = mapped_column(Float)
    product_c: Mapped[float | None] = mapped_column(Float)
    lid_open: Mapped[bool | None] = mapped_column(Boolean)
    lid_s: Mapped[float | None] = mapped_column(Float)
    node_alarm: Mapped[str | None] = mapped_column(String(20))  # what the node itself raised last
    node_alarm_s: Mapped[float | None] = mapped_column(Float)
    node_alarm_over_s: Mapped[float | None] = mapped_column(Float)  # None: it still stands
    watch: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the excursion rules' memory


class ExcursionRow(Base):
    """A cooler outside its band for longer than its delay; closed by a person, with what was done with the goods."""

    __tablename__ = "excursions"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)  # source@opening second
    source: Mapped[str] = mapped_column(String(81), index=True)
    rule: Mapped[str] = mapped_column(String(40))
    limit_c: Mapped[float | None] = mapped_column(Float)  # None: the rule is about a lost sensor
    began_s: Mapped[float] = mapped_column(Float)
    opened_s: Mapped[float] = mapped_column(Float, index=True)
    extreme_c: Mapped[float | None] = mapped_column(Float)
    recovered_s: Mapped[float | None] = mapped_column(Float)
    closed_s: Mapped[float | None] = mapped_column(Float)
    closed_by: Mapped[str] = mapped_column(String(80), default="")
    comment: Mapped[str] = mapped_column(String(500), default="")
    disposition: Mapped[str] = mapped_column(String(20), default="")  # released, quarantined, destroyed, returned
    contents: Mapped[list[Any] | None] = mapped_column(JSON)  # exposure.Exposed, as closed; None: not known


class NodeRow(Base):
    """A node as its gateway last said; `node` is its source (`van-1/cooler`)."""

    __tablename__ = "nodes"
    node: Mapped[str] = mapped_column(String(81), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(40))
    t_s: Mapped[float] = mapped_column(Float)
    online: Mapped[bool] = mapped_column(Boolean)
    dropped: Mapped[int] = mapped_column(BigCount)
    rejected_frames: Mapped[int] = mapped_column(BigCount)
    firmware: Mapped[str] = mapped_column(String(40))


class SeriesRow(Base):
    """The series in SQL: one value of one field of one source at one time. Rewriting it changes nothing."""

    __tablename__ = "series"
    source: Mapped[str] = mapped_column(String(81), primary_key=True)
    field: Mapped[str] = mapped_column(String(30), primary_key=True)
    t_s: Mapped[float] = mapped_column(Float, primary_key=True)
    value: Mapped[float | None] = mapped_column(Float)
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own idiom
