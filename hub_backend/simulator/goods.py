"""Where each labelled thing really is: at its supplier's, at a hub, in a van, at the resident's."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thing:
    """A labelled thing of an order; `direction` is deliver or collect."""

    code: str
    order: str
    direction: str
    temp_class: str


class Goods:
    """The world's own bookkeeping, which no machine of ours sees."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self._where: dict[str, str] = {}

    def add(self, thing: Thing, *, where: str) -> None:
        self.things[thing.code] = thing
        self._where[thing.code] = where

    def move(self, code: str, to: str) -> None:
        """Raises `KeyError` for a label nobody has made."""
        if code not in self.things:
            raise KeyError(code)
        self._where[code] = to

    def where(self, code: str) -> str | None:
        return self._where.get(code)

    def at(self, place: str) -> list[Thing]:
        return [self.things[code] for code, where in self._where.items() if where == place]

    def of_orders(self, orders: Iterable[str], *, direction: str = "deliver") -> list[Thing]:
        wanted = set(orders)
        return [thing for thing in self.things.values() if thing.order in wanted and thing.direction == direction]
