"""Street names and postcodes of the made-up neighbourhood: themes by quarter, as Dutch towns do. All invented."""

from collections.abc import Iterable
from random import Random

from routing.neighbourhood.grid import BRIDGE_COLUMN, CANAL_ROW, Street, on_ring

POSTCODE_DIGITS = "7499"  # not given out by PostNL as far as we know

_FIRST = {
    "bomen": [
        "Wilg",
        "Beuk",
        "Linde",
        "Meidoorn",
        "Hazelaar",
        "Esdoorn",
        "Kastanje",
        "Lijsterbes",
        "Vlier",
        "Sleedoorn",
        "Berken",
        "Essen",
    ],
    "vogels": [
        "Merel",
        "Kievit",
        "Grutto",
        "Zwaluw",
        "Roodborst",
        "Koekoek",
        "Wulp",
        "Leeuwerik",
        "Spreeuw",
        "Putter",
        "Fuut",
        "Reiger",
    ],
    "kruiden": [
        "Salie",
        "Tijm",
        "Munt",
        "Kervel",
        "Lavas",
        "Bieslook",
        "Dragon",
        "Marjolein",
        "Kamille",
        "Venkel",
        "Dille",
        "Anijs",
    ],
    "ambachten": [
        "Wevers",
        "Kuipers",
        "Smeden",
        "Mandenmakers",
        "Touwslagers",
        "Bakkers",
        "Molenaars",
        "Leidekkers",
        "Klompenmakers",
    ],
}
_LAST = {
    "residential": ["straat", "laan", "weg", "singel", "pad", "kamp"],
    "living_street": ["hof", "erf", "gaarde", "plantsoen", "brink"],
}
_LETTERS = "ABCDEGHJKLMNPRSTVWXZ"


def name_streets(streets: Iterable[Street], random: Random) -> None:
    """Give one name to each run of streets in one line."""
    used: set[str] = set()
    runs: dict[tuple[str, int, int], str] = {}
    for street in streets:
        if street.name:
            continue
        if street.kind == "tertiary":
            street.name = "Rondweg" if on_ring(street) else "Marktlaan"
            continue
        (ac, ar), (_, br) = sorted((street.a, street.b))
        line = ("across", ar, ac // 3) if ar == br else ("up", ac, ar // 3)
        key = (f"{street.kind}{line[0]}", line[1], line[2])
        if key not in runs:
            runs[key] = _new_name(street, used, random)
        street.name = runs[key]


def _new_name(street: Street, used: set[str], random: Random) -> str:
    west, south = street.a[0] < BRIDGE_COLUMN, street.a[1] <= CANAL_ROW
    theme = {(True, True): "kruiden", (False, True): "bomen", (True, False): "vogels"}.get((west, south), "ambachten")
    while True:
        name = random.choice(_FIRST[theme]) + random.choice(_LAST[street.kind])
        if name not in used:
            used.add(name)
            return name


class Postcodes:
    """A postcode for each street."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._of: dict[str, str] = {}

    def of(self, street: str) -> str:
        """The street's postcode, made up when it is first asked for."""
        while street not in self._of:
            letters = self._random.choice(_LETTERS) + self._random.choice(_LETTERS)
            code = f"{POSTCODE_DIGITS} {letters}"
            if code not in self._of.values() and letters not in ("SA", "SD", "SS"):  # never given out
                self._of[street] = code
        return self._of[street]
