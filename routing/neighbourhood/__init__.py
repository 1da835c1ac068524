"""A made-up Dutch neighbourhood, written as OpenStreetMap data: same seed, same bytes.

Comes in: a seed. Goes out: an `.osm.pbf` of about 2.5 by 2 km with a ring road, curved residential streets of the
"bloemkoolwijk" kind, one-way streets, woonerven, a street cut by a bollard, a canal with two bridges for cars and one
for bicycles, parks, some 700 addresses, and marked sites: two hubs, suppliers at the edge, a market square. Names of
streets and postcodes are invented; nobody lives there.

How: a grid of streets, some of them left out, bent by a smooth displacement of the whole plane. A smooth displacement
keeps streets from crossing where there is no junction, so whatever the seed, the map is a proper one.
"""

from pathlib import Path
from random import Random

from routing.neighbourhood.grid import bending
from routing.neighbourhood.ground import Water, draw_green, draw_quarter
from routing.neighbourhood.houses import Houses
from routing.neighbourhood.names import name_streets
from routing.neighbourhood.shapes import Crowd, Spot, apart
from routing.neighbourhood.sheet import Element, Sheet, write
from routing.neighbourhood.sites import draw_sites
from routing.neighbourhood.streets import draw, lay_out
from routing.places import MapError


def make(seed: int, path: Path) -> None:
    """Write the neighbourhood of a seed; an existing file is replaced only when the new one is complete.

    Raises:
        MapError: the name does not end in `.osm.pbf`, or cannot be written.
    """
    if not path.name.endswith(".osm.pbf"):
        raise MapError(f"{path}: the name must end in .osm.pbf")
    half = path.with_name(f".half-{path.name}")
    try:
        write(elements(Random(seed)), half)
        half.replace(path)
    except (RuntimeError, OSError) as error:  # osmium raises nothing narrower
        raise MapError(f"{path}: cannot be written: {error}") from error
    finally:
        half.unlink(missing_ok=True)


def elements(random: Random) -> list[Element]:
    """Streets, then what houses keep away from, then houses. Never change the order: it is part of the seed."""
    bend = bending(random)
    sheet, roads, built = Sheet(), Crowd(), Crowd()
    streets = lay_out(random, bend)
    name_streets(streets, random)
    for street in streets:
        draw(street, sheet, roads)
    water = Water(sheet, random, bend)
    parks = draw_green(sheet, random, bend)
    draw_sites(sheet, bend, roads=roads, built=built)

    def is_shut(spot: Spot) -> bool:
        return any(apart(spot, park) <= 88.0 for park in parks) or water.is_near(spot)

    houses = Houses(sheet, random, roads=roads, built=built, shut=is_shut)
    for street in streets:
        if street.kind in ("residential", "living_street"):
            houses.build(street)
    draw_quarter(sheet, bend)
    return sheet.elements
