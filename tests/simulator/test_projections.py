"""What the hub made of the events must be able to differ, too."""

from dataclasses import replace

import msgspec
import pytest

from edge_gateway.contract.messages import Outcome
from hub_backend.simulator.cooler import Moment
from hub_backend.simulator.faults import Spell
from hub_backend.simulator.hub_api import Excursion
from hub_backend.simulator.projections import (
    LOST,
    ContactFigures,
    DrivenFigures,
    Figures,
    GatewayNow,
    Lane,
    Movements,
    NodeNow,
    Recorded,
    StopNow,
    compare_recorded,
    longest_above,
)
from hub_backend.simulator.truth import Ordered, Truth, Visited

T = 1_795_422_600.0
NOTHING: frozenset[str] = frozenset()


def visited(stop: str, outcome: Outcome, at_s: float = 0.0) -> Visited:
    return Visited(T + at_s, "van-1", f"r-{stop}-{at_s}", stop, outcome, None, NOTHING, NOTHING, NOTHING)


def ordered(order: str, stop: str) -> Ordered:
    return Ordered(T, order, "keuken", "chilled_meal", "c-1", stop, ())


def truth() -> Truth:
    told = Truth()
    told.orders = [ordered("o-1", "s-1"), ordered("o-2", "s-2"), ordered("o-3", "s-3")]
    told.visits = [
        visited("s-1", Outcome.CONTACT_DOOR),
        visited("s-2", Outcome.NO_ANSWER),
        visited("s-2", Outcome.LETTERBOX, 600),
    ]
    told.cancelled = {"o-3"}
    told.first_odometer_km = {"van-1": 100.0}
    told.odometer_km = {"van-1": 112.0}
    told.used_kwh = {"van-1": 2.5}
    told.coolers["van-1/cooler"] = [
        Moment(T + second, 9.0, 8.0 if 0 < second < 3000 else 4.0, False) for second in range(0, 6000, 10)
    ]
    told.coolers["van-2/cooler"] = [Moment(T + second, 4.0, 4.0, False) for second in range(0, 6000, 10)]
    told.closed_excursions = {"e-1"}
    return told


def excursion(source: str = "van-1/cooler", closed_s: float | None = T + 4000) -> Excursion:
    return Excursion("e-1", source, "warm_7", T, T + 900, T + 3000, closed_s, "staff")


def replaced_rule(source: str) -> Excursion:
    return msgspec.structs.replace(excursion(source), id="e-2", rule=LOST)


def figures(
    *, contact: int = 1, letterbox: int = 1, deliveries: int = 0, km: float | None = 12.1, kwh: float | None = 2.45
) -> Figures:
    at_doors = ContactFigures(
        contact=contact, letterbox=letterbox, outcomes={"no_answer": 1}, deliveries=deliveries, parcels=0
    )
    return Figures(at_doors, 1, km, Movements(6, 1, 2), 10.0, (DrivenFigures("van-1", km, kwh),))


RECORDED = Recorded(
    gateways=(GatewayNow("van-1", (Lane("business", 0),), (), (NodeNow("van-1/cooler"),)),),
    stops=(StopNow("s-1", "done"), StopNow("s-2", "done"), StopNow("s-3", "cancelled")),
    excursions=(excursion(),),
    plans=(),
    figures=figures(),
)


def test_a_faithful_hub_holds() -> None:
    assert compare_recorded(truth(), RECORDED, whole_day=True).examples == []


@pytest.mark.parametrize(
    ("spoiled", "kind"),
    [
        (replace(RECORDED, stops=RECORDED.stops[1:]), "lost"),
        (replace(RECORDED, stops=(StopNow("s-1", "failed"), *RECORDED.stops[1:])), "different"),
        (replace(RECORDED, stops=(*RECORDED.stops[:2], StopNow("s-3", "open"))), "different"),
        (replace(RECORDED, stops=(*RECORDED.stops[:2], StopNow("s-3", "done"))), "different"),
        (replace(RECORDED, excursions=()), "lost"),
        (replace(RECORDED, excursions=(excursion(closed_s=None),)), "lost"),
        (replace(RECORDED, excursions=(excursion(), excursion("van-2/cooler"))), "different"),
        (replace(RECORDED, figures=figures(contact=2)), "different"),
        (replace(RECORDED, figures=figures(deliveries=1)), "different"),
        (replace(RECORDED, figures=figures(km=14.0)), "different"),
        (replace(RECORDED, figures=figures(km=None)), "different"),
        (replace(RECORDED, figures=figures(kwh=2.9)), "different"),
        (replace(RECORDED, excursions=(excursion(), replaced_rule("van-2/cooler"))), "different"),
        (replace(RECORDED, gateways=(GatewayNow("van-1", (Lane("business", 3),)),)), "lost"),
        (replace(RECORDED, gateways=(GatewayNow("van-1", (), (), (NodeNow("van-1/cooler", 2),)),)), "lost"),
    ],
)
def test_one_spoiled_projection_is_found(spoiled: Recorded, kind: str) -> None:
    found = compare_recorded(truth(), spoiled, whole_day=True)
    assert found.counts[kind] >= 1


def test_a_second_visit_that_succeeds_makes_a_stop_done() -> None:
    stops = (StopNow("s-1", "done"), StopNow("s-2", "failed"), StopNow("s-3", "cancelled"))
    assert compare_recorded(truth(), replace(RECORDED, stops=stops), whole_day=True).counts["different"] == 1


def test_energy_that_nobody_could_measure_is_no_difference() -> None:
    assert compare_recorded(truth(), replace(RECORDED, figures=figures(kwh=None)), whole_day=True).examples == []


def test_a_probe_that_was_broken_for_long_must_have_an_excursion_of_its_own() -> None:
    told = truth()
    told.broken_probes = [Spell("van-2/cooler", T, T + 1500)]
    assert compare_recorded(told, RECORDED, whole_day=True).counts["lost"] == 1
    told_too = replace(RECORDED, excursions=(excursion(), replaced_rule("van-2/cooler")))
    assert compare_recorded(told, told_too, whole_day=True).total == 0


def test_time_above_a_limit_is_counted_in_one_piece() -> None:
    moments = [Moment(T + s, 0.0, 8.0 if 100 <= s < 400 or 600 <= s < 700 else 5.0, False) for s in range(0, 900, 10)]
    assert longest_above(moments, 7.0) == 290.0
