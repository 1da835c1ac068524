"""The simulator's own ledger: every act as it happened in the world, written down when it is done.

It is the one side of the comparison, so it knows nothing of the hub: what was scanned, tapped and ordered, how the
lids moved, how warm the coolers were, where the vans drove.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_gateway.contract.messages import Outcome, ScanPurpose, ScanResult
from hub_backend.simulator.cooler import Moment
from hub_backend.simulator.faults import Spell
from hub_backend.simulator.nmea import Fix


@dataclass(frozen=True, slots=True)
class Scanned:
    """A barcode that a scanner node read. `result` is what the gateway's page answered; `purpose` what it was for."""

    t_s: float
    source: str
    code: str
    purpose: ScanPurpose
    result: ScanResult
    stop: str | None


@dataclass(frozen=True, slots=True)
class Tapped:
    """A tap of the day's course on a gateway's page; `record` is the tap's own id."""

    t_s: float
    source: str
    record: str
    phase: str
    stop: str | None
    extra_s: float | None = None


@dataclass(frozen=True, slots=True)
class Visited:
    """The outcome at one door."""

    t_s: float
    source: str
    record: str
    stop: str
    outcome: Outcome
    step: int | None
    delivered: frozenset[str]
    collected: frozenset[str]
    chores_done: frozenset[str]
    kind: str = "visit"


@dataclass(frozen=True, slots=True)
class LidMoved:
    """A cooler's lid; `source` is its node."""

    t_s: float
    source: str
    open: bool


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that the hub accepted. `resident` and `stop` as it answered."""

    t_s: float
    order: str
    supplier: str | None
    goods: str
    resident: str
    stop: str
    parcels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that must not be taken: the field that is wrong, and what the hub said of it (None: it took it)."""

    order: str
    field: str
    said_field: str | None
    said_reason: str


@dataclass
class Truth:
    """Everything that happened. Odometers are km since the van was made, as its bus shows them."""

    scans: list[Scanned] = field(default_factory=list)
    taps: list[Tapped] = field(default_factory=list)
    visits: list[Visited] = field(default_factory=list)
    lids: list[LidMoved] = field(default_factory=list)
    orders: list[Ordered] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    closed_excursions: set[str] = field(default_factory=set)
    coolers: dict[str, list[Moment]] = field(default_factory=lambda: defaultdict(list))
    fixes: dict[str, list[Fix]] = field(default_factory=lambda: defaultdict(list))
    first_odometer_km: dict[str, float] = field(default_factory=dict)
    odometer_km: dict[str, float] = field(default_factory=dict)
    used_kwh: dict[str, float] = field(default_factory=dict)
    happened: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    injected: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By fault, how often it was made to happen."""
    broken_probes: list[Spell] = field(default_factory=list)
    tunnels: list[Spell] = field(default_factory=list)
    wrong_clocks: list[Spell] = field(default_factory=list)
    outages: list[Spell] = field(default_factory=list)
    blind: list[Spell] = field(default_factory=list)
    """A gateway killed: what it had heard and told nobody is nobody's, until it is there again."""

    def km(self, vans: Iterable[str]) -> float:
        """What these vans drove."""
        return sum(self.odometer_km[van] - self.first_odometer_km[van] for van in vans if van in self.odometer_km)

    def stops_visited(self) -> int:
        """Stops at which somebody was; the two ends of a ride are one."""
        return len({visit.stop.partition("/")[0] for visit in self.visits})

    def parcels_handed_over(self) -> list[str]:
        """Codes, at every door where something was left."""
        return [code for visit in self.visits for code in visit.delivered]

    def deliveries(self) -> int:
        """Orders of which something was handed over."""
        order_of = {code: order.order for order in self.orders for code in order.parcels}
        return len({order_of[code] for code in self.parcels_handed_over()})

    def outcomes(self) -> dict[Outcome, int]:
        """Visits at the door by outcome; the two ends of a ride are no visit at a door."""
        counts: dict[Outcome, int] = defaultdict(int)
        for visit in self.visits:
            if visit.kind == "visit":
                counts[visit.outcome] += 1
        return counts
