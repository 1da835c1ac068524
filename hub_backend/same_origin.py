"""Another site's page may not write here, though the planner's browser, which knows us, would send it.

A request without a body, such as the one that cancels an order, needs no leave for that. Who is no browser says nothing
of where a request comes from, and is let through: what it may do is for the proxy before us to know.
"""

import logging

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

READING = {"GET", "HEAD", "OPTIONS"}
REFUSAL = "request: another site's page may not write here"


class SameOrigin:
    """Refuses with 403 what another site's page would have done."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING and _is_anothers(Headers(scope=scope)):
            log.warning("request_of_another_site path=%s", scope["path"])
            await JSONResponse({"detail": REFUSAL}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_anothers(headers: Headers) -> bool:
    """By what the browser says itself, which no proxy changes; an older one, or one without TLS, names the origin."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] != headers.get("host")
