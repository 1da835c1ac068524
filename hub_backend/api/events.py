"""GET /api/events: the record's events as they came, in order of their id."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select

from hub_backend.kit import Kit
from hub_backend.record import EventRow

MOST = 5000


class Event(BaseModel):
    """One event; `event` is its JSON as the gateway sent it."""

    id: int
    gateway: str
    source: str
    boot: int
    seq: int
    kind: str
    t_s: float
    received_s: float
    event: dict[str, Any]


def router(kit: Kit) -> APIRouter:
    routes = APIRouter(tags=["events"])

    @routes.get("/events")
    def events(
        after_id: int = 0,
        kind: Annotated[list[str] | None, Query(description="one or more kinds; all when absent")] = None,
        source: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 1000,
    ) -> list[Event]:
        """The events after `after_id`, at most `limit`: ask again with the last id for the next ones."""
        wanted = select(EventRow).where(EventRow.id > after_id).order_by(EventRow.id).limit(limit)
        if kind:
            wanted = wanted.where(EventRow.kind.in_(kind))
        if source is not None:
            wanted = wanted.where(EventRow.source == source)
        with kit.store.read() as session:
            rows = session.scalars(wanted).all()
        return [
            Event(
                id=row.id,
                gateway=row.gateway,
                source=row.source,
                boot=row.boot,
                seq=row.seq,
                kind=row.kind,
                t_s=row.t_s,
                received_s=row.received_s,
                event=msgspec.json.decode(row.body),
            )
            for row in rows
        ]

    return routes
