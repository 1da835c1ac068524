"""The composition root: builds every part of the hub and the web application that serves it.

A part is something that runs beside the web server (`kit.Part`); a router is one module of `hub_backend.api`. Both are
listed here and nowhere else, in `build`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from edge_gateway.contract import service
from edge_gateway.contract.clock import Clock, open_clock
from hub_backend import planning
from hub_backend.api import coolers as coolers_api
from hub_backend.api import events, gateways, health, metrics, refusals, rejects
from hub_backend.api import live as live_api
from hub_backend.api import vans as vans_api
from hub_backend.intake.ingest import Ingest
from hub_backend.kit import Kit, Part
from hub_backend.live import Live
from hub_backend.mqtt import Mqtt
from hub_backend.projections.coolers import Coolers
from hub_backend.projections.fleet import Fleet
from hub_backend.projections.followers import Followers
from hub_backend.projections.proof import Proof
from hub_backend.projections.reported import Reported
from hub_backend.projections.series import Series, SeriesFollower, SqlSeries
from hub_backend.projections.triggers import Triggers
from hub_backend.refused_requests import CountRefused
from hub_backend.same_origin import SameOrigin
from hub_backend.settings import Settings
from hub_backend.site import Pages
from hub_backend.store import Store

log = logging.getLogger(__name__)

VERSION = "0.1.0"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Hub:
    """The whole hub: what it is made of, its parts in starting order, and its web application."""

    kit: Kit
    parts: Sequence[Part]
    web: FastAPI


def build(settings: Settings, *, clock: Clock | None = None) -> Hub:
    """Everything of the hub, not yet started; the record is opened and brought up to date.

    Raises `HubError` when the record cannot be opened. `clock` is for tests.
    """
    kit = open_kit(settings, clock=clock)
    mqtt = Mqtt(settings)
    series = open_series(kit)
    plans = planning.build(kit, mqtt)
    mqtt.on_connected.append(plans.dispatch.send_again)
    vans = frozenset(name for name, gateway in settings.gateways.items() if gateway.role == "van")
    # A later follower may read what an earlier one wrote.
    ordered = [Fleet(vans, settings.zone), Proof(), Coolers(kit), Triggers(kit, vans), Reported(), *plans.followers]
    if settings.series == "sql":
        followers = [Followers(kit, [*ordered, SeriesFollower(series)])]
    else:  # a thread of its own: a server that answers late must not hold up what the screens show
        followers = [Followers(kit, ordered), Followers(kit, [SeriesFollower(series)], name="series")]
    ingest = Ingest(kit, mqtt, on_commit=[one.wake for one in followers])
    for each in followers:
        each.gives_way_to = lambda: ingest.is_pressed
    # Started in this order, stopped in the reverse: what is told comes before who tells. Dispatch comes before ingest.
    parts: list[Part] = [*followers, plans, ingest]
    ask = health.asker(kit, mqtt=mqtt, ingest=ingest, followers=followers, dispatch=plans.health)
    routers: list[APIRouter] = [
        health.router(ask),
        events.router(kit),
        gateways.router(kit),
        vans_api.router(kit, series),
        coolers_api.router(kit, series),
        live_api.router(kit),
        rejects.router(kit),
        *plans.routers,
    ]

    def is_alive() -> bool:
        with kit.store.read() as session:
            session.execute(select(1))
        return ingest.alive and all(one.alive for one in followers)

    measured = metrics.router(kit, health=ask, gateways=lambda: gateways.all_gateways(kit))
    lifespan = _lifespan(kit, parts, is_alive)
    return Hub(kit=kit, parts=parts, web=_web(kit, lifespan, routers, [*plans.root_routers, measured]))


def open_kit(settings: Settings, *, clock: Clock | None = None) -> Kit:
    """The hub's shared things; the record is brought up to date. Raises `HubError`."""
    kit = Kit(
        settings=settings,
        clock=clock or open_clock(settings.clock_page),
        store=Store(settings.database_url),
        live=Live(),
    )
    kit.store.open()
    return kit


def open_series(kit: Kit) -> Series:
    """The series of the settings."""
    if kit.settings.series == "sql":
        return SqlSeries(kit.store)
    from hub_backend.projections.influx import InfluxSeries  # its client takes 15 MB, and few hubs have that server

    return InfluxSeries(kit.settings)


def _web(kit: Kit, lifespan: Lifespan, routers: Sequence[APIRouter], root_routers: Sequence[APIRouter]) -> FastAPI:
    # FastAPI's own documentation pages fetch their scripts from a stranger: left out. The schema is at /openapi.json.
    web = FastAPI(title="buurtrit hub", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    for router in routers:
        web.include_router(router, prefix="/api")
    for router in root_routers:
        web.include_router(router)
    web.mount("/", Pages(kit.settings.pages_dir))
    web.add_exception_handler(OperationalError, _record_is_away)
    refusals.install(web)
    web.add_middleware(SameOrigin)
    paths = [*_paths("/api", routers), *_paths("", root_routers)]
    web.add_middleware(CountRefused, refused=kit.refused, paths=paths, now_s=kit.clock.now_s)
    return web


def _paths(prefix: str, routers: Sequence[APIRouter]) -> list[str]:
    return [prefix + route.path for router in routers for route in router.routes if isinstance(route, APIRoute)]


def _record_is_away(_request: Request, error: Exception) -> Response:
    """Who asked is told that the record is full, locked or gone, and may ask again."""
    reason = error.orig if isinstance(error, OperationalError) else error
    log.error("record_away error=%s", reason)
    return JSONResponse({"detail": f"the record: {reason}"}, status_code=503)


def _lifespan(kit: Kit, parts: Sequence[Part], is_alive: Callable[[], bool]) -> Lifespan:
    @asynccontextmanager
    async def run(_web: FastAPI) -> AsyncGenerator[None]:
        for part in parts:
            part.start()
        telling = asyncio.create_task(service.keep_telling(is_alive))
        try:
            yield
        finally:
            service.tell(service.STOPPING)
            telling.cancel()
            kit.live.close()
            for part in reversed(parts):
                part.stop()
            kit.store.close()

    return run
