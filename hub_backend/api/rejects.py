"""GET /api/rejects: what was set aside, which field and why."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from hub_backend import shown
from hub_backend.kit import Kit
from hub_backend.record import RejectRow


def router(kit: Kit) -> APIRouter:
    routes = APIRouter(tags=["rejects"])

    @routes.get("/rejects")
    def rejects(after_id: int = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[shown.Reject]:
        """The newest first. The payloads stay in the record: they may be personal."""
        wanted = select(RejectRow).where(RejectRow.id > after_id).order_by(RejectRow.id.desc()).limit(limit)
        with kit.store.read() as session:
            return [shown.reject(row) for row in session.scalars(wanted)]

    return routes
