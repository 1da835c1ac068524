"""The MQTT messages, each once: what a gateway tells its hub, and what the hub tells back.

Payloads are JSON (msgspec), sealed as `sealing` says. A message gains fields, it never loses or changes one; a reader
ignores fields it does not know. None means "not known", never zero. Times are UTC seconds.

An event is known for ever by (source, boot, seq): `source` is the gateway (`van-1`) or one of its nodes
(`van-1/cooler`), `boot` counts its starts and `seq` its events since then.
"""

from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

VERSION = 1

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Source = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}(/[a-z0-9][a-z0-9-]{0,39})?$")]
Ref = Annotated[str, Meta(min_length=1, max_length=40)]
Code = Annotated[str, Meta(min_length=1, max_length=200)]
TimeS = Annotated[float, Meta(ge=946684800, le=4102444800, description="UTC s, 2000 to 2099")]
Count = Annotated[int, Meta(ge=0)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
SpeedMS = Annotated[float, Meta(ge=0, le=70, description="m/s")]
TempC = Annotated[float, Meta(ge=-40, le=85, description="degrees Celsius")]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Lane(StrEnum):
    """Two lanes of the outbox: business events commit at once and go first."""

    BUSINESS = "business"
    TELEMETRY = "telemetry"


class ClockQuality(StrEnum):
    """How far a time can be trusted: set by nobody, by GPS or by NTP."""

    NONE = "none"
    GPS = "gps"
    NTP = "ntp"


class Outcome(StrEnum):
    """What happened at the door. The first three are contact with a person of that address."""

    CONTACT_DOOR = "contact_door"
    CONTACT_INSIDE = "contact_inside"
    CONTACT_OTHER_PERSON = "contact_other_person"
    LETTERBOX = "letterbox"
    NEIGHBOUR = "neighbour"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"


class ScanResult(StrEnum):
    """The four answers to a scan, and what hub staff scan in."""

    RIGHT = "right"
    WRONG_VAN = "wrong_van"
    ALREADY_SCANNED = "already_scanned"
    UNKNOWN = "unknown"


class ScanPurpose(StrEnum):
    INTAKE = "intake"  # hub staff take goods in
    LOAD = "load"  # into the van, at the hub
    DOOR = "door"  # out of the van, at the resident's
    COLLECT = "collect"  # taken along: laundry, an old medication roll


class Span(Struct, frozen=True):
    """Mean, lowest and highest of one probe over a period; None when every sample was bad."""

    mean_c: TempC | None = None
    min_c: TempC | None = None
    max_c: TempC | None = None


class Spread(Struct, frozen=True):
    """Mean, lowest and highest of one measure over several readings."""

    mean: float
    min: float
    max: float


class Thinned(Struct, frozen=True, kw_only=True):
    """This reading stands for `count` readings from `from_s` to its own time: a full outbox kept no more of them.

    The event's own measures are the last reading's; `spreads` tells of each measure that was known (of a cooler the
    spans themselves do). It has the last reading's identity; the others' numbers are missing for ever.
    """

    count: Annotated[int, Meta(ge=2)]
    from_s: TimeS
    spreads: dict[str, Spread] = {}


class Event(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every event carries."""

    source: Source
    boot: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    seq: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    t_s: TimeS
    clock: ClockQuality = ClockQuality.NTP


class Reckoned(Struct, frozen=True, kw_only=True):
    """Where the van may be without a fix: `driven_m` by its odometer since the last one, straight on as it went then.

    `accuracy_m` is how far off that may be. No fix, and never to be shown or counted as one.
    """

    lat: Latitude
    lon: Longitude
    driven_m: Annotated[float, Meta(ge=0)]
    accuracy_m: Annotated[float, Meta(ge=0)]


class Position(Event, frozen=True, kw_only=True, tag="position"):
    """A fix of the van, or that there is none (`fix` "none": every measure None, `reckoned` perhaps)."""

    fix: Literal["none", "2d", "3d"]
    lat: Latitude | None = None
    lon: Longitude | None = None
    speed_m_s: SpeedMS | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0)] | None = None
    reckoned: Reckoned | None = None
    thinned: Thinned | None = None


class Vehicle(Event, frozen=True, kw_only=True, tag="vehicle", omit_defaults=True):
    """What the van's own bus says. Of the pack: a positive current charges it; `charge_ah` is what is left in it.

    `charge_level`: 0 not charging, 1 and 2 from the mains (a socket, a charging point), 3 a quick charger.
    """

    soc_percent: Percent | None = None
    odometer_km: Annotated[float, Meta(ge=0, le=2_000_000)] | None = None
    speed_m_s: SpeedMS | None = None
    plugged: bool | None = None
    pack_voltage_v: Annotated[float, Meta(ge=0, le=1000)] | None = None
    pack_current_a: Annotated[float, Meta(ge=-1000, le=1000)] | None = None
    pack_energy_kwh: Annotated[float, Meta(ge=0, le=200)] | None = None
    soh_percent: Annotated[float, Meta(ge=0, le=110)] | None = None
    cell_min_v: Annotated[float, Meta(ge=0, le=5)] | None = None
    cell_max_v: Annotated[float, Meta(ge=0, le=5)] | None = None
    outdoor_c: TempC | None = None
    charge_ah: Annotated[float, Meta(ge=-10_000, le=10_000)] | None = None
    charge_power_w: Annotated[float, Meta(ge=0, le=250_000)] | None = None
    charge_level: Annotated[int, Meta(ge=0, le=3)] | None = None
    thinned: Thinned | None = None


class Battery(Event, frozen=True, kw_only=True, tag="battery"):
    """The shunt's view of the auxiliary battery; a positive current charges it."""

    voltage_v: Annotated[float, Meta(ge=0, le=1000)] | None = None
    current_a: Annotated[float, Meta(ge=-1000, le=1000)] | None = None
    charge_ah: Annotated[float, Meta(ge=-10_000, le=10_000)] | None = None
    thinned: Thinned | None = None


class Cooler(Event, frozen=True, kw_only=True, tag="cooler"):
    """One period of a cooler: `t_s` is its end."""

    period_s: Annotated[float, Meta(ge=0, le=86400)]
    air: Span
    product: Span
    lid_open_s: Annotated[float, Meta(ge=0, le=86400)] | None = None
    thinned: Thinned | None = None


class Lid(Event, frozen=True, kw_only=True, tag="lid"):
    """A cooler's lid opened or closed."""

    open: bool


class Alarm(Event, frozen=True, kw_only=True, tag="alarm"):
    """A node raised the alarm itself, without any network, or says (`…_over`) that what it raised is over.

    A lid that closes and a probe that measures again end the other two; nodes of before never say that one is over.
    """

    reason: Literal["lid_open", "too_warm", "too_cold", "probe_lost", "too_warm_over", "too_cold_over"]
    value: float | None = None


class Scan(Event, frozen=True, kw_only=True, tag="scan"):
    """A barcode was read, and what the gateway answered."""

    code: Code
    symbology: Annotated[str, Meta(max_length=20)] = ""
    purpose: ScanPurpose
    result: ScanResult
    stop: Ref | None = None


class Tour(Event, frozen=True, kw_only=True, tag="tour"):
    """The concierge's day: started, at a stop, held up, at lunch, back at the hub.

    `resting` and `rested` begin and end a rest of the plan, wherever the van is.
    """

    phase: Literal[
        "started", "departed_hub", "under_way", "arrived", "longer", "resting", "rested", "back_at_hub", "ended"
    ]
    stop: Ref | None = None
    extra_s: Annotated[float, Meta(ge=0, le=14400)] | None = None
    record: Ref | None = None


class Visit(Event, frozen=True, kw_only=True, tag="visit"):
    """The outcome at one address: proof of contact, or of the letterbox.

    `step` is how far in, 0 to 3: door ajar, door open, hall, inside. `delivered` and `collected` are parcel codes.
    `distance_m` is how far the van was from the address.
    """

    stop: Ref
    outcome: Outcome
    step: Annotated[int, Meta(ge=0, le=3)] | None = None
    delivered: tuple[Code, ...] = ()
    collected: tuple[Code, ...] = ()
    chores_done: tuple[Ref, ...] = ()
    began_s: TimeS | None = None
    distance_m: Annotated[float, Meta(ge=0)] | None = None
    record: Ref | None = None


class PlanReceived(Event, frozen=True, kw_only=True, tag="plan_received"):
    """The gateway holds this revision of the plan."""

    plan: Ref
    revision: Count


class NodeStatus(Event, frozen=True, kw_only=True, tag="node_status"):
    """A node came, went, or lost something; `node` is its source."""

    node: Source
    online: bool
    dropped: Count = 0
    rejected_frames: Count = 0
    firmware: Annotated[str, Meta(max_length=40)] = ""


class Rejected(Event, frozen=True, kw_only=True, tag="rejected"):
    """An input was refused: which, which field, why, and how often since the last such event."""

    origin: Annotated[str, Meta(max_length=80)]
    field: Annotated[str, Meta(max_length=80)]
    reason: Annotated[str, Meta(max_length=300)]
    count: Annotated[int, Meta(ge=1)] = 1


AnyEvent = (
    Position | Vehicle | Battery | Cooler | Lid | Alarm | Scan | Tour | Visit | PlanReceived | NodeStatus | Rejected
)
"""Every event, by its `kind`."""

LANES: dict[type[Event], Lane] = {
    Position: Lane.TELEMETRY,
    Vehicle: Lane.TELEMETRY,
    Battery: Lane.TELEMETRY,
    Cooler: Lane.TELEMETRY,
    Lid: Lane.BUSINESS,
    Alarm: Lane.BUSINESS,
    Scan: Lane.BUSINESS,
    Tour: Lane.BUSINESS,
    Visit: Lane.BUSINESS,
    PlanReceived: Lane.BUSINESS,
    NodeStatus: Lane.TELEMETRY,
    Rejected: Lane.TELEMETRY,
}


class EventBatch(Struct, frozen=True, kw_only=True):
    """Events `first_n`, `first_n + 1`, … of one lane of one outbox file.

    `base_n` is the lowest n that the outbox still holds: what lies below was committed, or is lost for ever.
    `newest_n` is the highest: what lies between the hub's committed n and it, waits (None: from a gateway of before).
    The events stay raw, so that one bad event is set aside and the others are kept.
    """

    version: int = VERSION
    outbox: Ref
    lane: Lane
    base_n: Annotated[int, Meta(ge=1)]
    first_n: Annotated[int, Meta(ge=1)]
    newest_n: Count | None = None
    events: tuple[msgspec.Raw, ...]


class Committed(Struct, frozen=True, kw_only=True):
    """All events up to and including n are in the record: the gateway may delete them."""

    version: int = VERSION
    outbox: Ref
    lane: Lane
    n: Count


class Presence(Struct, frozen=True, kw_only=True):
    """The gateway is there, or (as its last will) is not."""

    version: int = VERSION
    online: bool
    boot: Count
    t_s: TimeS
    software: Annotated[str, Meta(max_length=40)] = ""


class HostState(Struct, frozen=True, kw_only=True):
    """The backend is there, or (as its last will) is not; not sealed, for it is meant for every gateway.

    A gateway whose host is away keeps its telemetry at home, but for a trickle, instead of filling the broker.
    """

    version: int = VERSION
    online: bool
    session: Ref


class PlannedParcel(Struct, frozen=True, kw_only=True):
    """A thing to hand over or take along; `temp_class` "fridge" is for medication."""

    code: Code
    goods: Annotated[str, Meta(max_length=40)]
    temp_class: Literal["chilled", "hot", "fridge", "ambient"]
    supplier: Name
    latest_s: TimeS | None = None


class PlannedStop(Struct, frozen=True, kw_only=True):
    """One stop of a van's day, as its concierge sees it.

    `talk_s`: how much of `service_s` is spare time, handed out for a talk. A `rest` is where she then is; at a `fetch`
    stands a van that cannot go on, whose goods for the stops after it are scanned into hers; at a `ride_pickup` the
    passenger may sit in one. `from_van` is that van, and `address` what it is called in Dutch.
    """

    stop: Ref
    kind: Literal["visit", "ride_pickup", "ride_dropoff", "reload", "charge", "rest", "fetch"]
    name: Annotated[str, Meta(max_length=80)]
    address: Annotated[str, Meta(max_length=120)]
    lat: Latitude
    lon: Longitude
    arrive_s: TimeS
    depart_s: TimeS
    window_from_s: TimeS | None = None
    window_to_s: TimeS | None = None
    service_s: Annotated[float, Meta(ge=0)]
    talk_s: Annotated[float, Meta(ge=0)] = 0
    usual_step: Annotated[int, Meta(ge=0, le=3)] | None = None
    letterbox_allowed: bool = False
    hint: Annotated[str, Meta(max_length=200)] = ""
    chores: tuple[Annotated[str, Meta(max_length=60)], ...] = ()
    deliver: tuple[PlannedParcel, ...] = ()
    collect: tuple[PlannedParcel, ...] = ()
    done: bool = False
    locked: bool = False
    from_van: Name | None = None

    @property
    def is_address(self) -> bool:
        """Whether a resident is expected there: not at the hub, at a rest, or where another van stands."""
        return self.kind not in ("reload", "charge", "rest", "fetch")


class VanPlan(Struct, frozen=True, kw_only=True, tag_field="kind", tag="van_plan"):
    """A van's whole day as it now stands, stops in driving order; `changes` says in Dutch what changed and why.

    `reason_en` and `changes_en` say the same in English; empty from a hub that had no English.
    """

    version: int = VERSION
    plan: Ref
    revision: Count
    made_s: TimeS
    day: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    van: Name
    concierge: Annotated[str, Meta(max_length=80)]
    reason: Annotated[str, Meta(max_length=300)] = ""
    changes: tuple[Annotated[str, Meta(max_length=300)], ...] = ()
    reason_en: Annotated[str, Meta(max_length=300)] = ""
    changes_en: tuple[Annotated[str, Meta(max_length=300)], ...] = ()
    stops: tuple[PlannedStop, ...] = ()
    elsewhere: dict[Code, Name] = {}
    """Parcels of other vans today, so that a wrong-van scan can name the right van."""


class HubManifest(Struct, frozen=True, kw_only=True, tag_field="kind", tag="hub_manifest"):
    """What a hub expects to take in today, and the van that each parcel goes with (None: not planned yet).

    `fetched` are those of the parcels that no supplier brings but a van, from a resident. `out` are parcels that a van
    took along and has not handed over, and since when; `suppliers` what those of the parcels are called. The one with
    the newest `made_s` of a revision holds.
    """

    version: int = VERSION
    plan: Ref
    revision: Count
    made_s: TimeS
    day: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    parcels: tuple[PlannedParcel, ...] = ()
    vans: dict[Code, Name] = {}
    fetched: tuple[Code, ...] = ()
    out: dict[Code, TimeS] = {}
    suppliers: dict[Name, Annotated[str, Meta(max_length=80)]] = {}


Downlink = VanPlan | HubManifest

Message = TypeVar("Message")


class Reader(Generic[Message]):
    """Reads one kind of message. Raises `msgspec.DecodeError`, also for text that is not UTF-8.

    msgspec itself lets a `UnicodeDecodeError` through where a text has a pattern to match: one flipped bit on a disk
    would have ended the hub's ingest (found by fuzzing).
    """

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(kind)

    def decode(self, data: bytes | str | msgspec.Raw) -> Message:
        try:
            return self._decoder.decode(data)
        except UnicodeDecodeError as error:
            raise msgspec.DecodeError(f"not UTF-8: {error.reason} at byte {error.start} of a text") from error


encode = msgspec.json.Encoder().encode
decode_event: Reader[AnyEvent] = Reader(AnyEvent)
decode_batch = Reader[EventBatch](EventBatch).decode
decode_committed = Reader[Committed](Committed).decode
decode_presence = Reader[Presence](Presence).decode
decode_host_state = Reader[HostState](HostState).decode
decode_downlink: Reader[Downlink] = Reader(Downlink)
