"""What changed, in words that a planner reads."""

from dataclasses import replace

from routing import Change, Plan, Problem, explain, plan, replan
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
    assert change.words == "Merelstraat 3 komt 58 min later aan de beurt (bus 1)."
    back = only(explain(planned("a", windows=2 * HOUR), planned("a"), NAMES))
    assert back.words == "Merelstraat 3 komt 1 uur en 58 min eerder aan de beurt (bus 1)."


def test_a_few_minutes_are_no_change() -> None:
    assert explain(planned("a"), planned("a", windows=240)) == []


def test_a_reason_calls_the_van_as_people_do() -> None:
    before = planned("a")
    vans = [van(), van("van-2", in_service=False)]
    after = replan(day([task("a", 2, locked_van="van-2")], vans), before, iterations=20)
    assert only(explain(before, after, NAMES)).words.endswith("vastgezet op bus 2, die niet kan komen.")


def test_dropped_gives_the_reason_once() -> None:
    before = planned("a")
    after = replan(day([task("a", 2, windows=window(0, 30))]), before, iterations=20)
    change = only(explain(before, after, NAMES))
    assert (change.kind, change.van_before) == ("dropped", "van-1")
    assert change.words.startswith("Merelstraat 3 vervalt: het tijdvak is")
    assert explain(after, after, NAMES) == []
    assert "kan niet worden ingepland" in only(explain(replace(before, routes=()), after, NAMES)).words


def test_done_or_cancelled_is_no_change() -> None:
    assert explain(planned("a", "b"), planned("a")) == []


# ---------------------------------------------------------------- why, and at what saving


def two_vans() -> tuple[Problem, Plan]:
    problem = day([task("a", 3, locked_van="van-1"), task("b", 5, locked_van="van-1")], [van(), van("van-2")])
    return problem, plan(problem, iterations=20)


def test_moved_says_why_it_could_not_stay() -> None:
    problem, before = two_vans()
    free = [replace(one, locked_van=None) for one in problem.tasks]
    without = replace(problem, tasks=free, vans=[replace(problem.vans[0], in_service=False), problem.vans[1]])
    after = replan(without, before, iterations=20)
    words = {change.task: change.words for change in explain(before, after, NAMES, problem=without)}
    assert words["a"].startswith("Merelstraat 3 gaat van bus 1 naar bus 2")
    assert words["a"].endswith(": bus 1 is niet in dienst.")
    english = explain(before, after, NAMES, problem=without, language="en")
    assert next(one for one in english if one.task == "a").words.endswith(": bus 1 is not in service.")


def test_moved_says_what_it_saves() -> None:
    problem, before = two_vans()
    near = replace(problem, vans=[problem.vans[0], van("van-2", depot="other", at_depot=False, place=11)])
    near = replace(near, tasks=[problem.tasks[0], task("b", 10)])
    after = replan(near, before, iterations=50)
    change = next(change for change in explain(before, after, NAMES, problem=near) if change.task == "b")
    assert change.kind == "moved"
    assert change.saving_s is not None
    assert "scheelt" in change.words and "rijden" in change.words


def test_later_says_who_comes_first() -> None:
    wide = window(0, 3 * HOUR)
    before = plan(day([task("a", 2, windows=wide)]), iterations=20)
    new = task("b", 1, windows=window(0, 60), service_s=1200)
    after = replan(day([task("a", 2, windows=wide), new]), before, iterations=20)
    change = next(change for change in explain(before, after, NAMES) if change.kind == "later")
    assert change.words == "Merelstraat 3 komt 20 min later aan de beurt (bus 1): Lindehof 12 gaat nu voor."


def test_dropped_is_told_in_english_too() -> None:
    before = planned("a")
    after = replan(day([task("a", 2, windows=window(0, 30))]), before, iterations=20)
    change = only(explain(before, after, NAMES, language="en"))
    assert change.words.startswith("Merelstraat 3 is dropped: the window closes")
    assert change.why
