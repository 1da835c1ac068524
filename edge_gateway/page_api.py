"""The page's API and the page itself, over HTTP on the van's own network.

A 2xx on a POST means that the outbox has it on disk; anything else means: keep it and try again, or show it.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from edge_gateway import metrics
from edge_gateway.contract import service
from edge_gateway.contract.messages import Reader
from edge_gateway.errors import OutboxError, fault_of
from edge_gateway.intake import HeardCode, Intake
from edge_gateway.metrics import Metrics
from edge_gateway.outbox import Outbox
from edge_gateway.page_messages import (
    Health,
    PageRecord,
    Problem,
    RecordsAnswer,
    RefusedRecord,
    ScanRequest,
)
from edge_gateway.rejects import Rejects
from edge_gateway.settings import Settings
from edge_gateway.state import State, pending_of
from edge_gateway.timekeeping import Timekeeper

log = logging.getLogger(__name__)

LARGEST_BODY = 256_000
HEARTBEAT_S = 15.0
TOGETHER_S = 0.1
"""Changes within this time go to a page in one message."""
SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_decode_record = Reader[PageRecord](PageRecord).decode
_decode_records = Reader[list[msgspec.Raw]](list[msgspec.Raw]).decode
_decode_scan = Reader[ScanRequest](ScanRequest).decode


class PageApi:
    """The handlers; `app()` is what uvicorn serves."""

    def __init__(
        self,
        settings: Settings,
        *,
        outbox: Outbox,
        intake: Intake,
        state: State,
        rejects: Rejects,
        time: Timekeeper,
        resent: Callable[[], int],
        stopping: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._intake = intake
        self._state = state
        self._rejects = rejects
        self._time = time
        self._stopping = stopping
        self._metrics = Metrics(health=self._health, rejects=rejects.shown, resent=resent)

    def app(self) -> Starlette:
        page = Path(self._settings.page_dir) if self._settings.page_dir else Path(__file__).parent / "page"
        return Starlette(
            routes=[
                Route("/api/health", self.health),
                Route("/metrics", self.metrics),
                Route("/api/state", self.state),
                Route("/api/live", self.live),
                Route("/api/records", self.records, methods=["POST"]),
                Route("/api/scans", self.scans, methods=["POST"]),
                Mount("/", _Page(page)),
            ],
            exception_handlers={HTTPException: _refuse},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        telling = asyncio.create_task(service.keep_telling(self._is_healthy))
        try:
            yield
        finally:
            service.tell(service.STOPPING)
            telling.cancel()

    def _is_healthy(self) -> bool:
        return self._health().status == "ok"  # waits for the outbox: one that hangs keeps the watchdog waiting

    # ------------------------------------------------------------ reading

    async def health(self, _request: Request) -> Response:
        return _json(await run_in_threadpool(self._health))  # the outbox may be busy with a slow card

    async def metrics(self, _request: Request) -> Response:
        return Response(await run_in_threadpool(self._metrics.text), media_type=metrics.CONTENT_TYPE)

    def _health(self) -> Health:
        depth, nodes = self._outbox.depth, self._state.nodes.values()
        return Health(
            status="stopping" if self._stopping() else "ok",
            gateway=self._settings.gateway,
            outbox=pending_of(depth),
            hub_connected=self._state.hub_connected,
            plan_revision=self._state.plan_revision,
            rss_mb=resident_mb(),
            now_s=self._time.now_s(),
            nodes={node.source: node.online for node in nodes},
            missing={node.source: node.missing for node in nodes},
            rejects=self._rejects.total,
            boot=self._outbox.boot,
            last_visit_s=self._state.last_visit_s,
        )

    async def state(self, _request: Request) -> Response:
        return _json(await run_in_threadpool(self._state.snapshot))

    async def live(self, _request: Request) -> Response:
        return StreamingResponse(
            self._changes(), media_type="text/event-stream", headers={"Cache-Control": "no-store", **SAFE_HEADERS}
        )

    async def _changes(self) -> AsyncIterator[bytes]:
        """The whole state at once and after every change; at least every 15 s, since times grow old by themselves."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        end = self._state.watch(wake)
        try:
            while not self._stopping():
                changed.clear()
                snapshot = await run_in_threadpool(self._state.snapshot)
                yield b"id: %d\nevent: state\ndata: %s\n\n" % (snapshot.version, msgspec.json.encode(snapshot))
                await asyncio.sleep(TOGETHER_S)
                waited_s = 0.0
                while not changed.is_set() and waited_s < HEARTBEAT_S and not self._stopping():
                    try:
                        await asyncio.wait_for(changed.wait(), 0.5)
                    except TimeoutError:
                        waited_s += 0.5
        finally:
            end()

    # ------------------------------------------------------------ writing

    async def records(self, request: Request) -> Response:
        """Each record by itself: one that is refused does not hold up the others."""
        body = await self._body(request)
        try:
            entries = _decode_records(body)
        except msgspec.MsgspecError as error:
            return self._problem(error)
        stored: list[str] = []
        refused: list[RefusedRecord] = []
        for entry in entries:
            try:
                record = _decode_record(entry)
            except msgspec.MsgspecError as error:
                problem = self._count(error)
                refused.append(RefusedRecord(id=_id_of(entry), field=problem.field, reason=problem.reason))
                continue
            try:
                refusal = await run_in_threadpool(self._intake.record, record)
            except OutboxError as error:
                # what was stored before is safe; the page sends all again, and that counts once
                log.error("event=record_not_kept error=%r", str(error))
                return _json(Problem(field="outbox", reason=str(error)), status=503)
            if refusal is None:
                stored.append(record.id)
            else:
                refused.append(refusal)
        return _json(RecordsAnswer(stored=tuple(stored), refused=tuple(refused)))

    async def scans(self, request: Request) -> Response:
        body = await self._body(request)
        try:
            asked = _decode_scan(body)
        except msgspec.MsgspecError as error:
            return self._problem(error)
        heard = HeardCode(
            raw=asked.code,
            symbology=asked.symbology,
            purpose=asked.purpose,
            t_s=self._time.now_s(),
            clock=self._time.quality,
            record=asked.id,
        )
        try:
            answer = await run_in_threadpool(self._intake.scan, heard)
        except OutboxError as error:
            log.error("event=scan_not_kept error=%r", str(error))
            return _json(Problem(field="outbox", reason=str(error)), status=503)
        return _json(answer)

    async def _body(self, request: Request) -> bytes:
        """Raises `HTTPException` for a body that is too large, or sent by another site's page."""
        origin = request.headers.get("origin")
        if origin is not None and origin.split("://", 1)[-1] != request.headers.get("host"):
            raise self._refusal(403, "another site's page may not write here")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise self._refusal(413, f"more than {LARGEST_BODY} bytes: send fewer records at a time")
        return bytes(body)

    def _refusal(self, status: int, reason: str) -> HTTPException:
        self._rejects.add(f"{self._settings.gateway} page", "request", reason)
        return HTTPException(status, reason)

    def _problem(self, error: msgspec.MsgspecError) -> Response:
        return _json(self._count(error), status=422)

    def _count(self, error: msgspec.MsgspecError) -> Problem:
        field, reason = fault_of(error)
        problem = Problem(field=field, reason=reason)
        self._rejects.add(f"{self._settings.gateway} page", problem.field, problem.reason)
        return problem


class _Page:
    """The built page; a clear answer where it was not built."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = StaticFiles(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if not (self._folder / "index.html").is_file():
            text = "The page is not in this installation: it is built into the wheel. The API is at /api/.\n"
            await PlainTextResponse(text, status_code=404)(scope, receive, send)
            return

        async def send_safely(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
            await send(message)

        await self._files(scope, receive, send_safely)


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json(Problem(field="request", reason=str(error.detail)), status=error.status_code)


def _json(value: object, *, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **SAFE_HEADERS},
    )


def _id_of(entry: msgspec.Raw) -> str:
    try:
        found = msgspec.json.decode(entry)
    except msgspec.DecodeError:
        return ""
    name = found.get("id") if isinstance(found, dict) else None
    return name[:40] if isinstance(name, str) else ""


def resident_mb() -> float | None:
    """This process's resident memory in MB (10^6 bytes) to one decimal; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
