import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from hub_backend.dispatching.router.solver import Solver
from hub_backend.store import Store
from tests.hub_dispatch.town import a_day_of_orders, settle
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


@pytest.fixture(scope="session")
def map_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up neighbourhood, imported."""
    from routing.map_command import main

    folder = tmp_path_factory.mktemp("maps")
    extract = folder / "made.osm.pbf"
    assert main(["make", "--seed", "3", "--out", str(extract)]) == 0
    assert main(["import", str(extract), "--name", "made", "--maps", str(folder)]) == 0
    return folder / "made"


@pytest.fixture(scope="session")
def router(map_dir: Path) -> Generator[Solver]:
    """One router's process for all tests that leave it alone: it keeps no state that matters."""
    solver = Solver(map_dir)
    yield solver
    solver.stop()


@pytest.fixture
def town_by_the_clock(tmp_path: Path, fresh_record: Path, map_dir: Path, router: Solver) -> Generator[World]:
    """A hub on the made-up map, with the real router, whose searches end when their seconds are over."""
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    world = World(tmp_path, planner=None, solver=router, map_dir=map_dir)
    settle(world, map_dir)
    yield world
    world.close()


@pytest.fixture
def town(tmp_path: Path, fresh_record: Path, map_dir: Path, router: Solver) -> Generator[World]:
    """The same with searches that end after so many tries: the same plans however busy the machine is."""
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    world = World(tmp_path, planner=None, solver=router, map_dir=map_dir, solve_iterations=300)
    settle(world, map_dir)
    yield world
    world.close()


@pytest.fixture
def long_search(tmp_path: Path, fresh_record: Path, map_dir: Path) -> Generator[World]:
    """A planned day in a hub with a router of its own that takes twenty seconds for the next plan."""
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    world = World(tmp_path, planner=None, solver=Solver(map_dir), map_dir=map_dir, solve_live_s=20.0)
    settle(world, map_dir)
    a_day_of_orders(world)
    world.plan()
    yield world
    world.planning.solver.stop()
    world.close()
