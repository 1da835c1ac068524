"""Coolers, what they measured, and their excursions, which a person closes."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select

from hub_backend import shown
from hub_backend.exposure import exposed
from hub_backend.kit import Kit
from hub_backend.projections.follower import AwayError
from hub_backend.projections.series import Series
from hub_backend.record import CoolerStateRow, ExcursionRow

FIELDS = ("air_mean_c", "air_min_c", "air_max_c", "product_mean_c", "product_min_c", "product_max_c", "lid_open_s")
MOST_S = 31 * 86400.0

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class CoolerPoint(BaseModel):
    """One period of a cooler; None is unknown, and where no period is there was none."""

    t_s: float
    air_mean_c: float | None = None
    air_min_c: float | None = None
    air_max_c: float | None = None
    product_mean_c: float | None = None
    product_min_c: float | None = None
    product_max_c: float | None = None
    lid_open_s: float | None = None


class Closing(BaseModel):
    """Who closes an excursion, why, and what was done with the goods."""

    by: Annotated[Words, Field(max_length=80)]
    comment: Annotated[Words, Field(max_length=500)]
    disposition: Literal["released", "quarantined", "destroyed", "returned"]


def router(kit: Kit, series: Series) -> APIRouter:
    routes = APIRouter(tags=["coolers"])

    @routes.get("/coolers")
    def coolers() -> list[shown.Cooler]:
        """Every cooler as it is now."""
        with kit.store.read() as session:
            rows = session.scalars(select(CoolerStateRow).order_by(CoolerStateRow.source)).all()
        return [shown.cooler(kit, row) for row in rows]

    @routes.get("/coolers/{gateway}/{node}/series")
    def measured(
        gateway: str, node: str, from_s: Annotated[float, Query(ge=0)], to_s: Annotated[float, Query(ge=0)]
    ) -> list[CoolerPoint]:
        """What the cooler measured, from `from_s` up to and including `to_s`."""
        if not 0 <= to_s - from_s <= MOST_S:
            raise HTTPException(422, f"to_s: must lie 0 to {MOST_S:.0f} s after from_s")
        try:
            points = series.read(f"{gateway}/{node}", FIELDS, from_s=from_s, to_s=to_s)
        except AwayError as error:
            raise HTTPException(503, str(error)) from error
        periods: dict[float, dict[str, float | None]] = {}
        for point in points:
            periods.setdefault(point.t_s, {})[point.field] = point.value
        return [CoolerPoint.model_validate({"t_s": t_s, **values}) for t_s, values in periods.items()]

    @routes.get("/excursions")
    def excursions(
        open_only: bool = False, from_s: float = 0.0, limit: Annotated[int, Query(ge=1, le=1000)] = 200
    ) -> list[shown.Excursion]:
        """Excursions, the newest first."""
        wanted = select(ExcursionRow).where(ExcursionRow.opened_s >= from_s)
        if open_only:
            wanted = wanted.where(ExcursionRow.closed_s.is_(None))
        with kit.store.read() as session:
            rows = session.scalars(wanted.order_by(ExcursionRow.opened_s.desc()).limit(limit)).all()
            return [shown.excursion(session, kit, row) for row in rows]

    @routes.post("/excursions/{excursion_id:path}/close")
    def close(excursion_id: str, closing: Closing) -> shown.Excursion:
        """A person closes an excursion, once, for what lay in it then. 404: there is none; 409: somebody was first."""
        with kit.store.write() as session:
            row = session.get(ExcursionRow, excursion_id)
            if row is None:
                raise HTTPException(404, f"no excursion {excursion_id!r}")
            if row.closed_s is not None:
                raise HTTPException(409, f"closed already, by {row.closed_by}")
            contents = exposed(session, kit, row)
            row.contents = None if contents is None else [one.model_dump() for one in contents]
            row.closed_s, row.closed_by = kit.clock.now_s(), closing.by
            row.comment, row.disposition = closing.comment, closing.disposition
            closed = shown.excursion(session, kit, row)
        shown.tell(kit, [("excursion", excursion_id)])
        return closed

    return routes
