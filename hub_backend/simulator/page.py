"""The concierge's page on a gateway, as its buttons use it: the state it shows, taps, and nothing else.

Only the fields that a person looks at are read; the page's API is described by the gateway (`python -m edge_gateway
schema`).
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

import httpx
import msgspec
from msgspec import Struct

from edge_gateway.contract.messages import (
    HubManifest,
    Outcome,
    PlannedStop,
    ScanPurpose,
    ScanResult,
    VanPlan,
)
from hub_backend.simulator.errors import DemoError

PATIENCE_S = 60.0  # machine: a gateway that starts anew is there again in a few seconds
TRY_AGAIN_S = 0.1


class ShownScan(Struct, frozen=True):
    """What the screen says after the last scan."""

    t_s: float
    code: str
    purpose: ScanPurpose
    result: ScanResult
    stop: str | None = None


class Pending(Struct, frozen=True):
    business: int
    telemetry: int


class ShownReject(Struct, frozen=True):
    """An input that the gateway refused, and how often."""

    origin: str
    field: str
    reason: str
    count: int


class ShownState(Struct, frozen=True):
    """What the page shows."""

    version: int
    now_s: float
    plan: VanPlan | HubManifest | None = None
    next_stop: str | None = None
    at_stop: str | None = None
    loaded: tuple[str, ...] = ()
    last_scan: ShownScan | None = None
    hub_connected: bool = False
    rejects: tuple[ShownReject, ...] = ()

    def stops(self) -> tuple[PlannedStop, ...]:
        """The stops that are still to be done, in the plan's order, from the one that is shown as next."""
        if not isinstance(self.plan, VanPlan) or self.next_stop is None:
            return ()
        names = [stop.stop for stop in self.plan.stops]
        first = names.index(self.next_stop) if self.next_stop in names else 0
        return tuple(stop for stop in self.plan.stops[first:] if not stop.done)


class ShownHealth(Struct, frozen=True):
    """How a gateway says it is."""

    outbox: Pending
    hub_connected: bool
    rss_mb: float
    plan_revision: int | None
    nodes: dict[str, bool]


class _Refused(Struct, frozen=True):
    id: str
    field: str
    reason: str


class _Answer(Struct, frozen=True):
    stored: tuple[str, ...] = ()
    refused: tuple[_Refused, ...] = ()


_state = msgspec.json.Decoder(ShownState).decode
_health = msgspec.json.Decoder(ShownHealth).decode
_answer = msgspec.json.Decoder(_Answer).decode


class Page:
    """One gateway's page, open in a browser that waits for its answers, and asks again while nobody is there."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._client = client
        self.base_url = base_url
        self._new_id = new_id

    async def state(self) -> ShownState:
        return _state(await self._get("/api/state"))

    async def health(self) -> ShownHealth:
        return _health(await self._get("/api/health"))

    async def tap_tour(self, phase: str, *, t_s: float, stop: str | None = None, extra_s: float | None = None) -> str:
        """Gives the id of the record that is now on the gateway's disk."""
        return await self._record({"kind": "tour", "phase": phase, "t_s": t_s, "stop": stop, "extra_s": extra_s})

    async def tap_visit(
        self,
        stop: str,
        outcome: Outcome,
        *,
        t_s: float,
        began_s: float,
        step: int | None,
        delivered: tuple[str, ...] = (),
        collected: tuple[str, ...] = (),
        chores_done: tuple[str, ...] = (),
    ) -> str:
        """Gives the id of the record that is now on the gateway's disk."""
        return await self._record(
            {
                "kind": "visit",
                "stop": stop,
                "outcome": outcome,
                "t_s": t_s,
                "began_s": began_s,
                "step": step,
                "delivered": delivered,
                "collected": collected,
                "chores_done": chores_done,
            }
        )

    async def _record(self, fields: Mapping[str, object]) -> str:
        record = str(self._new_id())
        body = msgspec.json.encode([{"id": record, **fields}])
        headers = {"content-type": "application/json"}
        answer = await self._patiently(
            "/api/records", lambda url: self._client.post(url, content=body, headers=headers)
        )
        if not answer.is_success:
            raise DemoError(f"{self.base_url}/api/records: {answer.status_code} {answer.text[:300]}")
        said = _answer(answer.content)
        if record not in said.stored:
            raise DemoError(f"{self.base_url}/api/records: refused {fields}: {said.refused}")
        return record

    async def _get(self, path: str) -> bytes:
        answer = await self._patiently(path, self._client.get)
        if not answer.is_success:
            raise DemoError(f"{self.base_url}{path}: {answer.status_code} {answer.text[:300]}")
        return answer.content

    async def _patiently(self, path: str, ask: Callable[[str], Awaitable[httpx.Response]]) -> httpx.Response:
        """Once more with the same id is harmless: that is what the id is for. Raises `DemoError`."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await ask(f"{self.base_url}{path}")
            except httpx.HTTPError as error:
                if time.monotonic() > until:
                    raise DemoError(f"{self.base_url}{path}: {error!r}") from error
                await asyncio.sleep(TRY_AGAIN_S)
