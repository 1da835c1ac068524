"""How fast the roads are: a part of `make bench-routing`.

`python -m routing.road_bench FILE.osm.pbf` with `--places`, `--seed`, `--json` and `--out`: CPU seconds of one thread
for a matrix of the places on fresh roads, and for one address more; the goals beside them.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median

import numpy as np

from routing import osm
from routing.places import MapError
from routing.road_build import build
from routing.roads import RoadGraph
from routing.travel_table import TravelTable

MATRIX_GOAL_S = 1.0
ROW_GOAL_S = 0.020
NEW_ADDRESSES = 20


def measure(extract: Path, *, places: int, seed: int) -> dict[str, object]:
    """CPU seconds; a new address is the median and the worst of `NEW_ADDRESSES`, each snapped and put in the table.

    Raises:
        MapError: no map, or one with too few addresses.
    """
    began = time.process_time()
    read = osm.read(extract)
    built = build(read)
    build_s = time.process_time() - began
    if len(read.addresses) < places + NEW_ADDRESSES:
        raise MapError(f"{extract}: {len(read.addresses)} addresses, {places + NEW_ADDRESSES} are needed")
    rows = Random(seed).sample(read.addresses, places + NEW_ADDRESSES)
    roads = RoadGraph(built.graph.edges, built.graph.turns, built.graph.names)  # cold: nothing worked out before
    table = TravelTable(roads)
    began = time.process_time()
    snaps = [roads.snap(row.lat, row.lon, street=row.street) for row in rows[:places]]
    snapped_s = time.process_time() - began
    travel = table.matrix(snaps)
    matrix_s = time.process_time() - began
    new_s = []
    for row in rows[places:]:
        began = time.process_time()
        snaps.append(roads.snap(row.lat, row.lon, street=row.street))
        travel = table.matrix(snaps)
        new_s.append(time.process_time() - began)
    assert np.array_equal(travel.duration_s, roads.matrix(snaps).duration_s), "the table and the roads disagree"
    return {
        "map": extract.name,
        "edges": roads.size,
        "places": places,
        "seed": seed,
        "build_s": round(build_s, 3),
        "snap_s": round(snapped_s, 3),
        "matrix_cold_s": round(matrix_s, 3),
        "matrix_goal_s": MATRIX_GOAL_S,
        "new_address_median_s": round(median(new_s), 4),
        "new_address_worst_s": round(max(new_s), 4),
        "new_address_goal_s": ROW_GOAL_S,
        "unreachable_pairs": int((travel.duration_s < 0).sum()),
        "reached": bool(matrix_s <= MATRIX_GOAL_S and max(new_s) <= ROW_GOAL_S),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 0 the goals are reached, 1 they are not, 2 the map cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m routing.road_bench", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--places", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, help='put the figures as "roads" into this JSON file, beside what is there')
    options = parser.parse_args(argv)
    try:
        figures = measure(options.file, places=options.places, seed=options.seed)
    except MapError as error:
        print(f"road_bench: {error}", file=sys.stderr)
        return 2
    if options.out is not None:
        held = json.loads(options.out.read_text()) if options.out.is_file() else {}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(held | {"roads": figures}, indent=1) + "\n")
    if options.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key.replace('_', ' '):22} {value}")
    return 0 if figures["reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
