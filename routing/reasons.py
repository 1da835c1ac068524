"""Why a van cannot do something: codes for programs, Dutch for planners."""

from enum import IntEnum


class Fault(IntEnum):
    """What is wrong with a sequence; ordered from what cannot be helped to what another plan may help."""

    UNREACHABLE = 1
    NO_VAN = 2
    LOCKED = 3
    ON_BOARD = 4
    DEPOT = 5
    SKILL = 6
    CAPACITY = 7
    NOT_LOADED = 8
    RELEASE = 9
    WINDOW = 10
    ABOARD = 11
    RIDE = 12
    SEATED = 13
    RANGE = 14
    SHIFT = 15
    CLOSED = 16
    FULL = 17
    NOT_WORTH = 18

    @property
    def code(self) -> str:
        return self.name.lower()


WORDS: dict[Fault, str] = {
    Fault.UNREACHABLE: "het adres is met de bus niet te bereiken",
    Fault.NO_VAN: "er is geen bus in dienst",
    Fault.LOCKED: "vastgezet op {van}, die niet kan komen",
    Fault.ON_BOARD: "de goederen liggen in {van}, die niet kan komen",
    Fault.DEPOT: "geen bus van hub {depot} in dienst",
    Fault.SKILL: "geen bus met een conciërge die dit mag ({skills})",
    Fault.CAPACITY: "geen bus met genoeg ruimte ({load})",
    Fault.NOT_LOADED: "de goederen liggen in geen bus",
    Fault.RELEASE: "de goederen zijn te laat op de hub",
    Fault.WINDOW: "het venster sluit {late} voordat er een bus kan zijn",
    Fault.ABOARD: "de goederen zouden langer dan {limit} in de bus zijn",
    Fault.RIDE: "de rit zou langer dan {limit} duren",
    Fault.SEATED: "er zou een passagier in de bus zitten tijdens het laden",
    Fault.RANGE: "de accu is te leeg voor dit adres",
    Fault.SHIFT: "geen bus is {late} eerder klaar, zodat de dienst niet uitloopt",
    Fault.CLOSED: "de hub is dan gesloten",
    Fault.FULL: "alle bussen zijn in dit venster vol",
    Fault.NOT_WORTH: "de omweg kost meer dan het oplevert",
}

COMPARTMENT_WORDS = {
    "chilled": "gekoeld",
    "hot": "warm",
    "ambient": "ongekoeld",
    "parcels": "pakketten",
    "laundry": "was",
    "seats": "zitplaatsen",
}


def minutes(seconds: float) -> str:
    """A duration in words, upwards to a whole minute."""
    whole = max(1, -(-int(seconds) // 60))
    hours, rest = divmod(whole, 60)
    if hours:
        return f"{hours} uur" + (f" en {rest} min" if rest else "")
    return f"{whole} min"
