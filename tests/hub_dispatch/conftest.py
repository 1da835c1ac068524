import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from hub_backend.store import Store
from tests.hub_dispatch.world import HUB, HandPlanner, World, directory

PLACES = [(HUB[0] + 0.001 * n, HUB[1] + 0.0015 * n) for n in range(12)]


@pytest.fixture
def planner() -> HandPlanner:
    return HandPlanner()


@pytest.fixture(scope="session")
def fresh_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record with its tables and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("record") / "hub.sqlite"
    store = Store(f"sqlite:///{path}")
    store.open()
    store.close()
    return path


@pytest.fixture
def world(tmp_path: Path, fresh_record: Path, planner: HandPlanner) -> Generator[World]:
    """A hub whose plans are made by hand: fast, and without roads."""
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    world = World(tmp_path, planner=planner)
    taken = world.post("/api/directory", directory(PLACES), status=200)
    assert taken["rejected"] == []
    yield world
    world.close()
