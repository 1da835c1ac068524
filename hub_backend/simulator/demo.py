"""`buurtrit demo`: one working day in a neighbourhood, with real processes, from broker to page.

Exit codes: 0 the day was played and everything holds, 1 something is lost, doubled or different, 2 it could not run,
130 it was stopped before its end.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from hub_backend.simulator.day import FIRST_DAY
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.installation import check_ports
from hub_backend.simulator.maps import find_map
from hub_backend.simulator.processes import Processes
from hub_backend.simulator.report import Report

FAST_RATE = 240.0
PAGE_RATE = 24.0
HOME = Path(".demo")
PORTS = 6  # the hub's and five gateways'
ROOM_BYTES = 4_000_000
CANNOT_RUN, STOPPED = 2, 130


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    fast: bool
    headless: bool
    report: Path | None
    port: int
    seed: int
    map: str | None
    nmea: Path | None
    day: str
    until: str | None
    rate: float
    json: bool
    keep: bool
    home: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo and returns its exit code."""
    options = parse(arguments)
    run_dir = options.home / f"run-{os.getpid()}"
    try:
        check_ports(range(options.port, options.port + PORTS))
        shutil.rmtree(run_dir, ignore_errors=True)
        processes = Processes(run_dir / "log")
    except DemoError as error:
        _say(f"buurtrit demo: {error}")
        return CANNOT_RUN
    except OSError as error:
        _say(f"buurtrit demo: cannot keep anything in {run_dir}: {error}; take another place with --home")
        return CANNOT_RUN
    code, kept = CANNOT_RUN, True
    try:
        report = asyncio.run(_interruptible(options, processes, run_dir))
        code, kept = 0 if report.holds else 1, options.keep or not report.holds
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("stopped")
        code, kept = STOPPED, options.keep
    except (DemoError, OSError) as error:
        _say(f"buurtrit demo: {error}")
        if shutil.disk_usage(run_dir).free < ROOM_BYTES:
            _say(
                f"the disk that holds {options.home} is full, and that is probably why; take another place with --home"
            )
    finally:
        processes.stop()
        if not kept:
            shutil.rmtree(run_dir, ignore_errors=True)
        elif run_dir.exists():
            _say(f"logs and databases: {run_dir}")
    return code


def parse(arguments: Sequence[str] | None) -> Options:
    """Exits with 2 for options that cannot be meant, as argparse does."""
    parser = argparse.ArgumentParser(prog="buurtrit demo", description=__doc__, formatter_class=_Plain)
    add = parser.add_argument
    add("--fast", action="store_true", help="as fast as all parts keep up; without it the day takes about 20 minutes")
    add("--headless", action="store_true", help="no page is opened, and the demo ends with the day")
    add("--report", type=Path, metavar="FILE", help="write the day's report as JSON")
    add("--port", type=int, default=8800, help="the hub's pages; the gateways follow (default 8800)")
    add("--seed", type=int, default=1, help="another seed, another day (default 1)")
    add("--map", metavar="FILE|NAME", help="an .osm.pbf extract or an imported map, instead of the made-up one")
    add("--nmea", type=Path, metavar="FILE", help="only replay this GPS log through one van, and compare its track")
    add("--day", type=_day, default=FIRST_DAY, help=f"the date to play, Monday to Saturday (default {FIRST_DAY})")
    add("--until", type=_clock, metavar="HH:MM", help="end earlier (local time)")
    add("--rate", type=float, help=f"at most so many times as fast (default {FAST_RATE:g} or {PAGE_RATE:g})")
    add("--json", action="store_true", help="print the report as JSON instead of a table")
    add("--keep", action="store_true", help="keep logs and databases of a run that went well")
    add("--home", type=Path, default=HOME, help=f"where maps and runs are kept (default {HOME})")
    found = parser.parse_args(arguments)
    if not 1 <= found.port <= 65530:
        parser.error(f"--port: {found.port} leaves no room for the gateways' ports")
    rate = found.rate or (FAST_RATE if found.fast else PAGE_RATE)
    if not 1 <= rate <= 1000:
        parser.error(f"--rate: {rate:g} is not in 1..1000")
    return Options(
        fast=found.fast,
        headless=found.headless,
        report=found.report,
        port=found.port,
        seed=found.seed,
        map=found.map,
        nmea=found.nmea,
        day=found.day,
        until=found.until,
        rate=rate,
        json=found.json,
        keep=found.keep,
        home=found.home.absolute(),
    )


def _day(words: str) -> str:
    try:
        day = date.fromisoformat(words)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{words!r} is no date as {FIRST_DAY}") from None
    if day.isoweekday() == 7:
        raise argparse.ArgumentTypeError(f"{words} is a Sunday, there is no round")
    return day.isoformat()


def _clock(words: str) -> str:
    try:
        return time.fromisoformat(words).strftime("%H:%M")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{words!r} is no time as 10:30") from None


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


async def _interruptible(options: Options, processes: Processes, run_dir: Path) -> Report:
    """Ctrl-C and a request to end both cancel the day; the rest is in `main`."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)
    if options.nmea is not None:
        from hub_backend.simulator.replay import replay

        report = await replay(options.nmea, port=options.port, run_dir=run_dir, processes=processes, say=_say)
        _give(report, options)
        return report
    from hub_backend.simulator.performance import perform

    map_dir = find_map(options.map, maps_dir=options.home / "maps", say=_say)
    return await perform(
        options,
        map_dir=map_dir,
        run_dir=run_dir,
        processes=processes,
        say=_say,
        give=lambda report: _give(report, options),
        show_page=_show_page,
    )


def _show_page(url: str) -> None:
    """Open the planner's page where there is a screen to show it on; never wait for it, nor for a browser of text."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin":
        with contextlib.suppress(webbrowser.Error):
            browser = webbrowser.get()
            if type(browser) is not webbrowser.GenericBrowser:  # lynx and its like take the whole terminal
                threading.Thread(target=browser.open, args=(url,), daemon=True).start()


def _give(report: Report, options: Options) -> None:
    if options.report is not None:
        try:
            options.report.write_text(report.as_json() + "\n", encoding="utf-8")
        except OSError as error:
            _say(f"--report {options.report}: {error}")
    print(report.as_json() if options.json else report.as_table(), flush=True)


def _say(words: str) -> None:
    """Progress and faults, beside the report."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
