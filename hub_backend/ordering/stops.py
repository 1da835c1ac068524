"""Bundling: orders for one resident on one day become as few stops as their windows allow. Rules without I/O.

Comes in: what was ordered. Goes out: which stop an order joins, how long a stop takes, whether it may go by letterbox.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub_backend.ordering.goods import (
    CHORE_DEFAULT_S,
    CHORE_S,
    GOODS,
    LETTERBOX_STEP_S,
    STEP_S,
    VISIT_S,
    WALK_S,
)

MIN_WINDOW_S = 900
"""Windows that share less than this are not put together: a stop needs room to be planned."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of an order matters at the door."""

    kind: str
    goods: str = ""
    quantity: int = 1
    chores: tuple[str, ...] = ()
    letterbox_allowed: bool = False

    @property
    def brings(self) -> bool:
        """Whether something must be in the van for it."""
        return self.kind == "swap" or (self.kind == "delivery" and self.goods != "")

    @property
    def takes(self) -> bool:
        """Whether something is taken along from the door."""
        return self.kind in ("swap", "collection")


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


def may_use_letterbox(wishes: Iterable[Wish]) -> bool:
    """Whether everything of a stop may go through the letterbox: one thing that may not, and nothing does.

    Goods that need a person (medication) go by letterbox only with the pharmacy's leave, given on the order.
    """
    wishes = list(wishes)
    return bool(wishes) and all(_letterbox(wish) for wish in wishes)


def _letterbox(wish: Wish) -> bool:
    if wish.kind != "delivery" or wish.chores:
        return False
    return GOODS[wish.goods].letterbox or wish.letterbox_allowed


def service_s(wishes: Iterable[Wish], *, usual_step: int | None) -> int:
    """Seconds at the door: walking, meeting, handing over, chores. Depends on the goods and the resident's step."""
    wishes = list(wishes)
    meeting_s = LETTERBOX_STEP_S if may_use_letterbox(wishes) and usual_step is None else STEP_S[usual_step]
    return WALK_S + meeting_s + sum(_wish_s(wish) for wish in wishes)


def _wish_s(wish: Wish) -> int:
    seconds = sum(CHORE_S.get(chore, CHORE_DEFAULT_S) for chore in wish.chores)
    if wish.kind == "visit":
        return seconds + VISIT_S
    if wish.goods:
        goods = GOODS[wish.goods]
        seconds += goods.service_s + goods.further_s * (wish.quantity - 1)
        # The old roll or the dirty bag is looked for while the new one is put away.
        seconds += 60 if wish.kind == "swap" else 0
    return seconds


def skills_needed(wishes: Iterable[Wish]) -> frozenset[str]:
    """The skills a concierge must have for a stop."""
    return frozenset(skill for wish in wishes if wish.goods and (skill := GOODS[wish.goods].skill) is not None)
