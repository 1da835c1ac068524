"""The composition root: builds every part of the hub and the web application that serves it.

A part is something that runs beside the web server (`kit.Part`); a router is one module of `hub_backend.api`. Both are
listed here and nowhere else, in `build`.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI

from edge_gateway.contract.clock import Clock, open_clock
from hub_backend.kit import Kit, Part
from hub_backend.live import Live
from hub_backend.settings import Settings
from hub_backend.store import Store

VERSION = "0.1.0"


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
    kit = Kit(
        settings=settings,
        clock=clock or open_clock(settings.clock_page),
        store=Store(settings.database_url),
        live=Live(),
    )
    kit.store.open()
    parts: list[Part] = []
    routers: list[APIRouter] = []
    return Hub(kit=kit, parts=parts, web=_web(kit, parts, routers))


def _web(kit: Kit, parts: Sequence[Part], routers: Sequence[APIRouter]) -> FastAPI:
    web = FastAPI(title="buurtrit hub", version=VERSION, lifespan=_lifespan(kit, parts))
    for router in routers:
        web.include_router(router, prefix="/api")
    return web


def _lifespan(kit: Kit, parts: Sequence[Part]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(_web: FastAPI) -> AsyncGenerator[None]:
        for part in parts:
            part.start()
        try:
            yield
        finally:
            kit.live.close()
            for part in reversed(parts):
                part.stop()
            kit.store.close()

    return run
