"""The hub's API as suppliers, planners and hub staff use it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypeVar

import httpx
import msgspec
from msgspec import Struct

from edge_gateway.contract.messages import AnyEvent
from hub_backend.simulator.errors import DemoError

T = TypeVar("T")
PAGE_EVENTS = 2000
PATIENCE_S = 60.0  # machine: a hub that starts anew is there again in some seconds
TRY_AGAIN_S = 0.1


class Dispatch(Struct, frozen=True):
    waiting_triggers: int = 0
    solving: bool = False


class HubHealth(Struct, frozen=True):
    """How the hub says it is; `followers` are events behind by name."""

    now_s: float
    events: int
    rejected: int
    followers: dict[str, int]
    rss_mb: float
    dispatch: Dispatch = Dispatch()
    ingest_idle_s: float | None = None


class Parcel(Struct, frozen=True):
    code: str
    direction: str
    temp_class: str


class AcceptedOrder(Struct, frozen=True):
    index: int
    id: str
    stop: str
    parcels: tuple[Parcel, ...]


class RefusedOrder(Struct, frozen=True):
    index: int
    field: str
    reason: str


class OrdersAnswer(Struct, frozen=True):
    accepted: tuple[AcceptedOrder, ...] = ()
    rejected: tuple[RefusedOrder, ...] = ()


class RecordedEvent(Struct, frozen=True):
    """An event of the record; `event` as it came over the wire, `received_s` when (world)."""

    id: int
    gateway: str
    event: AnyEvent
    received_s: float = 0.0


class SetAside(Struct, frozen=True):
    """Something that the hub refused, with the field and the reason."""

    origin: str
    field: str
    reason: str
    count: int = 1


class Excursion(Struct, frozen=True):
    id: str
    source: str
    rule: str
    began_s: float
    opened_s: float
    recovered_s: float | None = None
    closed_s: float | None = None
    closed_by: str = ""


class HubApi:
    """One client of the hub. It asks again while nobody answers.

    What it writes it writes once: who kills the hub holds `door` meanwhile, so that it is always known what was said.
    """

    def __init__(self, client: httpx.AsyncClient, base_url: str) -> None:
        self._client = client
        self.base_url = base_url
        self.door = asyncio.Lock()

    async def health(self) -> HubHealth:
        return await self.get("/api/health", HubHealth)

    async def put_directory(self, records: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
        """Raises `DemoError` when the hub refuses any of them."""
        answer = await self._post("/api/directory", records)
        rejected = msgspec.json.decode(answer.content, type=dict[str, object]).get("rejected")
        if rejected:
            raise DemoError(f"{self.base_url}/api/directory: refused {rejected}")

    async def order(self, orders: Sequence[Mapping[str, object]]) -> OrdersAnswer:
        answer = await self._post("/api/orders", {"orders": orders}, allowed=(422,))
        return msgspec.json.decode(answer.content, type=OrdersAnswer)

    async def cancel(self, order: str) -> None:
        await self._post(f"/api/orders/{order}/cancel", {})

    async def plan(self, day: str) -> None:
        """Ask for a plan, for no reason of anybody's own."""
        await self._post(f"/api/days/{day}/plan", {})

    async def set_service(self, van: str, *, in_service: bool, reason: str) -> None:
        await self._post(f"/api/vans/{van}/service", {"in_service": in_service, "reason": reason})

    async def put_shipment(self, shipment: Mapping[str, object]) -> None:
        await self._post("/api/shipments", shipment)

    async def excursions(self) -> tuple[Excursion, ...]:
        return await self.get("/api/excursions", tuple[Excursion, ...])

    async def close_excursion(self, excursion: str, *, by: str, comment: str, disposition: str) -> None:
        body = {"by": by, "comment": comment, "disposition": disposition}
        await self._post(f"/api/excursions/{excursion}/close", body)

    async def rejects(self) -> tuple[SetAside, ...]:
        """The newest thousand."""
        return await self.get("/api/rejects?limit=1000", tuple[SetAside, ...])

    async def events(self) -> AsyncIterator[RecordedEvent]:
        """Everything in the record, in its order."""
        after = 0
        while True:
            page = await self.get(f"/api/events?after_id={after}&limit={PAGE_EVENTS}", tuple[RecordedEvent, ...])
            for event in page:
                yield event
            if not page:
                return
            after = page[-1].id

    async def get(self, path: str, kind: type[T]) -> T:
        """Raises `DemoError` when the hub does not answer, or not as agreed."""
        answer = await self._ask(path)
        if not answer.is_success:
            raise DemoError(f"{self.base_url}{path}: {answer.status_code} {answer.text[:300]}")
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise DemoError(f"{self.base_url}{path}: not as agreed: {error}") from error

    async def _ask(self, path: str) -> httpx.Response:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self._client.get(f"{self.base_url}{path}")
            except httpx.HTTPError as error:
                if time.monotonic() > until:
                    raise DemoError(f"{self.base_url}{path}: {error!r}") from error
                await asyncio.sleep(TRY_AGAIN_S)

    async def _post(self, path: str, body: Mapping[str, object], *, allowed: Sequence[int] = ()) -> httpx.Response:
        try:
            async with self.door:
                answer = await self._client.post(
                    f"{self.base_url}{path}",
                    content=msgspec.json.encode(body),
                    headers={"content-type": "application/json"},
                )
        except httpx.HTTPError as error:
            raise DemoError(f"{self.base_url}{path}: {error!r}") from error
        if not answer.is_success and answer.status_code not in allowed:
            raise DemoError(f"{self.base_url}{path}: {answer.status_code} {answer.text[:300]}")
        return answer
