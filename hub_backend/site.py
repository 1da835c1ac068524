"""The hub's built pages, as files: `/` planner, `/coolers`, `/figures`, `/equipment`, and what they need.

Nothing from elsewhere.
"""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGES = {".": "index.html", "coolers": "coolers.html", "figures": "figures.html", "equipment": "equipment.html"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self'; "
        "connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
FOR_EVER = "public, max-age=31536000, immutable"  # names in assets/ carry a hash of what they hold
ABSENT = "The pages are not in this installation: they are built into the wheel. The API is at /api/.\n"


class Pages(StaticFiles):
    """Files of one folder; a clear answer where the pages were not built."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder = folder

    async def check_config(self) -> None:
        """The folder may be absent: `get_response` says so."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not (self._folder / "index.html").is_file():
            return PlainTextResponse(ABSENT, status_code=404)
        try:
            response = await super().get_response(PAGES.get(path, path), scope)
        except HTTPException as error:
            return PlainTextResponse(f"no such page: /{path}\n", status_code=error.status_code)
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers["Cache-Control"] = FOR_EVER if path.startswith("assets/") else "no-cache"
        return response
