"""`buurtrit hub --config FILE.toml`: the whole backend in one process.

`buurtrit hub rejects list|retry` tells what was set aside and takes it in again after a fix, see its own --help.
`buurtrit hub replay-series --config FILE.toml` drops the series and writes them anew from the record; the hub must be
stopped. `buurtrit hub migrate --config FILE.toml` only brings the record's schema up to date, as starting does.
`buurtrit hub replay-plan PLAN --config FILE.toml` makes a plan of the record again and says whether it comes
out the same; the hub may run. `buurtrit hub openapi --config FILE.toml` prints the API's description, for the screens'
types.

Exit codes: 0 done or stopped, 1 `replay-plan` came out otherwise, 2 the settings or the record cannot be used.
"""

import argparse
import json
import logging
import subprocess
import sys
from pathlib import Path

from hub_backend.errors import HubError
from hub_backend.settings import Settings

COMMANDS = ("serve", "migrate", "replay-series", "replay-plan", "openapi")
STOP_S = 2  # machine: how long open streams may hold up a stop
SWITCH_S = 0.0005
"""Machine: how long a thread may go on while another waits. Who writes a batch lets go at each of its statements, and
would wait for Python's own 5 ms after each, for as long as a follower has anything to do: half of ingest's speed."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the hub until it is told to stop. Returns 2 when the settings or the record cannot be used."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["rejects"]:
        from hub_backend.rejects_command import main as rejects

        return rejects(arguments[1:])
    options = _options(arguments)
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    try:
        return _run(options)
    except HubError as error:
        print(f"buurtrit hub: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    settings = Settings.load(options.config)
    match options.command:
        case "migrate":
            return _migrate(settings)
        case "replay-series":
            return _replay_series(settings)
        case "replay-plan":
            return _replay_plan(settings, options.plan, as_json=options.json)
        case "openapi":
            return _openapi(settings)
        case _:
            return _migrate_apart(settings, options.config) or _serve(settings, log_level=options.log_level)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="buurtrit hub", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", default="serve", choices=COMMANDS)
    parser.add_argument("plan", nargs="?", default="", help="for replay-plan: an id, or DAY/REVISION as 2026-11-23/4")
    parser.add_argument("--config", type=Path, required=True, help="settings, TOML")
    parser.add_argument("--json", action="store_true", help="for replay-plan: answer as JSON")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser.parse_args(arguments)


def _migrate(settings: Settings) -> int:
    from hub_backend.store import Store

    store = Store(settings.database_url)
    store.open()
    store.close()
    return 0


def _migrate_apart(settings: Settings, config: Path) -> int:
    """An older schema is brought up to date in a process of its own: the 12 MB of Alembic would stay with the hub."""
    from hub_backend.store import Store

    store = Store(settings.database_url)
    is_older = store.is_older
    store.close()
    if not is_older:
        return 0
    command = [sys.executable, "-m", "hub_backend", "migrate", "--config", str(config)]
    return subprocess.run(command, check=False).returncode


def _serve(settings: Settings, *, log_level: str) -> int:
    import uvicorn

    from hub_backend.app import build

    sys.setswitchinterval(SWITCH_S)
    hub = build(settings)
    uvicorn.run(
        hub.web,
        host=settings.http_host,
        port=settings.http_port,
        log_level=log_level,
        access_log=False,
        timeout_graceful_shutdown=STOP_S,
    )
    return 0


def _replay_series(settings: Settings) -> int:
    from hub_backend.app import open_kit, open_series
    from hub_backend.projections.followers import Followers
    from hub_backend.projections.series import SeriesFollower, forget

    kit = open_kit(settings)
    series = open_series(kit)
    forget(kit, series)
    taken = Followers(kit, [SeriesFollower(series)]).catch_up()
    print(f"series: {taken} events written anew")
    return 0


def _replay_plan(settings: Settings, name: str, *, as_json: bool) -> int:
    from hub_backend.dispatching.replay import replay_named

    found = replay_named(settings, name)
    print(json.dumps(found.record()) if as_json else "\n".join(found.words()))
    return 1 if found.differences else 0


def _openapi(settings: Settings) -> int:
    from hub_backend.app import build

    print(json.dumps(build(settings).web.openapi(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
