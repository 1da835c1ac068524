"""`buurtrit hub rejects list|retry --config FILE.toml`: what was set aside, and taking it in again after a fix.

`list` tells the newest first: which input, which field, why, how often. `--json` also tells how many bytes of it are
kept (0: nothing to take in), `--payload` shows what an event said, which may be personal; a message stays sealed.

`retry` reads what was kept, all of it or the ids that are named, as this version would. What it understands goes into
the record, exactly once, with the time at which it came, and is counted as taken in again; the rest keeps its place.
Stop the hub first when the record is in PostgreSQL; with SQLite it may run.

Exit codes: 0 done, 1 `retry` left something that it was to take in, 2 the settings or the record cannot be used.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import select

from edge_gateway.contract.clock import open_clock
from hub_backend.errors import HubError
from hub_backend.intake.envelope import Opener
from hub_backend.intake.retry import Retried, Retry
from hub_backend.mqtt import addresses_of, seals_of
from hub_backend.record import RejectRow
from hub_backend.settings import Settings
from hub_backend.store import Store


def main(arguments: Sequence[str]) -> int:
    """Lists or retries; see the module for exit codes."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.load(options.config)
        store = Store(settings.database_url)
        store.open()
        try:
            return _list(store, settings.zone, options) if options.act == "list" else _retry(store, settings, options)
        finally:
            store.close()
    except HubError as error:
        sys.stderr.write(f"buurtrit hub rejects: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="buurtrit hub rejects", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    acts = parser.add_subparsers(dest="act", required=True)
    listing = acts.add_parser("list", help="what was set aside, the newest first")
    listing.add_argument("--limit", type=int, default=50, help="at most so many (default 50)")
    listing.add_argument("--field", help="only where this field is at fault")
    listing.add_argument("--payload", action="store_true", help="and what an event said")
    retry = acts.add_parser("retry", help="take in again what can be read now")
    retry.add_argument("ids", nargs="*", type=int, metavar="ID", help="only these (all of them otherwise)")
    for act in (listing, retry):
        act.add_argument("--config", type=Path, required=True, help="the hub's settings, TOML")
        act.add_argument("--json", action="store_true", help="answer as JSON")
    return parser


def _list(store: Store, zone: tzinfo, options: argparse.Namespace) -> int:
    wanted = select(RejectRow).order_by(RejectRow.received_s.desc(), RejectRow.id.desc()).limit(options.limit)
    if options.field is not None:
        wanted = wanted.where(RejectRow.field == options.field)
    with store.read() as session:
        rows = [_told(row, payload=options.payload) for row in session.scalars(wanted)]
    print(json.dumps(rows, indent=1) if options.json else "\n".join(_lines(rows, zone)))
    return 0


def _told(row: RejectRow, *, payload: bool) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("id", "received_s", "origin", "field", "reason", "count")}
    told["payload_bytes"] = len(row.payload or b"")
    if payload and "/" not in row.origin:
        told["payload"] = (row.payload or b"").decode(errors="backslashreplace")
    return told


def _lines(rows: Iterable[dict[str, Any]], zone: tzinfo) -> Iterable[str]:
    for row in rows:
        when = f"{datetime.fromtimestamp(row['received_s'], zone):%d-%m-%Y %H:%M:%S}"
        yield f"{row['id']:>8}  {when}  {row['count']:>6} x  {row['origin']}  {row['field']}: {row['reason']}"
        if row.get("payload"):
            yield f"{'':10}{row['payload']}"


def _retry(store: Store, settings: Settings, options: argparse.Namespace) -> int:
    opener = Opener(addresses_of(settings), seals_of(settings))
    retry = Retry(store, opener, future_s=settings.future_s)
    done = retry.run(options.ids or None, now_s=open_clock(settings.clock_page).now_s())
    known = {*done.taken, *done.refused}
    done.refused |= {one: "no such row, or nothing of it is kept" for one in options.ids if one not in known}
    print(_as_json(done) if options.json else "\n".join(_words(done)))
    return 1 if done.refused else 0


def _as_json(done: Retried) -> str:
    return json.dumps({"taken": done.taken, "new_events": done.events, "refused": done.refused}, indent=1)


def _words(done: Retried) -> Iterable[str]:
    yield f"{len(done.taken)} taken in again, {done.events} events of them new; {len(done.refused)} stay aside"
    for reject, why in done.refused.items():
        yield f"{reject:>8}  {why}"
