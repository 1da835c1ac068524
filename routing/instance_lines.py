"""What readers of benchmark files share: lines with their numbers, and what a file said in its own units."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from routing.model import RoutingError

_LARGEST = 10**12
_ANY_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class InstanceError(RoutingError):
    """A file that cannot be meant: the message names the file, the line, the field and the reason."""


class Lines:
    """A text's lines that say something, each with its number counted from 1."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = [(i, line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._lines)

    def error(self, line: int | None, field: str, reason: str) -> InstanceError:
        where = self.name if line is None else f"{self.name}, line {line}"
        return InstanceError(f"{where}: {field} {reason}")

    def number(self, line: int, field: str, word: str) -> Fraction:
        """A finite number that is not negative."""
        if word.isdecimal() and len(word) <= 12:
            return Fraction(int(word))
        if not _ANY_NUMBER.fullmatch(word):
            raise self.error(line, field, f"is {word!r}, not a number")
        value = Fraction(word)
        if value < 0:
            raise self.error(line, field, f"is {word}, must not be negative")
        if value > _LARGEST:
            raise self.error(line, field, f"is {word}, larger than {_LARGEST:.0e}")
        return value

    def coordinate(self, line: int, field: str, word: str) -> Fraction:
        value = self.number(line, field, word.removeprefix("-"))
        return -value if word.startswith("-") else value

    def whole(self, line: int, field: str, word: str) -> int:
        value = self.number(line, field, word)
        if value.denominator != 1:
            raise self.error(line, field, f"is {word}, must be a whole number")
        return int(value)


@dataclass
class Draft:
    """What a file said, in its own units, before distances are known."""

    name: str
    places: list[tuple[Fraction, Fraction]]
    demand: list[Fraction]
    early: list[Fraction]
    late: list[Fraction | None]
    service: list[Fraction]
    release: list[Fraction]
    capacity: Fraction | None
    vehicles: int | None
    max_reloads: int | None
    explicit: list[list[int | Fraction]] | None
    line_of: Callable[[int], int | None]
    """The line of a place's window, for errors."""
