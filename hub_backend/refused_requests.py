"""Requests that the hub refused, counted by place and kind: for /metrics, and for the page of what is technical.

In: every answer of the web application from 400 on (but for who only looks for what is not there), and records that
were refused within a request whose others were taken. Out: a count for each place and kind, since the hub's start, with
the newest field and reason. Place and kind are from lists that the hub itself makes (its routes, `KINDS`), so that no
client can make them grow.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS: Mapping[int, str] = {
    400: "malformed",
    403: "other_site",
    404: "unknown",
    405: "method",
    409: "too_late",
    413: "too_large",
    422: "not_valid",
    500: "fault",
    503: "away",
}
OTHER = "other"
OF_A_RECORD = "record"
"""The kind of a record that was refused by itself."""
WORDS = 80
READ_BYTES = 16_384
"""Of an answer: the first of its faults is in it."""


@dataclass(frozen=True, kw_only=True)
class RefusedKind:
    """How often `place` (a route, or "other" for the pages) refused something of this `kind` since the hub's start.

    `field`, `reason` and `t_s` (UTC s) are of the newest; a reason ends where it repeats what was sent.
    """

    place: str
    kind: str
    count: int
    field: str
    reason: str
    t_s: float


class RefusedRequests:
    """The counts; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str], RefusedKind] = {}

    def add(self, place: str, kind: str, *, field: str = "", reason: str = "", t_s: float) -> None:
        """One more."""
        one = RefusedKind(place=place, kind=kind, count=1, field=field[:WORDS], reason=_own_words(reason), t_s=t_s)
        with self._lock:
            held = self._kinds.get((place, kind))
            self._kinds[place, kind] = one if held is None else replace(one, count=held.count + 1)

    def shown(self) -> list[RefusedKind]:
        """The newest first."""
        with self._lock:
            return sorted(self._kinds.values(), key=lambda one: one.t_s, reverse=True)


class CountRefused:
    """Counts what the application answers with 400 or more. `paths` are its routes, as templates."""

    def __init__(
        self, app: ASGIApp, *, refused: RefusedRequests, paths: Iterable[str], now_s: Callable[[], float]
    ) -> None:
        self._app = app
        self._refused = refused
        self._places = [(compile_path(path)[0], path) for path in dict.fromkeys(paths)]
        self._now_s = now_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start" and _is_refusal(scope["method"], message["status"]):
                status = message["status"]
            elif status:
                self._count(scope["path"], status, message.get("body", b""))
                status = 0
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            self._count(scope["path"], 500, b"")
            raise

    def _count(self, path: str, status: int, body: bytes) -> None:
        place = next((template for pattern, template in self._places if pattern.match(path)), OTHER)
        field, reason = _first_fault(body)
        self._refused.add(place, KINDS.get(status, OTHER), field=field, reason=reason, t_s=self._now_s())


def _is_refusal(method: str, status: int) -> bool:
    return status >= 400 and not (status == 404 and method in ("GET", "HEAD"))


def _first_fault(body: bytes) -> tuple[str, str]:
    """Field and reason of an answer in one of the hub's own forms; nothing of any other."""
    try:
        said = json.loads(body) if len(body) <= READ_BYTES else None
    except ValueError:
        return "", ""
    if not isinstance(said, dict):
        return "", ""
    found = said.get("rejected") or said.get("detail")
    match found[0] if isinstance(found, list) and found else found:
        case {"field": str(field), "reason": str(reason)}:
            return field, reason
        case {"loc": [_, *place], "msg": str(reason)}:
            return ".".join(map(str, place)), reason
        case str(words):
            named = re.match(r"(\w+): (.*)", words, flags=re.DOTALL)
            return (named[1], named[2]) if named else ("", words)
    return "", ""


def _own_words(reason: str) -> str:
    """Up to where it repeats what was sent: that may be an address."""
    return re.split(r": |'", reason, maxsplit=1)[0].strip()[:WORDS]
