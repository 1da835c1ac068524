"""What changed, in words that a planner reads."""

from dataclasses import replace

from routing import Change, Plan, explain, plan, replan
from tests.routing.days import HOUR, day, task, van, window

NAMES = {"a": "Merelstraat 3", "b": "Lindehof 12", "van-1": "bus 1", "van-2": "bus 2"}


def planned(*tasks: str, windows: int = 0) -> Plan:
    """One task after the other, three hours apart."""
    starts = [windows + 3 * HOUR * index for index in range(len(tasks))]
    rows = [task(name, 2, windows=window(start, start + 2 * HOUR)) for name, start in zip(tasks, starts, strict=True)]
    return plan(day(rows), iterations=20)


def only(changes: list[Change]) -> Change:
    assert len(changes) == 1
    return changes[0]


def test_nothing_changed() -> None:
    assert explain(planned("a"), planned("a")) == []


def test_added_names_the_address_and_the_van() -> None:
    change = only(explain(planned("a"), planned("a", "b"), NAMES))
    assert (change.kind, change.task, change.van_after) == ("added", "b", "van-1")
    assert change.words == "Lindehof 12 komt erbij in de rit van bus 1."


def test_first_plan_of_the_day_adds_everything() -> None:
    assert {change.kind for change in explain(None, planned("a", "b"))} == {"added"}


def test_moved_says_from_whom_to_whom() -> None:
    vans = [van(), van("van-2")]
    before = plan(day([task("a", 3, locked_van="van-1")], vans), iterations=20)
    after = replan(day([task("a", 3, locked_van="van-2")], vans), before, iterations=20)
    change = only(explain(before, after, NAMES))
    assert (change.kind, change.van_before, change.van_after) == ("moved", "van-1", "van-2")
    assert change.words == "Merelstraat 3 gaat van bus 1 naar bus 2, op dezelfde tijd."


def test_later_and_earlier_are_given_in_minutes() -> None:
    change = only(explain(planned("a"), planned("a", windows=HOUR), NAMES))
    assert (change.kind, change.shift_s) == ("later", HOUR - 120)
    assert change.words == "Merelstraat 3 wordt 58 min later (bus 1)."
    back = only(explain(planned("a", windows=2 * HOUR), planned("a"), NAMES))
    assert back.words == "Merelstraat 3 wordt 1 uur en 58 min eerder (bus 1)."


def test_a_few_minutes_are_no_change() -> None:
    assert explain(planned("a"), planned("a", windows=240)) == []


def test_dropped_gives_the_reason_once() -> None:
    before = planned("a")
    after = replan(day([task("a", 2, windows=window(0, 30))]), before, iterations=20)
    change = only(explain(before, after, NAMES))
    assert (change.kind, change.van_before) == ("dropped", "van-1")
    assert change.words.startswith("Merelstraat 3 vervalt: het venster sluit")
    assert explain(after, after, NAMES) == []
    assert "kan niet worden ingepland" in only(explain(replace(before, routes=()), after, NAMES)).words


def test_done_or_cancelled_is_no_change() -> None:
    assert explain(planned("a", "b"), planned("a")) == []
