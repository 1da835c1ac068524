"""`buurtrit map`: import a map, make a made-up one, say what one holds.

Exit codes: 0 done, 1 not there or not writable, 2 the input is wrong (no map, unknown name, bad option).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from routing import atlas
from routing.places import MapError
from routing.unreached import load_unreached

SHOWN = 10
"""Addresses out of reach that are told one by one; the file has them all."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the given words (the process's own by default) and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        if options.action == "import":
            return _import(options)
        if options.action == "make":
            return _make(options)
        return _info(options)
    except MapError as error:
        print(f"buurtrit map: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"buurtrit map: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="buurtrit map",
        description="Maps: roads, addresses and what is drawn.",
        epilog="exit codes: 0 done, 1 not there or not writable, 2 the input is wrong",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="import|make|info")

    importing = actions.add_parser("import", help="read an OpenStreetMap extract into a map")
    importing.add_argument("file", type=Path, help="an .osm.pbf, for instance from geofabrik.de")
    importing.add_argument("--name", required=True, help="what the map will be called: a-z, 0-9, - and _")
    importing.add_argument("--replace", action="store_true", help="take the place of a map of this name")
    importing.add_argument(
        "--without-addresses", action="store_true", help="go on when the extract has no house number"
    )

    making = actions.add_parser("make", help="make up a Dutch neighbourhood as an .osm.pbf, to import afterwards")
    making.add_argument("--seed", type=int, default=1, help="another seed, another neighbourhood (default 1)")
    making.add_argument("--out", type=Path, required=True, help="the .osm.pbf to write")

    info = actions.add_parser("info", help="say what a map holds")
    info.add_argument("name", help="the map's name, or its directory")

    for action in (importing, info):
        action.add_argument("--maps", type=Path, default=None, help=f"where maps live (default {atlas.maps_dir()})")
    for action in (importing, making, info):
        action.add_argument("--json", action="store_true", help="answer as JSON; progress stays on stderr")
    return parser


def _import(options: argparse.Namespace) -> int:
    directory: Path = options.maps or atlas.maps_dir()
    info = atlas.import_map(
        options.file,
        options.name,
        directory,
        replace=options.replace,
        without_addresses=options.without_addresses,
        progress=_progress,
    )
    _say(info, directory / options.name, as_json=options.json)
    return 0


def _make(options: argparse.Namespace) -> int:
    from routing import neighbourhood  # the generator is not needed to look at a map

    _progress(f"laying out streets and houses from seed {options.seed}")
    neighbourhood.make(options.seed, options.out)
    if options.json:
        print(json.dumps({"file": str(options.out), "seed": options.seed, "bytes": options.out.stat().st_size}))
    else:
        print(f"{options.out}: made; next: buurtrit map import {options.out} --name NAME")
    return 0


def _info(options: argparse.Namespace) -> int:
    directory: Path = options.maps or atlas.maps_dir()
    named = directory / options.name
    where = named if named.is_dir() else Path(options.name)
    if not where.is_dir():
        known = sorted(path.parent.name for path in directory.glob("*/map.json"))
        raise MapError(f"no map {options.name!r} in {directory}; there is {', '.join(known) or 'none'}")
    _say(atlas.read_info(where), where, as_json=options.json)
    return 0


def _say(info: atlas.MapInfo, where: Path, *, as_json: bool) -> None:
    apart = load_unreached(where)
    if as_json:
        unreachable = [asdict(row) for row in apart]
        print(json.dumps(asdict(info) | {"dir": str(where), "unreachable": unreachable}, ensure_ascii=False))
        return
    west, south, east, north = info.bounds
    print(f"{info.name}: {where}")
    print(f"  from {south:.4f} N {west:.4f} E to {north:.4f} N {east:.4f} E, {info.attribution}")
    for key, value in info.counts.items():
        print(f"  {key.replace('_', ' '):21} {value:>7}")
    for site in info.sites:
        print(f"  {site.kind:21} {site.name}")
    for row in apart[:SHOWN]:
        address = row.address
        place = f"{address.street} {address.number}".strip()
        away = "no road within 5 km" if row.distance_m is None else f"{row.distance_m:.0f} m from a road for vans"
        print(f"  out of reach: {place or f'{address.lat:.5f}, {address.lon:.5f}'}: {away}; {row.reason}")
    if len(apart) > SHOWN:
        print(f"  ... and {len(apart) - SHOWN} more in {where / 'unreachable.csv'}")


def _progress(words: str) -> None:
    print(f"  {words} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
