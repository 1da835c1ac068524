"""The day's figures over HTTP, with the method beside every number that was not counted but worked out."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from hub_backend.api.day import Day, must_be_day
from hub_backend.factors import Factor, FactorError, Factors
from hub_backend.kit import Kit
from hub_backend.reporting import co2
from hub_backend.reporting.figures import Contact, Figures, FiguresDesk, StopCounts


class FactorOut(BaseModel):
    """A factor that was used: kg CO2e a unit, with its source and how long it holds."""

    id: str
    name_in_list: str
    unit: str
    wtw: float
    ttw: float
    wtt: float
    generation: float
    infrastructure: float | None
    valid_from: str
    valid_to: str
    source: str
    edition: str


class Co2Out(BaseModel):
    """What driving together saved. A comparison; following the method of ISO 14083, not certified."""

    baseline: list[co2.Part]
    project: list[co2.Part]
    inbound: list[co2.Part]
    baseline_kg: co2.Kg | None
    project_kg: co2.Kg | None
    inbound_kg: co2.Kg | None
    saved_kg: float | None
    saved_ttw_kg: float | None
    saved_with_infrastructure_kg: float | None
    u95_kg: float | None
    low_kg: float | None
    high_kg: float | None
    baseline_km: float | None
    project_km: float | None
    inbound_km: float | None
    primary_share: float | None = Field(description="by emission, both sides together")
    own_primary_share: float | None = Field(description="by emission, of our vans and the bulk trips")
    unknown: list[str]
    factors: list[FactorOut]
    method_nl: str
    method_en: str
    assumptions_nl: list[str]
    assumptions_en: list[str]


class DrivenOut(BaseModel):
    """A van's kilometres and between which events they were read; the energy that left its pack, or why not known."""

    van: str
    km: float | None
    source: str
    first_event: int | None
    last_event: int | None
    kwh: float | None = Field(description="out of the pack, by the state of charge")
    charged_kwh: float | None = Field(description="into the pack")
    kwh_per_km: float | None
    no_kwh: str = Field(description="why the energy is not known; empty when it is")


class Movements(BaseModel):
    """Vehicles in the neighbourhood: what would have driven, what drove."""

    baseline: int
    project: int
    inbound: int
    avoided: int


class FiguresOut(BaseModel):
    """One day."""

    day: str
    contact: Contact
    stops: StopCounts
    plans: int
    replans: int
    excursions: int
    km: float | None
    driven: list[DrivenOut]
    movements: Movements
    co2e_saved_kg: float | None
    co2: Co2Out


def router(kit: Kit, desk: FiguresDesk, factors: Factors) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["figures"])

    @routes.get("/days/{day}/figures")
    def get_figures(day: Day) -> FiguresOut:
        """The figures of a day, so far."""
        must_be_day(day)
        try:
            with kit.store.read() as session:
                return _out(desk.of(session, day), factors)
        except FactorError as error:
            raise HTTPException(409, str(error)) from error

    return routes


def _out(figures: Figures, factors: Factors) -> FiguresOut:
    result = figures.co2
    return FiguresOut(
        day=figures.day,
        contact=figures.contact,
        stops=figures.stops,
        plans=figures.plans,
        replans=figures.replans,
        excursions=figures.excursions,
        km=figures.km,
        driven=[DrivenOut.model_validate(one, from_attributes=True) for one in figures.driven],
        movements=Movements(
            baseline=result.movements_baseline,
            project=result.movements_project,
            inbound=result.movements_inbound,
            avoided=figures.movements_avoided,
        ),
        co2e_saved_kg=result.saved_kg,
        co2=_co2_out(result, figures.day, factors),
    )


def _co2_out(result: co2.Comparison, day: str, factors: Factors) -> Co2Out:
    parts = [*result.baseline, *result.project, *result.inbound]
    used = [factors.on(id_, day) for id_ in dict.fromkeys(part.factor for part in parts)]
    return Co2Out(
        baseline=list(result.baseline),
        project=list(result.project),
        inbound=list(result.inbound),
        baseline_kg=result.baseline_kg,
        project_kg=result.project_kg,
        inbound_kg=result.inbound_kg,
        saved_kg=result.saved_kg,
        saved_ttw_kg=result.saved_ttw_kg,
        saved_with_infrastructure_kg=result.saved_with_infrastructure_kg,
        u95_kg=result.u95_kg,
        low_kg=result.low_kg,
        high_kg=result.high_kg,
        baseline_km=result.baseline_km,
        project_km=result.project_km,
        inbound_km=result.inbound_km,
        primary_share=result.primary_share,
        own_primary_share=result.own_primary_share,
        unknown=list(result.unknown),
        factors=[_factor(factor) for factor in used],
        method_nl=co2.METHOD_NL,
        method_en=co2.METHOD_EN,
        assumptions_nl=list(co2.ASSUMPTIONS_NL),
        assumptions_en=list(co2.ASSUMPTIONS_EN),
    )


def _factor(factor: Factor) -> FactorOut:
    return FactorOut(
        id=factor.id,
        name_in_list=factor.name_in_list,
        unit=factor.unit,
        wtw=factor.wtw,
        ttw=factor.ttw,
        wtt=factor.wtt,
        generation=factor.generation,
        infrastructure=factor.infrastructure,
        valid_from=factor.valid_from.isoformat(),
        valid_to=factor.valid_to.isoformat(),
        source=factor.source,
        edition=factor.edition,
    )
