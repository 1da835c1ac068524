"""The map over HTTP: what it is, and its tiles."""

import gzip
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response
from pydantic import BaseModel

from hub_backend.basemap import Basemap

KEEP = "public, max-age=86400"


class MapOut(BaseModel):
    """The map that is drawn. `tiles` is a template; the attribution must be shown."""

    name: str
    bounds: tuple[float, float, float, float]
    attribution: str
    min_zoom: int
    max_zoom: int
    tiles: str = "/basemap/{z}/{x}/{y}"


def router(basemap: Basemap | None) -> APIRouter:
    """`/map`, beside the other API routes."""
    routes = APIRouter(tags=["map"])

    @routes.get("/map")
    def get_map() -> MapOut:
        """The map's name and bounds."""
        there = _there(basemap)
        return MapOut(
            name=there.info.name,
            bounds=there.info.bounds,
            attribution=there.info.attribution,
            min_zoom=there.min_zoom,
            max_zoom=there.max_zoom,
        )

    return routes


def tiles(basemap: Basemap | None) -> APIRouter:
    """`/basemap/{z}/{x}/{y}`, at the root."""
    routes = APIRouter(tags=["map"])

    @routes.get("/basemap/{z}/{x}/{y}", response_class=Response)
    def get_tile(z: int, x: int, y: int, accept_encoding: Annotated[str, Header()] = "") -> Response:
        """A vector tile; 204 where the map is empty."""
        try:
            tile = _there(basemap).tile(z, x, y)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        if tile is None:
            return Response(status_code=204, headers={"Cache-Control": KEEP})
        headers = {"Cache-Control": KEEP, "Vary": "Accept-Encoding"}
        body = tile.body
        if tile.gzipped and "gzip" in accept_encoding:
            headers["Content-Encoding"] = "gzip"
        elif tile.gzipped:
            body = gzip.decompress(body)
        return Response(body, media_type="application/vnd.mapbox-vector-tile", headers=headers)

    return routes


def _there(basemap: Basemap | None) -> Basemap:
    if basemap is None:
        raise HTTPException(404, "map_dir: this hub has no map")
    return basemap
