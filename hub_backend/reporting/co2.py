"""What driving together saves: rules without I/O.

The comparison follows the method of ISO 14083 (well-to-wheel, empty return included) for both sides: each supplier
driving its own van the same day to the same addresses over the same roads, against what our vans really drove plus
the trips that brought the goods to the hub. It is a comparison and never part of anybody's own footprint. It is not
certified: the text of the standard was not read, only what is said of it (domain.md part 2).

What is not known stays None, all the way up: a sum with an unknown term is unknown, and `unknown` names the term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from hub_backend.factors import Factor, VanClass

CHARGING = 0.88
"""Share of what the charger draws that reaches the pack (own default, domain.md 2.3)."""


class DataKind(StrEnum):
    """ISO 14083's order of preference."""

    PRIMARY = "primary"
    MODELLED = "modelled"
    DEFAULT = "default"


# Relative uncertainties, 95 % (domain.md 2.2; the last one is our own guess and said so in the assumptions).
U_ODOMETER = 0.01
U_GPS = 0.02
U_MODELLED_KM = 0.10
U_VAN_CLASS = 0.20
U_FACTOR = 0.05
U_ENERGY_PER_KM = 0.15
U_STATE_OF_CHARGE = 0.05
U_CHARGING = 0.03


@dataclass(frozen=True, slots=True)
class Kg:
    """kg CO2e: well-to-wheel, of it tank-to-wheel; energy infrastructure stands apart (0 where the list gives none)."""

    wtw: float
    ttw: float
    infrastructure: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One term of the sum: `activity` in `unit` (l, kWh), from `km`, with its factor and how sure it is."""

    name: str
    km: float | None
    activity: float | None
    unit: str
    kind: DataKind
    source: str
    factor: str
    edition: str
    kg: Kg | None
    u95: float
    """Relative, of this term."""


@dataclass(frozen=True, slots=True)
class Tour:
    """What one supplier's own van would drive: out, past its addresses, and back."""

    supplier: str
    van_class: VanClass
    km: float | None
    stops: int


@dataclass(frozen=True, slots=True)
class VanDay:
    """What one of our vans drove and used. `km` None: neither odometer nor GPS tells.

    `kwh` is what left the pack, as measured; None: not known, and `kwh_per_km` as declared stands in for it.
    """

    van: str
    km: float | None
    source: str
    """odometer, gps, or none."""
    kwh_per_km: float
    kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A supplier's bulk trip to the hub and back. `km` None: not known."""

    supplier: str
    van_class: VanClass
    km: float | None
    kind: DataKind


@dataclass(frozen=True)
class Comparison:
    """The result: every term, the sums (None when a term is unknown), what is saved, and how sure that is."""

    baseline: Sequence[Part]
    project: Sequence[Part]
    inbound: Sequence[Part]
    baseline_kg: Kg | None
    project_kg: Kg | None
    inbound_kg: Kg | None
    saved_kg: float | None
    saved_ttw_kg: float | None
    saved_with_infrastructure_kg: float | None
    u95_kg: float | None
    low_kg: float | None
    high_kg: float | None
    baseline_km: float | None
    project_km: float | None
    inbound_km: float | None
    movements_baseline: int
    movements_project: int
    movements_inbound: int
    primary_share: float | None
    """Share of all emissions (both sides) that rests on primary data."""
    own_primary_share: float | None
    """The same of what was really driven: our vans and the bulk trips."""
    unknown: Sequence[str]


def of_fuel(van_class: VanClass, factor: Factor, km: float) -> tuple[float, Kg]:
    """Units (l or kWh) and kg CO2e for `km` with a van of this class.

    An electric class's use is what the charger draws, so charging loss is in it.
    """
    units = km * van_class.use_per_100_km / 100
    return units, Kg(units * factor.wtw, units * factor.ttw, units * (factor.infrastructure or 0.0))


def of_driving(kwh_per_km: float, factor: Factor, km: float) -> tuple[float, Kg]:
    """kWh drawn from the grid, and kg CO2e, for `km` with an electric van that uses `kwh_per_km` from its pack."""
    kwh = km * kwh_per_km / CHARGING
    return kwh, Kg(kwh * factor.wtw, kwh * factor.ttw, kwh * (factor.infrastructure or 0.0))


def baseline_part(tour: Tour, factor: Factor) -> Part:
    units, kg = (None, None) if tour.km is None else of_fuel(tour.van_class, factor, tour.km)
    return Part(
        name=tour.supplier,
        km=tour.km,
        activity=units,
        unit=factor.unit,
        kind=DataKind.MODELLED,
        source=f"own tour past {tour.stops} addresses over the same roads, {tour.van_class.id}",
        factor=factor.id,
        edition=factor.edition,
        kg=kg,
        u95=_root(U_MODELLED_KM, U_VAN_CLASS, U_FACTOR),
    )


def of_pack(pack_kwh: float, factor: Factor) -> tuple[float, Kg]:
    """kWh drawn from the grid for what left the pack, and kg CO2e."""
    kwh = pack_kwh / CHARGING
    return kwh, Kg(kwh * factor.wtw, kwh * factor.ttw, kwh * (factor.infrastructure or 0.0))


def project_part(day: VanDay, factor: Factor) -> Part:
    """By the energy that was measured, else by the kilometres and what a kilometre is declared to take."""
    if day.kwh is not None:
        return _measured_part(day, day.kwh, factor)
    kwh, kg = (None, None) if day.km is None else of_driving(day.kwh_per_km, factor, day.km)
    u_km = U_ODOMETER if day.source == "odometer" else U_GPS
    return Part(
        name=day.van,
        km=day.km,
        activity=kwh,
        unit=factor.unit,
        # Kilometres are measured, the energy a kilometre takes is not: the weaker of the two counts.
        kind=DataKind.MODELLED if day.km is not None else DataKind.DEFAULT,
        source=f"{day.source} km x {day.kwh_per_km} kWh/km / {CHARGING} charging",
        factor=factor.id,
        edition=factor.edition,
        kg=kg,
        u95=_root(u_km, U_ENERGY_PER_KM, U_FACTOR),
    )


def _measured_part(day: VanDay, pack_kwh: float, factor: Factor) -> Part:
    kwh, kg = of_pack(pack_kwh, factor)
    a_km = f" ({pack_kwh / day.km:.3f} kWh/km by {day.source})" if day.km else ""
    return Part(
        name=day.van,
        km=day.km,
        activity=kwh,
        unit=factor.unit,
        kind=DataKind.PRIMARY,
        source=f"{pack_kwh:.2f} kWh by state of charge{a_km} / {CHARGING} charging",
        factor=factor.id,
        edition=factor.edition,
        kg=kg,
        u95=_root(U_STATE_OF_CHARGE, U_CHARGING, U_FACTOR),
    )


def inbound_part(trip: Inbound, factor: Factor) -> Part:
    units, kg = (None, None) if trip.km is None else of_fuel(trip.van_class, factor, trip.km)
    u_km = 0.0 if trip.kind is DataKind.PRIMARY else U_MODELLED_KM
    return Part(
        name=trip.supplier,
        km=trip.km,
        activity=units,
        unit=factor.unit,
        kind=DataKind.MODELLED if trip.kind is DataKind.PRIMARY else trip.kind,
        source=f"bulk trip to the hub and back, {trip.van_class.id}",
        factor=factor.id,
        edition=factor.edition,
        kg=kg,
        u95=_root(u_km, U_VAN_CLASS, U_FACTOR),
    )


def _root(*relative: float) -> float:
    return sqrt(sum(u * u for u in relative))


def total(parts: Sequence[Part]) -> Kg | None:
    """The sum, or None when a term is unknown."""
    kgs = [part.kg for part in parts if part.kg is not None]
    if len(kgs) < len(parts):
        return None
    return Kg(sum(kg.wtw for kg in kgs), sum(kg.ttw for kg in kgs), sum(kg.infrastructure for kg in kgs))


def uncertainty_kg(parts: Sequence[Part]) -> float:
    """Root of the sum of squares of each term's own uncertainty, 95 %, in kg."""
    return sqrt(sum((part.kg.wtw * part.u95) ** 2 for part in parts if part.kg is not None))


def compare(baseline: Sequence[Part], project: Sequence[Part], inbound: Sequence[Part]) -> Comparison:
    """Put the two sides beside each other. Saved = baseline - (project + inbound)."""
    everything = [*baseline, *project, *inbound]
    base, ours, brought = total(baseline), total(project), total(inbound)
    saved = saved_ttw = saved_infra = u95 = None
    if base is not None and ours is not None and brought is not None:
        saved = base.wtw - ours.wtw - brought.wtw
        saved_ttw = base.ttw - ours.ttw - brought.ttw
        saved_infra = saved + base.infrastructure - ours.infrastructure - brought.infrastructure
        u95 = uncertainty_kg(everything)
    return Comparison(
        baseline=baseline,
        project=project,
        inbound=inbound,
        baseline_kg=base,
        project_kg=ours,
        inbound_kg=brought,
        saved_kg=saved,
        saved_ttw_kg=saved_ttw,
        saved_with_infrastructure_kg=saved_infra,
        u95_kg=u95,
        low_kg=None if saved is None or u95 is None else saved - u95,
        high_kg=None if saved is None or u95 is None else saved + u95,
        baseline_km=_km(baseline),
        project_km=_km(project),
        inbound_km=_km(inbound),
        movements_baseline=len(baseline),
        movements_project=sum(part.km is None or part.km > 0 for part in project),
        movements_inbound=len(inbound),
        primary_share=_primary_share(everything),
        own_primary_share=_primary_share([*project, *inbound]),
        unknown=[f"{part.name}: {part.source}" for part in everything if part.kg is None],
    )


def _km(parts: Sequence[Part]) -> float | None:
    known = [part.km for part in parts if part.km is not None]
    return sum(known) if len(known) == len(parts) else None


def _primary_share(parts: Sequence[Part]) -> float | None:
    kg = sum(part.kg.wtw for part in parts if part.kg is not None)
    primary = sum(part.kg.wtw for part in parts if part.kg is not None and part.kind is DataKind.PRIMARY)
    return primary / kg if kg > 0 else None


METHOD_NL = (
    "Vergelijking volgens de methode van ISO 14083 (well-to-wheel, lege terugrit meegeteld), niet gecertificeerd. "
    "Basis: elke leverancier rijdt dezelfde dag zelf naar dezelfde adressen, over dezelfde wegen en met dezelfde "
    "routeplanner, heen en terug. Project: gemeten energie en kilometers van onze busjes, plus de bulkritten van "
    "leveranciers naar de hub. Bespaard = basis - project - bulkritten. Dit is een vergelijking en telt niet mee in "
    "een footprint."
)

METHOD_EN = (
    "Comparison following the method of ISO 14083 (well-to-wheel, empty return included), not certified. Baseline: "
    "each supplier drives its own van the same day to the same addresses, over the same roads and with the same "
    "router, return included. Project: the measured energy and kilometres of our vans plus the suppliers' bulk trips "
    "to the hub. Saved = baseline - project - bulk trips. This is a comparison and never part of a footprint."
)

ASSUMPTIONS_NL = (
    "Het verbruik van leveranciers is dat van de opgegeven busklasse (van_classes.csv), niet gemeten.",
    "De energie per km van onze bussen is de opgegeven kWh/km, niet gemeten; laden kost 12 % meer.",
    "Het stroomcontract van de hubs is onbekend: stroommix. Koeling op de hub zit er nog niet in.",
    "Kilometers voor ritten met bewoners, klusjes en bezoek zonder goederen tellen bij ons mee en in de basis niet.",
    "Brievenbuspost telt niet mee in de basis: een postbezorger komt er toch.",
    "De energie-infrastructuur (0,016 kg/kWh voor de mix) staat apart; de lijst geeft er geen voor brandstoffen.",
    "Onzekerheid: 10 % van berekende km, 20 % van een niet opgegeven bus, 15 % van kWh/km (eigen schatting), "
    "5 % van een factor.",
)

ASSUMPTIONS_EN = (
    "Suppliers' use of fuel is that of their declared van class (van_classes.csv), not measured.",
    "Energy of our vans is measured by their state of charge and the pack's declared kWh; where the readings cannot "
    "tell, it is the van's declared kWh/km, and that part counts as modelled. Charging takes 12 % more (not measured).",
    "A bulk trip is the way over the roads unless the supplier tells its own; its fuel is its van class's: modelled.",
    "The hubs' electricity contract is unknown: grid mix. Cooling at the hub is not in it yet.",
    "Kilometres for rides, chores and visits without goods are counted on our side and not in the baseline.",
    "Letterbox items are left out of the baseline: a postal round brings them anyway.",
    "The energy infrastructure (0.016 kg/kWh for the mix) is given apart; the list has none for fuels.",
    "Uncertainty: 10 % of modelled km, 20 % of an undeclared van, 15 % of declared kWh/km, 5 % of energy by state of "
    "charge, 3 % of charging (the last three our own guess), 5 % of a factor.",
)
