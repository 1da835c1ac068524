"""Noise must be noise: the gateway's own decoder refuses each of it, and what follows is heard."""

import random

from hypothesis import given
from hypothesis import strategies as st

from firmware import frame
from hub_backend.simulator.noise import damaged


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_each_damaged_frame_is_counted_once_and_the_next_good_one_is_heard(seed: int, count: int) -> None:
    decoder = frame.Decoder()
    dice = random.Random(seed)
    for _ in range(count):
        assert list(decoder.feed(damaged(dice))) == []
    assert decoder.rejected == count
    whole = frame.Frame(frame.DATA, boot=3, seq=7, payload=b"abc")
    assert list(decoder.feed(frame.encode(whole))) == [whole]
