"""The short form of `make chaos`: a few kills and overlapping outages, and each mutant, which must be caught.

Each story of a mutant is told with the real build too, and loses nothing there. `make chaos` tells longer ones, with
whole processes.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge_gateway.contract.messages import Lane
from edge_gateway.hub_link import HubLink
from hub_backend import store as store_module
from hub_backend.intake.ingest import Ingest
from hub_backend.store import Store
from tests.chaos import mutants, power, scenarios
from tests.chaos.__main__ import Tried, whole
from tests.chaos.campaign import run
from tests.chaos.verdict import Report
from tests.chaos.world import sqlite
from tests.edge_gateway.conftest import Mosquitto, running
from tests.edge_gateway.rig import wait_until
from tests.edge_gateway.test_hub_link import extras, hub_on, keep, linked
from tests.hub_backend.gateway_twin import GatewayTwin
from tests.hub_backend.made import batch, position
from tests.hub_backend.test_ingest import Hub, seqs

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE_S = 0.7  # machine: nothing that was going to be said comes later than this


def test_nothing_acknowledged_is_lost_or_doubled_in_overlapping_faults(tmp_path: Path) -> None:
    report = run(tmp_path, seed=7, kills=8, overlaps=4, record=sqlite)
    assert report.kills >= 8 and report.overlapping_outages >= 4
    assert report.acked > 100, "too little was acknowledged to prove anything"
    assert (report.lost, report.doubled, report.skipped) == (0, 0, 0)


def test_the_report_tells_what_was_tried_and_what_came_of_it() -> None:
    one = Report(
        7, "sqlite", 8, 4, {}, [], acked=100, recorded=120, lost=0, doubled=0, skipped=0, rejected={}, wall_s=1
    )
    builds = {mutants.TRUSTS_NORMAL: Tried(lost=9, lost_by_ours=0), mutants.DELETES_ON_PUBACK: Tried(0, 0)}
    made = whole(7, [one, one], builds)
    figures = {"seed": 7, "kills": 16, "overlapping_outages": 8, "acked": 200, "lost": 0, "doubled": 0}
    assert made.items() >= {**figures, "mutants_caught": 1}.items()
    assert made["mutants"][mutants.TRUSTS_NORMAL] == {"lost": 9, "lost_by_ours": 0, "caught": True}
    assert whole(7, [one], {})["mutants_caught"] is None, "none was tried"


def lost_with_the_broker(folder: Path, line: type[HubLink]) -> int:
    """A van speaks while the hub is away, then the broker dies: how many of its events the hub never gets."""
    folder.mkdir()
    broker = Mosquitto(folder)
    with running(broker), linked(folder, broker.port, kind=line) as gateway:
        keep(gateway, 30)
        wait_until(lambda: gateway.state.hub_connected)
        time.sleep(PATIENCE_S)
        broker.kill()
        broker.start()
        with hub_on(broker, gateway) as hub:
            wait_until(lambda: gateway.outbox.depth.business == 0)
            return 30 - len(extras(hub))


def test_a_build_that_deletes_on_puback_is_caught(tmp_path: Path) -> None:
    assert lost_with_the_broker(tmp_path / "ours", HubLink) == 0
    assert lost_with_the_broker(tmp_path / "theirs", mutants.believer()) > 0


def lost_with_the_hub(folder: Path) -> int:
    """A hub ends while its record cannot be written: how many events it had called committed that are not there."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'hub.sqlite'}"
    with running(Mosquitto(folder)) as broker, closing(GatewayTwin(broker.port)) as van:
        van.wait_until_connected()
        with Hub(url, broker.port), closing(sqlite3.connect(folder / "hub.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            van.send_batch(batch([position(0), position(1)]))
            time.sleep(PATIENCE_S)
        return van.n(Lane.TELEMETRY) - len(seqs(Store(url)))


def test_a_build_that_speaks_before_it_commits_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store_module, "BUSY_MS", 50)
    monkeypatch.setattr(Ingest, "_write", Ingest._write)  # as it was, afterwards
    assert lost_with_the_hub(tmp_path / "ours") == 0
    mutants.speak_before_commit()
    assert lost_with_the_hub(tmp_path / "theirs") > 0


def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    ours = power.toll(tmp_path, scenarios.GATEWAY, taps=10)
    assert (ours.acked, ours.gone) == (10, 0)
    assert ours.syncs_per_ack >= 1


def test_a_build_that_trusts_the_page_cache_is_caught(tmp_path: Path) -> None:
    theirs = power.toll(tmp_path, mutants.program(mutants.TRUSTS_NORMAL), taps=10)
    assert theirs.acked == 10 and theirs.gone > 0
    assert theirs.syncs_per_ack < 1
