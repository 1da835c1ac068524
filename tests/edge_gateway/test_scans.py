"""Four answers to a scan, and what must never be kept."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.codes.reading import RefusedCodeError, read
from edge_gateway.contract import parcel_label
from edge_gateway.contract.messages import ClockQuality, HubManifest, Scan, ScanPurpose, ScanResult, VanPlan
from edge_gateway.day import Day
from edge_gateway.scans import Situation, Verdict, judge
from tests.edge_gateway.rig import START_S, parcel, plan, stop

MEAL, ROLL, OLD_ROLL, OTHER = (parcel_label.label(number) for number in (1, 2, 3, 4))
PLAN = plan(
    stop("s1", name="Mw. Jansen", deliver=(parcel(MEAL),)),
    stop("s2", name="Dhr. de Boer", deliver=(parcel(ROLL),), collect=(parcel(OLD_ROLL),)),
    elsewhere={OTHER: "van-2"},
)


def ask(
    code: str,
    purpose: ScanPurpose | None = None,
    *,
    by: VanPlan | HubManifest | None = PLAN,
    scanned: dict[ScanPurpose, set[str]] | None = None,
    under_way: bool = False,
    at_stop: str | None = None,
) -> Verdict:
    whole = {each: set[str]() for each in ScanPurpose} | (scanned or {})
    return judge(code, purpose, Situation(plan=by, scanned=whole, under_way=under_way, at_stop=at_stop))


def test_loading_has_four_answers() -> None:
    right = ask(MEAL, ScanPurpose.LOAD)
    assert (right.result, right.stop) == (ScanResult.RIGHT, "s1")
    assert right.words == ("voor adres 1, Mw. Jansen", "for address 1, Mw. Jansen")
    assert ask(MEAL, ScanPurpose.LOAD, scanned={ScanPurpose.LOAD: {MEAL}}).result is ScanResult.ALREADY_SCANNED
    wrong = ask(OTHER, ScanPurpose.LOAD)
    assert (wrong.result, wrong.van) == (ScanResult.WRONG_VAN, "van-2")
    assert wrong.words == ("hoort in bus 2", "belongs in van 2")
    assert ask("3SABCD1234567", ScanPurpose.LOAD).result is ScanResult.UNKNOWN


def test_at_the_door_only_that_doors_parcels_are_right() -> None:
    assert ask(ROLL, ScanPurpose.DOOR, at_stop="s2").result is ScanResult.RIGHT
    other_door = ask(MEAL, ScanPurpose.DOOR, at_stop="s2")
    assert other_door.result is not ScanResult.RIGHT
    assert other_door.stop == "s1" and "Mw. Jansen" in other_door.words.nl
    assert ask(OLD_ROLL, ScanPurpose.COLLECT, at_stop="s2").result is ScanResult.RIGHT
    assert ask(OLD_ROLL, ScanPurpose.DOOR, at_stop="s2").result is ScanResult.UNKNOWN


@pytest.mark.parametrize("kind", ["reload", "charge", "rest", "fetch"])
def test_an_address_is_numbered_as_the_page_counts_them(kind: str) -> None:
    after_it = msgspec.structs.replace(PLAN, stops=(stop("no address", kind=kind), *PLAN.stops))
    assert ask(MEAL, ScanPurpose.LOAD, by=after_it).words == ask(MEAL, ScanPurpose.LOAD).words


@pytest.mark.parametrize("purpose", ScanPurpose)
@pytest.mark.parametrize("by", [PLAN, None])
@pytest.mark.parametrize("at_stop", [None, "s1", "s2"])
def test_every_answer_is_in_both_languages(purpose: ScanPurpose, by: VanPlan | None, at_stop: str | None) -> None:
    for code in (MEAL, ROLL, OLD_ROLL, OTHER, "unheard of"):
        for scanned in (set[str](), {code}):
            words = ask(code, purpose, by=by, at_stop=at_stop, scanned={purpose: scanned}).words
            assert words.nl and words.en and words.nl != words.en


@pytest.mark.parametrize(
    ("code", "under_way", "at_stop", "loaded", "purpose"),
    [
        (MEAL, False, None, False, ScanPurpose.LOAD),
        (MEAL, True, "s1", True, ScanPurpose.DOOR),
        (OLD_ROLL, True, "s2", False, ScanPurpose.COLLECT),
        (ROLL, True, None, False, ScanPurpose.LOAD),  # brought along after all, just outside the hub
        (ROLL, True, None, True, ScanPurpose.DOOR),
        ("unheard of", True, "s1", False, ScanPurpose.DOOR),
    ],
)
def test_the_vans_own_scanner_needs_no_purpose(
    code: str, under_way: bool, at_stop: str | None, loaded: bool, purpose: ScanPurpose
) -> None:
    scanned = {ScanPurpose.LOAD: {code} if loaded else set[str]()}
    assert ask(code, under_way=under_way, at_stop=at_stop, scanned=scanned).purpose is purpose


def test_what_is_scanned_beside_a_van_that_cannot_go_on_is_loaded_from_it() -> None:
    taking_over = plan(stop("fetch.1", kind="fetch", name="bus 2"), *PLAN.stops)
    verdict = ask(MEAL, by=taking_over, under_way=True, at_stop="fetch.1")
    assert (verdict.result, verdict.purpose, verdict.stop) == (ScanResult.RIGHT, ScanPurpose.LOAD, "s1")


def test_at_the_hub_a_scan_is_intake_and_names_the_van() -> None:
    manifest = HubManifest(
        plan="p",
        revision=1,
        made_s=START_S,
        day="2026-11-23",
        parcels=(parcel(MEAL, temp_class="chilled"), parcel(ROLL)),
        vans={MEAL: "van-1"},
    )
    right = ask(MEAL, by=manifest)
    assert (right.result, right.purpose, right.van) == (ScanResult.RIGHT, ScanPurpose.INTAKE, "van-1")
    assert right.words == ("voor bus 1, in de koeling", "for van 1, in the cooler")
    assert "nog niet ingedeeld" in ask(ROLL, by=manifest).words.nl
    assert ask(OTHER, by=manifest).result is ScanResult.UNKNOWN
    assert ask(MEAL, by=manifest, scanned={ScanPurpose.INTAKE: {MEAL}}).result is ScanResult.ALREADY_SCANNED


def test_what_a_van_fetched_is_for_no_van() -> None:
    manifest = HubManifest(
        plan="p", revision=1, made_s=START_S, day="2026-11-23",
        parcels=(parcel(MEAL), parcel(ROLL)), vans={MEAL: "van-1", ROLL: "van-1"}, fetched=(ROLL,),
    )  # fmt: skip
    assert "opgehaald bij een bewoner" in ask(ROLL, by=manifest).words.nl
    assert "opgehaald" not in ask(MEAL, by=manifest).words.nl


def test_what_a_van_took_along_is_back_once_and_then_taken_in() -> None:
    day = Day()
    manifest = HubManifest(plan="p", revision=1, made_s=START_S, day="2026-11-23", parcels=(parcel(MEAL),))
    day.take(manifest)
    day.apply(taken_in(MEAL, START_S))
    assert judge(MEAL, None, day.situation).result is ScanResult.ALREADY_SCANNED
    again = msgspec.structs.replace(manifest, made_s=START_S + 4000, out={MEAL: START_S + 3600})
    assert day.wants(again) and not day.wants(msgspec.structs.replace(again, made_s=START_S))
    day.take(again)
    back = judge(MEAL, None, day.situation)
    assert (back.result, back.is_back) == (ScanResult.RIGHT, True)
    assert back.words.nl == "op het schap"
    day.apply(taken_in(MEAL, START_S + 7200))
    assert judge(MEAL, None, day.situation).result is ScanResult.ALREADY_SCANNED


def taken_in(code: str, t_s: float) -> Scan:
    return Scan(
        source="hub-1/scanner",
        boot=1,
        seq=int(t_s - START_S),
        t_s=t_s,
        clock=ClockQuality.NTP,
        code=code,
        purpose=ScanPurpose.INTAKE,
        result=ScanResult.RIGHT,
    )


def test_without_a_plan_nothing_is_known() -> None:
    assert ask(MEAL, by=None).result is ScanResult.UNKNOWN


def test_a_misread_label_asks_for_another_scan() -> None:
    wrong = MEAL[:-1] + ("0" if MEAL[-1] != "0" else "1")
    assert "scan nog een keer" in ask(wrong, ScanPurpose.LOAD).words.nl


@given(st.text(max_size=60))
def test_any_code_gets_an_answer(raw: str) -> None:
    try:
        code = read(raw, this_year=2026).code
    except RefusedCodeError:
        return
    assert ask(code).result is ScanResult.UNKNOWN or code in (MEAL, ROLL)


def test_a_parcel_brought_back_may_be_scanned_at_the_door_again() -> None:
    from edge_gateway.contract.messages import Outcome, Scan, Visit

    day = Day()
    day.take(PLAN)
    common = {"source": "van-1", "boot": 1, "seq": 1, "t_s": START_S}
    day.apply(Scan(**common, code=MEAL, purpose=ScanPurpose.LOAD, result=ScanResult.RIGHT))  # type: ignore[arg-type]
    day.apply(Scan(**common, code=MEAL, purpose=ScanPurpose.DOOR, result=ScanResult.RIGHT))  # type: ignore[arg-type]
    day.apply(Visit(**common, stop="s1", outcome=Outcome.NO_ANSWER))  # type: ignore[arg-type]
    assert day.aboard == (MEAL,)
    assert judge(MEAL, ScanPurpose.DOOR, day.situation).result is ScanResult.RIGHT
