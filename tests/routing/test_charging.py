"""Where a van charges and for how long: never only when it is back."""

from routing import Plan, Route, Step, StepKind, check, plan
from routing.battery import flat
from tests.routing.days import NOW, day, order, task, van

LOW = {"battery_kwh": 10.0, "energy": flat(0.2)}
"""A place further is 500 m and 1 % of the pack."""


def test_what_is_charged_on_return_was_not_there_on_the_way() -> None:
    problem = day([task("far", 10)], [van(soc_percent=30.0, place=5, at_depot=False, **LOW)])
    found = plan(problem, seconds=0)
    assert check(problem, found) == []
    assert order(found) == ["charge", "far"]
    far = Step(StepKind.TASK, "far", 10, NOW + 300, NOW + 300, NOW + 600)
    charge = Step(StepKind.CHARGE, "hub", 0, NOW + 1200, NOW + 1200, NOW + 2100)
    by_hand = Route("van-1", NOW, (far, charge), NOW + 2100, 7500, 900, 33.5)
    assert [one.rule for one in check(problem, Plan((by_hand,), (), 900, "hand", 0))] == ["range"]
