"""What the gateway says to a concierge, in Dutch and in English: the page shows the language of the moment."""

import re
from typing import NamedTuple

_VAN = re.compile(r"van-(\d+)")


class Words(NamedTuple):
    """The same in both languages."""

    nl: str
    en: str


def van_called(van: str) -> Words:
    """The van in a sentence: `van-2` is "bus 2"; an id of another form is its own name."""
    numbered = _VAN.fullmatch(van)
    return Words(f"bus {numbered[1]}", f"van {numbered[1]}") if numbered else Words(van, van)
