"""How long to wait for a broker: longer each time, never in step with others, and longest where another hub is.

A broker gives a client id to whoever came last and puts the older one out; mosquitto 2.0.11 does not even say so. Two
hubs of one id would fight for ever. So who is put out, or finds connections ended at once again and again, stands back,
longer each time: soon the one that is there is left alone for minutes, and each has said why.
"""

import random
from typing import NamedTuple

FIRST_S, LONGEST_S = 0.5, 20.0
HELD_S = 5.0
"""After a connection that lived so long the pauses begin small again."""
SHORT_LIVED = 3
"""So many in a row that came up and did not live so long, with a broker that was there all the time, were put out."""
STAND_BACK_S, LONGEST_BACK_S = 30.0, 600.0
PEACE_S = 3600.0
"""After so long on the line it was another quarrel: we live for as long as the other hub pauses, which is less."""


class Wait(NamedTuple):
    """The next pause, and whether it is to leave the place to another."""

    pause_s: float
    stands_back: bool


class Patience:
    """The pauses of one line, in machine seconds."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._pause_s = FIRST_S
        self._back_s = STAND_BACK_S
        self._short_lived = 0

    def after(self, lived_s: float | None, *, put_out: bool = False) -> Wait:
        """What follows on a connection that lived so long (None: it never came up), ended or put out by the broker."""
        if lived_s is None or lived_s >= HELD_S:
            self._short_lived = 0
        else:
            self._short_lived += 1
        if lived_s is not None and lived_s >= HELD_S:
            self._pause_s = FIRST_S
        if lived_s is not None and lived_s >= PEACE_S:
            self._back_s = STAND_BACK_S
        stands_back = put_out or self._short_lived >= SHORT_LIVED
        if stands_back:
            self._short_lived = 0
            pause_s, self._back_s = self._back_s, min(2 * self._back_s, LONGEST_BACK_S)
        else:
            pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_S)
        return Wait(pause_s * self._chance.uniform(0.5, 1.5), stands_back)
