from edge_gateway.contract.messages import Outcome, Scan, ScanPurpose, ScanResult, Visit
from edge_gateway.day import Day
from tests.edge_gateway.rig import START_S, parcel, plan, stop, tour

PLAN = plan(stop("s1", deliver=(parcel("A"),)), stop("c1", kind="charge"), stop("s2"), made_s=START_S)


def day_with_plan() -> Day:
    day = Day()
    day.take(PLAN)
    return day


def visit(name: str, outcome: Outcome = Outcome.CONTACT_DOOR, *, after_s: float = 60.0, **more: object) -> Visit:
    return Visit(source="van-1", boot=1, seq=1, t_s=START_S + after_s, stop=name, outcome=outcome, **more)  # type: ignore[arg-type]


def next_of(day: Day) -> str | None:
    return None if day.next_stop is None else day.next_stop.stop


def test_the_next_stop_is_the_first_that_is_not_done() -> None:
    day = day_with_plan()
    assert next_of(day) == "s1"
    day.apply(visit("s1"))
    assert next_of(day) == "c1"
    day.apply(tour("arrived", stop="c1"))
    assert next_of(day) == "c1"
    day.apply(tour("under_way", stop="s2"))
    assert next_of(day) == "s2"
    day.apply(visit("s2", Outcome.LETTERBOX))
    assert next_of(day) is None


def test_where_we_are_goes_before_the_order_of_the_plan() -> None:
    day = day_with_plan()
    day.apply(tour("arrived", stop="s2"))
    assert next_of(day) == "s2"


def test_nobody_at_home_is_done_until_a_later_plan_asks_again() -> None:
    day = day_with_plan()
    day.apply(visit("s1", Outcome.NO_ANSWER))
    assert next_of(day) == "c1"
    day.take(plan(*PLAN.stops, revision=2, made_s=START_S + 120))
    assert next_of(day) == "s1"


def test_a_door_that_stayed_shut_is_not_waited_for() -> None:
    day = day_with_plan()
    day.apply(tour("arrived", stop="s1"))
    day.apply(visit("s1", Outcome.NO_ANSWER))
    retried_last = plan(PLAN.stops[1], PLAN.stops[2], PLAN.stops[0], revision=2, made_s=START_S + 120)
    day.take(retried_last)
    assert next_of(day) == "c1", "the new plan comes back to s1 later"


def test_a_delivered_stop_never_comes_back() -> None:
    day = day_with_plan()
    day.apply(visit("s1"))
    day.take(plan(*PLAN.stops, revision=2, made_s=START_S + 120))
    assert next_of(day) == "c1"


def test_an_older_or_the_same_revision_is_not_wanted() -> None:
    day = Day()
    newer = plan(revision=5)
    assert day.wants(newer)
    day.take(newer)
    assert not day.wants(plan(revision=5))
    assert not day.wants(plan(revision=4))
    assert day.wants(plan(revision=6))
    assert day.wants(plan(revision=1, day="2026-11-24"))
    assert not day.wants(plan(revision=9, day="2026-11-22"))


def test_a_new_day_begins_empty() -> None:
    day = day_with_plan()
    day.apply(Scan(source="v", boot=1, seq=1, t_s=START_S, code="A", purpose=ScanPurpose.LOAD, result=ScanResult.RIGHT))
    day.apply(tour("departed_hub"))
    assert day.aboard == ("A",)
    day.take(plan(day="2026-11-24"))
    assert (day.aboard, day.phase, day.visits) == ((), None, ())


def test_the_van_holds_what_was_loaded_and_collected_and_not_handed_over() -> None:
    day = day_with_plan()
    for code in ("A", "B"):
        day.apply(
            Scan(source="v", boot=1, seq=1, t_s=START_S, code=code, purpose=ScanPurpose.LOAD, result=ScanResult.RIGHT)
        )
    unknown = ScanResult.UNKNOWN
    day.apply(Scan(source="v", boot=1, seq=1, t_s=START_S, code="X", purpose=ScanPurpose.LOAD, result=unknown))
    day.apply(visit("s1", delivered=("A",), collected=("WAS-1",)))
    assert day.aboard == ("B", "WAS-1")


def test_a_rest_is_next_while_it_lasts_and_done_once_it_is_over() -> None:
    day = Day()
    day.take(plan(stop("s1"), stop("rest.lunch", kind="rest"), stop("s2"), made_s=START_S))
    day.apply(visit("s1"))
    assert next_of(day) == "rest.lunch"
    day.apply(tour("resting", stop="rest.lunch"))
    assert (day.at_stop, next_of(day)) == ("rest.lunch", "rest.lunch")
    day.apply(tour("rested"))
    assert (day.at_stop, next_of(day)) == (None, "s2")


def test_what_is_scanned_at_lunch_is_taken_as_before_it() -> None:
    day = day_with_plan()
    for phase, under_way in (("started", False), ("departed_hub", True)):
        day.apply(tour(phase))
        day.apply(tour("resting", stop="rest.lunch"))
        assert day.situation.under_way is under_way, "at the hub she loads, on her way she hands over"
        assert day.situation.at_stop is None
        day.apply(tour("rested"))
        assert day.situation.under_way is under_way
