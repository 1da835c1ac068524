"""GET /api/live: what changes, as server-sent events."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from hub_backend.kit import Kit

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def router(kit: Kit) -> APIRouter:
    routes = APIRouter(tags=["live"])

    @routes.get("/live", response_class=StreamingResponse)
    async def live(last_event_id: Annotated[str | None, Header()] = None) -> StreamingResponse:
        """Events van, plan, cooler, excursion, visit, order, reject, and `reset`: fetch everything anew."""
        return StreamingResponse(kit.live.stream(last_event_id), media_type="text/event-stream", headers=HEADERS)

    return routes
