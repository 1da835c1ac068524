"""Whose label a code is: PostNL, DHL, DPD, or any post of the Universal Postal Union (S10).

Sources: developer.postnl.nl (3S: one to four letters, 13 or 15 characters in all), dhl.com (JVGL, JJD, and 3S of 14
characters), UPU S10, DPD's parcel label guide. "3S" alone does not mean PostNL; where a form has no check digit, only
the plan knows whether the parcel exists.
"""

import re
from typing import Literal

from edge_gateway.codes import checks

Carrier = Literal["s10", "postnl", "dhl_parcel", "dhl_express", "dpd"]

_COUNTRIES = (
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCR"
    "CUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHU"
    "IDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQ"
    "MRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSI"
    "SJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW"
)
COUNTRIES = frozenset(_COUNTRIES[place : place + 2] for place in range(0, len(_COUNTRIES), 2))
"""ISO 3166-1."""

_S10 = re.compile(r"[A-Z]{2}(\d{9})([A-Z]{2})")
_POSTNL = re.compile(r"3S[A-Z]{1,4}\d+")
_DHL_PARCEL = re.compile(r"3S[A-Z]{1,4}\d{8,10}|JVGL\d{10,20}|JJD\d{10,21}")
_DHL_EXPRESS = re.compile(r"\d{10,11}")
_DPD = re.compile(r"%?([0-9A-Z]{28})")
POSTNL_LENGTHS = (13, 15)
DHL_3S_LENGTH = 14


def carrier_of(text: str) -> Carrier | None:
    """Whose label this is; None when it fits nobody's form, or its check digit is wrong."""
    if (form := _S10.fullmatch(text)) is not None:
        return "s10" if checks.s10(form[1]) and form[2] in COUNTRIES else None
    if _POSTNL.fullmatch(text) and len(text) in POSTNL_LENGTHS:
        return "postnl"
    if _DHL_PARCEL.fullmatch(text) and (not text.startswith("3S") or len(text) == DHL_3S_LENGTH):
        return "dhl_parcel"
    if _DHL_EXPRESS.fullmatch(text):
        return "dhl_express" if checks.mod7(text) else None
    if (form := _DPD.fullmatch(text)) is not None:
        return "dpd" if checks.mod37_36(form[1]) else None
    return None


def is_misread(text: str) -> bool:
    """True for a form whose check digit says that it was read wrong."""
    if (form := _S10.fullmatch(text)) is not None:
        return not checks.s10(form[1])
    if (form := _DPD.fullmatch(text)) is not None:
        return not checks.mod37_36(form[1])
    return False
