"""The judge of scans: one of four answers to a code, from the plan and what was scanned before. Pure rules, no I/O."""

from dataclasses import dataclass

from edge_gateway.codes.reading import is_misread
from edge_gateway.contract.messages import HubManifest, PlannedStop, ScanPurpose, ScanResult, VanPlan
from edge_gateway.spoken import Words, van_called

REPEAT_S = 2.0
"""The same code again within this time is the scanner's stutter, not a second scan."""


NO_PLAN = Words("Er is nog geen plan: leg apart en scan later opnieuw", "No plan yet: set it aside and scan it later")
NOT_HERE = Words("Innemen gaat bij de hub, niet in de bus", "Taking in is done at the hub, not in the van")
MISREAD = Words("Etiket verkeerd gelezen: scan nog een keer", "Label misread: scan it once more")
UNKNOWN = Words("Leg apart, de hub zoekt het uit", "Set it aside, the hub will find out")
HAND_OVER = Words("afgeven aan {}", "hand over to {}")
TAKE_ALONG = Words("meenemen van {}", "take along from {}")
KEEP = {
    "chilled": Words("in de koeling", "in the cooler"),
    "hot": Words("in de warmhoudbox", "in the hot box"),
    "fridge": Words("in de medicijnkoelkast", "in the medicine fridge"),
    "ambient": Words("op het schap", "on the shelf"),
}
"""Where a hub keeps what came in, by how it travels."""


@dataclass(frozen=True)
class Verdict:
    """The answer to a scan: `words` for the concierge beside the result's own, its stop, the van it should be in."""

    result: ScanResult
    purpose: ScanPurpose
    words: Words
    stop: str | None = None
    van: str | None = None
    is_back: bool = False
    """A van took it along and brought it back."""


@dataclass(frozen=True)
class Situation:
    """What the gateway knows at the moment of a scan. `scanned` are the codes answered "right", per purpose."""

    plan: VanPlan | HubManifest | None
    scanned: dict[ScanPurpose, set[str]]
    under_way: bool
    """Left the hub and not back yet."""
    at_stop: str | None
    out: frozenset[str] = frozenset()
    """At a hub: what a van took along since it was last taken in."""


def judge(code: str, purpose: ScanPurpose | None, situation: Situation) -> Verdict:
    """The verdict on a clean code; without a purpose it follows from where the van is."""
    plan = situation.plan
    if plan is None:
        fallback = ScanPurpose.LOAD
        return Verdict(ScanResult.UNKNOWN, purpose or fallback, NO_PLAN)
    if isinstance(plan, HubManifest):
        return _judge_at_hub(code, purpose or ScanPurpose.INTAKE, plan, situation)
    purpose = purpose or _derive(code, plan, situation)
    match purpose:
        case ScanPurpose.LOAD:
            return _judge_load(code, plan, situation)
        case ScanPurpose.INTAKE:
            return Verdict(ScanResult.UNKNOWN, purpose, NOT_HERE)
        case _:
            return _judge_at_door(code, purpose, plan, situation)


def _judge_at_hub(code: str, purpose: ScanPurpose, manifest: HubManifest, situation: Situation) -> Verdict:
    parcel = next((parcel for parcel in manifest.parcels if parcel.code == code), None)
    van = manifest.vans.get(code)
    if parcel is None:
        return _unknown(code, purpose)
    keep = KEEP[parcel.temp_class]
    if purpose is ScanPurpose.INTAKE and code in situation.out:
        return Verdict(ScanResult.RIGHT, purpose, keep, is_back=True)
    where = _where_from_hub(code, manifest)
    if code in situation.scanned[purpose]:
        return Verdict(ScanResult.ALREADY_SCANNED, purpose, where, van=van)
    return Verdict(ScanResult.RIGHT, purpose, Words(f"{where.nl}, {keep.nl}", f"{where.en}, {keep.en}"), van=van)


def _where_from_hub(code: str, manifest: HubManifest) -> Words:
    if code in manifest.fetched:
        return Words("opgehaald bij een bewoner", "fetched from a resident")
    van = manifest.vans.get(code)
    if van is None:
        return Words("nog niet ingedeeld", "not planned yet")
    called = van_called(van)
    return Words(f"voor {called.nl}", f"for {called.en}")


def _judge_load(code: str, plan: VanPlan, situation: Situation) -> Verdict:
    stop = _stop_with(plan, code, deliver=True)
    if stop is None:
        return _elsewhere_or_unknown(code, ScanPurpose.LOAD, plan)
    number = _number(plan, stop)
    words = Words(f"voor adres {number}, {stop.name}", f"for address {number}, {stop.name}")
    loaded = code in situation.scanned[ScanPurpose.LOAD]
    return Verdict(ScanResult.ALREADY_SCANNED if loaded else ScanResult.RIGHT, ScanPurpose.LOAD, words, stop=stop.stop)


def _judge_at_door(code: str, purpose: ScanPurpose, plan: VanPlan, situation: Situation) -> Verdict:
    stop = _stop_with(plan, code, deliver=purpose is ScanPurpose.DOOR)
    if stop is None:
        return _elsewhere_or_unknown(code, purpose, plan)
    if situation.at_stop is not None and stop.stop != situation.at_stop:
        number = _number(plan, stop)
        words = Words(
            f"Verkeerd adres: hoort bij adres {number}, {stop.name}",
            f"Wrong address: belongs to address {number}, {stop.name}",
        )
        return Verdict(ScanResult.UNKNOWN, purpose, words, stop=stop.stop)
    if code in situation.scanned[purpose]:
        words = Words(f"bij {stop.name}", f"at {stop.name}'s")
        return Verdict(ScanResult.ALREADY_SCANNED, purpose, words, stop=stop.stop)
    words = HAND_OVER if purpose is ScanPurpose.DOOR else TAKE_ALONG
    words = Words(words.nl.format(stop.name), words.en.format(stop.name))
    return Verdict(ScanResult.RIGHT, purpose, words, stop=stop.stop)


def _derive(code: str, plan: VanPlan, situation: Situation) -> ScanPurpose:
    at = next((stop for stop in plan.stops if stop.stop == situation.at_stop), None)
    if not situation.under_way or (at is not None and at.kind in ("reload", "charge", "fetch")):
        return ScanPurpose.LOAD
    if _stop_with(plan, code, deliver=True) is None and _stop_with(plan, code, deliver=False) is not None:
        return ScanPurpose.COLLECT
    if at is None and _stop_with(plan, code, deliver=True) and code not in situation.scanned[ScanPurpose.LOAD]:
        return ScanPurpose.LOAD
    return ScanPurpose.DOOR


def _stop_with(plan: VanPlan, code: str, *, deliver: bool) -> PlannedStop | None:
    for stop in plan.stops:
        if any(parcel.code == code for parcel in (stop.deliver if deliver else stop.collect)):
            return stop
    return None


def _number(plan: VanPlan, stop: PlannedStop) -> int:
    """As the pages count: the addresses alone."""
    before = plan.stops[: plan.stops.index(stop)]
    return 1 + sum(one.is_address for one in before)


def _elsewhere_or_unknown(code: str, purpose: ScanPurpose, plan: VanPlan) -> Verdict:
    van = plan.elsewhere.get(code)
    if van is not None and van != plan.van:
        called = van_called(van)
        return Verdict(
            ScanResult.WRONG_VAN, purpose, Words(f"hoort in {called.nl}", f"belongs in {called.en}"), van=van
        )
    return _unknown(code, purpose)


def _unknown(code: str, purpose: ScanPurpose) -> Verdict:
    if is_misread(code):
        return Verdict(ScanResult.UNKNOWN, purpose, MISREAD)
    return Verdict(ScanResult.UNKNOWN, purpose, UNKNOWN)
