"""GET /api/vans and each van's track."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from hub_backend import shown
from hub_backend.kit import Kit
from hub_backend.projections.follower import AwayError
from hub_backend.projections.series import Series

MOST_S = 31 * 86400.0


class Place(BaseModel):
    """A fix of a van's track."""

    t_s: float
    lat: float
    lon: float
    speed_m_s: float | None


def router(kit: Kit, series: Series) -> APIRouter:
    routes = APIRouter(tags=["vans"])

    @routes.get("/vans")
    def vans() -> list[shown.Van]:
        """Every van as it is now."""
        with kit.store.read() as session:
            return shown.vans(session, kit)

    @routes.get("/vans/{van}/track")
    def track(van: str, from_s: Annotated[float, Query(ge=0)], to_s: Annotated[float, Query(ge=0)]) -> list[Place]:
        """Where the van has been, from `from_s` up to and including `to_s`."""
        if not 0 <= to_s - from_s <= MOST_S:
            raise HTTPException(422, f"to_s: must lie 0 to {MOST_S:.0f} s after from_s")
        try:
            points = series.read(van, ("lat", "lon", "speed_m_s"), from_s=from_s, to_s=to_s)
        except AwayError as error:
            raise HTTPException(503, str(error)) from error
        values: dict[float, dict[str, float]] = {}
        for point in points:
            if point.value is not None:
                values.setdefault(point.t_s, {})[point.field] = point.value
        return [
            Place(t_s=t_s, lat=at["lat"], lon=at["lon"], speed_m_s=at.get("speed_m_s"))
            for t_s, at in values.items()
            if "lat" in at and "lon" in at
        ]

    return routes
