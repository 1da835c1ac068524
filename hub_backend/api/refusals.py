"""What cannot be meant is refused in the same words everywhere: which field, and why, all faults at once.

FastAPI's own answer repeats the input, and fails itself where that is NaN or half a character. And a body is read whole
before it is looked at, so one that is too large is refused before that.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_backend.ordering.words import place

MOST_BYTES = 4 * 1024 * 1024
"""Of a request: five thousand orders, the most that are taken at once, are about half of it."""

TOO_LARGE = f"body: larger than {MOST_BYTES} bytes; send the records in parts"


class BodyLimit:
    """Refuses a body beyond `MOST_BYTES` with 413, by its announced length or once it has grown so large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > MOST_BYTES:
            await JSONResponse({"detail": TOO_LARGE}, 413)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(413, TOO_LARGE)  # whoever reads the body lets this one through
            return message

        await self._app(scope, counted, send)


def install(web: FastAPI) -> None:
    """Give `web` these refusals."""
    web.add_exception_handler(RequestValidationError, _cannot_be_meant)
    web.add_middleware(BodyLimit)


async def _cannot_be_meant(_request: Request, error: Exception) -> JSONResponse:
    faults: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    told = [
        {"type": fault["type"], "loc": [place([part]) for part in fault["loc"]], "msg": fault["msg"]}
        for fault in faults
    ]
    return JSONResponse({"detail": told}, 422)
