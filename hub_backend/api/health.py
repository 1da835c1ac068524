"""GET /api/health: whether everything runs and keeps up."""

from collections.abc import Callable, Sequence
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import func, select

from hub_backend.intake.ingest import Ingest
from hub_backend.kit import Kit
from hub_backend.memory import resident_mb
from hub_backend.mqtt import Mqtt
from hub_backend.projections.followers import Followers, newest_event
from hub_backend.record import RejectRow

REJECTED = select(func.sum(RejectRow.count))


class DispatchHealth(BaseModel):
    """How dispatch stands: `failure` says in Dutch why the last plan was not made, empty when it was.

    `alive`: its thread runs. `restarts`: how often the router's process was lost.
    """

    alive: bool = True
    waiting_triggers: int = 0
    solving: bool = False
    failure: str = ""
    failure_en: str = ""
    restarts: int = 0


class Health(BaseModel):
    """`status` degraded: no broker, or a thread has ended. `ingest_idle_s`: machine time without anything new."""

    status: Literal["ok", "degraded"]
    now_s: float
    broker_connected: bool
    events: int
    rejected: int
    followers: dict[str, int]
    ingest_idle_s: float
    dispatch: DispatchHealth
    live_listeners: int
    rss_mb: float | None


def router(ask: Callable[[], Health]) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get("/health")
    def health() -> Health:
        """How the hub stands now."""
        return ask()

    return routes


def asker(
    kit: Kit, *, mqtt: Mqtt, ingest: Ingest, followers: Sequence[Followers], dispatch: Callable[[], DispatchHealth]
) -> Callable[[], Health]:
    """What asks all of these how they are."""

    def ask() -> Health:
        newest_id = newest_event(kit)
        with kit.store.read() as session:
            rejected = session.scalar(REJECTED) or 0
        planning = dispatch()
        threads = [ingest.alive, planning.alive, *(one.alive for one in followers)]
        return Health(
            status="ok" if mqtt.connected and all(threads) else "degraded",
            now_s=kit.clock.now_s(),
            broker_connected=mqtt.connected,
            events=newest_id,
            rejected=rejected,
            followers={name: count for one in followers for name, count in one.behind(newest_id).items()},
            ingest_idle_s=round(ingest.idle_s, 3),
            dispatch=planning,
            live_listeners=kit.live.listeners,
            rss_mb=resident_mb(),
        )

    return ask
