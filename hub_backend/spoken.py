"""What things are called in Dutch sentences, where an id would be read aloud: `van-2` is "bus 2"."""

import re

VAN = re.compile(r"van-(\d+)")
PARTS = {"cooler": "koelbox", "fridge": "koelkast"}


def van_called(van: str) -> str:
    """The van in a sentence; an id of another form is its own name."""
    numbered = VAN.fullmatch(van)
    return f"bus {numbered[1]}" if numbered else van


def source_called(source: str) -> str:
    """A cooler in a sentence, from its source: `van-2/cooler` is "koelbox van bus 2"."""
    gateway, _, node = source.partition("/")
    place = van_called(gateway).removeprefix("hub-")
    return f"{PARTS.get(node, node)} van {place}" if node else place


def sentence(words: str) -> str:
    """The words with a capital to begin with."""
    return words[:1].upper() + words[1:]
