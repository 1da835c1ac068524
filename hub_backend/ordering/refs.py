"""Random pseudonyms and parcel labels: nothing of a resident or of the goods can be read from them."""

from collections.abc import Callable

from edge_gateway.contract.parcel_label import DIGITS, NUMBERS, label

REF_LETTERS = 12

RandomBelow = Callable[[int], int]
"""Gives a random whole number from 0 up to, and without, its argument: `secrets.randbelow` in service."""


def new_ref(random_below: RandomBelow) -> str:
    """A pseudonym of 60 bits for a stop, an order, a resident or a plan, in lower case."""
    return "".join(DIGITS[random_below(32)] for _ in range(REF_LETTERS)).lower()


def new_label(random_below: RandomBelow) -> str:
    """The code for a new parcel."""
    return label(random_below(NUMBERS))
