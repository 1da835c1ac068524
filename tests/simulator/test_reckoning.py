"""A fault that the record does not tell, tells twice, or tells otherwise is found; so is a promise that is not kept."""

from collections.abc import Callable
from dataclasses import asdict, replace

import msgspec
import pytest

from edge_gateway.contract.messages import (
    Alarm,
    AnyEvent,
    ClockQuality,
    Cooler,
    Lid,
    Outcome,
    Position,
    Rejected,
    Scan,
    ScanPurpose,
    ScanResult,
    Span,
    Tour,
    Vehicle,
    Visit,
)
from hub_backend.simulator.faults import Spell
from hub_backend.simulator.hub_api import Excursion, RecordedEvent, SetAside
from hub_backend.simulator.projections import ContactFigures, Figures, Movements, PlanMade, Recorded, StopNow
from hub_backend.simulator.promises import promises, unkept
from hub_backend.simulator.reckoning import LOOKS, Evidence, reckon
from hub_backend.simulator.report import met_words
from hub_backend.simulator.staff import STRAY_CODE
from hub_backend.simulator.truth import Refused, Truth
from tests.simulator.test_day import day

T = 1_795_422_600.0
BASE = day(1).faults
FAULTS = replace(
    BASE,
    noise_on="hub-a/fridge",
    probe=Spell("hub-a/fridge", T, T + 1200),
    bus_van="van-1",
    jump_van="van-1",
    tunnel=Spell("van-1", T, T + 400),
    clock=Spell("van-1", T + 1000, T + 3400),
    poisoned="van-2",
    outage_from_s=T,
    outage_to_s=T + 3600,
    killed="hub-b",
)
POISON = SetAside("buurtrit/v1/buurenzo/a/van-2/up/events", "payload", "no seal", 3)


def truth() -> Truth:
    told = Truth()
    for name in LOOKS:
        told.injected[name] = 1
    told.injected |= {"damaged_frames": 4, "poison_message": 3, "clock_steps": 3}
    told.broken_probes, told.tunnels = [FAULTS.probe], [FAULTS.tunnel]
    told.wrong_clocks, told.outages = [FAULTS.clock], [Spell("van-3", T, T + 3600)]
    told.refused = [Refused("o", "address", "address", "no address")]
    told.happened["hub_came_back"] = 1
    return told


def rejected(source: str, origin: str, field: str, reason: str, *, count: int = 1, seq: int = 90) -> Rejected:
    return Rejected(source=source, boot=1, seq=seq, t_s=T, origin=origin, field=field, reason=reason, count=count)


def scan(source: str, result: ScanResult, code: str = "X") -> Scan:
    purpose = ScanPurpose.INTAKE if code == STRAY_CODE else ScanPurpose.LOAD
    return Scan(source=source, boot=1, seq=5, t_s=T, code=code, purpose=purpose, result=result)


def cooler(minute: int, product: Span) -> Cooler:
    span = Span(4.0, 4.0, 4.0)
    return Cooler(
        source="hub-a/fridge", boot=1, seq=minute, t_s=T + 60 * minute, period_s=60, air=span, product=product
    )


def record() -> list[RecordedEvent]:
    known, null = Span(4.0, 4.0, 4.0), Span()
    events: list[AnyEvent] = [
        rejected("hub-a", "hub-a/fridge", "frame", "damaged", count=3),
        rejected("hub-a", "hub-a/fridge", "frame", "damaged", seq=91),
        rejected("van-1", "vehicle", "soc_percent", "out of range 0 to 100"),
        rejected("van-1", "gps", "lat, lon", "a jump that needs"),
        rejected("van-1", "van-1", "clock", "stepped forward", count=2),
        rejected("van-1", "van-1", "clock", "stepped back"),
        rejected("van-3/scanner", "van-3/scanner", "code", "repeated within 2 s: ignored"),
        scan("hub-a/scanner", ScanResult.UNKNOWN, STRAY_CODE),
        scan("van-2/scanner", ScanResult.WRONG_VAN),
        scan("van-3/scanner", ScanResult.ALREADY_SCANNED),
        *(cooler(minute, known if minute in (0, 9) else null) for minute in range(10)),
        Alarm(source="hub-a/fridge", boot=1, seq=50, t_s=T + 300, reason="probe_lost"),
        Position(source="van-1", boot=1, seq=3, t_s=T + 100, fix="none"),
        Position(source="van-1", boot=1, seq=4, t_s=T + 2000, fix="3d", lat=52.0, lon=6.0, clock=ClockQuality.GPS),
        Tour(source="hub-b", boot=1, seq=0, t_s=T, phase="started"),
        Tour(source="hub-b", boot=2, seq=0, t_s=T, phase="ended"),
    ]
    received = [
        RecordedEvent(place, event.source.partition("/")[0], event, T + 30) for place, event in enumerate(events)
    ]
    late = Tour(source="van-3", boot=1, seq=0, t_s=T + 600, phase="started")
    return [*received, RecordedEvent(99, "van-3", late, T + 3700)]


def recorded() -> Recorded:
    contact = ContactFigures(
        contact=48,
        letterbox=12,
        outcomes={"no_answer": 3},
        deliveries=0,
        parcels=60,
        rides_done=2,
        chores_done=2,
        brought_back=1,
    )
    return Recorded(
        gateways=(),
        stops=tuple(StopNow(f"s-{place}", "cancelled" if not place else "done") for place in range(60)),
        excursions=(Excursion("e", "van-3/cooler", "warm_7", T, T + 900),),
        plans=(PlanMade(1, "", ("Nieuwe opdracht",)), PlanMade(2, "", ("Nieuwe opdracht",))),
        figures=Figures(msgspec.structs.replace(contact, share=0.8), 1, 60.0, Movements(6, 3, 6), 2.0),
        rejects=(POISON, SetAside("van-1 gps", "lat, lon", "a jump that needs")),
    )


def test_faults_that_are_all_told_hold() -> None:
    met, found = reckon(Evidence(truth(), FAULTS, record(), recorded()), whole_day=True)
    assert found.examples == []
    assert set(met) == set(LOOKS)
    assert met["damaged_frames"].injected == met["damaged_frames"].seen == 4


Spoil = Callable[[Truth, list[RecordedEvent]], Recorded | None]


def without(wanted: Callable[[RecordedEvent], bool]) -> Spoil:
    def spoil(_: Truth, events: list[RecordedEvent]) -> None:
        events[:] = [event for event in events if not wanted(event)]

    return spoil


def refuses(origin: str) -> Callable[[RecordedEvent], bool]:
    return lambda one: isinstance(one.event, Rejected) and one.event.origin == origin


def scans(result: ScanResult) -> Callable[[RecordedEvent], bool]:
    return lambda one: isinstance(one.event, Scan) and one.event.result is result


def twice(_: Truth, events: list[RecordedEvent]) -> None:
    events.append(next(one for one in events if refuses("gps")(one)))


def leaked(_: Truth, events: list[RecordedEvent]) -> None:
    events[-1] = msgspec.structs.replace(events[-1], received_s=T + 1800)


def boasted(_: Truth, events: list[RecordedEvent]) -> None:
    place = next(place for place, one in enumerate(events) if one.event.t_s == T + 2000)
    better = msgspec.structs.replace(events[place].event, clock=ClockQuality.NTP)
    events[place] = msgspec.structs.replace(events[place], event=better)


def unmeant(_: Truth, events: list[RecordedEvent]) -> None:
    events.append(RecordedEvent(98, "van-1", rejected("van-1", "van-1/scanner", "code", "empty code")))


def hub_refuses(_: Truth, __: list[RecordedEvent]) -> Recorded:
    return replace(recorded(), rejects=(POISON, SetAside("proof event 3 van-1", "stop", "not known")))


def poison_passes(_: Truth, __: list[RecordedEvent]) -> Recorded:
    return replace(recorded(), rejects=())


def order_taken(told: Truth, _: list[RecordedEvent]) -> None:
    told.refused = [Refused("o", "address", None, "")]


def never_happened(told: Truth, events: list[RecordedEvent]) -> None:
    told.injected["wrong_van"] = 0
    without(scans(ScanResult.WRONG_VAN))(told, events)


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (without(refuses("hub-a/fridge")), "lost", "damaged_frames"),
        (without(refuses("vehicle")), "lost", "bus_out_of_range"),
        (without(refuses("van-1")), "lost", "clock_steps"),
        (without(refuses("van-3/scanner")), "lost", "scan_repeated"),
        (without(scans(ScanResult.UNKNOWN)), "lost", "unknown_barcode"),
        (without(scans(ScanResult.WRONG_VAN)), "lost", "wrong_van"),
        (without(scans(ScanResult.ALREADY_SCANNED)), "lost", "scan_again"),
        (without(lambda one: isinstance(one.event, Alarm)), "lost", "sensor_lost"),
        (without(lambda one: isinstance(one.event, Position) and one.event.fix == "none"), "lost", "gps_stale"),
        (without(lambda one: one.event.source == "hub-b" and one.event.boot == 2), "lost", "gateway_killed"),
        (twice, "doubled", "gps_jump"),
        (leaked, "lost", "network_outage"),
        (boasted, "different", "claims a clock kept by NTP"),
        (unmeant, "different", "nobody meant it"),
        (hub_refuses, "different", "nobody meant it"),
        (poison_passes, "lost", "poison_message"),
        (order_taken, "lost", "order_refused"),
        (never_happened, "different", "did not happen"),
    ],
)
def test_a_fault_that_is_not_told_as_it_was_is_found(spoil: Spoil, kind: str, words: str) -> None:
    told, events = truth(), record()
    spoiled = spoil(told, events) or recorded()
    _, found = reckon(Evidence(told, FAULTS, events, spoiled), whole_day=True)
    assert any(example.kind == kind and words in example.words for example in found.examples), found.examples


def test_in_part_of_a_day_only_what_happened_is_looked_for() -> None:
    assert reckon(Evidence(Truth(), FAULTS, [], replace(recorded(), rejects=())), whole_day=False)[0] == {}


def cut_after(seconds: float) -> tuple[Truth, list[RecordedEvent]]:
    """A day that is ended when the probe has been broken for so long, and that nobody has told it."""
    told = Truth()
    told.injected["sensor_lost"] = 1
    told.broken_probes = [replace(FAULTS.probe, to_s=T + seconds)]
    return told, [RecordedEvent(1, "hub-a", cooler(1, Span()), T + 60)]


def test_a_fault_that_the_end_of_the_day_cut_short_is_left_out_and_said_so() -> None:
    told, events = cut_after(200)
    poor = replace(recorded(), rejects=())
    met, found = reckon(Evidence(told, FAULTS, events, poor), whole_day=False)
    assert found.examples == []
    assert (met["sensor_lost"].injected, met["sensor_lost"].seen, met["sensor_lost"].cut_short) == (1, 0, 1)
    assert "cut short" in met_words(asdict(met["sensor_lost"]))
    told.injected["network_outage"], told.outages = 1, [Spell("van-3", T, T + 30)]
    assert reckon(Evidence(told, FAULTS, events, poor), whole_day=False)[1].examples == []


def test_a_fault_that_lasted_long_enough_to_be_told_is_lost_although_the_day_was_cut_short() -> None:
    told, events = cut_after(600)
    evidence = Evidence(told, FAULTS, events, replace(recorded(), rejects=()))
    met, found = reckon(evidence, whole_day=False)
    assert found.counts["lost"] == 1
    assert met["sensor_lost"].cut_short == 0
    told, events = cut_after(200)
    assert reckon(replace(evidence, truth=told, events=events), whole_day=True)[1].counts["lost"] > 0


def test_a_fault_that_was_told_sooner_than_it_had_to_be_holds() -> None:
    told, events = cut_after(330)
    alarm = Alarm(source="hub-a/fridge", boot=1, seq=2, t_s=T + 310, reason="probe_lost")
    evidence = Evidence(told, FAULTS, [*events, RecordedEvent(2, "hub-a", alarm, T + 311)], recorded())
    assert "sensor_lost" not in str(reckon(evidence, whole_day=False)[1].examples)


# ---------------------------------------------------------------- promises

DAY: list[AnyEvent] = [
    Tour(source="van-1", boot=1, seq=0, t_s=T, phase="longer", stop="s-1", extra_s=1500),
    Lid(source="van-3/cooler", boot=1, seq=0, t_s=T, open=True),
    Vehicle(source="van-2", boot=1, seq=0, t_s=T, plugged=True),
    Visit(source="van-1", boot=1, seq=1, t_s=T, stop="s-2", outcome=Outcome.CONTACT_DOOR),
]


def test_a_day_with_everything_keeps_its_promises() -> None:
    assert unkept(promises(DAY, recorded())).examples == []


@pytest.mark.parametrize("missing", range(len(DAY)))
def test_a_day_without_one_of_these_does_not(missing: int) -> None:
    events = [event for place, event in enumerate(DAY) if place != missing]
    assert unkept(promises(events, recorded())).counts["different"] == 1


def test_a_day_on_which_nobody_ordered_or_cancelled_or_opened_does_not() -> None:
    whole = recorded()
    poor = replace(whole, plans=whole.plans[:1], stops=whole.stops[1:])
    assert unkept(promises(DAY, poor)).counts["different"] == 2
    lonely = msgspec.structs.replace(whole.figures.contact, share=None)
    figures = msgspec.structs.replace(whole.figures, contact=lonely)
    assert unkept(promises(DAY, replace(whole, figures=figures))).counts["different"] == 1
