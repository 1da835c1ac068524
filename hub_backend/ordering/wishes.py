"""What the orders of a stop ask for at the door: how long it takes, who can do it, whether it may go by letterbox."""

from collections.abc import Iterable
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
from hub_backend.record import OrderRow


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


def wish_of(order: OrderRow) -> Wish:
    """What of a recorded order matters at the door."""
    return Wish(
        kind=order.kind,
        goods=order.goods,
        quantity=order.quantity,
        chores=tuple(order.chores),
        letterbox_allowed=order.letterbox_allowed,
    )


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
