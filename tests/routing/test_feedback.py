"""What the checker refuses comes back as a narrower window, and the next search answers within it."""

import pytest

from routing import Plan, Problem, StepKind, Violation, check, improver
from routing.draft import Draft
from routing.improver import Improver
from routing.live import Live
from routing.stops import Visit
from routing.timetable import Timetable
from tests.routing.days import HOUR, day, start_s, task, van

FAR = "far"


def as_planned(live: Live, draft: Draft) -> Plan:
    return live.plan(draft, engine="", seed=1)


@pytest.mark.parametrize("library", [True, False])
def test_what_only_the_checker_refuses_the_next_search_does_sooner(
    library: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that no search knows: who lives where the way ends may not be the last."""
    near = [task(f"n{place}", place, max_aboard_s=HOUR) for place in (2, 4, 6)]
    live = Live(Timetable(day([*near, task(FAR, 10)], [van(depot="other")])))
    order = (FAR, "n2", "n6", "n4")
    start = Draft({"van-1": tuple(Visit(StepKind.TASK, name) for name in order)})
    monkeypatch.setattr(improver, "available", lambda: library)

    def bettered() -> Draft:
        return Improver(live, seconds=1.0, iterations=200, seed=1).better(start, free=False)

    freely = as_planned(live, bettered())
    last_s = start_s(freely, FAR)
    assert last_s > start_s(as_planned(live, start), FAR)
    refused = []

    def stricter(problem: Problem, plan: Plan) -> list[Violation]:
        if start_s(plan, FAR) < last_s:
            return check(problem, plan)
        refused.append(start_s(plan, FAR))
        return [Violation("window", "van-1", FAR, "last of all")]

    monkeypatch.setattr(improver, "check", stricter)
    found = bettered()
    assert refused == [last_s], "the first answer, and no other"
    assert start_s(as_planned(live, found), FAR) < last_s
    assert live.measure(found) < live.measure(start)
