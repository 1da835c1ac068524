"""GS1 element strings (GS1-128, DataMatrix, QR): application identifiers and their values.

Driven by `identifiers.csv`, our table of the facts in GS1's syntax dictionary (lengths, kinds, pairs). FNC1 inside a
code comes as 0x1D; a value of predefined length needs none after it.
"""

import csv
import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from edge_gateway.codes import checks

GS = "\x1d"
SYMBOLOGIES = ("]C1", "]d2", "]Q3", "]e0", "]J1")
"""AIM identifiers that say: this is GS1 (128, DataMatrix, QR, DataBar, DotCode)."""
SETS: dict[str, Callable[[str], bool]] = {
    "N": checks.is_number,
    "X": lambda text: re.fullmatch(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]*", text) is not None,
    "Y": lambda text: re.fullmatch(r"[#\-/0-9A-Z]*", text) is not None,
    "Z": lambda text: re.fullmatch(r"[A-Za-z0-9_\-]*=?=?", text) is not None,
}
_COMPONENT = re.compile(r"^(\[?)([NXYZ])(\.\.)?(\d+)\]?((?:,[a-z0-9]+)*)$")
_BRACKETED = re.compile(r"\((\d{2,4})\)([^(]*)")


class Gs1Error(ValueError):
    """No GS1 element string, or one that was misread; the message never holds the code."""


@dataclass(frozen=True)
class Component:
    """A part of a value: its characters, at most how many (exactly so many when `fixed`), and what it must pass."""

    characters: str
    length: int
    fixed: bool
    optional: bool
    linters: tuple[str, ...]


@dataclass(frozen=True)
class Identifier:
    """One application identifier, or a range of them."""

    predefined: bool
    components: tuple[Component, ...]
    requires: tuple[str, ...]
    excludes: tuple[str, ...]
    is_key: bool
    title: str


@dataclass(frozen=True)
class ElementString:
    """What a code says: values by identifier, in the code's order. `doubts` are pairs that GS1 forbids or misses."""

    values: dict[str, str]
    doubts: tuple[str, ...]

    @property
    def keys(self) -> dict[str, str]:
        """What identifies the thing itself (SSCC, GTIN, GRAI, …), without anything about it."""
        return {ai: value for ai, value in self.values.items() if identifiers()[ai].is_key}


@cache
def identifiers() -> dict[str, Identifier]:
    """Every application identifier."""
    found: dict[str, Identifier] = {}
    text = (resources.files("edge_gateway.codes") / "identifiers.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        one = Identifier(
            predefined=bool(row["predefined"]),
            components=tuple(_component(word) for word in row["components"].split()),
            requires=tuple(row["requires"].split()),
            excludes=tuple(row["excludes"].split()),
            is_key=bool(row["key"]),
            title=row["title"],
        )
        for number in range(int(row["first"]), int(row["last"]) + 1):
            found[str(number).zfill(len(row["first"]))] = one
    return found


def _component(word: str) -> Component:
    form = _COMPONENT.match(word)
    if form is None:
        raise ValueError(f"identifiers.csv: {word!r}")
    bracket, characters, dots, length, linters = form.groups()
    return Component(characters, int(length), not dots, bool(bracket), tuple(linters.split(",")[1:]))


def parse(text: str) -> ElementString:
    """Reads an element string, with FNC1 as 0x1D or with identifiers in brackets. Raises `Gs1Error`."""
    values: dict[str, str] = {}
    for ai, value in _bracketed(text) if text.startswith("(") else _split(text.removeprefix(GS)):
        _check(ai, value)
        if values.setdefault(ai, value) != value:
            raise Gs1Error(f"({ai}) twice, with different values")
    if not values:
        raise Gs1Error("empty")
    return ElementString(values, tuple(_doubts(values)))


def _bracketed(text: str) -> list[tuple[str, str]]:
    if _BRACKETED.sub("", text):
        raise Gs1Error("brackets that do not belong together")
    return [(found[1], found[2]) for found in _BRACKETED.finditer(text)]


def _split(text: str) -> list[tuple[str, str]]:
    found = []
    while text:
        ai = next((text[:size] for size in (2, 3, 4) if text[:size] in identifiers()), None)
        if ai is None:
            raise Gs1Error("no application identifier where one must be")
        one = identifiers()[ai]
        if one.predefined:
            size = len(ai) + sum(component.length for component in one.components)
            value, text = text[len(ai) : size], text[size:].removeprefix(GS)
        else:
            value, _, text = text[len(ai) :].partition(GS)
        found.append((ai, value))
    return found


def _check(ai: str, value: str) -> None:
    one = identifiers().get(ai)
    if one is None:
        raise Gs1Error("no such application identifier")
    rest = value
    for component in one.components:
        if not rest and component.optional:
            break
        part, rest = rest[: component.length], rest[component.length :]
        if not part or (component.fixed and len(part) < component.length):
            raise Gs1Error(f"({ai}) too short")
        if not SETS[component.characters](part):
            raise Gs1Error(f"({ai}) a character that cannot be there")
        for linter in component.linters:
            if linter in LINTERS and not LINTERS[linter](part):
                raise Gs1Error(f"({ai}) fails its check ({linter})")
    if rest:
        raise Gs1Error(f"({ai}) too long")


def _doubts(values: dict[str, str]) -> list[str]:
    doubts = []
    for ai in values:
        one = identifiers()[ai]
        for group in one.excludes:
            wrong = [other for other in values if other != ai and any(_fits(other, name) for name in group.split(","))]
            doubts += [f"({ai}) beside ({other})" for other in wrong]
        for group in one.requires:
            if not any(all(_has(values, name) for name in choice.split("+")) for choice in group.split(",")):
                doubts.append(f"({ai}) without ({group})")
    return doubts


def _fits(ai: str, pattern: str) -> bool:
    """`31nn` stands for all of 3100 to 3199."""
    return len(ai) == len(pattern) and all(mark in (digit, "n") for digit, mark in zip(ai, pattern, strict=True))


def _has(values: dict[str, str], pattern: str) -> bool:
    return any(_fits(ai, pattern) for ai in values)


def day_of(yymmdd: str, *, this_year: int) -> datetime.date:
    """The day that a date of six digits means: the century nearest to now, and day 00 the month's last.

    Raises `ValueError` for no date.
    """
    year = this_year - this_year % 100 + int(yymmdd[:2])
    year += 100 if year <= this_year - 50 else -100 if year >= this_year + 51 else 0
    month, day = int(yymmdd[2:4]), int(yymmdd[4:6])
    if day:
        return datetime.date(year, month, day)
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return following - datetime.timedelta(days=1)


def _is_day(text: str) -> bool:
    try:
        day_of(text, this_year=2000 + int(text[:2]))
    except ValueError:
        return False
    return True


LINTERS: dict[str, Callable[[str], bool]] = {
    "csum": checks.gs1_mod10,
    "yymmd0": _is_day,
    "yymmdd": lambda text: text[4:] != "00" and _is_day(text),
    "hhmi": lambda text: int(text[:2]) < 24 and int(text[2:]) < 60,
    "hh": lambda text: int(text) < 24,
    "mi": lambda text: int(text) < 60,
    "ss": lambda text: int(text) < 60,
    "yesno": lambda text: text in ("0", "1"),
    "zero": lambda text: set(text) == {"0"},
    "nonzero": lambda text: set(text) != {"0"},
    "hyphen": lambda text: text == "-",
    "nozeroprefix": lambda text: text == "0" or not text.startswith("0"),
    "pcenc": lambda text: re.sub(r"%[0-9A-Fa-f]{2}", "", text).find("%") < 0,
    "iso3166": lambda text: text != "000",
    "iso3166alpha2": lambda text: text.isascii() and text.isalpha() and text.isupper(),
    "pieceoftotal": lambda text: 0 < int(text[:2]) <= int(text[2:]),
}
"""The dictionary's checks that we make; the others (company prefixes, currencies, coupons) tell no misreading."""
