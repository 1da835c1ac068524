"""`buurtrit learn --config HUB.toml`: learn from the vans' own tracks how long the streets really take.

Reads the positions of the record, lays each trip on the roads of the hub's map, and keeps factors by class of road and
hour beside that map (`speeds-DATE.json`); dispatch uses the newest from its next plan on. A quarter of the trips is
held out, and what the factors are worth on those is told: the mean error of a trip's time before and after. Where that
is not better, nothing is written.

Exit codes: 0 learned and written, 1 nothing written (too few trips, or no better), 2 settings or map cannot be used.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, tzinfo
from itertools import groupby
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import Position, decode_event
from hub_backend.errors import HubError
from hub_backend.record import EventRow
from hub_backend.settings import Settings
from hub_backend.store import Store
from routing import speed_file
from routing.learned_speeds import DrivenTrip, HourOf, Learned, learn
from routing.map_matching import match
from routing.model import RoutingError
from routing.roads import RoadGraph
from routing.trips import Fix, trips_of

COARSE_M = 50.0
"""A fix less sure than this says nothing about a street."""
SEED = 1


class LearnError(HubError):
    """The hub's settings lack what learning needs; the message names it."""


def main(arguments: list[str] | None = None) -> int:
    """Learns, tells, writes; see the module for exit codes."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.load(options.config)
        if settings.map_dir is None:
            raise LearnError("map_dir: not set, and without roads nothing can be learned")
        roads = RoadGraph.load(settings.map_dir)
        store = Store(settings.database_url)
        with store.read() as session:
            trips = list(_trips(session, roads, days=options.days))
        store.close()
    except (HubError, RoutingError) as error:
        print(f"buurtrit learn: {error}", file=sys.stderr)
        return 2
    try:
        learned = learn(roads, trips, _hour_of(settings.zone), seed=SEED)
    except ValueError as error:
        print(f"buurtrit learn: nothing learned: {error}", file=sys.stderr)
        return 1
    better = learned.after.mean_percent < learned.before.mean_percent
    path = None
    if better and not options.dry_run:
        last_s = max(way.start_s for trip in trips for way in trip.ways)
        path = speed_file.save(learned, settings.map_dir, f"{datetime.fromtimestamp(last_s, settings.zone):%Y-%m-%d}")
    _say(learned, path, better=better, as_json=options.json)
    return 0 if better else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="buurtrit learn", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="the hub's settings, TOML")
    parser.add_argument("--days", type=int, default=30, help="how far back from the newest position (default 30)")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be learned, write nothing")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    return parser


def _hour_of(zone: tzinfo) -> HourOf:
    """The local hour of a moment."""
    return lambda t_s: datetime.fromtimestamp(t_s, zone).hour


def _trips(session: Session, roads: RoadGraph, *, days: int) -> Iterator[DrivenTrip]:
    """Every trip that could be followed on the roads, van by van."""
    newest = session.scalar(
        select(EventRow.t_s).where(EventRow.kind == "position").order_by(EventRow.t_s.desc()).limit(1)
    )
    if newest is None:
        return
    rows = session.execute(
        select(EventRow.gateway, EventRow.body)
        .where(EventRow.kind == "position", EventRow.t_s > newest - days * 86400)
        .order_by(EventRow.gateway, EventRow.t_s)
        .execution_options(yield_per=5000)
    )
    for van, of_van in groupby(rows, key=lambda row: str(row[0])):
        fixes = (fix for _, body in of_van if (fix := _fix(body)) is not None)
        for trip in trips_of(van, fixes):
            ways = match(roads, trip)
            if ways:
                yield DrivenTrip(van, tuple(ways))


def _fix(body: str) -> Fix | None:
    event = decode_event.decode(body)
    if not isinstance(event, Position) or event.lat is None or event.lon is None:
        return None
    if event.accuracy_m is not None and event.accuracy_m > COARSE_M:
        return None
    return Fix(event.t_s, event.lat, event.lon)


def _say(learned: Learned, path: Path | None, *, better: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": None if path is None else str(path), "better": better, **asdict(learned)}))
        return
    print(f"{learned.trips} trips; {learned.held_out} of them held out to see what the rest is worth:")
    for words, error in (("before", learned.before), ("after", learned.after)):
        print(f"  {words:7} {error.mean_percent:5.1f} % off a trip's time on average, bias {error.bias_percent:+.1f} %")
    print(f"{'class of road':16} {'all day':>8}   by hour")
    for name, factor in learned.factors.of_class.items():
        hours = learned.factors.of_hour.get(name, {})
        print(f"  {name:14} {factor:8.2f}   " + "  ".join(f"{hour}h {value:.2f}" for hour, value in hours.items()))
    if path is not None:
        print(f"written: {path}")
    elif not better:
        print("nothing written: it would be no better than what is known")


if __name__ == "__main__":
    sys.exit(main())
