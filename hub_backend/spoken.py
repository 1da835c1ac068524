"""What the hub says of itself, in Dutch and in English: reasons for a plan, why a stop is left out, what to mind.

A saying has a code, which is what programs know, and words in both languages, which is what screens show. Where an id
would be read aloud it is called as people call it: `van-2` is "bus 2", or "van 2".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["nl", "en"]
VAN = re.compile(r"van-(\d+)")
VAN_WORD: Mapping[Language, str] = {"nl": "bus", "en": "van"}
PARTS: Mapping[Language, Mapping[str, str]] = {
    "nl": {"cooler": "koelbox", "fridge": "koelkast"},
    "en": {"cooler": "cooler", "fridge": "fridge"},
}
OF: Mapping[Language, str] = {"nl": "van", "en": "of"}


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages; `en` empty: somebody's own words, in whatever language they were."""

    nl: str
    en: str = ""
    code: str = ""


SKILLS: Mapping[str, Words] = {"medication": Words("medicijnen", "medication")}
"""What a concierge may be trained for."""

SAYINGS: Mapping[str, tuple[str, str]] = {
    "morning": ("Ochtendplan", "Morning plan"),
    "planned_again": ("Gevraagd door de planner", "Asked for by the planner"),
    "new_order": ("Nieuwe opdracht", "New order"),
    "new_orders": ("{n} nieuwe opdrachten", "{n} new orders"),
    "brought_along": ("Eén adres van een eerdere dag", "One address of an earlier day"),
    "brought_along_many": ("{n} adressen van een eerdere dag", "{n} addresses of an earlier day"),
    "cancellation": ("Opdracht vervallen", "Order cancelled"),
    "locked": ("Vastgezet op {van}", "Locked to {van}"),
    "unlocked": ("Losgemaakt", "Unlocked"),
    "van_back": ("{van} rijdt weer{why}", "{van} drives again{why}"),
    "van_out": ("{van} buiten dienst{why}", "{van} out of service{why}"),
    "no_answer": ("Niemand thuis", "Nobody at home"),
    "refused": ("Geweigerd aan de deur", "Refused at the door"),
    "long_stay": ("{van} is langer bij een adres dan gepland", "{van} is at an address for longer than planned"),
    "longer_visit": ("{van} blijft langer bij een adres", "{van} stays longer at an address"),
    "longer_visit_by": (
        "{van} blijft langer bij een adres, {minutes} minuten",
        "{van} stays longer at an address, {minutes} minutes",
    ),
    "delay": ("{van} loopt meer dan tien minuten achter", "{van} is more than ten minutes behind"),
    "low_battery": ("Accu van {van} is {percent} %", "The battery of {van} is at {percent} %"),
    "cooler_lost": ("{cooler}: de sensor zwijgt", "{cooler}: the sensor is silent"),
    "cooler_above": ("{cooler}: te warm", "{cooler}: too warm"),
    "cooler_below": ("{cooler}: te koud", "{cooler}: too cold"),
    "background": (
        "In alle rust beter gepland: {minutes} minuten minder rijden",
        "Planned better at leisure: {minutes} minutes less driving",
    ),
    "inserted": (
        "Zoeken naar een beter plan lukte niet op tijd: wat nieuw was is alleen ingevoegd.",
        "The search for a better plan was not done in time: what was new has only been inserted.",
    ),
    "router_failed": (
        "Er is geen nieuw plan gemaakt, het vorige blijft gelden. De routeplanner gaf geen antwoord: {why}",
        "No new plan was made, the last one stands. The router gave no answer: {why}",
    ),
    "record_incomplete": (
        "Er is geen nieuw plan gemaakt, het vorige blijft gelden. In de gegevens ontbreekt iets: {why}",
        "No new plan was made, the last one stands. The record misses something: {why}",
    ),
    "not_adopted": (
        "Er is geen nieuw plan aangenomen, het vorige blijft gelden. Elk voorstel brak een regel: {rules}",
        "No new plan was adopted, the last one stands. Every draft broke a rule: {rules}",
    ),
    "day_went_on": (
        "Er is geen nieuw plan aangenomen, het vorige blijft gelden. De dag was steeds al verder.",
        "No new plan was adopted, the last one stands. The day had always moved on.",
    ),
    "overdue": (
        "{address}: goederen zijn over hun tijd, controleer ze voor het overhandigen",
        "{address}: goods are past their time, check them before handing over",
    ),
    "lock_yields": (
        "{address}: vastgezet op {van}, die niet rijdt, en daarom vrij voor een andere bus",
        "{address}: locked to {van}, which does not drive, and so free for another van",
    ),
    "lock_let_go": (
        "{address}: losgemaakt van {van}, die niet rijdt; {other} komt.",
        "{address}: unlocked from {van}, which does not drive; {other} comes.",
    ),
    "and_more": ("en nog {n}", "and {n} more"),
    "dropped": ("{address} vervalt: {why}.", "{address} is dropped: {why}."),
    # why a stop is left out; beside them stand the router's own codes
    "cancelled": ("opdracht vervallen", "order cancelled"),
    "goods_in": ("de spullen voor {address} uit {van}", "the goods for {address} from {van}"),
    "stuck": (
        "de spullen liggen in {van}, waarvan de dag voorbij is",
        "the goods are in {van}, whose day is over",
    ),
    "in_several_vans": ("de spullen liggen in meer busjes: {vans}", "the goods are in several vans: {vans}"),
    "passenger_stuck": (
        "niet gemeld als uitgestapt, en de dag van {van} is voorbij: bel de conciërge",
        "not reported as out of the van, and the day of {van} is over: call the concierge",
    ),
    "passenger_in": ("de passagier van {address} uit {van}", "the passenger of {address} from {van}"),
    "passenger_waits": (
        "{address}: de passagier wacht in {van}, die niet rijdt",
        "{address}: the passenger waits in {van}, which does not drive",
    ),
    "no_destination": ("de rit heeft geen bestemming", "the ride has no destination"),
    "off_map": ("het adres ligt niet aan een weg van deze kaart", "the address is at no road of this map"),
    "window": ("past niet meer in het tijdvak", "no longer fits in its window"),
    "shift": ("past niet meer in de dienst", "no longer fits in the shift"),
    "range": ("past niet meer in de accu", "no longer fits in the battery"),
    "capacity": ("past niet meer in het busje", "no longer fits in the van"),
    "not_planned": ("niet in te plannen ({rule})", "cannot be planned ({rule})"),
}
"""Both languages of each code; a sentence at a beginning gets its capital by `sentence`."""


def said(code: str, **facts: object) -> Words:
    """The words for a code, in both languages. A fact may itself be `Words`.

    Raises:
        KeyError: no such code.
    """
    dutch, english = SAYINGS[code]
    return Words(dutch.format_map(_in(facts, "nl")), english.format_map(_in(facts, "en")), code)


def _in(facts: Mapping[str, object], language: Language) -> dict[str, object]:
    return {name: getattr(fact, language) if isinstance(fact, Words) else fact for name, fact in facts.items()}


def van_called(van: str) -> Words:
    """The van in a sentence; an id of another form is its own name."""
    numbered = VAN.fullmatch(van)
    return Words(*(f"{VAN_WORD[language]} {numbered[1]}" if numbered else van for language in VAN_WORD))


def hub_called(name: str) -> Words:
    """The hub in a sentence: Hub Colmschate is "hub Colmschate", De Fontein "hub De Fontein"."""
    called = f"hub {re.sub('^hub ', '', name, flags=re.IGNORECASE)}"
    return Words(called, called)


def source_called(source: str) -> Words:
    """A cooler in a sentence: `van-2/cooler` is "koelbox van bus 2", `hub-noord/fridge` "koelkast van hub Noord"."""
    gateway, _, node = source.partition("/")
    van = van_called(gateway)
    return Words(_source(node, van.nl, "nl"), _source(node, van.en, "en"))


def _source(node: str, gateway: str, language: Language) -> str:
    hub = gateway.removeprefix("hub-")
    place = f"hub {hub.capitalize()}" if hub != gateway else gateway
    return f"{PARTS[language].get(node, node)} {OF[language]} {place}" if node else place


def sentence(words: Words) -> Words:
    """The words with a capital to begin with."""
    return Words(words.nl[:1].upper() + words.nl[1:], words.en[:1].upper() + words.en[1:], words.code)
