"""`buurtrit demo --nmea FILE`: a GPS log of a real receiver through gpsd into one van, and its track on the hub.

Every position on the hub must be a fix of the log, and every place of the log must be on the hub's track. The world's
time is the log's own, so the demo shows the log's day. A log that jumps is believed from
its third fix on: that is the gateway's rule.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from msgspec import Struct

from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.messages import Position
from hub_backend.simulator.compare import Findings
from hub_backend.simulator.driving import distance_m
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.hub_api import HubApi
from hub_backend.simulator.installation import Blueprint, Installation, install
from hub_backend.simulator.nmea import Fix, epochs, fixes
from hub_backend.simulator.page import Page
from hub_backend.simulator.processes import Processes
from hub_backend.simulator.report import Report, example_lines
from hub_backend.simulator.world import World

VAN = "van-1"
EPOCH_S = 0.12  # machine: gpsd tells apart moments that come so far apart
NEAR_M = 2.0  # gpsd rounds, and a log mixes sentences of one moment
TRACK_M = 50.0  # from a doubted fix to the next that is believed
DOUBTED = 2  # after a jump the third fix is the first to be believed
FASTEST_M_S, ROOM_M = 70.0, 50.0  # what the gateway calls a jump
JUMP_S = 1.0
DRAIN_S = 30.0  # machine


class TrackPoint(Struct, frozen=True):
    """A point of the track as the hub's map draws it."""

    t_s: float
    lat: float
    lon: float


async def replay(log: Path, *, port: int, run_dir: Path, processes: Processes, say: Callable[[str], None]) -> Report:
    """Raises `DemoError` for a file without a valid fix, or when a part does not start."""
    began = time.monotonic()
    lines = _read(log)
    wanted = list(fixes(lines))
    if not wanted:
        raise DemoError(f"--nmea {log}: no valid RMC fix in it (a sentence with a wrong checksum does not count)")
    clock = ClockPage(run_dir / "clock", start_s=wanted[0].t_s)
    blueprint = Blueprint(
        run_dir=run_dir,
        port=port,
        hubs=("colmschate",),
        vans={VAN: "colmschate"},
        clock_page=run_dir / "clock",
        began_s=wanted[0].t_s,
        map_dir=None,
        fix_timeout_s=30.0,
        position_period_s=0.1,
        standing_period_s=0.1,
        nodes=False,
    )
    installation = await install(blueprint, processes)
    for words in installation.words[:2]:
        say(words)
    async with httpx.AsyncClient(timeout=30.0) as client:
        world = World(clock, start_s=wanted[0].t_s, step_s=0.0)
        await _play(lines, installation, world)
        hub = HubApi(client, installation.hub_url)
        await _drain(hub, Page(client, installation.pages[VAN]), installation)
        events = [recorded.event async for recorded in hub.events()]
        path = f"/api/vans/{VAN}/track?from_s={wanted[0].t_s - 600}&to_s={world.now_s + 600}"
        track = await hub.get(path, tuple[TrackPoint, ...])
    positions = [event for event in events if isinstance(event, Position)]
    found = compare_track(wanted, positions, track)
    say(f"{len(wanted)} fixes in {log.name}, {len(positions)} positions and a track of {len(track)} points on the hub")
    return _report(log, wanted, found, events=len(events), words=installation.words, wall_s=time.monotonic() - began)


def compare_track(wanted: Sequence[Fix], positions: Sequence[Position], track: Sequence[TrackPoint]) -> Findings:
    """Both ways: what the hub shows was in the log, and where the log was, the hub shows."""
    found = Findings()
    for position in positions:
        if position.fix == "none" or position.lat is None or position.lon is None:
            continue
        if not _near((position.lat, position.lon), [(fix.lat, fix.lon) for fix in wanted], NEAR_M):
            found.add("different", f"{position.lat:.6f}, {position.lon:.6f} at {position.t_s:.1f} is not in the log")
    places = [(point.lat, point.lon) for point in track]
    for place, fix in enumerate(wanted):
        limit_m = TRACK_M if _is_doubted(wanted[: place + 1]) else NEAR_M
        if not _near((fix.lat, fix.lon), places, limit_m):
            found.add("lost", f"the fix {fix.lat:.6f}, {fix.lon:.6f} at {fix.t_s:.1f} is not on the hub's track")
    shown = [(event.lat, event.lon) for event in positions if event.fix != "none"]
    for point in track:
        if (point.lat, point.lon) not in shown:
            found.add("different", f"the track has {point.lat:.6f}, {point.lon:.6f}, which no position event says")
    return found


def _is_doubted(until_now: Sequence[Fix]) -> bool:
    """One of the first two fixes after a jump: in time, or faster than any van."""
    for before, fix in itertools.pairwise(until_now[-DOUBTED - 1 :]):
        elapsed_s = fix.t_s - before.t_s
        if (
            elapsed_s <= 0
            or distance_m((before.lat, before.lon), (fix.lat, fix.lon)) > FASTEST_M_S * elapsed_s + ROOM_M
        ):
            return True
    return False


def _near(place: tuple[float, float], places: Sequence[tuple[float, float]], limit_m: float) -> bool:
    return any(distance_m(place, other) <= limit_m for other in places)


def _read(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise DemoError(f"--nmea {log}: {error}") from error


async def _play(lines: Sequence[str], installation: Installation, world: World) -> None:
    """Send the log moment by moment. The world's time is the newest fix's, and goes on where the log jumps back."""
    receiver = installation.receivers[VAN]
    for epoch in epochs(lines):
        for fix in fixes(epoch):
            world.show(fix.t_s if fix.t_s > world.now_s else world.now_s + JUMP_S)
        receiver.send("".join(f"{text}\r\n" for text in epoch).encode("ascii", "replace"))
        await asyncio.sleep(EPOCH_S)
        while receiver.behind():
            installation.processes.check()
            await asyncio.sleep(0.005)
    world.show(world.now_s + JUMP_S)


async def _drain(hub: HubApi, page: Page, installation: Installation) -> None:
    deadline = time.monotonic() + DRAIN_S
    quiet = 0
    while quiet < 4 and time.monotonic() < deadline:
        installation.processes.check()
        outbox = (await page.health()).outbox
        behind = any((await hub.health()).followers.values())
        quiet = 0 if outbox.business + outbox.telemetry or behind else quiet + 1
        await asyncio.sleep(0.4)


def _report(
    log: Path, wanted: Sequence[Fix], found: Findings, *, events: int, words: Sequence[str], wall_s: float
) -> Report:
    km = sum(distance_m((a.lat, a.lon), (b.lat, b.lon)) for a, b in itertools.pairwise(wanted)) / 1000
    world_s = max(fix.t_s for fix in wanted) - wanted[0].t_s
    return Report(
        day=log.name,
        replay=True,
        lost=found.counts["lost"],
        doubled=found.counts["doubled"],
        different=found.counts["different"],
        events=events,
        km=round(km, 3),
        wall_s=round(wall_s, 1),
        world_s=world_s,
        speed=round(world_s / wall_s, 1),
        broker=words[0],
        positions=words[1],
        examples=example_lines([found]),
    )
