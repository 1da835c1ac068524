"""Emission factors and van classes, as dated tables: nothing here is computed, everything has a source.

`factors.csv` is kept by edition of the official Dutch list and never overwritten: a new year is a new line. WTW is
well-to-wheel, TTW tank-to-wheel, WTT well-to-tank, all kg CO2e a unit. For electricity the list's total leaves the
infrastructure out, and `generation` (at the power plant) stands where a fuel has its TTW: at the wheel it is zero.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub_backend.errors import HubError


class FactorError(HubError):
    """A factor or van class that is not in the tables, or not for that day."""


@dataclass(frozen=True, slots=True)
class Factor:
    """kg CO2e per `unit` (l or kWh). `infrastructure` and `biogenic` are apart; None is not given by the list."""

    id: str
    name_in_list: str
    unit: str
    wtw: float
    ttw: float
    generation: float
    wtt: float
    infrastructure: float | None
    biogenic: float | None
    valid_from: date
    valid_to: date
    source: str
    edition: str


@dataclass(frozen=True, slots=True)
class VanClass:
    """What a class of van uses per 100 km, in the unit of its factor, with the range that is likely."""

    id: str
    factor: str
    use_per_100_km: float
    low: float
    high: float
    source: str


@dataclass(frozen=True)
class Factors:
    """All factors and van classes."""

    rows: Sequence[Factor]
    van_classes: Mapping[str, VanClass]

    @classmethod
    def load(cls, folder: Path | None = None) -> "Factors":
        """The tables of `folder`, by default those that came with the package."""
        folder = folder or Path(__file__).parent
        classes = [_van_class(row) for row in _rows(folder / "van_classes.csv")]
        return cls(
            rows=[_factor(row) for row in _rows(folder / "factors.csv")],
            van_classes={van_class.id: van_class for van_class in classes},
        )

    def on(self, factor_id: str, day: str) -> Factor:
        """The factor that holds on `day`. Raises `FactorError` when the tables have none."""
        when = date.fromisoformat(day)
        for factor in self.rows:
            if factor.id == factor_id and factor.valid_from <= when <= factor.valid_to:
                return factor
        raise FactorError(f"factor: none for {factor_id!r} on {day}; add a line to factors.csv")

    def van_class(self, class_id: str) -> VanClass:
        """Raises `FactorError` for a class that is not in the table."""
        try:
            return self.van_classes[class_id]
        except KeyError:
            raise FactorError(f"van_class: unknown class {class_id!r}") from None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> float | None:
    return float(text) if text else None


def _factor(row: dict[str, str]) -> Factor:
    return Factor(
        id=row["id"],
        name_in_list=row["name_in_list"],
        unit=row["unit"],
        wtw=float(row["wtw"]),
        ttw=float(row["ttw"]),
        generation=float(row["generation"]),
        wtt=float(row["wtt"]),
        infrastructure=_number(row["infrastructure"]),
        biogenic=_number(row["biogenic"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]),
        source=row["source"],
        edition=row["edition"],
    )


def _van_class(row: dict[str, str]) -> VanClass:
    return VanClass(
        id=row["id"],
        factor=row["factor"],
        use_per_100_km=float(row["use_per_100_km"]),
        low=float(row["low"]),
        high=float(row["high"]),
        source=row["source"],
    )
