"""Bundling: orders for one resident on one day become as few stops as their windows allow. Rules without I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub_backend.ordering.wishes import Wish

MIN_WINDOW_S = 900
"""Windows that share less than this are not put together: a stop needs room to be planned."""


@dataclass(frozen=True, slots=True)
class OpenStop:
    """A stop that an order could still join: nobody is on the way to it. `loaded`: its goods are in a van."""

    id: str
    from_s: float
    to_s: float
    loaded: bool = False


def common_window(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float] | None:
    """What two windows share, or None when that is too short to plan."""
    from_s, to_s = max(one[0], other[0]), min(one[1], other[1])
    shortest = min(MIN_WINDOW_S, one[1] - one[0], other[1] - other[0])
    return (from_s, to_s) if to_s - from_s >= shortest else None


def stop_to_join(wish: Wish, window: tuple[float, float], stops: Sequence[OpenStop]) -> OpenStop | None:
    """The stop that `wish` joins: the one with the largest common window, the first of equals.

    A ride is a stop of its own. Goods that are still to be loaded do not join goods that already drive: the van
    would have to return to the hub before it could serve either.
    """
    if wish.kind == "ride":
        return None
    best: OpenStop | None = None
    best_s = -1.0
    for stop in stops:
        common = common_window((stop.from_s, stop.to_s), window)
        if common is None or (stop.loaded and wish.brings):
            continue
        if common[1] - common[0] > best_s:
            best, best_s = stop, common[1] - common[0]
    return best
