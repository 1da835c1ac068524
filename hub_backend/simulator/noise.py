"""Noise on a serial line: frames of a node as a bad contact passes them on."""

import random

from firmware import frame

BITS = 8


def damaged(dice: random.Random) -> bytes:
    """A frame of a node in which one bit is not what it was: its form holds, its CRC does not."""
    payload = bytes(dice.randrange(1, 256) for _ in range(dice.randrange(8, 40)))
    whole = frame.encode(frame.Frame(frame.DATA, boot=1, seq=dice.randrange(2**16), age_ms=0, payload=payload))
    while True:
        place = dice.randrange(1, len(whole) - 1)
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << dice.randrange(BITS)
        if spoiled[place]:  # a zero would end the frame, and make two of it
            return b"\0" + bytes(spoiled)
