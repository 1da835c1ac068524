"""The bench's day with everything in it: planned by insertion alone it holds, and every must is accounted for."""

import pytest

from tests.routing.dynamic_day import MISSED_S, lived, story

pytestmark = pytest.mark.whole


def test_no_answer_of_a_whole_day_breaks_a_rule() -> None:
    day = lived(story(2), 0.0, seed=2)
    assert day.answers == 35
    assert day.refused == 0
    assert day.cost_s > MISSED_S * day.missed


def test_a_story_is_the_same_each_time_it_is_told() -> None:
    first, again, other = story(3), story(3), story(4)
    assert (first.coming_s, first.lasts, first.away) == (again.coming_s, again.lasts, again.away)
    assert first.coming_s != other.coming_s
