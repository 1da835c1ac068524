"""`buurtrit learn`: tracks of the record become factors that dispatch plans with."""

import json
import random
from pathlib import Path

import msgspec
import pytest

from edge_gateway.contract.messages import ClockQuality, Position
from edge_gateway.contract.sealing import new_key
from hub_backend.dispatching.router.pace import Pace
from hub_backend.learn_command import main
from hub_backend.record import EventRow
from hub_backend.simulator.driving import Drive
from hub_backend.simulator.traffic import Traffic
from hub_backend.store import Store
from routing import neighbourhood, osm
from routing.road_build import build
from routing.roads import RoadGraph

pytestmark = pytest.mark.whole

MIDNIGHT_S = 1_795_388_400.0  # local midnight of Monday 23 November 2026
TRIPS = 18


@pytest.fixture(scope="module")
def map_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learning")
    neighbourhood.make(1, folder / "made.osm.pbf")
    build(osm.read(folder / "made.osm.pbf")).graph.save(folder / "roads.npz")
    return folder


@pytest.fixture
def config(tmp_path: Path, map_dir: Path) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text(
        f'org = "o"\nhubs = ["h"]\ndatabase_url = "sqlite:///{tmp_path / "hub.sqlite"}"\nmap_dir = "{map_dir}"\n'
        f'[gateways.van-1]\nhub = "h"\nrole = "van"\nkey = "{new_key()}"\n'
    )
    return path


def record(database: Path, fixes: list[tuple[float, float, float]]) -> None:
    store = Store(f"sqlite:///{database}")
    store.open()
    with store.write() as session:
        for seq, (t_s, lat, lon) in enumerate(fixes):
            event = Position(
                source="van-1/gps", boot=1, seq=seq, t_s=t_s, clock=ClockQuality.GPS, fix="3d", lat=lat, lon=lon
            )
            session.add(
                EventRow(
                    gateway="van-1",
                    source=event.source,
                    boot=1,
                    seq=seq,
                    kind="position",
                    t_s=t_s,
                    received_s=t_s,
                    body=msgspec.json.encode(event).decode(),
                )
            )
    store.close()


def driven_days(roads: RoadGraph) -> list[tuple[float, float, float]]:
    """The simulator's vans in its traffic: in the morning rush (1.35), or at ten o'clock (1.0)."""
    dice = random.Random(7)
    fixes: list[tuple[float, float, float]] = []
    for trip in range(TRIPS):
        hour = 8.0 if trip % 2 else 10.0
        start_s = MIDNIGHT_S - (trip // 2) * 86400 + hour * 3600
        edges = [dice.randrange(roads.size) for _ in range(2)]
        ends = [roads.edges.shape_start[edge] for edge in edges]
        path = roads.path(*((float(roads.edges.lat[end]), float(roads.edges.lon[end])) for end in ends))
        assert path is not None
        traffic = Traffic(midnight_s=MIDNIGHT_S - (trip // 2) * 86400)
        drive = Drive(
            [point[:2] for point in path.points],
            [point.t_s for point in path.points],
            start_s=start_s,
            slower=traffic.factor(start_s, dice),
        )
        moment = start_s
        while moment < drive.end_s:
            lat, lon = drive.at(moment).place
            fixes.append((moment, lat + dice.gauss(0, 3e-5), lon + dice.gauss(0, 5e-5)))
            moment += 5.0
    return sorted(fixes)


@pytest.mark.whole
def test_traffic_of_the_simulator_is_found_in_the_record_and_used(
    config: Path, map_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roads = RoadGraph.load(map_dir)
    pace = Pace(roads, map_dir)
    places = [roads.snap(52.258, 6.23), roads.snap(52.265, 6.245)]
    by_tags = pace.at((8,)).matrix(places).duration_s[0, 1]
    record(config.with_name("hub.sqlite"), driven_days(roads))
    assert main(["--config", str(config), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    hours = said["factors"]["of_hour"]["residential"]
    assert 1.2 < hours["8"] < 1.45
    assert 0.9 < hours["10"] < 1.12
    assert said["after"]["mean_percent"] < said["before"]["mean_percent"]
    assert said["file"].endswith("speeds-2026-11-23.json")
    assert 1.1 < pace.at((8,)).matrix(places).duration_s[0, 1] / by_tags < 1.5
    assert pace.at(()).matrix(places).duration_s[0, 1] == by_tags
    (map_dir / "speeds-2026-11-24.json").write_text("damaged")
    assert pace.at((8,)).matrix(places).duration_s[0, 1] > by_tags  # what was known before goes on


def test_empty_record_teaches_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(config.with_name("hub.sqlite"), [])
    assert main(["--config", str(config)]) == 1
    assert "0 trips" in capsys.readouterr().err


def test_hub_without_a_map_cannot_learn(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("".join(line + "\n" for line in config.read_text().splitlines() if "map_dir" not in line))
    assert main(["--config", str(config)]) == 2
    assert "map_dir" in capsys.readouterr().err
