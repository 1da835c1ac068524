"""A road server of the settings is asked by the router's process, and the plan's times are its times."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.hub_dispatch.town import settle
from tests.hub_dispatch.world import World
from tests.routing.road_server_twin import Server, osrm_answer, valhalla_answer

pytestmark = pytest.mark.servers


@pytest.fixture
def server() -> Generator[Server]:
    made = Server()
    yield made
    made.close()


ANSWERS = {"osrm": osrm_answer, "valhalla": valhalla_answer}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_road_server_of_the_settings_says_how_long_ways_take(
    kind: str, server: Server, tmp_path: Path, fresh_record: Path, map_dir: Path
) -> None:
    server.answer = ANSWERS[kind]
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    world = World(
        tmp_path,
        **{"planner": None, "map_dir": map_dir, "solve_iterations": 50},
        **{"road_server": kind, "road_server_url": server.url},
    )
    try:
        settle(world, map_dir)
        world.order("k1")
        world.order("k2")
        plan = world.plan()
    finally:
        world.planning.solver.stop()
        world.close()
    assert server.asked, "nobody asked it"
    assert plan["left"] == []
    assert {"k1", "k2"} <= {stop["client"] for route in plan["routes"] for stop in route["stops"]}
