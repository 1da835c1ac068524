"""Visits and scans become proof: each once, in any order of arrival."""

import itertools

import msgspec
import pytest
from sqlalchemy import select

from edge_gateway.contract.messages import AnyEvent, Outcome, Scan, ScanPurpose, ScanResult
from hub_backend.kit import Kit
from hub_backend.projections.followers import Followers
from hub_backend.projections.proof import Proof
from hub_backend.record import CursorRow, OrderRow, ParcelRow, RejectRow, StopRow, VisitRow
from tests.hub_backend import made
from tests.hub_backend.made import DAY, T0, tour, visit


def scan(seq: int, code: str, purpose: ScanPurpose, *, t_s: float, source: str = "van-1/scanner") -> Scan:
    return Scan(source=source, boot=1, seq=seq, t_s=t_s, code=code, purpose=purpose, result=ScanResult.RIGHT)


def follow(kit: Kit, *events: AnyEvent) -> None:
    made.record(kit, *events)
    Followers(kit, [Proof()]).catch_up()


def ordered(kit: Kit, **more: str) -> None:
    with kit.store.write() as session:
        made.order_a_stop(session, **more)


def stop(kit: Kit, id_: str = "s1") -> StopRow:
    with kit.store.read() as session:
        return session.get_one(StopRow, id_)


def order(kit: Kit, id_: str = "o-s1") -> str:
    with kit.store.read() as session:
        return session.get_one(OrderRow, id_).state


def parcel(kit: Kit, code: str = "P-s1") -> tuple[str, str | None]:
    with kit.store.read() as session:
        row = session.get_one(ParcelRow, code)
        return row.state, row.van


def rejects(kit: Kit) -> list[tuple[str, str]]:
    with kit.store.read() as session:
        return [(row.field, row.reason) for row in session.scalars(select(RejectRow))]


def test_a_contact_with_what_was_brought_is_a_delivery(any_kit: Kit) -> None:
    ordered(any_kit)
    contact = visit(3, "s1", Outcome.CONTACT_INSIDE, t_s=T0 + 60, step=3, delivered=("P-s1",), began_s=T0)
    follow(any_kit, tour(1, "under_way", "s1", t_s=T0 - 60), tour(2, "arrived", "s1", t_s=T0), contact)
    assert (stop(any_kit).state, order(any_kit), parcel(any_kit)[0]) == ("done", "done", "handed_over")
    with any_kit.store.read() as session:
        row = session.scalars(select(VisitRow)).one()
    assert (row.day, row.stop, row.van, row.outcome, row.step, row.delivered, row.began_s) == (
        DAY,
        "s1",
        "van-1",
        "contact_inside",
        3,
        ["P-s1"],
        T0,
    )


@pytest.mark.parametrize(
    ("outcome", "done"),
    [
        (Outcome.CONTACT_DOOR, True),
        (Outcome.CONTACT_OTHER_PERSON, True),
        (Outcome.LETTERBOX, True),
        (Outcome.NEIGHBOUR, True),
        (Outcome.NO_ANSWER, False),
        (Outcome.REFUSED, False),
    ],
)
def test_what_each_outcome_means_for_a_delivery(kit: Kit, outcome: Outcome, done: bool) -> None:
    ordered(kit)
    follow(kit, visit(1, "s1", outcome, t_s=T0, delivered=("P-s1",) if done else ()))
    assert (stop(kit).state, order(kit)) == (("done", "done") if done else ("failed", "failed"))
    assert stop(kit).attempts == (0 if done else 1)


def test_a_visit_without_goods_is_done_only_by_contact(kit: Kit) -> None:
    ordered(kit, kind="visit")
    follow(kit, visit(1, "s1", Outcome.LETTERBOX, t_s=T0))
    assert order(kit) == "failed"
    follow(kit, visit(2, "s1", Outcome.CONTACT_DOOR, t_s=T0 + 60))
    assert order(kit) == "done"


def test_a_parcel_that_stays_in_the_van_fails_its_order_not_the_visit(kit: Kit) -> None:
    ordered(kit)
    follow(kit, visit(1, "s1", Outcome.CONTACT_DOOR, t_s=T0))
    assert (stop(kit).state, order(kit)) == ("done", "failed")


def test_a_swap_brings_one_and_takes_one(kit: Kit) -> None:
    ordered(kit, kind="swap")
    follow(kit, visit(1, "s1", Outcome.CONTACT_DOOR, t_s=T0, delivered=("P-s1",), collected=("C-s1",)))
    assert (parcel(kit, "P-s1")[0], parcel(kit, "C-s1"), order(kit)) == ("handed_over", ("loaded", "van-1"), "done")
    follow(kit, scan(2, "C-s1", ScanPurpose.INTAKE, t_s=T0 + 600, source="hub-colmschate/scanner"))
    assert parcel(kit, "C-s1") == ("at_hub", None)


def test_a_parcels_way_by_scans(kit: Kit) -> None:
    ordered(kit)
    for seq, (purpose, state) in enumerate(
        [
            (ScanPurpose.INTAKE, ("at_hub", None)),
            (ScanPurpose.LOAD, ("loaded", "van-1")),
            (ScanPurpose.DOOR, ("handed_over", "van-1")),
        ]
    ):
        follow(kit, scan(seq, "P-s1", purpose, t_s=T0 + seq))
        assert parcel(kit) == state


def test_what_was_scanned_at_a_door_that_nobody_opened_lies_in_the_van_again(kit: Kit) -> None:
    ordered(kit)
    follow(
        kit,
        scan(0, "P-s1", ScanPurpose.LOAD, t_s=T0),
        scan(1, "P-s1", ScanPurpose.DOOR, t_s=T0 + 600),
        visit(0, "s1", Outcome.NO_ANSWER, t_s=T0 + 660),
    )
    assert parcel(kit) == ("loaded", "van-1")
    follow(kit, scan(2, "P-s1", ScanPurpose.INTAKE, t_s=T0 + 3600, source="hub-colmschate/scanner"))
    assert parcel(kit) == ("returned", None)


def test_what_the_hub_took_in_before_and_a_van_had_since_is_back(kit: Kit) -> None:
    """The hub's gateway answers "already scanned": it does not know what the van's did meanwhile."""
    ordered(kit)
    again = msgspec.structs.replace(
        scan(2, "P-s1", ScanPurpose.INTAKE, t_s=T0 + 3600, source="hub-colmschate/scanner"),
        result=ScanResult.ALREADY_SCANNED,
    )
    on_the_shelf = msgspec.structs.replace(again, seq=1, t_s=T0 + 60)
    follow(kit, scan(0, "P-s1", ScanPurpose.INTAKE, t_s=T0, source="hub-colmschate/scanner"), on_the_shelf)
    assert parcel(kit) == ("at_hub", None)
    follow(kit, scan(0, "P-s1", ScanPurpose.LOAD, t_s=T0 + 600), again)
    assert parcel(kit) == ("returned", None)


def test_a_ride_is_under_way_from_its_pickup_to_its_dropoff(kit: Kit) -> None:
    ordered(kit, kind="ride")
    follow(kit, visit(1, "s1/pickup", Outcome.CONTACT_DOOR, t_s=T0))
    assert (stop(kit).state, order(kit)) == ("under_way", "open")
    follow(
        kit, tour(2, "under_way", "s1/dropoff", t_s=T0 + 10), visit(3, "s1/dropoff", Outcome.CONTACT_DOOR, t_s=T0 + 600)
    )
    assert (stop(kit).state, order(kit)) == ("done", "done")


def test_leaving_a_stop_without_an_outcome_opens_it_again(kit: Kit) -> None:
    ordered(kit)
    ordered(kit, stop="s2")
    follow(kit, tour(1, "under_way", "s1", t_s=T0), tour(2, "under_way", "s2", t_s=T0 + 60))
    assert (stop(kit, "s1").state, stop(kit, "s2").state) == ("open", "under_way")
    follow(kit, tour(3, "back_at_hub", t_s=T0 + 600))
    assert stop(kit, "s2").state == "open"


def test_a_reload_at_the_hub_is_no_unknown_stop(kit: Kit) -> None:
    follow(kit, tour(1, "under_way", "reload.1", t_s=T0), tour(2, "arrived", "charge.1", t_s=T0 + 60))
    assert rejects(kit) == []


def test_an_unknown_stop_goes_aside_and_nothing_stops(kit: Kit) -> None:
    ordered(kit)
    follow(
        kit,
        visit(1, "nowhere", Outcome.CONTACT_DOOR, t_s=T0),
        tour(2, "arrived", "nowhere", t_s=T0),
        visit(3, "s1", Outcome.CONTACT_DOOR, t_s=T0, delivered=("P-s1", "unknown-code")),
    )
    assert rejects(kit) == [
        ("stop", "a stop that the record does not know"),
        ("stop", "a stop that the record does not know"),
        ("delivered", "a parcel that the record does not know"),
    ]
    assert order(kit) == "done"


def test_taking_everything_twice_changes_nothing(kit: Kit) -> None:
    ordered(kit)
    events = [
        tour(1, "arrived", "s1", t_s=T0),
        visit(2, "s1", Outcome.NO_ANSWER, t_s=T0 + 60),
        visit(3, "s1", Outcome.CONTACT_DOOR, t_s=T0 + 600, delivered=("P-s1",)),
    ]
    follow(kit, *events)
    before = (stop(kit).state, stop(kit).attempts, order(kit), parcel(kit))
    with kit.store.write() as session:
        session.merge(CursorRow(follower="proof", event_id=0))
    Followers(kit, [Proof()]).catch_up()
    assert (stop(kit).state, stop(kit).attempts, order(kit), parcel(kit)) == before == ("done", 1, "done", parcel(kit))


MIXED = [
    tour(1, "under_way", "s1", t_s=T0),
    tour(2, "arrived", "s1", t_s=T0 + 60),
    visit(3, "s1", Outcome.NO_ANSWER, t_s=T0 + 120),
    visit(4, "s1", Outcome.CONTACT_DOOR, t_s=T0 + 600, delivered=("P-s1",)),
    scan(0, "P-s1", ScanPurpose.LOAD, t_s=T0 - 600),
]


@pytest.mark.parametrize("events", list(itertools.permutations(MIXED))[::24], ids=lambda _events: "order")
def test_whatever_the_order_of_arrival_the_newest_stands(kit: Kit, events: tuple[AnyEvent, ...]) -> None:
    ordered(kit)
    follow(kit, *events)
    assert (stop(kit).state, stop(kit).attempts, order(kit)) == ("done", 1, "done")
    assert parcel(kit)[0] == "handed_over"
