from collections.abc import Generator
from pathlib import Path

import pytest

from tests.hub_dispatch.world import HUB, HandPlanner, World, directory

PLACES = [(HUB[0] + 0.001 * n, HUB[1] + 0.0015 * n) for n in range(12)]


@pytest.fixture
def planner() -> HandPlanner:
    return HandPlanner()


@pytest.fixture
def world(tmp_path: Path, planner: HandPlanner) -> Generator[World]:
    """A hub whose plans are made by hand: fast, and without roads."""
    world = World(tmp_path, planner=planner)
    taken = world.post("/api/directory", directory(PLACES), status=200)
    assert taken["rejected"] == []
    yield world
    world.close()
