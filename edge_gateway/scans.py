"""The judge of scans: one of four answers to a code, from the plan and what was scanned before. Pure rules, no I/O."""

from dataclasses import dataclass

from edge_gateway.codes.reading import is_misread
from edge_gateway.contract.messages import HubManifest, PlannedStop, ScanPurpose, ScanResult, VanPlan

REPEAT_S = 2.0
"""The same code again within this time is the scanner's stutter, not a second scan."""


@dataclass(frozen=True)
class Verdict:
    """The answer to a scan: `words` in Dutch for the concierge, the stop it belongs to, the van it should be in."""

    result: ScanResult
    purpose: ScanPurpose
    words: str
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
        return Verdict(ScanResult.UNKNOWN, purpose or fallback, "Er is nog geen plan: leg apart en scan later opnieuw")
    if isinstance(plan, HubManifest):
        return _judge_at_hub(code, purpose or ScanPurpose.INTAKE, plan, situation)
    purpose = purpose or _derive(code, plan, situation)
    match purpose:
        case ScanPurpose.LOAD:
            return _judge_load(code, plan, situation)
        case ScanPurpose.INTAKE:
            return Verdict(ScanResult.UNKNOWN, purpose, "Innemen gaat bij de hub, niet in de bus")
        case _:
            return _judge_at_door(code, purpose, plan, situation)


def _judge_at_hub(code: str, purpose: ScanPurpose, manifest: HubManifest, situation: Situation) -> Verdict:
    parcel = next((parcel for parcel in manifest.parcels if parcel.code == code), None)
    van = manifest.vans.get(code)
    if parcel is None:
        return _unknown(code, purpose)
    zone = _zone(parcel.temp_class)
    if purpose is ScanPurpose.INTAKE and code in situation.out:
        return Verdict(ScanResult.RIGHT, purpose, f"Terug in de hub ({zone})", is_back=True)
    where = _where_from_hub(code, manifest)
    if code in situation.scanned[purpose]:
        return Verdict(ScanResult.ALREADY_SCANNED, purpose, f"Al gescand, {where}", van=van)
    return Verdict(ScanResult.RIGHT, purpose, f"Goed, {where} ({zone})", van=van)


def _where_from_hub(code: str, manifest: HubManifest) -> str:
    if code in manifest.fetched:
        return "opgehaald bij een bewoner"
    van = manifest.vans.get(code)
    return f"voor {van}" if van else "nog niet ingedeeld"


def _judge_load(code: str, plan: VanPlan, situation: Situation) -> Verdict:
    stop = _stop_with(plan, code, deliver=True)
    if stop is None:
        return _elsewhere_or_unknown(code, ScanPurpose.LOAD, plan)
    where = f"stop {_number(plan, stop)} ({stop.name})"
    if code in situation.scanned[ScanPurpose.LOAD]:
        return Verdict(ScanResult.ALREADY_SCANNED, ScanPurpose.LOAD, f"Al geladen, voor {where}", stop=stop.stop)
    return Verdict(ScanResult.RIGHT, ScanPurpose.LOAD, f"Goed, voor {where}", stop=stop.stop)


def _judge_at_door(code: str, purpose: ScanPurpose, plan: VanPlan, situation: Situation) -> Verdict:
    stop = _stop_with(plan, code, deliver=purpose is ScanPurpose.DOOR)
    if stop is None:
        return _elsewhere_or_unknown(code, purpose, plan)
    if situation.at_stop is not None and stop.stop != situation.at_stop:
        words = f"Verkeerd adres: hoort bij stop {_number(plan, stop)} ({stop.name})"
        return Verdict(ScanResult.UNKNOWN, purpose, words, stop=stop.stop)
    if code in situation.scanned[purpose]:
        return Verdict(ScanResult.ALREADY_SCANNED, purpose, f"Al gescand bij {stop.name}", stop=stop.stop)
    action = "afgeven aan" if purpose is ScanPurpose.DOOR else "meenemen van"
    return Verdict(ScanResult.RIGHT, purpose, f"Goed, {action} {stop.name}", stop=stop.stop)


def _derive(code: str, plan: VanPlan, situation: Situation) -> ScanPurpose:
    at = next((stop for stop in plan.stops if stop.stop == situation.at_stop), None)
    if not situation.under_way or (at is not None and at.kind in ("reload", "charge")):
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
    return plan.stops.index(stop) + 1


def _elsewhere_or_unknown(code: str, purpose: ScanPurpose, plan: VanPlan) -> Verdict:
    van = plan.elsewhere.get(code)
    if van is not None and van != plan.van:
        return Verdict(ScanResult.WRONG_VAN, purpose, f"Verkeerde bus: hoort in {van}", van=van)
    return _unknown(code, purpose)


def _unknown(code: str, purpose: ScanPurpose) -> Verdict:
    if is_misread(code):
        return Verdict(ScanResult.UNKNOWN, purpose, "Etiket verkeerd gelezen: scan nog een keer")
    return Verdict(ScanResult.UNKNOWN, purpose, "Onbekende code: leg apart, de hub zoekt het uit")


def _zone(temp_class: str) -> str:
    words = {"chilled": "koel", "hot": "warm", "fridge": "medicijnkoelkast", "ambient": "gewoon", "frozen": "diepvries"}
    return words.get(temp_class, temp_class)
