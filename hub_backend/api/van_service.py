"""Vans over HTTP, as the planner orders them about: out of service, and back."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from hub_backend import shown
from hub_backend.dispatching.dispatch import Dispatch
from hub_backend.kit import Kit
from hub_backend.ordering.words import Text
from hub_backend.record import VanRow
from hub_backend.spoken import said, sentence, van_called
from hub_backend.trigger import ask


class ServiceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    in_service: bool
    reason: Text = Field("", max_length=200)


class VanService(BaseModel):
    van: str
    in_service: bool
    out_reason: str


def router(kit: Kit, dispatch: Dispatch) -> APIRouter:
    """The routes of this module."""
    routes = APIRouter(tags=["planning"])

    @routes.post("/vans/{van_id}/service")
    def set_service(van_id: str, request: ServiceIn) -> VanService:
        """Put a van out of service or back; its open stops go to others."""
        with kit.store.write() as session:
            van = session.get(VanRow, van_id)
            if van is None:
                raise HTTPException(404, f"van: unknown van {van_id!r}")
            if van.in_service != request.in_service:
                van.in_service = request.in_service
                kind = "van_back" if request.in_service else "van_out"
                why = f": {request.reason}" if request.reason else ""
                words = sentence(said(kind, van=van_called(van_id), why=why))
                ask(session, kind=kind, t_s=kit.clock.now_s(), subject=van_id, words=words)
            van.out_reason = "" if request.in_service else request.reason
            answer = VanService(van=van.id, in_service=van.in_service, out_reason=van.out_reason)
        dispatch.wake()
        shown.tell(kit, [("van", van_id)])
        return answer

    return routes
