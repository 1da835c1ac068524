"""A day that no longer goes as planned asks for a new plan: once for each cause."""

import pytest
from sqlalchemy import select

from edge_gateway.contract import messages
from edge_gateway.contract.messages import AnyEvent, Outcome, PlannedStop, VanPlan, Vehicle
from hub_backend.kit import Kit
from hub_backend.projections.fleet import Fleet
from hub_backend.projections.followers import Followers
from hub_backend.projections.proof import Proof
from hub_backend.projections.triggers import Triggers
from hub_backend.record import CursorRow, DownlinkRow, StopRow, TriggerRow
from tests.hub_backend import made
from tests.hub_backend.made import DAY, T0, position, tour, visit

pytestmark = pytest.mark.whole

VANS = frozenset({"van-1"})


def follow(kit: Kit, *events: AnyEvent) -> list[tuple[str, str]]:
    made.record(kit, *events)
    Followers(kit, [Fleet(VANS, kit.settings.zone), Proof(), Triggers(kit, VANS)]).catch_up()
    with kit.store.read() as session:
        return [(row.kind, row.subject) for row in session.scalars(select(TriggerRow).order_by(TriggerRow.id))]


@pytest.fixture
def day(kit: Kit) -> Kit:
    """Two stops for van-1, planned at T0 and half an hour later, and sent to it."""
    with kit.store.write() as session:
        made.order_a_stop(session, stop="s1")
        made.order_a_stop(session, stop="s2")
    send(kit, revision=1)
    return kit


def send(kit: Kit, *, revision: int, later_s: float = 0.0) -> None:
    stops = tuple(
        PlannedStop(
            stop=stop,
            kind="visit",
            name="A",
            address="Laan 1",
            lat=52.25,
            lon=6.2,
            arrive_s=T0 + later_s + 1800 * place,
            depart_s=T0 + later_s + 1800 * place + 180,
            service_s=180,
        )
        for place, stop in enumerate(["s1", "s2"])
    )
    plan = VanPlan(
        plan="p", revision=revision, made_s=T0 - 600 + later_s, day=DAY, van="van-1", concierge="Jo", stops=stops
    )
    with kit.store.write() as session:
        session.merge(
            DownlinkRow(gateway="van-1", plan="p", revision=revision, body=messages.encode(plan).decode(), sent_s=T0)
        )


def vehicle(seq: int, soc_percent: float, *, t_s: float = T0, plugged: bool = False) -> Vehicle:
    return Vehicle(source="van-1", boot=1, seq=seq, t_s=t_s, soc_percent=soc_percent, plugged=plugged)


def at(t_s: float, *, seq: int) -> AnyEvent:
    return position(seq, t_s=t_s)


def test_nobody_at_home_and_refused_ask_for_a_new_plan(day: Kit) -> None:
    found = follow(day, visit(1, "s1", Outcome.NO_ANSWER, t_s=T0), visit(2, "s2", Outcome.REFUSED, t_s=T0 + 600))
    assert found == [("no_answer", "s1"), ("no_answer", "s2")]


def test_a_good_visit_asks_for_nothing(day: Kit) -> None:
    assert follow(day, visit(1, "s1", Outcome.CONTACT_DOOR, t_s=T0)) == []


def test_longer_as_the_concierge_says(day: Kit) -> None:
    assert follow(day, tour(1, "arrived", "s1", t_s=T0), tour(2, "longer", "s1", t_s=T0 + 60, extra_s=900)) == [
        ("longer_visit", "van-1")
    ]


def test_a_long_stay_is_seen_ten_minutes_after_it_should_have_ended_and_told_once(day: Kit) -> None:
    arrived = tour(1, "arrived", "s1", t_s=T0)
    assert follow(day, arrived, at(T0 + 779, seq=2)) == []
    found = follow(day, at(T0 + 820, seq=3), at(T0 + 900, seq=4), at(T0 + 1200, seq=5))
    assert found == [("longer_visit", "van-1")]


def test_a_stay_that_was_announced_is_long_only_after_that(day: Kit) -> None:
    events = [tour(1, "arrived", "s1", t_s=T0), tour(2, "longer", "s1", t_s=T0 + 60, extra_s=900)]
    assert follow(day, *events, at(T0 + 1600, seq=3)) == [("longer_visit", "van-1")]
    assert len(follow(day, at(T0 + 1700, seq=4))) == 2


def test_a_stay_after_the_outcome_is_nobodys_concern(day: Kit) -> None:
    events = [tour(1, "arrived", "s1", t_s=T0), visit(2, "s1", Outcome.CONTACT_DOOR, t_s=T0 + 100)]
    assert follow(day, *events, at(T0 + 1200, seq=3)) == []


def test_a_stop_that_is_planned_again_after_nobody_opened_is_no_long_stay(day: Kit) -> None:
    missed = follow(day, tour(1, "arrived", "s1", t_s=T0), visit(2, "s1", Outcome.NO_ANSWER, t_s=T0 + 100))
    with day.store.write() as session:
        session.get_one(StopRow, "s1").state = "open"  # as dispatch does for a second try
    assert follow(day, at(T0 + 1200, seq=3)) == missed == [("no_answer", "s1")]


def test_behind_the_plan_by_more_than_ten_minutes_asks_once_for_each_revision(day: Kit) -> None:
    on_the_way = tour(1, "under_way", "s1", t_s=T0 - 60)
    assert follow(day, on_the_way, at(T0 + 599, seq=2)) == []
    assert follow(day, at(T0 + 640, seq=3), at(T0 + 700, seq=4)) == [("delay", "van-1")]
    send(day, revision=2, later_s=900)
    assert len(follow(day, at(T0 + 1000, seq=5))) == 1
    assert len(follow(day, at(T0 + 1600, seq=6))) == 2


def test_arriving_late_asks_too(day: Kit) -> None:
    assert follow(day, tour(1, "arrived", "s2", t_s=T0 + 1800 + 601)) == [("delay", "van-1")]


def test_a_delay_that_is_told_late_and_that_the_plan_knew_asks_for_nothing(day: Kit) -> None:
    send(day, revision=2, later_s=7200)
    assert follow(day, tour(1, "under_way", "s1", t_s=T0), at(T0 + 900, seq=2)) == []


def test_low_battery_with_stops_left_asks_once_a_day(day: Kit) -> None:
    assert follow(day, vehicle(1, 30.0)) == []
    assert follow(day, vehicle(2, 29.0, t_s=T0 + 1), vehicle(3, 28.0, t_s=T0 + 2)) == [("low_battery", "van-1")]


def test_low_battery_while_charging_or_when_all_is_done_asks_for_nothing(day: Kit) -> None:
    assert follow(day, vehicle(1, 20.0, plugged=True)) == []
    done = [visit(seq, stop, Outcome.CONTACT_DOOR, t_s=T0 + seq) for seq, stop in ((2, "s1"), (3, "s2"))]
    assert follow(day, *done, vehicle(4, 19.0, t_s=T0 + 60)) == []


def test_a_replay_asks_for_nothing_twice(day: Kit) -> None:
    events = [
        visit(1, "s1", Outcome.NO_ANSWER, t_s=T0),
        tour(2, "arrived", "s2", t_s=T0 + 2500),
        tour(3, "longer", "s2", t_s=T0 + 2600),
        vehicle(4, 12.0),
    ]
    before = follow(day, *events)
    with day.store.write() as session:
        session.merge(CursorRow(follower="triggers", event_id=0))
    assert follow(day) == before
    assert len(before) == 4
