"""The day's faults: each that was made to happen is looked for in the record, with its field, reason and count.

Comes in: the ledger, the events, what the hub set aside. Goes out: a line for each fault, and findings: a fault that
nobody told is lost, one told oftener than it happened is doubled, and a refusal that nothing caused is different.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge_gateway.contract.messages import (
    Alarm,
    AnyEvent,
    ClockQuality,
    Cooler,
    Position,
    Rejected,
    Scan,
    ScanPurpose,
    ScanResult,
    Span,
)
from edge_gateway.contract.topics import EVENTS
from hub_backend.simulator.compare import Findings
from hub_backend.simulator.faults import Faults, Spell
from hub_backend.simulator.hub_api import RecordedEvent
from hub_backend.simulator.projections import Recorded
from hub_backend.simulator.staff import STRAY_CODE
from hub_backend.simulator.truth import Truth

IN_FLIGHT_S = 240.0  # world: what was under way when the line was cut; paho and the hub's queue at full speed
QUIET_S = 120.0  # world: a gateway tells the loss of its fix or its clock within this


PROBE_TOLD_S = 420.0  # world: a node's delay before it gives a probe up, a period, and as much for late stamps
OUTAGE_TOLD_S = 120.0  # world: of a van that stands still something comes this often


@dataclass(frozen=True, slots=True)
class Met:
    """One fault: how often it happened, how often the record tells it, and what it tells.

    `cut_short`: how often the day was ended so soon after it began that nobody could have told it yet.
    """

    injected: int
    seen: int
    told: str
    cut_short: int = 0


@dataclass(frozen=True)
class Evidence:
    """What there is to look in."""

    truth: Truth
    faults: Faults
    events: Sequence[RecordedEvent]
    recorded: Recorded

    def of(self, kind: type[AnyEvent]) -> Iterable[AnyEvent]:
        return (one.event for one in self.events if isinstance(one.event, kind))

    def refusals(self, source: str, origin: str, field: str, reason: str = "") -> int:
        """How often a gateway told this refusal."""
        return sum(
            event.count
            for event in self.of(Rejected)
            if isinstance(event, Rejected)
            and (event.source, event.origin, event.field) == (source, origin, field)
            and event.reason.startswith(reason)
        )

    def loads(self, result: ScanResult) -> list[str]:
        """The scanners that gave this answer at loading, once for each time."""
        scans = (event for event in self.of(Scan) if isinstance(event, Scan))
        return [scan.source for scan in scans if (scan.result, scan.purpose) == (result, ScanPurpose.LOAD)]


Look = Callable[[Evidence], tuple[int, str]]


def _noise(evidence: Evidence) -> tuple[int, str]:
    source = evidence.faults.noise_on
    return evidence.refusals(source.partition("/")[0], source, "frame"), f"{source}: frame, damaged on the line"


def _stray(evidence: Evidence) -> tuple[int, str]:
    seen = sum(isinstance(event, Scan) and event.code == STRAY_CODE for event in evidence.of(Scan))
    return seen, "answered unknown"


def _wrong_van(evidence: Evidence) -> tuple[int, str]:
    sources = evidence.loads(ScanResult.WRONG_VAN)
    return len(sources), f"{', '.join(sources)}: wrong_van"


def _stutter(evidence: Evidence) -> tuple[int, str]:
    repeated = [event for event in evidence.of(Rejected) if _is_stutter(event)]
    return len(repeated), f"{', '.join(event.source for event in repeated)}: ignored within 2 s"


def _is_stutter(event: AnyEvent) -> bool:
    """In the place of the second reading, in the scanner's own numbers."""
    return isinstance(event, Rejected) and event.field == "code" and event.reason.startswith("repeated")


def _again(evidence: Evidence) -> tuple[int, str]:
    sources = evidence.loads(ScanResult.ALREADY_SCANNED)
    return len(sources), f"{', '.join(sources)}: already_scanned"


def _probe(evidence: Evidence) -> tuple[int, str]:
    """Spells without a product temperature that are as long as the fault, with the node's own alarm."""
    source = evidence.faults.probe.who
    mine = sorted((event for event in evidence.of(Cooler) if event.source == source), key=lambda event: event.t_s)
    nulls = [isinstance(event, Cooler) and event.product == Span() for event in mine]
    spells = sum(null and not before for before, null in zip([False, *nulls], nulls, strict=False))
    alarms = sum(
        isinstance(event, Alarm) and event.source == source and event.reason == "probe_lost"
        for event in evidence.of(Alarm)
    )
    return min(spells, alarms), f"{source}: {sum(nulls)} periods null, probe_lost"


def _bus(evidence: Evidence) -> tuple[int, str]:
    van = evidence.faults.bus_van
    return evidence.refusals(van, "vehicle", "soc_percent", "out of range"), f"{van}: soc_percent out of range"


def _jump(evidence: Evidence) -> tuple[int, str]:
    van = evidence.faults.jump_van
    return evidence.refusals(van, "gps", "lat, lon", "a jump"), f"{van}: lat, lon, a jump"


def _stale(evidence: Evidence) -> tuple[int, str]:
    """In the tunnel the van says that it has no fix, and goes on to."""
    spells = evidence.truth.tunnels
    return sum(any(_is_dark(event, spell) for event in evidence.of(Position)) for spell in spells), "fix none, no place"


def _is_dark(event: AnyEvent, spell: Spell) -> bool:
    return isinstance(event, Position) and event.fix == "none" and spell.covers(event.source, event.t_s)


def _clock(evidence: Evidence) -> tuple[int, str]:
    gateway = evidence.faults.clock.who
    qualities = {
        event.clock.value
        for spell in evidence.truth.wrong_clocks
        for event in evidence.of(Position)
        if spell.from_s + QUIET_S < event.t_s < spell.to_s - QUIET_S and event.source == spell.who
    }
    told = f"{gateway}: stepped; quality {', '.join(sorted(qualities)) or 'not told'} meanwhile"
    return evidence.refusals(gateway, gateway, "clock", "stepped"), told


def _orders(evidence: Evidence) -> tuple[int, str]:
    refused = evidence.truth.refused
    told = "; ".join(f"{one.said_field}: {one.said_reason}" for one in refused)
    return sum(one.said_field == one.field for one in refused), told


def _poison(evidence: Evidence) -> tuple[int, str]:
    mine = [reject for reject in evidence.recorded.rejects if _is_poison(reject.origin, evidence.faults)]
    return sum(reject.count for reject in mine), "; ".join(f"{reject.field}: {reject.reason}" for reject in mine)


def _is_poison(origin: str, faults: Faults) -> bool:
    return origin.endswith(f"/{faults.poisoned}/{EVENTS}") or origin == f"{faults.poisoned} telemetry 1"


def _outage(evidence: Evidence) -> tuple[int, str]:
    """While it lasted nothing of that van came, and what was made meanwhile came afterwards."""
    seen, late = 0, 0
    who = ", ".join(spell.who for spell in evidence.truth.outages)
    for spell in evidence.truth.outages:
        mine = [one for one in evidence.events if one.gateway == spell.who]
        leaked = any(spell.from_s + IN_FLIGHT_S < one.received_s < spell.to_s for one in mine)
        after = sum(spell.covers(spell.who, one.event.t_s) and one.received_s >= spell.to_s for one in mine)
        late += after
        seen += not leaked and after > 0
    return seen, f"{who}: {late} events came after it"


def _gateway(evidence: Evidence) -> tuple[int, str]:
    name = evidence.faults.killed
    boots = {one.event.boot for one in evidence.events if one.event.source == name}
    return len(boots) - 1, f"{name}: {len(boots)} starts in the record"


def _hub(evidence: Evidence) -> tuple[int, str]:
    return evidence.truth.happened["hub_came_back"], "back with every event it had"


def _back(evidence: Evidence) -> tuple[int, str]:
    return evidence.recorded.figures.contact.brought_back, "parcels returned, by the hub's count"


LOOKS: Mapping[str, Look] = {
    "damaged_frames": _noise,
    "unknown_barcode": _stray,
    "wrong_van": _wrong_van,
    "scan_repeated": _stutter,
    "scan_again": _again,
    "sensor_lost": _probe,
    "bus_out_of_range": _bus,
    "gps_jump": _jump,
    "gps_stale": _stale,
    "clock_steps": _clock,
    "order_refused": _orders,
    "poison_message": _poison,
    "network_outage": _outage,
    "gateway_killed": _gateway,
    "hub_killed": _hub,
    "brought_back": _back,
}

LASTING: Mapping[str, tuple[Callable[[Truth], Sequence[Spell]], float]] = {
    "sensor_lost": (lambda truth: truth.broken_probes, PROBE_TOLD_S),
    "network_outage": (lambda truth: truth.outages, OUTAGE_TOLD_S),
}
"""Faults that are told only when they have lasted so long."""


def reckon(evidence: Evidence, *, whole_day: bool) -> tuple[dict[str, Met], Findings]:
    """Every fault. `whole_day`: each must have happened; else those that did are looked for."""
    met: dict[str, Met] = {}
    found = Findings()
    for name, look in LOOKS.items():
        injected = evidence.truth.injected[name]
        if not injected and not whole_day:
            continue
        seen, told = look(evidence)
        cut_short = 0 if whole_day else _cut_short(name, evidence.truth)
        met[name] = Met(injected, seen, told, cut_short)
        due = injected - cut_short
        found.add("lost", f"fault {name}: happened {injected} times, the record tells {seen} ({told})", due - seen)
        found.add("doubled", f"fault {name}: happened {injected} times, and is told {seen} ({told})", seen - injected)
        if not injected:
            found.add("different", f"fault {name}: the day was to have it, and it did not happen")
    _unmeant(evidence, found)
    _qualities(evidence, found)
    return met, found


def _cut_short(name: str, truth: Truth) -> int:
    if name not in LASTING:
        return 0
    spells_of, told_s = LASTING[name]
    return sum(spell.to_s - spell.from_s < told_s for spell in spells_of(truth))


def _unmeant(evidence: Evidence, found: Findings) -> None:
    """Refusals that no fault of the day caused; the hub shows its own and, as `gateway origin`, its gateways'."""
    faults = evidence.faults
    for reject in evidence.recorded.rejects:
        told = reject.origin.partition(" ")[2]
        if not (_is_poison(reject.origin, faults) or _is_meant(told, reject.field, reject.reason, faults)):
            found.add("different", f"the hub set aside, and nobody meant it: {reject}")
    for event in evidence.of(Rejected):
        if isinstance(event, Rejected) and not _is_meant(event.origin, event.field, event.reason, faults):
            found.add("different", f"a gateway refused, and nobody meant it: {event}")


def _is_meant(origin: str, field: str, reason: str, faults: Faults) -> bool:
    meant = {
        (faults.noise_on, "frame"),
        ("vehicle", "soc_percent"),
        ("gps", "lat, lon"),
        (faults.clock.who, "clock"),
    }
    repeated = field == "code" and reason.startswith("repeated")
    cut_short = field == "frame" and origin.partition("/")[0] == faults.killed  # who starts anew meets half a frame
    return (origin, field) in meant or repeated or cut_short


def _qualities(evidence: Evidence, found: Findings) -> None:
    """While nobody kept a clock right, no stamp of that gateway's claims so."""
    for spell in evidence.truth.wrong_clocks:
        for event in evidence.of(Position):
            is_meanwhile = spell.from_s + QUIET_S < event.t_s < spell.to_s - QUIET_S
            if event.source == spell.who and is_meanwhile and event.clock is ClockQuality.NTP:
                found.add("different", f"{spell.who}: claims a clock kept by NTP, and nobody kept it: {event}")
