"""Time for people and for the concierge: what the record knows of it reaches the router, the van and the screens."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.contract.messages import Tour
from hub_backend.dispatching.day.tasks import talk_max_s
from hub_backend.dispatching.day.tours import VanTour, follow_tour
from hub_backend.dispatching.router.problem import PlanAnswer, PlannedStep
from hub_backend.ordering.goods import TALK_MAX_S
from hub_backend.ordering.wishes import Wish
from hub_backend.record import ResidentRow, StopRow, VisitRow
from tests.hub_dispatch.world import DAY, HandPlanner, World, clock, directory

PLACES = [(52.26, 6.22 + number * 0.002) for number in range(1, 5)]
LUNCH = {"lunch_from": "12:00", "lunch_to": "13:00", "lunch_s": 1800}


@pytest.fixture
def world(tmp_path: Path, fresh_record: Path) -> Iterator[World]:
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    one = World(tmp_path, planner=HandPlanner())
    one.post("/api/directory", directory(PLACES), status=200)
    yield one
    one.close()


def enter(world: World, name: str, of: str, **fields: object) -> None:
    """Change one record of the directory."""
    record = next(one for one in directory(PLACES)[name] if one["id"] == of)
    world.post("/api/directory", {name: [record | fields]}, status=200)


def met_before(world: World, resident: str, *, outcome: str, day: str = "2026-11-22") -> None:
    """A visit of another day, in the record."""
    at_s = clock("08:00") - 86400
    with world.kit.store.write() as session:
        session.add(
            StopRow(
                id=f"{resident}-{day}",
                day=day,
                hub="colmschate",
                resident=resident,
                from_s=at_s,
                to_s=at_s,
                service_s=60,
                state="done",
            )
        )
        session.add(
            VisitRow(
                event=9000 + int(resident[1:]),
                day=day,
                stop=f"{resident}-{day}",
                van="van-1",
                t_s=at_s,
                outcome=outcome,
                delivered=[],
                collected=[],
                chores_done=[],
            )
        )


def asked(world: World) -> Any:
    planner = world.dispatch._planner
    assert isinstance(planner, HandPlanner)
    return planner.requests[-1].problem


def with_talk(seconds: int) -> Any:
    """An answer that hands out as much at each address."""

    def change(answer: PlanAnswer) -> PlanAnswer:
        routes = []
        for route in answer.routes:
            late, steps = 0, []
            for step in route.steps:
                talk_s = seconds if step.kind == "task" else 0
                moved = {"arrive_s": step.arrive_s + late, "start_s": step.start_s + late}
                late += talk_s
                steps.append(msgspec.structs.replace(step, **moved, depart_s=step.depart_s + late, talk_s=talk_s))
            routes.append(msgspec.structs.replace(route, steps=tuple(steps), end_s=route.end_s + late))
        return msgspec.structs.replace(answer, routes=tuple(routes))

    return change


def with_lunch(answer: PlanAnswer) -> PlanAnswer:
    """An answer in which the concierge of van-2, who has nothing else to do, takes her lunch."""
    lunch = PlannedStep(
        kind="rest",
        task="lunch",
        lat=52.26,
        lon=6.22,
        arrive_s=answer.routes[1].start_s,
        start_s=int(clock("12:00")),
        depart_s=int(clock("12:30")),
    )
    routes = [
        msgspec.structs.replace(route, steps=(lunch,)) if route.van == "van-2" else route for route in answer.routes
    ]
    return msgspec.structs.replace(answer, routes=tuple(routes))


# ------------------------------------------------------------ what is asked


def test_the_longer_the_doorstep_the_longer_a_talk_may_last_and_nobody_waits_at_a_letterbox() -> None:
    meal, post = Wish("delivery", "chilled_meal"), Wish("delivery", "letterbox_item")
    for step, seconds in TALK_MAX_S.items():
        assert talk_max_s([meal], ResidentRow(usual_step=step)) == seconds
        assert talk_max_s([post], ResidentRow(usual_step=step)) == 0
    assert talk_max_s([meal], ResidentRow(usual_step=3, talk_max_s=0)) == 0, "who would rather not is left alone"


def test_the_router_hears_how_long_ago_somebody_was_really_spoken_with(world: World) -> None:
    enter(world, "residents", "k0", last_contact_day="2026-11-16")
    enter(world, "residents", "k1", last_contact_day="2026-11-01")
    met_before(world, "k1", outcome="contact_door")
    met_before(world, "k2", outcome="contact_other_person")
    stops = {resident: world.order(resident)["stop"] for resident in ("k0", "k1", "k2")}
    world.plan()
    days = {task.id: task.contact_days for task in asked(world).tasks}
    assert days[stops["k0"]] == 7
    assert days[stops["k1"]] == 1, "the record knows better than what was entered before it"
    assert days[stops["k2"]] is None, "a neighbour or daughter took it in: the resident was not spoken with"


def test_the_router_hears_when_a_resident_was_told_that_somebody_comes(world: World) -> None:
    stop = world.order("k0")["stop"]
    world.plan()
    with world.kit.store.read() as session:
        promised_s = session.get_one(StopRow, stop).promised_s
    world.plan("nog eens")
    (task,) = asked(world).tasks
    assert promised_s is not None
    assert task.told_s == int(promised_s)


def test_lunch_partition_and_energy_of_the_roster_are_asked(world: World) -> None:
    enter(world, "vans", "van-1", **LUNCH, partition=False, energy={"kwh_per_km": 0.2, "cooler_kw": 0.3})
    world.order("k0")
    world.plan()
    one, other = sorted(asked(world).vans, key=lambda van: van.id)
    assert [(rest.id, rest.window, rest.rest_s) for rest in one.rests] == [
        ("lunch", (clock("12:00"), clock("13:00")), 1800)
    ]
    assert (one.partition, one.energy.kwh_per_km, one.energy.cooler_kw) == (False, 0.2, 0.3)
    assert (other.rests, other.partition, other.energy) == ((), True, None)
    assert asked(world).utc_offset_s == 3600


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"lunch_from": "12:00"}, "lunch_to"),
        ({"lunch_from": "13:00", "lunch_to": "12:00"}, "lunch_to"),
        ({"lunch_from": "25:00", "lunch_to": "26:00"}, "lunch_from"),
        ({"energy": {"kwh_per_km": 0}}, "energy.kwh_per_km"),
    ],
)
def test_a_roster_that_cannot_be_meant_is_refused_by_field(world: World, fields: dict[str, Any], refused: str) -> None:
    van = directory(PLACES)["vans"][0] | fields
    answer = world.http.post("/api/directory", json={"vans": [van]}).json()
    assert refused in [one["field"] for one in answer["rejected"]]


# ------------------------------------------------------------ what is planned


def test_handed_out_time_reaches_the_van_the_planner_and_the_day(world: World) -> None:
    planner = world.dispatch._planner
    assert isinstance(planner, HandPlanner)
    stop = world.order("k0")["stop"]
    planner.before.append(with_talk(480))
    shown = world.plan()
    van = world.where()[stop]
    route = next(route for route in shown["routes"] if route["van"] == van)
    assert route["talk_s"] == 480
    assert [one["talk_s"] for one in route["stops"] if one["stop"] == stop] == [480]
    told = next(one for one in world.mail.newest(van).stops if one.stop == stop)
    assert told.talk_s == 480
    assert told.service_s == told.talk_s + world_service_s(world, stop)
    assert world.get(f"/api/days/{DAY}/figures")["contact"]["talk_planned_s"] == 480


def world_service_s(world: World, stop: str) -> float:
    with world.kit.store.read() as session:
        return session.get_one(StopRow, stop).service_s


def test_who_stays_as_long_as_was_handed_out_is_on_time_and_who_stays_longer_is_planned_for(world: World) -> None:
    planner = world.dispatch._planner
    assert isinstance(planner, HandPlanner)
    stop = world.order("k0")["stop"]
    planner.before.append(with_talk(900))
    world.plan()
    van = world.where()[stop]
    world.at("09:30")
    world.load(van)
    world.tour(van, "under_way", stop)
    world.tour(van, "arrived", stop)
    arrived_s = world.clock.t_s
    world.plan("tijdens het praatje")
    ready_s = next(one.ready_s for one in asked(world).vans if one.id == van)
    assert ready_s == int(arrived_s + world_service_s(world, stop) + 900), "the talk is part of what she is busy with"
    world.tour(van, "longer", stop, extra_s=1200)
    assert world.dispatch.step(), "a long talk times the rest anew"
    ready_s = next(one.ready_s for one in asked(world).vans if one.id == van)
    assert ready_s == int(arrived_s + world_service_s(world, stop) + 900 + 1200)


def test_minutes_spent_are_counted_beyond_the_task_and_from_the_window_on(world: World) -> None:
    stop = world.order("k0")["stop"]
    world.plan()
    van = world.where()[stop]
    world.load(van)
    world.clock.t_s = clock("09:00") + world_service_s(world, stop) + 300
    world.visit(van, stop, "contact_door", began_s=clock("08:50"))
    assert world.get(f"/api/days/{DAY}/figures")["contact"]["talk_spent_s"] == 300


def test_lunch_is_a_step_of_hers_alone_and_once_taken_it_is_not_asked_again(world: World) -> None:
    enter(world, "vans", "van-2", **LUNCH)
    planner = world.dispatch._planner
    assert isinstance(planner, HandPlanner)
    world.order("k0", from_s=clock("14:00"), to_s=clock("15:00"))
    planner.before.append(with_lunch)
    world.plan()
    (rest,) = world.mail.newest("van-2").stops
    assert (rest.kind, rest.stop, rest.service_s) == ("rest", "rest.lunch", 1800)
    world.at("12:05")
    world.tour("van-2", "resting", "rest.lunch")
    world.plan("tijdens haar pauze")
    van = next(one for one in asked(world).vans if one.id == "van-2")
    assert van.rests == ()
    assert van.ready_s == int(clock("12:35"))
    assert van.at_depot, "a rest at the hub is no departure"
    assert [one.stop for one in world.mail.newest("van-2").stops] == ["rest.lunch"], "she is still at it"
    world.at("12:36")
    world.tour("van-2", "rested")
    world.plan("daarna")
    van = next(one for one in asked(world).vans if one.id == "van-2")
    assert (van.rests, van.ready_s) == ((), int(clock("12:36")))
    assert world.mail.newest("van-2").stops == ()


PHASES = st.sampled_from(["started", "departed_hub", "under_way", "arrived", "longer", "back_at_hub", "ended"])


@given(phases=st.lists(PHASES, max_size=8), at=st.integers(0, 8))
def test_a_rest_changes_nothing_of_the_tour_but_that_it_was_taken(phases: list[Any], at: int) -> None:
    def tapped(phase: Any, number: int, stop: str | None = None) -> Tour:
        return Tour(source="van-1", boot=1, seq=number, t_s=100.0 + number, phase=phase, stop=stop)

    taps = [
        tapped(phase, 10 * number, "k1" if phase in ("under_way", "arrived") else None)
        for number, phase in enumerate(phases)
    ]
    at = min(at, len(taps))
    rest = [tapped("resting", 10 * at - 2, "rest.lunch"), tapped("rested", 10 * at - 1)]
    plain = rested = VanTour()
    for event in taps:
        plain = follow_tour(plain, event)
    for event in [*taps[:at], *rest, *taps[at:]]:
        rested = follow_tour(rested, event)
    assert rested.rested == ("rest.lunch",)
    assert replace(rested, rested=(), resting_s=0.0) == plain


# ------------------------------------------------------------ why, in both languages


def test_reasons_changes_and_who_is_left_out_are_told_in_both_languages_with_their_codes(world: World) -> None:
    gone, stuck = world.order("k0"), world.order("k1")
    world.plan("ochtend")
    assert world.shown()["reason_en"] == "ochtend", "a planner's own words are in his own language"
    van = world.where()[stuck["stop"]]
    world.load(van)
    world.tour(van, "departed_hub")
    world.tour(van, "ended")
    other = "van-1" if van == "van-2" else "van-2"
    world.post(f"/api/vans/{other}/service", {"in_service": False, "reason": "lekke band"}, status=200)
    world.post(f"/api/orders/{gone['id']}/cancel", {}, status=200)
    assert world.dispatch.step(), world.dispatch.state
    plan = world.shown()
    number = van.removeprefix("van-")
    assert f"Bus {other.removeprefix('van-')} buiten dienst: lekke band" in plan["triggers"]
    assert f"Van {other.removeprefix('van-')} out of service: lekke band" in plan["triggers_en"]
    assert "Order cancelled: Proefstraat 0" in plan["reason_en"]
    assert plan["kinds"] == ["cancellation", "van_out"]
    (left,) = plan["left"]
    assert (left["reason"], left["reason_en"], left["code"]) == (
        f"de spullen liggen in bus {number}, waarvan de dag voorbij is",
        f"the goods are in van {number}, whose day is over",
        "stuck",
    )
    words = {change["words"]: change["words_en"] for change in plan["changes"]}
    assert words["Proefstraat 0 vervalt: opdracht vervallen."] == "Proefstraat 0 is dropped: order cancelled."
    told = world.mail.newest(other)
    assert (told.reason, told.reason_en) == (plan["reason"], plan["reason_en"])
