"""What the screens are shown of the record: the same models on the API and in the live stream.

Followers name what changed (`Change`: a live event's name and a key); `tell` reads it and tells the screens.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend import coldchain
from hub_backend.coldchain import Watch
from hub_backend.exposure import Exposed, exposed, held_by
from hub_backend.kit import Kit
from hub_backend.record import (
    Base,
    CoolerStateRow,
    DownlinkRow,
    ExcursionRow,
    GatewayRow,
    OrderRow,
    PlanRow,
    RejectRow,
    VanRow,
    VanStateRow,
    VisitRow,
)
from hub_backend.store import hold_rows, row_of

Change = tuple[str, str]

STALE_FIX_S = 60.0
ESCALATE_S = 1800.0
VAN_NOW = (
    *("fix", "fix_s", "position_s", "lat", "lon", "speed_m_s", "heading_deg"),
    *("vehicle_s", "soc_percent", "odometer_km", "plugged"),
    *("phase", "phase_s", "stop", "arrived_s", "extra_s"),
)


class Van(BaseModel):
    """A van as it is now: who drives, where, how full, what it is doing."""

    id: str
    hub: str | None
    concierge: str
    in_service: bool
    out_reason: str
    online: bool | None  # None: never heard of
    fix: str = "none"  # none, 2d, 3d
    fix_s: float | None = None
    position_s: float | None = None
    stale: bool = True  # no fix within 60 s
    lat: float | None = None
    lon: float | None = None
    speed_m_s: float | None = None
    heading_deg: float | None = None
    vehicle_s: float | None = None
    soc_percent: float | None = None
    odometer_km: float | None = None
    km_today: float | None = None
    plugged: bool | None = None
    phase: str = ""
    phase_s: float | None = None
    stop: str | None = None
    arrived_s: float | None = None
    extra_s: float = 0.0


class Limit(BaseModel):
    """One rule of a cooler."""

    rule: str
    side: Literal["above", "below"]
    limit_c: float
    delay_s: float
    level: Literal["warn", "alarm"]


class Cooler(BaseModel):
    """A cooler as it is now. `state` unknown: it is silent, or was never heard; never "ok"."""

    source: str
    gateway: str
    node: str
    holds: str
    limits: list[Limit]
    state: coldchain.State
    t_s: float
    air_c: float | None
    product_c: float | None
    lid_open: bool | None
    lid_s: float | None
    period_s: float
    lost_since_s: float | None
    unknown_s: float  # time without readings, so far
    gaps: list[tuple[float, float]]
    unverified: bool  # one of the gaps was longer than 15 minutes
    node_alarm: str | None  # what the node itself raised last, without any network
    node_alarm_s: float | None
    node_alarm_over_s: float | None  # None: it still stands


class Excursion(BaseModel):
    """A cooler outside its band for too long, until a person closes it."""

    id: str
    source: str
    rule: str
    limit_c: float | None
    began_s: float
    opened_s: float
    extreme_c: float | None
    recovered_s: float | None
    closed_s: float | None
    closed_by: str
    comment: str
    disposition: str
    escalated: bool  # nobody has closed it for half an hour
    contents: list[Exposed] | None  # what lay in it meanwhile; None: not known, for nothing was scanned there


class Visit(BaseModel):
    """What happened at a stop."""

    event: int
    day: str
    stop: str
    van: str
    t_s: float
    outcome: str
    step: int | None


class OrderState(BaseModel):
    """Where an order stands."""

    id: str
    day: str
    stop: str | None
    state: str


class Plan(BaseModel):
    """That there is a plan or a proposal, and which gateways hold it; the plan itself is at /api/days/{day}/plan."""

    id: str
    day: str
    revision: int
    made_s: float
    reason: str
    state: str
    held_by: list[str]


class Reject(BaseModel):
    """Something that was set aside."""

    id: int
    received_s: float
    origin: str
    field: str
    reason: str
    count: int


def van(session: Session, kit: Kit, van_id: str) -> Van | None:
    """The van, or None when it is neither in the directory nor ever spoke as one."""
    row, now = row_of(session, VanRow, van_id), row_of(session, VanStateRow, van_id)
    if row is None and now is None:
        return None
    gateway = row_of(session, GatewayRow, van_id)
    seen = Van(
        id=van_id,
        hub=row.hub if row else None,
        concierge=row.concierge if row else "",
        in_service=row.in_service if row else True,
        out_reason=row.out_reason if row else "",
        online=gateway.online if gateway else None,
    )
    return seen if now is None else seen.model_copy(update=_van_now(now, kit.clock.now_s()))


def _van_now(now: VanStateRow, now_s: float) -> dict[str, object]:
    known: dict[str, object] = {name: getattr(now, name) for name in VAN_NOW}
    known["stale"] = now.fix == "none" or now.fix_s is None or now_s - now.fix_s > STALE_FIX_S
    if now.odometer_km is not None and now.first_odometer_km is not None:
        known["km_today"] = round(now.odometer_km - now.first_odometer_km, 3)
    return known


def cooler(kit: Kit, row: CoolerStateRow) -> Cooler:
    holds = held_by(kit, row.source)
    rules = coldchain.RULES[holds]
    watch = Watch.of(row.watch)
    gateway, _, node = row.source.partition("/")
    return Cooler(
        source=row.source,
        gateway=gateway,
        node=node,
        holds=holds,
        limits=[
            Limit(rule=rule.name, side=rule.side, limit_c=rule.limit_c, delay_s=rule.delay_s, level=rule.level)
            for rule in rules
        ],
        state=coldchain.state(rules, watch, now_s=kit.clock.now_s()),
        t_s=row.t_s,
        air_c=row.air_c,
        product_c=row.product_c,
        lid_open=row.lid_open,
        lid_s=row.lid_s,
        period_s=watch.period_s,
        lost_since_s=watch.lost_since_s,
        unknown_s=watch.unknown_s,
        gaps=watch.gaps,
        unverified=any(to_s - from_s > coldchain.UNVERIFIED_S for from_s, to_s in watch.gaps),
        node_alarm=row.node_alarm,
        node_alarm_s=row.node_alarm_s,
        node_alarm_over_s=row.node_alarm_over_s,
    )


def excursion(session: Session, kit: Kit, row: ExcursionRow) -> Excursion:
    return Excursion(
        **{name: getattr(row, name) for name in Excursion.model_fields if name not in ("escalated", "contents")},
        escalated=row.closed_s is None and kit.clock.now_s() - row.opened_s > ESCALATE_S,
        contents=exposed(session, kit, row) if row.closed_s is None else row.contents,
    )


def visit(row: VisitRow) -> Visit:
    return Visit(**{name: getattr(row, name) for name in Visit.model_fields})


def order_state(row: OrderRow) -> OrderState:
    return OrderState(id=row.id, day=row.day, stop=row.stop, state=row.state)


def plan(session: Session, row: PlanRow) -> Plan:
    links = session.scalars(select(DownlinkRow).where(DownlinkRow.plan == row.id).order_by(DownlinkRow.gateway))
    return Plan(
        held_by=[link.gateway for link in links if link.acknowledged_revision == row.revision],
        **{name: getattr(row, name) for name in Plan.model_fields if name != "held_by"},
    )


def reject(row: RejectRow) -> Reject:
    return Reject(**{name: getattr(row, name) for name in Reject.model_fields})


def _van(session: Session, kit: Kit, key: str) -> Van | None:
    return van(session, kit, key)


def _cooler(session: Session, kit: Kit, key: str) -> Cooler | None:
    row = row_of(session, CoolerStateRow, key)
    return None if row is None else cooler(kit, row)


def _excursion(session: Session, kit: Kit, key: str) -> Excursion | None:
    row = row_of(session, ExcursionRow, key)
    return None if row is None else excursion(session, kit, row)


def _visit(session: Session, _kit: Kit, key: str) -> Visit | None:
    row = row_of(session, VisitRow, int(key))
    return None if row is None else visit(row)


def _order(session: Session, _kit: Kit, key: str) -> OrderState | None:
    row = row_of(session, OrderRow, key)
    return None if row is None else order_state(row)


def _plan(session: Session, _kit: Kit, key: str) -> Plan | None:
    row = row_of(session, PlanRow, key)
    return None if row is None else plan(session, row)


def _reject(session: Session, _kit: Kit, key: str) -> Reject | None:
    row = row_of(session, RejectRow, int(key))
    return None if row is None else reject(row)


READERS: dict[str, Callable[[Session, Kit, str], BaseModel | None]] = {
    "van": _van,
    "cooler": _cooler,
    "excursion": _excursion,
    "visit": _visit,
    "order": _order,
    "plan": _plan,
    "reject": _reject,
}


ROWS: dict[str, tuple[type[Base], ...]] = {
    "van": (VanRow, VanStateRow, GatewayRow),
    "cooler": (CoolerStateRow,),
    "excursion": (ExcursionRow,),
    "order": (OrderRow,),
}
"""What the readers read of things of which many change at once, by their keys."""


def _hold(session: Session, changes: Iterable[Change]) -> None:
    """Asks once for all rows of a kind, where a reader would ask for each."""
    keys: dict[str, list[str]] = {}
    for name, key in changes:
        keys.setdefault(name, []).append(key)
    for name, wanted in keys.items():
        for kind in ROWS.get(name, ()) if len(wanted) > 1 else ():
            hold_rows(session, kind, wanted)


def tell(kit: Kit, changes: Iterable[Change]) -> None:
    """Tells the screens what changed, each thing once, as it stands in the record now."""
    once = list(dict.fromkeys(changes))
    if not once:
        return
    if not kit.live.wanted:
        kit.live.pass_over()
        return
    with kit.store.read() as session:
        _hold(session, once)
        told = [(name, READERS[name](session, kit, key)) for name, key in once]
    for name, model in told:
        if model is not None:
            kit.live.tell(name, model)


def vans(session: Session, kit: Kit) -> list[Van]:
    """Every van of the directory or that ever spoke."""
    ids = sorted({*session.scalars(select(VanRow.id)), *session.scalars(select(VanStateRow.van))})
    _hold(session, [("van", van_id) for van_id in ids])
    found = (van(session, kit, van_id) for van_id in ids)
    return [one for one in found if one is not None]
