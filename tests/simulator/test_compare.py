"""The comparison must be able to fail: each test spoils one thing and says what must be found."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from edge_gateway.contract.messages import (
    AnyEvent,
    Cooler,
    Lid,
    Outcome,
    Position,
    Scan,
    ScanPurpose,
    ScanResult,
    Span,
    Tour,
    Vehicle,
    Visit,
)
from hub_backend.simulator.compare import Findings, Tolerance, compare_events
from hub_backend.simulator.cooler import Moment
from hub_backend.simulator.faults import Spell
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.truth import LidMoved, Scanned, Tapped, Truth, Visited

T = 1_795_422_600.0


def truth() -> Truth:
    told = Truth()
    told.taps = [Tapped(T, "van-1", "tap-1", "started", None), Tapped(T + 60, "van-1", "tap-2", "arrived", "s-1")]
    told.visits = [
        Visited(
            T + 300,
            "van-1",
            "visit-1",
            "s-1",
            Outcome.CONTACT_DOOR,
            1,
            frozenset({"A", "B"}),
            frozenset(),
            frozenset({"lamp"}),
        )
    ]
    told.scans = [
        Scanned(T + 100 + place, "van-1/scanner", code, ScanPurpose.DOOR, ScanResult.RIGHT, "s-1")
        for place, code in enumerate("AB")
    ]
    told.lids = [LidMoved(T + 90, "van-1/cooler", True), LidMoved(T + 120, "van-1/cooler", False)]
    told.coolers["van-1/cooler"] = [Moment(T + second, 4.0 + second / 1000, 4.0, False) for second in range(0, 610, 10)]
    told.fixes["van-1"] = [Fix(T + second, 52.26 + second * 1e-5, 6.23, 5.0) for second in range(0, 600, 5)]
    told.odometer_km["van-1"] = 1234.56
    return told


def record() -> list[AnyEvent]:
    events: list[AnyEvent] = [
        Tour(source="van-1", boot=1, seq=0, t_s=T, phase="started", record="tap-1"),
        Tour(source="van-1", boot=1, seq=1, t_s=T + 62, phase="arrived", stop="s-1", record="tap-2"),
        Visit(
            source="van-1",
            boot=1,
            seq=2,
            t_s=T + 301,
            stop="s-1",
            outcome=Outcome.CONTACT_DOOR,
            step=1,
            delivered=("B", "A"),
            chores_done=("lamp",),
            record="visit-1",
        ),
        Vehicle(source="van-1", boot=1, seq=3, t_s=T + 590, odometer_km=1234.5, soc_percent=50),
    ]
    events += [
        Position(source="van-1", boot=1, seq=4 + place, t_s=T + t, fix="3d", lat=52.26 + t * 1e-5, lon=6.23)
        for place, t in enumerate(range(0, 600, 5))
    ]
    events = numbered(events)
    events += [
        Scan(
            source="van-1/scanner",
            boot=1,
            seq=place,
            t_s=T + 101 + place,
            code=code,
            purpose=ScanPurpose.DOOR,
            result=ScanResult.RIGHT,
            stop="s-1",
        )
        for place, code in enumerate("AB")
    ]
    cooler: list[AnyEvent] = [Lid(source="van-1/cooler", boot=1, seq=0, t_s=T + 1, open=False)]
    cooler += [Lid(source="van-1/cooler", boot=1, seq=1, t_s=T + 91, open=True)]
    cooler += [Lid(source="van-1/cooler", boot=1, seq=2, t_s=T + 121, open=False)]
    cooler += [
        Cooler(
            source="van-1/cooler",
            boot=1,
            seq=3 + minute,
            t_s=T + 60 + 60 * minute,
            period_s=60,
            air=Span(4.03 + minute * 0.06, 4.0 + minute * 0.06, 4.06 + minute * 0.06),
            product=Span(4.0, 4.0, 4.0),
        )
        for minute in range(10)
    ]
    return [*events, *numbered(cooler)]


def numbered(events: list[AnyEvent]) -> list[AnyEvent]:
    """In the order in which they happened, as a gateway numbers them."""
    events = sorted(events, key=lambda event: event.t_s)
    return [msgspec.structs.replace(event, seq=place) for place, event in enumerate(events)]


def compared(told: Truth, events: list[AnyEvent]) -> Findings:
    return compare_events(told, events, Tolerance())


def test_a_faithful_record_holds() -> None:
    found = compared(truth(), record())
    assert found.examples == []
    assert found.total == 0


Spoil = Callable[[list[AnyEvent]], None]


def drop(kind: type[object]) -> Spoil:
    def spoil(events: list[AnyEvent]) -> None:
        events.remove(next(event for event in reversed(events) if isinstance(event, kind)))

    return spoil


def repeat(kind: type[object], *, same_identity: bool) -> Spoil:
    def spoil(events: list[AnyEvent]) -> None:
        event = next(event for event in events if isinstance(event, kind))
        highest = max(other.seq for other in events if other.source == event.source)
        events.append(event if same_identity else msgspec.structs.replace(event, seq=highest + 1))

    return spoil


def change(kind: type[object], **fields: object) -> Spoil:
    def spoil(events: list[AnyEvent]) -> None:
        place = next(place for place, event in reversed(list(enumerate(events))) if isinstance(event, kind))
        events[place] = msgspec.structs.replace(events[place], **fields)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (drop(Tour), "lost"),
        (drop(Visit), "lost"),
        (drop(Scan), "lost"),
        (drop(Lid), "lost"),
        (drop(Vehicle), "lost"),
        (repeat(Tour, same_identity=False), "doubled"),
        (repeat(Visit, same_identity=False), "doubled"),
        (repeat(Scan, same_identity=False), "doubled"),
        (repeat(Visit, same_identity=True), "doubled"),
        (repeat(Cooler, same_identity=True), "doubled"),
        (change(Visit, outcome=Outcome.LETTERBOX), "different"),
        (change(Visit, step=2), "different"),
        (change(Visit, delivered=("A",)), "different"),
        (change(Visit, chores_done=()), "different"),
        (change(Visit, record="nobody"), "different"),
        (change(Visit, t_s=T + 400), "different"),
        (change(Tour, stop="s-2"), "different"),
        (change(Scan, code="C"), "different"),
        (change(Scan, result=ScanResult.UNKNOWN), "different"),
        (change(Scan, purpose=ScanPurpose.LOAD), "different"),
        (change(Scan, t_s=T + 1000), "different"),
        (change(Cooler, product=Span(5.0, 5.0, 5.0)), "different"),
        (change(Cooler, air=Span()), "different"),
        (change(Position, lat=52.27), "different"),
        (change(Position, source="van-9"), "different"),
        (change(Vehicle, odometer_km=1230.0), "different"),
    ],
)
def test_one_spoiled_event_is_found(spoil: Spoil, kind: str) -> None:
    events = record()
    spoil(events)
    assert compared(truth(), events).counts[kind] >= 1


def test_a_hole_in_the_numbers_is_lost() -> None:
    events = [event for event in record() if not (event.source == "van-1/cooler" and event.seq == 5)]
    assert compared(truth(), events).counts["lost"] == 1


def without_positions(from_s: float, to_s: float) -> list[AnyEvent]:
    return [event for event in record() if not (isinstance(event, Position) and from_s < event.t_s < to_s)]


def test_a_moving_van_without_positions_is_lost() -> None:
    found = compared(truth(), without_positions(T + 100, T + 400))
    assert any("moving" in example.words for example in found.examples)


def test_what_a_killed_gateway_had_told_nobody_is_not_lost_and_no_more_than_that() -> None:
    told = truth()
    told.blind = [Spell("van-1", T + 90, T + 410)]
    events = without_positions(T + 100, T + 400)
    assert not any("moving" in example.words for example in compared(told, events).examples)
    told.blind = [Spell("van-2", T + 90, T + 410)]
    assert any("moving" in example.words for example in compared(told, events).examples)


def test_a_receiver_that_was_silent_itself_loses_nothing() -> None:
    told = truth()
    told.fixes["van-1"] = [fix for fix in told.fixes["van-1"] if not T + 100 < fix.t_s < T + 400]
    assert not any("moving" in e.words for e in compared(told, without_positions(T + 100, T + 400)).examples)
    found = compared(told, record())  # a place where no receiver was is no position
    assert found.counts["different"] > 0


def test_a_broken_probe_is_null_in_the_record_and_known_before_and_after() -> None:
    told = truth()
    told.broken_probes = [Spell("van-1/cooler", T + 120, T + 480)]

    def with_nulls(from_s: float, to_s: float) -> list[AnyEvent]:
        return [
            msgspec.structs.replace(event, product=Span())
            if isinstance(event, Cooler) and from_s <= event.t_s <= to_s
            else event
            for event in record()
        ]

    assert compared(told, with_nulls(T + 180, T + 480)).total == 0
    assert compared(told, record()).counts["different"] >= 3, "a temperature that nobody measured"
    assert compared(told, with_nulls(T + 60, T + 600)).counts["different"] >= 1, "null while the probe was whole"


def test_events_out_of_their_order_are_different() -> None:
    events = [
        msgspec.structs.replace(event, t_s=event.t_s - 3600) if isinstance(event, Visit) else event
        for event in record()
    ]
    assert any("out of order" in example.words for example in compared(truth(), events).examples)


def test_a_cooler_that_falls_silent_is_lost() -> None:
    events = [event for event in record() if not (isinstance(event, Cooler) and event.t_s > T + 200)]
    assert any("no period after" in example.words for example in compared(truth(), events).examples)


def test_an_act_that_changed_in_the_ledger_is_different() -> None:
    told = truth()
    told.visits[0] = replace(told.visits[0], outcome=Outcome.REFUSED)
    found = compared(told, record())
    assert found.counts["different"] == 1
    assert found.counts["lost"] == 0


def test_only_the_first_examples_are_kept_and_all_are_counted() -> None:
    found = compared(truth(), [])
    assert found.counts["lost"] > len(found.examples)
    assert len(found.examples) <= 8
