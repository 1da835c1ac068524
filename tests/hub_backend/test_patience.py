"""How long a hub waits for its broker."""

import random

from hub_backend.patience import (
    FIRST_S,
    HELD_S,
    LONGEST_BACK_S,
    LONGEST_S,
    PEACE_S,
    SHORT_LIVED,
    STAND_BACK_S,
    Patience,
)


def test_pauses_grow_to_a_bound_and_begin_small_again_after_a_line_that_held() -> None:
    patience = Patience(random.Random(1))
    waits = [patience.after(None) for _ in range(12)]
    assert not any(wait.stands_back for wait in waits), "a broker that is not there has nobody else"
    assert 0.5 * FIRST_S <= waits[0].pause_s <= 1.5 * FIRST_S
    assert all(0.5 * LONGEST_S <= wait.pause_s <= 1.5 * LONGEST_S for wait in waits[8:])
    assert patience.after(HELD_S).pause_s <= 1.5 * FIRST_S


def test_no_two_hubs_wait_the_same() -> None:
    assert len({Patience(random.Random(seed)).after(None).pause_s for seed in range(20)}) == 20


def test_who_is_put_out_at_once_again_and_again_stands_back_but_not_where_the_broker_was_gone() -> None:
    patience = Patience(random.Random(1))
    assert [patience.after(1.0).stands_back for _ in range(SHORT_LIVED)] == [False] * (SHORT_LIVED - 1) + [True]
    for _ in range(4):
        assert not patience.after(1.0).stands_back
        assert not patience.after(None).stands_back


def test_two_hubs_of_one_name_leave_each_other_alone_sooner_or_later() -> None:
    """In turns each puts the other out, told or not: it lives for as long as the other's pause."""
    for told in (True, False):
        first, second = Patience(random.Random(1)), Patience(random.Random(2))
        now_s, lived_s, turns = 0.0, 10.0, 0
        while now_s < 86_400:
            lived_s = first.after(lived_s, put_out=told).pause_s
            now_s, turns, first, second = now_s + lived_s, turns + 1, second, first
        assert turns < (1 if told else 2 * SHORT_LIVED) * 86_400 / (0.5 * LONGEST_BACK_S)


def test_after_an_hour_of_peace_it_was_another_quarrel() -> None:
    patience = Patience(random.Random(1))
    for _ in range(9):
        patience.after(10.0, put_out=True)
    assert patience.after(PEACE_S, put_out=True).pause_s <= 1.5 * STAND_BACK_S
