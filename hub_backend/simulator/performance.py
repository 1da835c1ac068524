"""The whole day as a whole: install, play, let it settle, compare, report; or go on showing it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import httpx

from edge_gateway.contract.clock import ClockPage
from hub_backend.simulator.compare import Findings, Tolerance, compare_events
from hub_backend.simulator.concierge import CONTACT
from hub_backend.simulator.day import RESIDENTS, Day, local_s, make_day
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.faults import Faults
from hub_backend.simulator.governor import Governor
from hub_backend.simulator.hub_api import RecordedEvent
from hub_backend.simulator.installation import Blueprint, Installation, install
from hub_backend.simulator.neighbourhood import Neighbourhood, read_addresses, settle
from hub_backend.simulator.play import Play
from hub_backend.simulator.processes import Processes
from hub_backend.simulator.progress import Progress
from hub_backend.simulator.projections import Recorded, compare_recorded, read_recorded
from hub_backend.simulator.promises import Promise, promises, unkept
from hub_backend.simulator.reckoning import Evidence, Met, reckon
from hub_backend.simulator.report import Report, example_lines
from hub_backend.simulator.truth import Truth
from hub_backend.simulator.world import World
from routing.atlas import read_info
from routing.roads import RoadGraph

STEP_FAST_S = 5.0
STEP_PAGE_S = 1.0
FIX_TIMEOUT_FAST_S = 60.0  # a gpsd that is 0.2 s late is half a minute late in the fast world
FIX_TIMEOUT_PAGE_S = 15.0
DRAIN_S = 120.0  # machine

Say = Callable[[str], None]


class Choices(Protocol):
    """What `demo` was asked."""

    @property
    def fast(self) -> bool: ...
    @property
    def headless(self) -> bool: ...
    @property
    def port(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def day(self) -> str: ...
    @property
    def until(self) -> str | None: ...
    @property
    def rate(self) -> float: ...


@dataclass(frozen=True)
class Stage:
    """What the day is played on."""

    place: Neighbourhood
    day: Day
    roads: RoadGraph
    map_dir: Path


def set_stage(map_dir: Path, *, day: str, seed: int) -> Stage:
    """Raises `DemoError` for a map or a date on which no day can be played."""
    place = settle(read_addresses(map_dir), read_info(map_dir).sites, residents=RESIDENTS, seed=seed)
    try:
        return Stage(place, make_day(place, day=day, seed=seed), RoadGraph.load(map_dir), map_dir)
    except ValueError as error:
        raise DemoError(str(error)) from error


async def perform(
    choices: Choices,
    *,
    map_dir: Path,
    run_dir: Path,
    processes: Processes,
    say: Say,
    give: Callable[[Report], None],
    show_page: Callable[[str], None],
) -> Report:
    """Play the day, `give` its report, and where there are pages go on showing them until somebody has seen enough.

    Raises `DemoError` when the day cannot be played.
    """
    began = time.monotonic()
    stage = set_stage(map_dir, day=choices.day, seed=choices.seed)
    until_s = local_s(choices.day, choices.until) if choices.until else stage.day.ends_s + 3600
    page = run_dir / "clock"
    clock = ClockPage(page, start_s=stage.day.begins_s)
    wrong_page = run_dir / "clock-that-steps"
    wrong_clock = ClockPage(wrong_page, start_s=stage.day.begins_s)
    installation = await install(_blueprint(choices, stage, run_dir, page, wrong_page), processes)
    for words in installation.words:
        say(words)
    say(f"planner: {installation.hub_url}/   concierges: {', '.join(list(installation.pages.values())[:3])}")
    step_s = STEP_FAST_S if choices.fast else STEP_PAGE_S
    world = World(clock, start_s=stage.day.begins_s, step_s=step_s, others=(wrong_clock,))
    progress = Progress()
    async with httpx.AsyncClient(timeout=30.0) as client:
        play = Play(
            installation,
            world,
            governor=Governor(rate=choices.rate),
            day=stage.day,
            place=stage.place,
            roads=stage.roads,
            client=client,
            wrong_clock=wrong_clock,
        )
        if not choices.headless:
            show_page(installation.hub_url)
        try:
            await play.run(until_s=until_s, progress=lambda: _show(progress, play))
            report = await _judge(play, stage, choices, began, say)
            give(report)
            if not choices.headless:
                say(f"the day is over; the pages stay until Ctrl-C: {installation.hub_url}/")
                await _linger(play)
        finally:
            await world.end()
            await installation.close()
    return report


async def _linger(play: Play) -> None:
    """Until Ctrl-C, which is how a day that was played to its end is meant to end."""
    task = asyncio.current_task()
    try:
        await play.stay(rate=1.0, progress=lambda: None)
    except asyncio.CancelledError:
        if task is not None:
            task.uncancel()


def _blueprint(choices: Choices, stage: Stage, run_dir: Path, page: Path, wrong_page: Path) -> Blueprint:
    return Blueprint(
        run_dir=run_dir,
        port=choices.port,
        hubs=tuple(hub.id for hub in stage.place.hubs),
        vans=stage.day.vans,
        clock_page=page,
        began_s=stage.day.begins_s,
        map_dir=stage.map_dir,
        fix_timeout_s=FIX_TIMEOUT_FAST_S if choices.fast else FIX_TIMEOUT_PAGE_S,
        own_clocks={stage.day.faults.clock.who: wrong_page},
        relayed=frozenset(stage.day.vans),
    )


def _show(progress: Progress, play: Play) -> None:
    vans = "  ".join(f"{concierge.van.id} {concierge.doing or 'at the hub':<12}" for concierge in play.concierges)
    done = play.truth.stops_visited()
    total = len({order.stop for order in play.truth.orders})
    progress.show(
        now_s=play.world.now_s, vans=vans, done=done, total=total, held=play.governor.held_for or play.governor.slow_for
    )


async def _judge(play: Play, stage: Stage, choices: Choices, began: float, say: Say) -> Report:
    """Let everything arrive, read the record, compare."""
    played_s = time.monotonic() - began
    drained = await play.drain(patience_s=DRAIN_S)
    whole_day = choices.until is None
    verdict = judge(
        play.truth,
        stage.day.faults,
        [received async for received in play.hub.events()],
        await read_recorded(play.hub, stage.day.day),
        whole_day=whole_day,
    )
    if not drained:
        words = f"not everything had arrived after {DRAIN_S:.0f} s: see the gateways' outboxes"
        verdict.findings[0].add("lost", words)
    say(f"compared {verdict.events} events")
    return _report(play, stage, verdict, played_s=played_s)


@dataclass(frozen=True)
class Verdict:
    """What the comparison came to."""

    events: int
    recorded: Recorded
    findings: list[Findings]
    faults: dict[str, Met]
    promises: tuple[Promise, ...]

    def count(self, kind: str) -> int:
        return sum(found.counts[kind] for found in self.findings)


def judge(
    truth: Truth, faults: Faults, received: Sequence[RecordedEvent], recorded: Recorded, *, whole_day: bool
) -> Verdict:
    """What was done against what was recorded: every act, what follows from them, the faults, the promises."""
    events = [one.event for one in received]
    met, unmet = reckon(Evidence(truth, faults, received, recorded), whole_day=whole_day)
    kept = promises(events, recorded) if whole_day else ()
    findings = [
        compare_events(truth, events, Tolerance(whole_day=whole_day)),
        compare_recorded(truth, recorded, whole_day=whole_day),
        unmet,
        unkept(kept),
    ]
    return Verdict(len(events), recorded, findings, met, kept)


def _report(
    play: Play,
    stage: Stage,
    verdict: Verdict,
    *,
    played_s: float,
) -> Report:
    outcomes = play.truth.outcomes()
    contact = sum(outcomes[outcome] for outcome in CONTACT)
    letterbox = sum(outcomes[outcome] for outcome in outcomes if outcome == "letterbox")
    world_s = play.world.now_s - stage.day.begins_s
    recorded = verdict.recorded
    installation: Installation = play.installation
    return Report(
        day=stage.day.day,
        seed=stage.day.seed,
        map=stage.map_dir.name,
        lost=verdict.count("lost"),
        doubled=verdict.count("doubled"),
        different=verdict.count("different"),
        events=verdict.events,
        stops=play.truth.stops_visited(),
        deliveries=play.truth.deliveries(),
        parcels=len(play.truth.parcels_handed_over()),
        contact=contact,
        letterbox=letterbox,
        nobody_at_home=play.truth.happened["nobody_at_home"],
        contact_share=contact / (contact + letterbox) if contact + letterbox else None,
        contact_planned_min=round(recorded.figures.contact.talk_planned_s / 60),
        contact_spent_min=round(recorded.figures.contact.talk_spent_s / 60),
        lunches=play.truth.happened["lunch"],
        replans=recorded.replans,
        excursions=len(recorded.excursions),
        rides=play.truth.happened["ride"],
        km=round(play.truth.km(stage.day.vans), 1),
        vehicle_movements=recorded.figures.movements.project,
        bulk_trips=recorded.figures.movements.inbound,
        vehicle_movements_baseline=recorded.figures.movements.baseline,
        co2e_saved_kg=recorded.figures.co2e_saved_kg,
        kwh_per_km=recorded.figures.kwh_per_km,
        primary_share=recorded.figures.co2.primary_share,
        own_primary_share=recorded.figures.co2.own_primary_share,
        gateway_rss_mb=_rounded(play.memory.gateway_mb),
        hub_rss_mb=_rounded(play.memory.hub_mb),
        wall_s=round(played_s, 1),
        world_s=world_s,
        speed=round(world_s / played_s, 1),
        broker=installation.words[0],
        positions=installation.words[1],
        cpu_s={"simulator": round(time.process_time(), 1), **installation.processes.cpu_s()},
        spent_s={what: round(seconds, 1) for what, seconds in play.spent_s.items()},
        happened=dict(play.truth.happened),
        faults={name: asdict(met) for name, met in verdict.faults.items()},
        promises={promise.name: {"asked": promise.asked, "found": promise.found} for promise in verdict.promises},
        kept=tuple(promise.words for promise in verdict.promises),
        examples=example_lines(verdict.findings),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
