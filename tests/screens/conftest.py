"""A real Chromium on the built pages. Skipped, with the reason, where there is none."""

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest

import hatch_build
from tests.conftest import ROOT

if TYPE_CHECKING:  # who asks for no browser does not wait for all of this
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.screens.running_day import RunningDay
    from tests.screens.served import GatewayProcess

HEADLESS = "chromium-headless-shell"
"""Chromium without the windows that nobody sees: the same pages for little more than half of the processor's time."""
CHROMIUM = Path(os.environ.get("CHROMIUM") or which(HEADLESS) or which("chromium") or f"/usr/bin/{HEADLESS}")
FLAGS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    # A card is played by the processor. Only the map needs one: all else drawn on it, too, makes a page twice as dear.
    *("--disable-gpu-compositing", "--disable-gpu-rasterization"),
)
TABLET = {"width": 1280, "height": 800}
SLOW_MACHINE_MS = 30_000  # what is expected comes at once, but not where four processes share each core


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """For pytest-playwright: the system's Chromium, drawing WebGL in software."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it, or name one in CHROMIUM")
    return {"executable_path": str(CHROMIUM), "args": list(FLAGS)}


@pytest.fixture(scope="session")
def patience() -> None:
    """How long a browser's test waits for what it expects."""
    from playwright.sync_api import expect

    expect.set_options(timeout=SLOW_MACHINE_MS)


@pytest.fixture(scope="session")
def browser_context_args(patience: None) -> dict[str, object]:
    return {"viewport": TABLET, "locale": "nl-NL", "timezone_id": "Europe/Amsterdam"}


@pytest.fixture(scope="session")
def pages() -> None:
    """The pages as they would be in a wheel of these sources."""
    hatch_build.build(ROOT, hatch_build.stale(ROOT))


@dataclass
class Seen:
    """What a page complained of, and whom it asked for something."""

    complaints: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)

    def watch(self, page: "Page") -> None:
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.context.on("request", lambda request: self.origins.add("/".join(request.url.split("/")[:3])))

    def _heard(self, kind: str, text: str) -> None:
        of_the_card = "GL Driver Message" in text  # that it is slow, for the processor plays it
        if kind in ("error", "warning") and not of_the_card:
            self.complaints.append(text)


@pytest.fixture
def seen(page: "Page") -> Seen:
    watcher = Seen()
    watcher.watch(page)
    return watcher


@pytest.fixture(scope="session")
def map_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated neighbourhood, imported as any map is."""
    from routing import atlas, neighbourhood

    folder = tmp_path_factory.mktemp("map")
    neighbourhood.make(1, folder / "made.osm.pbf")
    atlas.import_map(folder / "made.osm.pbf", "made", folder)
    return folder / "made"


@pytest.fixture(scope="session")
def day(pages: None, map_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> "Generator[RunningDay]":
    """The day of this session: who uses up something of it takes a thing of its own."""
    from tests.screens.running_day import RunningDay

    day = RunningDay(tmp_path_factory.mktemp("day"), map_dir).open()
    yield day
    day.close()


@pytest.fixture
def van(day: "RunningDay") -> "Generator[GatewayProcess]":
    """Van 1 before somebody's door, for this test alone, out of reach of the hub."""
    with day.alone("van-1") as gateway:
        gateway.come_to_a_door()
        yield gateway


@pytest.fixture
def bare_page(browser: "Browser", browser_context_args: dict[str, object]) -> "Generator[Page]":
    """A page without its service worker, for who changes requests on their way.

    What a worker lets through cannot be caught as the page's own, and it takes a page over at a moment of its own.
    """
    context = browser.new_context(service_workers="block", **browser_context_args)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.fixture
def tablet(browser: "Browser", browser_context_args: dict[str, object]) -> "Generator[Callable[[], BrowserContext]]":
    """Makes tablets: browser contexts with a storage of their own."""
    contexts: list[BrowserContext] = []

    def make() -> "BrowserContext":
        contexts.append(browser.new_context(**browser_context_args))  # type: ignore[arg-type]
        return contexts[-1]

    yield make
    for context in contexts:
        context.close()
