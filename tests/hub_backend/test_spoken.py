"""What the hub says is in both languages, with the same facts in it."""

from string import Formatter

import pytest

from hub_backend.spoken import SAYINGS, Words, hub_called, said, sentence, source_called, van_called


def facts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", sorted(SAYINGS))
def test_both_languages_tell_the_same_facts(code: str) -> None:
    dutch, english = SAYINGS[code]
    assert dutch and english
    assert dutch != english
    assert facts_of(dutch) == facts_of(english)


def test_a_van_is_called_as_people_do_in_either_language() -> None:
    assert van_called("van-2") == Words("bus 2", "van 2")
    assert source_called("van-2/cooler") == Words("koelbox van bus 2", "cooler of van 2")
    assert source_called("hub-noord/fridge") == Words("koelkast van hub Noord", "fridge of hub Noord")
    assert hub_called("Hub Colmschate").nl == "hub Colmschate"
    assert hub_called("De Fontein").en == "hub De Fontein"
    late = sentence(said("delay", van=van_called("van-2")))
    assert (late.nl, late.en, late.code) == (
        "Bus 2 loopt meer dan tien minuten achter",
        "Van 2 is more than ten minutes behind",
        "delay",
    )
