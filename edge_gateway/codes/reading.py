"""A scanner's text in, what may be kept of it out.

Never kept: a citizen service number (BSN), a person's number or data in a GS1 code, and of a medicine its serial and
batch (the pharmacy's business: the concierge only matches, and never decommissions).
"""

import datetime
import re
from dataclasses import dataclass
from typing import Literal

from edge_gateway.codes import carriers, checks, gs1
from edge_gateway.codes.carriers import Carrier, carrier_of
from edge_gateway.contract import parcel_label
from edge_gateway.spoken import Words

LONGEST = 200
BLANK = " \t\r\n\0"
Kind = Literal["own", "medicine", "sscc", "gs1", "other"] | Carrier
PERSONAL = frozenset({"8017", "8018"})
"""GS1's numbers of a person: who gives a service, and who receives it (a patient's wristband)."""
_SYMBOLOGY = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_BSN_ALONE = re.compile(r"(?<![0-9A-Za-z])\d{9}(?![0-9A-Za-z])")
_BSN_NAMED = re.compile(r"(?i)(?:bsn|sofi)[^0-9]{0,8}((?:\d[ .\-]?){8}\d)(?!\d)")


class RefusedCodeError(ValueError):
    """A code that must not be kept: the reason, and the concierge's words for it; neither holds the code."""

    def __init__(self, reason: str, words: Words) -> None:
        self.words = words
        super().__init__(reason)


@dataclass(frozen=True)
class Reading:
    """What may be kept: the code, what it is, and until when the thing is good (None: it does not say).

    `misread`: its own check says that it was read wrong; it is kept as it is, and no plan will know it.
    """

    code: str
    kind: Kind
    expires: datetime.date | None = None
    misread: bool = False


def read(raw: str, *, symbology: str = "", this_year: int) -> Reading:
    """Raises `RefusedCodeError` for what must not be kept, an empty code, or one of more than 200 characters."""
    text = raw.strip(BLANK)
    while (prefix := _SYMBOLOGY.match(text)) is not None:
        symbology, text = prefix[0], text[prefix.end() :].strip(BLANK)
    if not text.strip(gs1.GS):
        raise RefusedCodeError("empty code", Words("een lege code", "an empty code"))
    _refuse_citizens(text)
    own = _own_label(text) if len(text) <= LONGEST else None
    if own is not None:
        return own
    element_string = _gs1(text, symbology)
    if element_string is not None:
        return _of_gs1(element_string, this_year)
    if len(text) > LONGEST:
        raise RefusedCodeError("more than 200 characters", Words("een te lange code", "too long a code"))
    capitals = text.upper()
    carrier = carrier_of(capitals)
    if carrier is not None:
        return Reading(capitals, carrier)
    return Reading(text, "other", misread=carriers.is_misread(capitals))


def is_misread(code: str) -> bool:
    """True when a kept code's own check says that it was read wrong."""
    own = _own_label(code)
    return carriers.is_misread(code.upper()) if own is None else own.misread


def _refuse_citizens(text: str) -> None:
    together = re.sub(r"[ .\-]", "", text)
    named = (re.sub(r"[ .\-]", "", found) for found in _BSN_NAMED.findall(text))
    if checks.bsn(together) or any(checks.bsn(found) for found in (*_BSN_ALONE.findall(text), *named)):
        raise RefusedCodeError(
            "looks like a citizen service number (BSN): not kept",
            Words("dit lijkt een burgerservicenummer", "this looks like a citizen service number"),
        )


def _own_label(text: str) -> Reading | None:
    if not text.upper().startswith(parcel_label.PREFIX):
        return None
    try:
        return Reading(parcel_label.read(text), "own")
    except ValueError:
        return Reading(text, "own", misread=True)


def _gs1(text: str, symbology: str) -> gs1.ElementString | None:
    """The element string, if this is one: the scanner or its form says so.

    Raises `RefusedCodeError` for one of several values that cannot be read: it might hold a person's data.
    """
    says_so = symbology in gs1.SYMBOLOGIES or gs1.GS in text or text.startswith("(")
    looks_so = re.match(r"00\d{18}$|01\d{14}(?:1[0-7]|21|$)", text) is not None
    if not says_so and not looks_so:
        return None
    try:
        return gs1.parse(text)
    except gs1.Gs1Error as error:
        if gs1.GS in text:
            raise RefusedCodeError(
                f"GS1 code misread: {error}",
                Words("deze code is niet goed gelezen: scan nog eens", "this code was misread: scan it once more"),
            ) from error
        return None


def _of_gs1(found: gs1.ElementString, this_year: int) -> Reading:
    keys = {ai: value for ai, value in found.keys.items() if ai not in PERSONAL}
    if not keys:
        if PERSONAL & set(found.values):
            words = Words("dit is de code van een persoon", "this is the code of a person")
            raise RefusedCodeError("a person's number (GS1 GSRN): not kept", words)
        words = Words("deze code hoort niet bij een pakje", "this code belongs to no parcel")
        raise RefusedCodeError("a GS1 code that names no thing", words)
    expiry = found.values.get("17")
    expires = None if expiry is None else gs1.day_of(expiry, this_year=this_year)
    code = "".join(f"{ai}{value}" for ai, value in keys.items())
    if "01" in keys and {"10", "17", "21"} & set(found.values):
        return Reading(f"01{keys['01']}", "medicine", expires)
    return Reading(code[:LONGEST], "sscc" if "00" in keys else "gs1", expires)
