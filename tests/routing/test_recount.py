"""The independent count: what holds is counted, what does not is said."""

import pytest

from routing.instances import parse
from routing.recount import recount
from tests.routing.test_instances import MATRIX, SOLOMON, VRPLIB


def test_answer_that_holds_is_counted_in_tenths() -> None:
    count = recount(parse(SOLOMON, "made-up"), [(2, 1), (3,)])
    assert count.faults == ()
    assert count.cost == 14 + 36 + 50 + 100 + 100


def test_given_distances_are_driven_one_way() -> None:
    assert recount(parse(MATRIX, "three"), [(1, 2)]).cost == 5 + 8 + 9
    assert recount(parse(MATRIX, "three"), [(2, 1)]).cost == 6 + 10 + 7


def test_trips_with_a_return_to_load_hold() -> None:
    count = recount(parse(VRPLIB, "made-up"), [(1, 2, 0, 3)])
    assert count.faults == ()
    assert count.cost == 50 + 36 + 14 + 200


@pytest.mark.parametrize(
    ("text", "routes", "said"),
    [
        (SOLOMON, [(2, 1)], "customer 3 is not visited"),
        (SOLOMON, [(2, 1), (3,), (1,)], "customer 1 is visited more than once"),
        (SOLOMON, [(2, 1), (3,), (4,)], "route 3: there is no customer 4"),
        (SOLOMON, [(2, 1, 3)], "route 1: a trip carries 30, over 20"),
        (SOLOMON, [(2, 0, 1), (3,)], "route 1: 2 trips, at most 1 allowed"),
        (SOLOMON, [(2, 1), (3,), ()], "route 3: a trip without customers"),
        (SOLOMON.replace("  3         20", "  1         20"), [(2, 1), (3,)], "2 vehicles are used, there are 1"),
        (SOLOMON.replace("70          2", "9.9         2"), [(2, 1), (3,)], "customer 3 is reached 0.1 too late"),
        (SOLOMON.replace("0        100  ", "0         21  "), [(2, 1), (3,)], "the depot is reached 1 too late"),
        (VRPLIB.replace("3 7\n", "3 60\n"), [(1, 2), (3,)], "customer 1 is reached 15 too late"),
    ],
)
def test_broken_answers_are_faulted(text: str, routes: list[tuple[int, ...]], said: str) -> None:
    assert said in " | ".join(recount(parse(text, "made-up"), routes).faults)
