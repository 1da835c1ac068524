"""What every test may use."""

import gc
import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# What is imported stays, and a collector that walks through all of it again and again is a seventh of the unit tests.
gc.set_threshold(20_000, 50, 50)

# How many examples a property gets unless it says so itself: always the same in `make quick` and in CI, many and new
# ones in `make properties`. No deadline: how long an example takes hangs on what else the machine does.
settings.register_profile("quick", max_examples=5, deadline=None, derandomize=True)
settings.register_profile("usual", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("usual")

ROOT = Path(__file__).resolve().parent.parent


NOTHING_BUT_LEFT_OUT = re.compile(r"not \w+(?: and not \w+)*")
OF_THE_WHOLE_FILE = re.compile(r"^pytestmark = .*$", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that says that all of it is of a kind that `-m` leaves out is not read: its imports are the dearest."""
    asked = config.option.markexpr
    if collection_path.suffix != ".py" or not NOTHING_BUT_LEFT_OUT.fullmatch(asked):
        return None
    kinds = OF_THE_WHOLE_FILE.search(collection_path.read_text())
    left_out = re.findall(r"not (\w+)", asked)
    return True if kinds and any(f"pytest.mark.{kind}" in kinds[0] for kind in left_out) else None


def pytest_collection_finish() -> None:
    """What is there before the first test is never garbage."""
    gc.freeze()


# A test that asks for one of these puts a hub with its database together, or imports a map.
WHOLE = frozenset({"fresh_record", "map_dir", "new_database", "village", "world"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks as `whole` by what a test is built on, so that none can be forgotten."""
    for item in items:
        if isinstance(item, pytest.Function) and WHOLE.intersection(item.fixturenames):
            item.add_marker(pytest.mark.whole)
    if hasattr(
        config, "workerinput"
    ):  # in lanes the longest begin first, or the last of them runs when all else is done
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


EACH_FOR_ITSELF = ("tests/test_whole_loop.py", "tests/simulator/test_demo.py", "tests/security/test_rotation.py")
"""Files with long tests that share nothing: each of those may go to another lane."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadScopeScheduling | None":
    """With `--dist loadfile` a file stays together in a lane, so that what it starts is started once."""
    if config.option.dist != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if nodeid.startswith(EACH_FOR_ITSELF) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # not by how many tests a file has: the longest have the fewest
    return ByFile(config, log)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real inputs that lie beside the project and are not shipped with it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real inputs beside the project (shared/data is absent)")
    return folder


@pytest.fixture(scope="session")
def made_up_maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's folder of maps with the made-up one imported: once, also when there are lanes, which wait for it."""
    from hub_backend.simulator.maps import find_map

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-up-maps"
    find_map(None, maps_dir=folder, say=lambda _words: None)
    return folder


@pytest.fixture
def demo_home(tmp_path: Path, made_up_maps: Path) -> Path:
    """A demo's home that has its map already, so that no demo but the one that is about it imports it again."""
    home = tmp_path / "home"
    shutil.copytree(made_up_maps, home / "maps")
    return home


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is skipped: a test that would be is a failure that says why."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report
