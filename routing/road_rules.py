"""What a road's tags mean for a van: open or closed, one-way, how fast, what a turn costs.

Comes in: OpenStreetMap tags. Goes out: yes or no, km/h, seconds.
"""

from collections.abc import Mapping

SPEED_KM_H: dict[str, float] = {
    "motorway": 95.0,
    "motorway_link": 60.0,
    "trunk": 80.0,
    "trunk_link": 55.0,
    "primary": 60.0,
    "primary_link": 45.0,
    "secondary": 50.0,
    "secondary_link": 40.0,
    "tertiary": 40.0,
    "tertiary_link": 35.0,
    "unclassified": 35.0,
    "residential": 25.0,
    "road": 25.0,
    "living_street": 12.0,
    "service": 12.0,
    "track": 15.0,
}
"""Mean running speed by `highway` class, before what junctions cost.

Limits are Dutch law (RVV 1990, articles 20 to 22 and 45: 50 km/h in built-up areas, 80 outside, 100 by day on
motorways, 15 in a woonerf; residential streets taken as 30 km/h zones); the share of the limit that is reached, about
0.8, is our own estimate until the vans' tracks calibrate it. A class that is not here is closed for vans."""

LIMIT_SHARE = 0.8
"""Mean running speed as a share of a signed `maxspeed`."""

TURN_S = {"straight": 1.0, "right": 2.5, "left": 5.0, "back": 25.0, "dead_end": 12.0}
"""Seconds lost at a junction of three or more roads, and for turning round; own estimate, left turns give way."""

SIGNAL_S = 10.0
"""Mean wait at a traffic light."""

_OPEN = frozenset({"yes", "permissive", "destination", "delivery", "customers", "designated", "public", "official"})
_BARRIER_PASSES = frozenset(
    {"entrance", "toll_booth", "cattle_grid", "border_control", "kerb", "height_restrictor", "gate", "lift_gate"}
)
"""Barriers a van passes unless their own access says otherwise; any other (bollard, block, ...) is shut."""


def drivable(tags: Mapping[str, str]) -> bool:
    """Whether vans may use a way: a road for cars whose most particular access tag does not close it."""
    if tags.get("highway") not in SPEED_KM_H or tags.get("area") == "yes":
        return False
    return _admits(tags, default=True)


def _admits(tags: Mapping[str, str], *, default: bool) -> bool:
    for key in ("motorcar", "motor_vehicle", "vehicle", "access"):
        if key in tags:
            return tags[key] in _OPEN
    return default


def directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a way may be driven along and against the order of its nodes."""
    oneway = tags.get("oneway")
    if oneway in ("-1", "reverse"):
        return False, True
    implied = tags.get("junction") in ("roundabout", "circular") or tags["highway"] == "motorway"
    if oneway in ("yes", "true", "1") or (oneway is None and implied):
        return True, False
    return True, True


def speed_km_h(tags: Mapping[str, str]) -> float:
    """Mean running speed: the class's, or less where a lower limit is signed, or a share of a higher one."""
    usual = SPEED_KM_H[tags["highway"]]
    limit = tags.get("maxspeed", "")
    if not limit.isdigit() or int(limit) == 0:
        return usual
    signed = int(limit) * LIMIT_SHARE
    return min(usual, signed) if tags["highway"] in ("living_street", "service", "track") else signed


def blocks(tags: Mapping[str, str]) -> bool:
    """Whether a node stops vans: a bollard and its like, or a gate that is shut for them."""
    barrier = tags.get("barrier")
    if barrier is None:
        return False
    return not _admits(tags, default=barrier in _BARRIER_PASSES)
