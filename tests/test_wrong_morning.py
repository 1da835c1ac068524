"""A morning on which everything goes wrong, played once by the real processes: what was recorded, what was read."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from hub_backend.simulator import day, demo, installation
from hub_backend.simulator.broker import Broker, choose_broker
from hub_backend.simulator.faults import Faults, Spell, make_faults
from tests.free_port import free_port, free_ports
from tests.security.capture import SHORTEST, Capture, readable_in, texts_of

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]

WANTED = {
    *("lost", "doubled", "different", "events", "deliveries", "contact", "letterbox", "replans", "excursions"),
    *("km", "co2e_saved_kg", "gateway_rss_mb", "hub_rss_mb", "wall_s", "faults", "promises"),
}
EARLY = {
    *("damaged_frames", "unknown_barcode", "sensor_lost", "bus_out_of_range", "gps_jump", "gps_stale", "clock_steps"),
    *("order_refused", "poison_message", "network_outage", "gateway_killed", "hub_killed", "scan_repeated"),
}

ADDRESSED = {"van-1", "van-2", "van-3", "hub-noord", "hub-zuid", "version", "online"}
"""What an address and the hub's own state say in clear."""


def early(dice: random.Random, at: Callable[[str], float], vans: Mapping[str, str]) -> Faults:
    """A day's faults, all of them in its first twenty minutes."""
    faults = make_faults(dice, at, vans)

    def spell(who: str, from_clock: str, to_clock: str) -> Spell:
        return Spell(who, at(from_clock), at(to_clock))

    return replace(
        faults,
        bad_orders_s=at("08:09"),
        jump_s=at("08:08"),
        noise_s=at("08:09"),
        probe=spell(faults.probe.who, "08:08", "08:17"),
        poison_s=at("08:10"),
        tunnel=spell(faults.tunnel.who, "08:10", "08:13"),
        outage_from_s=at("08:20"),
        outage_to_s=at("08:33"),
        wrong_van_s=at("08:05"),
        repeat_s=at("08:05"),
        killed_s=at("08:12"),
        clock=spell(faults.clock.who, "08:15", "08:22"),
        clock_back_at_s=at("08:18"),
        hub_killed_s=at("08:16"),
        bus_s=at("08:23"),
    )


@dataclass(frozen=True)
class Morning:
    """A morning on which everything goes wrong: how it ended, what was on the wire, and what was meant."""

    code: int
    said: str
    report: Path
    seen: bytes
    record: Path


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory, made_up_maps: Path) -> Morning:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(made_up_maps, home / "maps")
    taps: list[Capture] = []

    def tapped(*, port: int, **more: Any) -> Broker:
        real = free_port()
        taps.append(Capture(real, port=port))
        return choose_broker(port=real, **more)

    options = ["--fast", "--headless", "--home", str(home), "--port", str(free_ports(6)), "--seed", "7", "--keep"]
    options += ["--report", str(home / "day.json"), "--until", "09:00"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.setattr(day, "make_faults", early)
        patch.setattr(installation, "choose_broker", tapped)
        code = demo.main(options)
    (tap,) = taps
    tap.close()
    (record,) = home.glob("run-*/hub.sqlite")
    return Morning(code, out.getvalue()[-6000:] + err.getvalue()[-3000:], home / "day.json", tap.seen, record)


def test_a_morning_on_which_everything_goes_wrong_is_recorded_as_it_was_played(morning: Morning) -> None:
    assert morning.code == 0, morning.said
    written = json.loads(morning.report.read_text())
    assert written.keys() >= WANTED
    assert (written["lost"], written["doubled"], written["different"]) == (0, 0, 0)
    assert written["faults"].keys() >= EARLY
    for name, met in written["faults"].items():
        assert met["injected"] == met["seen"] > 0, name
    assert written["contact"] >= 1
    assert written["km"] > 0.2
    assert written["gateway_rss_mb"] < 80
    assert written["hub_rss_mb"] < 200


def test_who_taps_the_broker_reads_nothing_of_that_morning(morning: Morning) -> None:
    """Plans down, scans, outcomes, proof, rides, manifests: whatever hub and gateways knew and said."""
    with closing(sqlite3.connect(morning.record)) as record:
        plans = [json.loads(body) for (body,) in record.execute("select body from downlinks")]
        events = [json.loads(body) for (body,) in record.execute("select body from events")]
        people = record.execute("select id, name, street || ' ' || number, postcode, hint, lat, lon from residents")
        known = {text if isinstance(text, str) else repr(text) for row in people for text in row}
        known |= {row[0] for row in record.execute("select concierge from vans union select name from suppliers")}
    assert {plan["kind"] for plan in plans} == {"van_plan", "hub_manifest"}
    assert {event["kind"] for event in events} >= {"scan", "visit", "tour", "position", "cooler", "plan_received"}
    stops = [stop for plan in plans for stop in plan.get("stops", ())]
    assert {stop["kind"] for stop in stops} >= {"visit", "ride_pickup", "ride_dropoff"}
    assert any(plan.get("parcels") for plan in plans)
    secrets = texts_of([plans, events]) | {text for text in known if len(text) >= SHORTEST}
    assert {"outcome", "chilled", "usual_step"} <= secrets
    assert len(morning.seen) > 100_000 and b"/down/plan" in morning.seen, "nothing passed this line"
    assert readable_in(morning.seen, secrets) - ADDRESSED == set()
