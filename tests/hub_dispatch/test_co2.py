"""CO2e: the factors against the official list, the domain's worked example, and what must always hold."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_backend.factors import FactorError, Factors
from hub_backend.reporting import co2
from hub_backend.reporting.co2 import DataKind, Inbound, Tour, VanDay

DAY = "2026-11-23"
FACTORS = Factors.load()
DIESEL = FACTORS.on("diesel_b7", DAY)
MIX = FACTORS.on("electricity_mix", DAY)
GREY = FACTORS.on("electricity_grey", DAY)
LARGE = FACTORS.van_class("diesel_van_large")
KM = st.integers(0, 5000).map(lambda tenths: tenths / 10)


def example(electricity: object) -> co2.Comparison:
    """The worked example of domain.md 2.3."""
    assert electricity in (MIX, GREY)
    factor = MIX if electricity is MIX else GREY
    tours = [Tour(f"supplier {n}", LARGE, km, 5) for n, km in enumerate((14.2, 9.6, 11.0, 8.4, 6.3))]
    return co2.compare(
        [co2.baseline_part(tour, DIESEL) for tour in tours],
        [co2.project_part(VanDay("van-1", 19.5, "odometer", 0.21), factor)],
        [co2.inbound_part(Inbound("all", LARGE, 12.0, DataKind.PRIMARY), DIESEL)],
    )


def test_the_worked_example_comes_out() -> None:
    result = example(MIX)
    assert result.baseline_kg is not None and result.project_kg is not None and result.inbound_kg is not None
    assert result.baseline_kg.wtw == pytest.approx(14.483205, abs=5e-7)
    assert result.baseline_kg.ttw == pytest.approx(10.968210, abs=5e-7)
    assert result.project[0].activity == pytest.approx(4.653409, abs=5e-7)
    assert result.project_kg.wtw == pytest.approx(1.135432, abs=5e-7)
    assert result.inbound_kg.wtw == pytest.approx(3.51108, abs=5e-7)
    assert result.saved_kg == pytest.approx(9.836693, abs=5e-7)
    assert (result.movements_baseline, result.movements_project) == (5, 1)
    assert result.baseline_km == pytest.approx(49.5)


def test_the_worked_example_on_grey_power_comes_out() -> None:
    result = example(GREY)
    assert result.project_kg is not None
    assert result.project_kg.wtw == pytest.approx(2.247597, abs=5e-7)
    assert result.saved_kg == pytest.approx(8.724528, abs=5e-7)


def test_driving_electric_has_no_emission_at_the_wheel_and_its_infrastructure_stands_apart() -> None:
    result = example(MIX)
    assert result.project_kg is not None and result.saved_kg is not None
    assert result.project_kg.ttw == 0
    assert result.project_kg.infrastructure == pytest.approx(4.653409 * 0.016, abs=1e-6)
    assert result.saved_with_infrastructure_kg == pytest.approx(result.saved_kg - result.project_kg.infrastructure)


def test_the_factors_are_those_of_the_official_list(shared_data: Path) -> None:
    with (shared_data / "co2" / "scope12_extract_2026.csv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert len(FACTORS.rows) >= 9
    for factor in FACTORS.rows:
        row = rows[factor.name_in_list]
        assert factor.wtw == float(row["value_kg_co2e_per_unit"]), factor.id
        assert factor.wtt == float(row["wtt_kg_co2e_per_unit"]), factor.id
        assert {"liter": "l", "kWh": "kWh"}[row["unit"]] == factor.unit
        # In the electricity rows of the list this column is the infrastructure.
        apart = factor.infrastructure if factor.unit == "kWh" else factor.biogenic
        assert apart == float(row["biogenic_kg_co2e_per_unit"]), factor.id


@pytest.mark.parametrize("factor", FACTORS.rows, ids=lambda factor: factor.id)
def test_a_factor_is_the_sum_of_its_parts(factor: object) -> None:
    from hub_backend.factors import Factor

    assert isinstance(factor, Factor)
    assert factor.ttw + factor.generation + factor.wtt == pytest.approx(factor.wtw, abs=0.0011)  # the list rounds
    assert factor.valid_from <= factor.valid_to
    assert factor.source and factor.edition


def test_a_day_without_a_factor_is_refused_and_not_guessed() -> None:
    with pytest.raises(FactorError, match="2031-01-01"):
        FACTORS.on("diesel_b7", "2031-01-01")
    with pytest.raises(FactorError, match="spaceship"):
        FACTORS.van_class("spaceship")


@given(st.lists(KM, min_size=1, max_size=5), KM, KM)
def test_saved_is_baseline_minus_everything_that_drove(tours: list[float], ours: float, inbound: float) -> None:
    result = co2.compare(
        [co2.baseline_part(Tour("s", LARGE, km, 1), DIESEL) for km in tours],
        [co2.project_part(VanDay("van-1", ours, "odometer", 0.21), MIX)],
        [co2.inbound_part(Inbound("s", LARGE, inbound, DataKind.MODELLED), DIESEL)],
    )
    assert result.saved_kg is not None and result.u95_kg is not None
    expected = (sum(tours) - inbound) * 0.09 * 3.251 - ours * 0.21 / 0.88 * 0.244
    assert result.saved_kg == pytest.approx(expected, abs=1e-9)
    assert result.low_kg is not None and result.high_kg is not None
    assert result.low_kg <= result.saved_kg <= result.high_kg
    largest = max((part.kg.wtw * part.u95 for part in [*result.baseline, *result.project] if part.kg), default=0.0)
    assert result.u95_kg >= largest * (1 - 1e-12)


@given(st.sampled_from(["baseline", "project", "inbound"]))
def test_what_is_unknown_is_never_zero(side: str) -> None:
    known = {"baseline": 10.0, "project": 5.0, "inbound": 2.0} | {side: None}
    result = co2.compare(
        [co2.baseline_part(Tour("s", LARGE, known["baseline"], 1), DIESEL)],
        [co2.project_part(VanDay("van-1", known["project"], "none", 0.21), MIX)],
        [co2.inbound_part(Inbound("s", LARGE, known["inbound"], DataKind.MODELLED), DIESEL)],
    )
    assert result.saved_kg is None
    assert result.u95_kg is None
    assert len(result.unknown) == 1


def test_the_text_claims_no_certificate() -> None:
    assert "following the method of ISO 14083" in co2.METHOD_EN
    assert "not certified" in co2.METHOD_EN
    assert "niet gecertificeerd" in co2.METHOD_NL
