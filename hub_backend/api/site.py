"""The screens' own files: `/` the planner's, `/coolers`, `/figures`, as the front end was built into the package."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, Response

from hub_backend.kit import Kit

TYPES = {  # not left to the machine's own table: a module script of another type is not run
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
FOR_EVER = "public, max-age=31536000, immutable"  # the name of an asset holds its hash


def router(kit: Kit) -> APIRouter:
    """The last router: it answers whatever no other does."""
    routes = APIRouter(include_in_schema=False)
    folder = kit.settings.pages_dir.resolve()

    @routes.get("/{path:path}")
    def page(path: str) -> Response:
        if path.startswith("api/"):
            return PlainTextResponse(f"no such thing: /{path}", 404)
        if not (folder / "index.html").is_file():
            return PlainTextResponse(f"the pages are not built: {folder} has no index.html; `make demo` builds them", 503)
        file = _file(folder, path)
        if file is None:
            return PlainTextResponse(f"no such page: /{path}", 404)
        headers = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": FOR_EVER if path.startswith("assets/") else "no-cache",
        }
        return FileResponse(file, media_type=TYPES.get(file.suffix), headers=headers)

    return routes


def _file(folder: Path, path: str) -> Path | None:
    """The file of a path: itself, or with .html; never one outside the folder."""
    for name in (path or "index.html", f"{path}.html"):
        file = (folder / name).resolve()
        if file.is_relative_to(folder) and file.is_file():
            return file
    return None
