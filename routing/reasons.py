"""Why a van cannot do something: codes for programs, words in Dutch and English for planners."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

Language = Literal["nl", "en"]


class Fault(IntEnum):
    """What is wrong with a sequence; ordered from what cannot be helped to what another plan may help."""

    UNREACHABLE = 1
    NO_VAN = 2
    LOCKED = 3
    ON_BOARD = 4
    DEPOT = 5
    SKILL = 6
    CAPACITY = 7
    BEFORE = 8
    NOT_LOADED = 9
    RELEASE = 10
    WINDOW = 11
    ABOARD = 12
    RIDE = 13
    SEATED = 14
    MIXED = 15
    RANGE = 16
    REST = 17
    SHIFT = 18
    CLOSED = 19
    FULL = 20
    NOT_WORTH = 21
    DEFERRED = 22

    @property
    def code(self) -> str:
        return self.name.lower()


WORDS: dict[Language, dict[Fault, str]] = {
    "nl": {
        Fault.UNREACHABLE: "het adres is met de bus niet te bereiken",
        Fault.NO_VAN: "er is geen bus in dienst",
        Fault.LOCKED: "vastgezet op {van}, die niet kan komen",
        Fault.ON_BOARD: "de goederen liggen in {van}, die niet kan komen",
        Fault.DEPOT: "geen bus van {depot} in dienst",
        Fault.SKILL: "geen bus met een conciërge die dit mag ({skills})",
        Fault.CAPACITY: "geen bus met genoeg ruimte ({load})",
        Fault.BEFORE: "geen bus {able} vóór {until}",
        Fault.NOT_LOADED: "de goederen liggen in geen bus",
        Fault.RELEASE: "de goederen zijn te laat op de hub",
        Fault.WINDOW: "het tijdvak is {late} te vroeg voorbij voor een bus",
        Fault.ABOARD: "de goederen zouden langer dan {limit} in de bus zijn",
        Fault.RIDE: "de rit zou langer dan {limit} duren",
        Fault.SEATED: "er zou een passagier in de bus zitten tijdens het laden of de pauze",
        Fault.MIXED: "een passagier kan niet samen met eten of was in deze bus",
        Fault.RANGE: "de accu is te leeg voor dit adres",
        Fault.REST: "de pauze van de conciërge zou in de knel komen",
        Fault.SHIFT: "geen bus is {late} eerder klaar, zodat de dienst niet uitloopt",
        Fault.CLOSED: "de hub is dan gesloten",
        Fault.FULL: "alle bussen zijn in dit tijdvak vol",
        Fault.NOT_WORTH: "de omweg kost meer dan het oplevert",
        Fault.DEFERRED: "schuift naar een andere dag: de omweg is het vandaag niet waard",
    },
    "en": {
        Fault.UNREACHABLE: "no van can reach the address",
        Fault.NO_VAN: "no van is in service",
        Fault.LOCKED: "locked to {van}, which cannot come",
        Fault.ON_BOARD: "the goods are in {van}, which cannot come",
        Fault.DEPOT: "no van of {depot} in service",
        Fault.SKILL: "no van with a concierge who may do this ({skills})",
        Fault.CAPACITY: "no van with enough room ({load})",
        Fault.BEFORE: "no van {able} before {until}",
        Fault.NOT_LOADED: "the goods are in no van",
        Fault.RELEASE: "the goods are at the hub too late",
        Fault.WINDOW: "the window closes {late} before a van can be there",
        Fault.ABOARD: "the goods would be in the van for more than {limit}",
        Fault.RIDE: "the ride would last more than {limit}",
        Fault.SEATED: "a passenger would sit in the van during loading or the break",
        Fault.MIXED: "a passenger cannot share this van with food or laundry",
        Fault.RANGE: "the battery is too low for this address",
        Fault.REST: "the concierge's break would be lost",
        Fault.SHIFT: "no van is done {late} sooner, so that the shift would run over",
        Fault.CLOSED: "the hub is closed by then",
        Fault.FULL: "all vans are full in this window",
        Fault.NOT_WORTH: "the detour costs more than it brings",
        Fault.DEFERRED: "moves to another day: the detour is not worth it today",
    },
}
"""Sentences without a capital and a stop; `{able}` is from ABLE, `{until}` a time on the clock."""

ABLE: dict[Language, dict[str, str]] = {
    "nl": {
        "chilled": "met een gekoeld vak",
        "hot": "met een warmhoudvak",
        "ambient": "met ruimte voor ongekoeld",
        "parcels": "met ruimte voor pakketten",
        "laundry": "met ruimte voor was",
        "seats": "met een vrije zitplaats",
        "skill": "met een conciërge die dit mag",
        "depot": "van deze hub",
        "any": "vrij",
    },
    "en": {
        "chilled": "with a chilled compartment",
        "hot": "with a hot compartment",
        "ambient": "with room for ambient goods",
        "parcels": "with room for parcels",
        "laundry": "with room for laundry",
        "seats": "with a free seat",
        "skill": "with a concierge who may do this",
        "depot": "of this hub",
        "any": "free",
    },
}

COMPARTMENT_WORDS: dict[Language, dict[str, str]] = {
    "nl": {
        "chilled": "gekoeld",
        "hot": "warm",
        "ambient": "ongekoeld",
        "parcels": "pakketten",
        "laundry": "was",
        "seats": "zitplaatsen",
    },
    "en": {name: name for name in ("chilled", "hot", "ambient", "parcels", "laundry", "seats")},
}


def sentence(
    code: str, facts: Mapping[str, str], language: Language = "nl", names: Mapping[str, str] | None = None
) -> str:
    """The words for an `Unserved`'s code and facts, in either language.

    `names`: what people call a van, a hub or a skill; without, their ids are used.

    Raises:
        KeyError: no such code.
    """
    return WORDS[language][Fault[code.upper()]].format_map(_Told(facts, language, names or {}))


_UNNAMED = {"van": "", "depot": "hub "}
_UNKNOWN: dict[Language, dict[str, str]] = {
    "nl": {"van": "een andere bus", "depot": "deze hub"},
    "en": {"van": "another van", "depot": "this hub"},
}


class _Told(dict[str, str]):
    """Facts as words: seconds as minutes, codes of compartments and ids by their names."""

    def __init__(self, facts: Mapping[str, str], language: Language, names: Mapping[str, str]) -> None:
        super().__init__(facts)
        self._language, self._names = language, names

    def __getitem__(self, key: str) -> str:
        value = self.get(key, "")
        match key:
            case "late" | "limit":
                return minutes(float(value or 0), self._language)
            case "able":
                return ABLE[self._language].get(value, ABLE[self._language]["any"])
            case "load":
                return ", ".join(self._amount(part) for part in value.split(",") if part)
            case "skills":
                return ", ".join(self._names.get(skill, skill) for skill in value.split(", "))
            case "van" | "depot":
                return self._names.get(value) or (_UNNAMED[key] + value if value else _UNKNOWN[self._language][key])
        return value

    def _amount(self, part: str) -> str:
        compartment, _, amount = part.partition("=")
        return f"{amount} {COMPARTMENT_WORDS[self._language].get(compartment, compartment)}"


def minutes(seconds: float, language: Language = "nl") -> str:
    """A duration in words, upwards to a whole minute."""
    whole = max(1, -(-int(seconds) // 60))
    hours, rest = divmod(whole, 60)
    hour, join = ("uur", "en") if language == "nl" else ("h", "and")
    if hours:
        return f"{hours} {hour}" + (f" {join} {rest} min" if rest else "")
    return f"{whole} min"


def clock(at_s: int, utc_offset_s: int) -> str:
    """A time of day as on the wall, HH:MM."""
    of_day = (at_s + utc_offset_s) % 86400
    return f"{of_day // 3600:02}:{of_day % 3600 // 60:02}"
