"""What the concierge's page and the gateway say to each other, as JSON over HTTP.

The front end's types are generated from here (`python -m edge_gateway schema`). As on the wire: None means "not known",
never zero; times are UTC seconds; messages only ever gain fields.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge_gateway.contract.alarms import Raised
from edge_gateway.contract.messages import (
    Code,
    Count,
    HubManifest,
    Latitude,
    Longitude,
    Outcome,
    Percent,
    Ref,
    ScanPurpose,
    ScanResult,
    Source,
    Span,
    SpeedMS,
    TimeS,
    VanPlan,
)

RecordId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{8,40}$", description="made by the page, random (a UUID)")]
TourPhase = Literal[
    "started", "departed_hub", "under_way", "arrived", "longer", "resting", "rested", "back_at_hub", "ended"
]


class PagePosition(Struct, frozen=True, kw_only=True):
    """The newest fix; `fix` "none" when there is none, or the last one is stale. `t_s` is when it was so."""

    t_s: TimeS
    fix: Literal["none", "2d", "3d"]
    lat: Latitude | None = None
    lon: Longitude | None = None
    speed_m_s: SpeedMS | None = None
    heading_deg: float | None = None


class PageVehicle(Struct, frozen=True, kw_only=True):
    """The van's own bus, as last heard at `t_s`."""

    t_s: TimeS
    soc_percent: Percent | None = None
    odometer_km: float | None = None
    speed_m_s: SpeedMS | None = None
    plugged: bool | None = None


class PageBattery(Struct, frozen=True, kw_only=True):
    """The auxiliary battery, as last heard at `t_s`."""

    t_s: TimeS
    voltage_v: float | None = None
    current_a: float | None = None
    charge_ah: float | None = None


class PageCooler(Struct, frozen=True, kw_only=True):
    """A cooler: its last period, its lid, and the newest of its alarms that stand (None: none does)."""

    source: Source
    t_s: TimeS | None = None
    air: Span = Span()
    product: Span = Span()
    lid_open: bool | None = None
    lid_open_s: float | None = None
    alarm: Raised | None = None
    alarm_s: TimeS | None = None


class PageNode(Struct, frozen=True, kw_only=True):
    """A node on a serial port. `dropped` counts readings that its ring lost, `rejected_frames` damaged frames.

    `missing` are numbers of its readings, since this gateway first heard its start, that have not come (yet).
    """

    source: Source
    kind: str
    online: bool
    seen_s: TimeS | None = None
    firmware: str = ""
    dropped: Count = 0
    missing: Count = 0
    rejected_frames: Count = 0


class PageReject(Struct, frozen=True, kw_only=True):
    """Something that was refused since the gateway's start: where it came from, which field, why, how often."""

    origin: str
    field: str
    reason: str
    count: Count
    t_s: TimeS


class PagePending(Struct, frozen=True, kw_only=True):
    """Events that the hub does not have yet, per lane; telemetry that a full outbox dropped, and thinned away, ever."""

    business: Count
    telemetry: Count
    dropped: Count = 0
    thinned: Count = 0


class PageScan(Struct, frozen=True, kw_only=True):
    """The newest scan, whoever made it (a scanner node or the page): the answer, in words beside the result's own.

    `is_back`: a van took it along and brought it back to the hub.
    """

    t_s: TimeS
    code: str
    purpose: ScanPurpose
    result: ScanResult
    words: str
    words_en: str = ""
    stop: Ref | None = None
    van: str | None = None
    is_back: bool = False


class PageVisit(Struct, frozen=True, kw_only=True):
    """What this gateway recorded at a stop today."""

    stop: Ref
    outcome: Outcome
    t_s: TimeS


class PageState(Struct, frozen=True, kw_only=True):
    """Everything the page shows. `version` grows with every change.

    `plan` is a van's plan or a hub's manifest (by its `kind`), None until the first one came. `next_stop` is the first
    stop that is not done; `at_stop` the one where the concierge arrived. `loaded` are the codes in the van (or, at a
    hub, taken in). `driving` is faster than 5 km/h, None when nobody knows the speed.
    """

    version: Count
    gateway: str
    org: str
    hub: str
    role: Literal["van", "hub"]
    now_s: TimeS
    plan: VanPlan | HubManifest | None = None
    phase: TourPhase | None = None
    next_stop: Ref | None = None
    at_stop: Ref | None = None
    visits: tuple[PageVisit, ...] = ()
    loaded: tuple[Code, ...] = ()
    last_scan: PageScan | None = None
    position: PagePosition | None = None
    driving: bool | None = None
    vehicle: PageVehicle | None = None
    battery: PageBattery | None = None
    coolers: tuple[PageCooler, ...] = ()
    nodes: tuple[PageNode, ...] = ()
    pending: PagePending
    hub_connected: bool
    hub_problem: str = ""
    rejects: tuple[PageReject, ...] = ()


class TourRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="tour"):
    """A tap in the concierge's day; `t_s` is the device's time, None when the gateway's must do."""

    id: RecordId
    phase: TourPhase
    t_s: TimeS | None = None
    stop: Ref | None = None
    extra_s: Annotated[float, Meta(ge=0, le=14400)] | None = None


class VisitRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="visit"):
    """The outcome at one address. `distance_m` may stay None: the gateway knows where the van is."""

    id: RecordId
    stop: Ref
    outcome: Outcome
    t_s: TimeS | None = None
    step: Annotated[int, Meta(ge=0, le=3)] | None = None
    delivered: tuple[Code, ...] = ()
    collected: tuple[Code, ...] = ()
    chores_done: tuple[Ref, ...] = ()
    began_s: TimeS | None = None
    distance_m: Annotated[float, Meta(ge=0)] | None = None


PageRecord = TourRecord | VisitRecord


class RefusedRecord(Struct, frozen=True, kw_only=True):
    """A record that cannot be kept: which field and why. `id` is empty when it could not be read."""

    id: str
    field: str
    reason: str


class RecordsAnswer(Struct, frozen=True, kw_only=True):
    """`stored` are safe on the gateway's disk, now or from an earlier try: the page may delete them."""

    stored: tuple[str, ...] = ()
    refused: tuple[RefusedRecord, ...] = ()


class ScanRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code read by the tablet's camera or typed; `purpose` None: as for the van's own scanner.

    With an `id` a repeated POST gets the first answer and counts once.
    """

    code: Annotated[str, Meta(min_length=1, max_length=2000)]
    symbology: Annotated[str, Meta(max_length=20)] = ""
    purpose: ScanPurpose | None = None
    id: RecordId | None = None


class ScanAnswer(Struct, frozen=True, kw_only=True):
    """One of the four answers, in words; `result` None means refused (`words` says why), nothing was kept."""

    result: ScanResult | None
    words: str
    words_en: str = ""
    code: str = ""
    stop: Ref | None = None
    van: str | None = None
    is_back: bool = False
    repeated: bool = False


class Health(Struct, frozen=True, kw_only=True):
    """How the gateway is: unsent events per lane, the hub, the plan's revision, its memory if known, its nodes.

    `missing`: of each node the numbers of its readings that have not come.
    """

    status: Literal["ok", "starting", "stopping"] = "ok"
    gateway: str
    outbox: PagePending
    hub_connected: bool
    plan_revision: Count | None
    rss_mb: float | None
    now_s: TimeS
    nodes: dict[str, bool]
    missing: dict[str, Count] = {}
    rejects: Count
    boot: Count
    last_visit_s: TimeS | None = None


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request was refused: the field and the reason."""

    field: str
    reason: str
