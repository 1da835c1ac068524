"""GET /api/rejects: what was set aside, which field and why; what of it is alike; and which requests were refused."""

import re
from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select

from hub_backend import shown
from hub_backend.kit import Kit
from hub_backend.record import RejectRow
from hub_backend.refused_requests import RefusedKind

KINDS = 500
"""So many are shown: as many as a gateway that tells nothing but faults has, and then some."""
NUMBERED = re.compile(r" event \d+\b| (?:business|telemetry) \d+$")
"""What tells one event from the next in an origin."""
COLUMNS = (
    *(RejectRow.origin, RejectRow.field, RejectRow.reason, RejectRow.count, RejectRow.received_s),
    RejectRow.payload.is_not(None).label("is_kept"),
)


class RejectKind(BaseModel):
    """All that was set aside of one origin for one reason: `count` in all, of which `kept` lie in the record as sent.

    `gateway`: the one that it came from, None when it is none of ours or the hub itself. `t_s`: the newest (UTC s).
    """

    gateway: str | None
    origin: str
    field: str
    reason: str
    count: int
    kept: int
    t_s: float


def router(kit: Kit) -> APIRouter:
    routes = APIRouter(tags=["rejects"])

    @routes.get("/rejects")
    def rejects(after_id: int = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[shown.Reject]:
        """The newest first. The payloads stay in the record: they may be personal."""
        wanted = select(RejectRow).where(RejectRow.id > after_id).order_by(RejectRow.id.desc()).limit(limit)
        with kit.store.read() as session:
            return [shown.reject(row) for row in session.scalars(wanted)]

    @routes.get("/rejects/kinds")
    def kinds() -> list[RejectKind]:
        """What was set aside, what is alike together, the newest first."""
        return reject_kinds(kit)

    @routes.get("/rejects/requests")
    def requests() -> list[RefusedKind]:
        """What was refused over HTTP since the hub's start, the newest first."""
        return kit.refused.shown()

    return routes


def reject_kinds(kit: Kit) -> list[RejectKind]:
    """Of every row, and there are no more than `rejects.ROWS`."""
    found: dict[tuple[str, str, str], RejectKind] = {}
    with kit.store.read() as session:
        for origin, field, reason, count, t_s, is_kept in session.execute(select(*COLUMNS)):
            key = (NUMBERED.sub("", origin), field, reason)
            kind = found.get(key)
            if kind is None:
                gateway = _gateway_in(origin, kit.settings.gateways)
                kind = found[key] = RejectKind(
                    gateway=gateway, origin=key[0], field=field, reason=reason, count=0, kept=0, t_s=t_s
                )
            kind.count += count
            kind.kept += is_kept
            kind.t_s = max(kind.t_s, t_s)
    return sorted(found.values(), key=lambda kind: kind.t_s, reverse=True)[:KINDS]


def _gateway_in(origin: str, gateways: Collection[str]) -> str | None:
    """An origin is a topic, or a part and a source: each names its gateway between blanks and slashes."""
    return next((word for word in re.split(r"[ /]", origin) if word in gateways), None)
