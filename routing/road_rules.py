"""What a road's tags mean for a van: open or closed, one-way, how fast, what a turn costs.

Comes in: OpenStreetMap tags. Goes out: a passage, directions, km/h, seconds. A van here is a car of at most 3.5 t that
carries goods: of the access tags the most particular one counts, `goods` before `motorcar` before `motor_vehicle`
before `vehicle` before `access`. Conditions by the hour (`:conditional`) are not read: a road or turn that is closed at
times is taken as its plain tag says.
"""

from collections.abc import Mapping
from enum import Enum

FERRY = "ferry"
"""The class of a ferry that takes vans; it is no `highway`, but a way to drive all the same."""

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
    FERRY: 8.0,
}
"""Mean running speed by `highway` class, before what junctions cost.

Limits are Dutch law (RVV 1990, articles 20 to 22 and 45: 50 km/h in built-up areas, 80 outside, 100 by day on
motorways, 15 in a woonerf; residential streets taken as 30 km/h zones); the share of the limit that is reached, about
0.8, is our own estimate until the vans' tracks calibrate it. A class that is not here is closed for vans."""

CLASSES = tuple(sorted(SPEED_KM_H))
"""The road classes in the order of their numbers in a graph's columns."""

LIMIT_SHARE = 0.8
"""Mean running speed as a share of a signed `maxspeed`."""

TURN_S = {"straight": 1.0, "right": 2.5, "left": 5.0, "back": 25.0, "dead_end": 12.0}
"""Seconds lost at a junction of three or more roads, and for turning round; own estimate, left turns give way."""

SIGNAL_S = 10.0
"""Mean wait at a traffic light."""

FERRY_WAIT_S = 300.0
"""Mean wait for a small ferry that goes to and fro, boarding included; own estimate."""

_OPEN = frozenset({"yes", "permissive", "designated", "public", "official", "discouraged", "unknown"})
_DESTINATION = frozenset({"destination", "delivery", "customers"})
_BARRIER_PASSES = frozenset(
    {"entrance", "toll_booth", "cattle_grid", "border_control", "kerb", "height_restrictor", "gate", "lift_gate"}
)
"""Barriers a van passes unless their own access or a lock says otherwise; any other (bollard, block, ...) is shut."""
_MODES = ("goods", "motorcar", "motor_vehicle", "vehicle", "access")
_ALONG = frozenset({"yes", "true", "1"})
_AGAINST = frozenset({"-1", "reverse"})


class Passage(Enum):
    """Whom a road lets pass."""

    OPEN = "open"
    DESTINATION = "destination"  # only who has to be there: no way through
    CLOSED = "closed"


def road_class(tags: Mapping[str, str]) -> str | None:
    """The class of a way that can be driven at all, None for any other way."""
    if tags.get("route") == FERRY and "highway" not in tags:
        return FERRY
    highway = tags.get("highway")
    return highway if highway in SPEED_KM_H and tags.get("area") != "yes" else None


def passage(tags: Mapping[str, str]) -> Passage:
    """Whom a way lets pass. A ferry takes vans only where a tag for vehicles says so; an unpaved track is driven to a
    farm at it, but nobody's short cut through the woods."""
    kind = road_class(tags)
    if kind is None:
        return Passage.CLOSED
    if kind == FERRY:
        vehicles = {key: value for key, value in tags.items() if key in _MODES and key != "access"}
        return _admitted(vehicles, default=Passage.CLOSED)
    unpaved = kind == "track" and tags.get("tracktype") != "grade1"
    return _admitted(tags, default=Passage.DESTINATION if unpaved else Passage.OPEN)


def drivable(tags: Mapping[str, str]) -> bool:
    """Whether vans may use a way, if only to reach what lies on it."""
    return passage(tags) is not Passage.CLOSED


def _admitted(tags: Mapping[str, str], *, default: Passage) -> Passage:
    for key in _MODES:
        if key in tags:
            return _meaning(tags[key])
    return default


def _meaning(value: str) -> Passage:
    if value in _OPEN:
        return Passage.OPEN
    return Passage.DESTINATION if value in _DESTINATION else Passage.CLOSED


def directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a way may be driven along and against the order of its nodes.

    `oneway:bicycle` and its like exempt others, never vans; a lane that changes its direction (`reversible`) is shut.
    """
    oneway = next((tags[key] for key in _of_vans("oneway") if key in tags), None)
    if oneway == "reversible":
        return False, False
    implied = tags.get("junction") in ("roundabout", "circular") or tags.get("highway") == "motorway"
    along, against = True, True
    if oneway in _AGAINST:
        along = False
    elif oneway in _ALONG or (oneway is None and implied):
        against = False
    return along and not _shut(tags, "forward"), against and not _shut(tags, "backward")


def _of_vans(key: str) -> tuple[str, ...]:
    return (*(f"{key}:{mode}" for mode in _MODES[:-1]), key)


def _shut(tags: Mapping[str, str], way: str) -> bool:
    for mode in _MODES:
        if f"{mode}:{way}" in tags:
            return _meaning(tags[f"{mode}:{way}"]) is Passage.CLOSED
    return False


def speed_km_h(tags: Mapping[str, str]) -> float:
    """Mean running speed: the class's, or less where a lower limit is signed, or a share of a higher one."""
    kind = road_class(tags)
    if kind is None:
        raise ValueError(f"no road for vans: {dict(tags)}")
    usual = SPEED_KM_H[kind]
    limit = tags.get("maxspeed", "")
    if kind == FERRY or not limit.isdigit() or int(limit) == 0:
        return usual
    signed = int(limit) * LIMIT_SHARE
    return min(usual, signed) if kind in ("living_street", "service", "track") else signed


def duration_s(tags: Mapping[str, str]) -> float | None:
    """How long a ferry takes by its `duration` (`MM`, `HH:MM` or `HH:MM:SS`), None where that is not said."""
    parts = tags.get("duration", "").split(":")
    if tags.get("route") != FERRY or not all(part.isdigit() for part in parts) or len(parts) > 3:
        return None
    hours, minutes, seconds = {1: (0, int(parts[0]), 0), 2: (*map(int, parts), 0)}.get(len(parts)) or tuple(
        map(int, parts)
    )
    return float(hours * 3600 + minutes * 60 + seconds) or None


def blocks(tags: Mapping[str, str]) -> bool:
    """Whether a node stops vans: a bollard and its like, or a gate that is locked or shut for them."""
    barrier = tags.get("barrier")
    if barrier is None:
        return False
    passes = barrier in _BARRIER_PASSES and tags.get("locked") != "yes"
    return _admitted(tags, default=Passage.OPEN if passes else Passage.CLOSED) is Passage.CLOSED
