"""What a day asks for beyond windows and loads, each need on a day small enough to see it."""

from dataclasses import replace

import pytest

from routing import (
    BatteryLow,
    Cancelled,
    CoolerFailed,
    Delayed,
    Depot,
    Energy,
    Fetch,
    Ill,
    NotAtHome,
    Ordered,
    Plan,
    Problem,
    ProblemError,
    Rest,
    Ride,
    StepKind,
    Stranded,
    Travel,
    Window,
    after,
    background,
    check,
    insert,
    plan,
    replan,
)
from routing.battery import auxiliary_kw, flat
from routing.reasons import sentence
from tests.routing.days import (
    HOUR,
    NOW,
    day,
    left_out,
    order,
    parcel,
    route,
    row_of_places,
    start_s,
    task,
    van,
    window,
)
from tests.routing.full_day import full_day

LUNCH = Rest("lunch", Window(NOW + 2 * HOUR, NOW + 3 * HOUR), 1800)


def solved(problem: Problem, iterations: int = 60) -> Plan:
    found = plan(problem, seconds=1.0, iterations=iterations)
    assert check(problem, found) == []
    assert "failed" not in found.engine
    return found


def again(problem: Problem, before: Plan, iterations: int = 60) -> Plan:
    found = replan(problem, before, seconds=1.0, iterations=iterations)
    assert check(problem, found) == []
    return found


def long_day(**fields: object) -> Problem:
    """Six visits of forty minutes: lunch falls among them."""
    return day([task(f"t{n}", 1 + n, service_s=2400) for n in range(6)], [van(**fields)])


# ---------------------------------------------------------------- the roster


def test_lunch_is_taken_in_its_window_and_nowhere_is_driven_for_it() -> None:
    found = solved(long_day(rests=(LUNCH,)))
    assert "lunch" in order(found)
    assert 2 * HOUR <= start_s(found, "lunch") <= 3 * HOUR
    assert route(found).drive_s == 720


def test_lunch_at_the_hub_is_driven_to() -> None:
    found = solved(long_day(rests=(replace(LUNCH, place=0),)))
    assert next(step.place for step in route(found).steps if step.kind is StepKind.REST) == 0


def test_whoever_is_back_before_lunch_has_it_at_the_hub() -> None:
    found = solved(day([task("a", 2)], [van(rests=(LUNCH,))]))
    assert order(found) == ["a", "lunch"]
    lunch = route(found).steps[-1]
    assert (lunch.place, lunch.arrive_s, lunch.start_s) == (0, NOW + 540, LUNCH.window.from_s)
    assert route(found).end_s == LUNCH.window.from_s + 1800


def test_a_van_that_idles_at_the_hub_has_its_lunch_in_the_plan_and_still_takes_an_order_before_it() -> None:
    before = solved(day([], [van(rests=(LUNCH,))]))
    assert order(before) == ["lunch"]
    order_comes = day([task("new", 3), task("later", 4, windows=window(4 * HOUR, 5 * HOUR))], [van(rests=(LUNCH,))])
    assert insert(order_comes, before, "new").start_s == NOW + 180
    assert order(insert(order_comes, before, "later").plan) == ["lunch", "later"]
    assert order(again(order_comes, before)) == ["new", "lunch", "later"]


def test_lunch_that_no_shift_has_room_for_is_no_step() -> None:
    short = van(rests=(LUNCH,), shift=Window(NOW, NOW + HOUR))
    assert order(solved(day([task("a", 2)], [short]))) == ["a"]


def test_waiting_for_lunch_at_the_hub_draws_nothing_from_the_battery() -> None:
    cold = Energy(cooler_kw=2.0)
    with_lunch, without = (
        solved(day([task("a", 2)], [van(rests=r, energy=cold, soc_percent=60.0)])) for r in ((LUNCH,), ())
    )
    assert route(with_lunch).soc_end_percent == route(without).soc_end_percent


def test_lunch_whose_time_is_over_comes_next() -> None:
    late = replace(LUNCH, window=Window(NOW - 2 * HOUR, NOW - HOUR))
    assert order(solved(long_day(rests=(late,))))[0] == "lunch"


def test_nobody_sits_in_the_van_during_lunch() -> None:
    whole = Window(NOW, NOW + 8 * HOUR)
    rides = [Ride("r", 3, 9, Window(NOW + 2 * HOUR, NOW + 3 * HOUR), whole, max_ride_s=3 * HOUR)]
    found = solved(day([task(f"t{n}", 1 + n, service_s=2400) for n in range(5)], [van(rests=(LUNCH,))], rides))
    names = order(found)
    assert not names.index("r/pickup") < names.index("lunch") < names.index("r/dropoff")


# ---------------------------------------------------------------- who rides with what


def test_no_passenger_beside_food_where_no_wall_parts_them() -> None:
    meal = parcel("meal", 5, deliver={"hot": 1}, windows=window(HOUR, 6 * HOUR))
    ride = Ride("r", 3, 9, Window(NOW, NOW + 2 * HOUR), Window(NOW, NOW + 3 * HOUR))
    open_van = van(at_depot=False, place=4, on_board=frozenset({"meal"}), partition=False)
    found = solved(day([meal], [open_van], [ride]))
    assert left_out(found) == {"r": "mixed"} or order(found).index("meal") < order(found).index("r/pickup")
    assert left_out(solved(day([meal], [replace(open_van, partition=True)], [ride]))) == {}


def test_laundry_that_was_collected_is_brought_back_by_the_same_van() -> None:
    swap = task("swap", 4, deliver={"laundry": 1}, collect={"laundry": 1})
    found = solved(day([swap]))
    assert order(found) == ["load", "swap"]


# ---------------------------------------------------------------- the hub that moves


def test_a_hub_that_moves_at_noon_loads_where_it_stands() -> None:
    early = Depot("hub", 0, Window(NOW - HOUR, NOW + 2 * HOUR), 300)
    late = Depot("hub-later", 11, Window(NOW + 2 * HOUR, NOW + 9 * HOUR), 300, hub="hub")
    tasks = [
        parcel("soon", 2, windows=window(0, HOUR), depot="hub"),
        parcel("later", 9, windows=window(3 * HOUR, 5 * HOUR), release_s=NOW + 2 * HOUR, depot="hub"),
    ]
    problem = replace(day(tasks), depots=[early, late])
    found = solved(problem)
    assert left_out(found) == {}
    assert [step.task for step in route(found).steps if step.kind is StepKind.RELOAD] == ["hub", "hub-later"]


# ---------------------------------------------------------------- the battery


def test_cold_payload_stops_and_hours_cost_range() -> None:
    """By hand: 10 km, a passengerless van, one stop of 5 min: see the terms one by one."""
    base = Energy(0.2, 0.0, 0.0, 0.0, 0.0, 1.0)
    one = day([task("a", 10)], [van(battery_kwh=10.0, soc_percent=90.0, energy=base)])

    def used(energy: Energy, problem: Problem = one) -> float:
        of_van = replace(problem, vans=[replace(problem.vans[0], energy=energy)])
        return 90.0 - (route(solved(of_van)).soc_end_percent or 0.0)

    assert used(base) == pytest.approx(20.0, abs=0.05)  # 10 km x 0.2 kWh of 10 kWh
    assert used(replace(base, kwh_per_stop=0.1)) == pytest.approx(21.0, abs=0.05)
    assert used(replace(base, aux_kw=3.0)) == pytest.approx(30.0, abs=0.05)  # 20 minutes of driving
    assert used(replace(base, cooler_kw=1.2)) == pytest.approx(25.0, abs=0.05)  # 25 minutes under way
    assert used(replace(base, margin=1.5)) == pytest.approx(30.0, abs=0.05)
    heavy = replace(one, tasks=[parcel("a", 10)], unit_kg={"parcels": 1000.0})
    assert used(replace(base, kwh_per_km_tonne=0.2), heavy) == pytest.approx(30.0, abs=0.05)  # 5 km with a tonne
    assert (auxiliary_kw(20.0), auxiliary_kw(-20.0)) == (0.15, pytest.approx(3.15))


def test_a_van_comes_home_with_a_fifth_left_or_charges() -> None:
    low = van(battery_kwh=10.0, soc_percent=50.0, energy=flat(0.2))
    far = [task("a", 10, windows=window(0, HOUR)), task("b", 10, windows=window(3 * HOUR, 5 * HOUR))]
    found = solved(day(far, [low]))
    assert "charge" in order(found) or len(order(found)) == 2
    assert (route(found).soc_end_percent or 0) >= 20.0


# ---------------------------------------------------------------- time for people


def test_spare_minutes_go_first_to_whom_nobody_spoke_lately() -> None:
    tasks = [
        task(f"t{n}", 2, windows=window(0, 1500), talk_max_s=1200, contact_days=days)
        for n, days in enumerate((0, 1, 30))
    ]
    found = solved(day(tasks, [van(shift=Window(NOW, NOW + 2400))]))
    talk = {step.task: step.talk_s for step in route(found).steps}
    assert talk["t2"] == max(talk.values()) > min(talk.values())
    assert found.talk_s > 0


def test_talk_breaks_no_window_and_makes_nobody_later_than_told() -> None:
    tasks = [task("first", 2, talk_max_s=3600), task("strict", 4, windows=window(1200, 1500))]
    found = solved(day(tasks))
    assert found.talk_s > 0
    shorter = again(day([*tasks, task("new", 6, talk_max_s=3600)]), found)
    for name in ("first", "strict"):
        assert start_s(shorter, name) <= start_s(found, name)


@pytest.mark.parametrize("seed", range(4))
def test_handing_out_time_brings_nobody_half_an_hour_from_what_they_were_told(seed: int) -> None:
    problem = full_day(seed, tasks=30, vans=2, rides=0)
    told = plan(problem, seconds=0, talk=False)
    found = replan(problem, told, seconds=0)
    assert found.talk_s > 0
    said = {step.task: step.start_s for route in told.routes for step in route.steps if step.kind is StepKind.TASK}
    now = {step.task: step.start_s for route in found.routes for step in route.steps}
    assert [name for name, start in said.items() if abs(now[name] - start) > 1800] == []


def test_a_long_talk_retimes_the_rest_and_costs_nothing() -> None:
    tasks = [task(f"t{n}", 2 + n, talk_max_s=900) for n in range(5)]
    before = solved(day(tasks))
    problem = day(tasks[1:], [van(at_depot=False, place=2, ready_s=NOW + HOUR)])  # an hour at the first door
    later = again(problem, before)
    assert left_out(later) == {}
    prompt = again(replace(problem, vans=[replace(problem.vans[0], ready_s=NOW + 600)]), before)
    assert later.cost_s == prompt.cost_s


def test_no_van_idles_for_hours_while_another_hurries() -> None:
    tasks = [
        task(f"t{n:02}", 1 + n % 10, service_s=300, windows=window(HOUR, 3 * HOUR), talk_max_s=900) for n in range(20)
    ]
    found = solved(day(tasks, [van(), van("van-2")]), iterations=200)
    busy = sorted(len(order(found, name)) for name in ("van-1", "van-2"))
    assert busy[0] >= 6, "driving alone would send one van past all of them"


# ---------------------------------------------------------------- another day


def test_letterbox_post_moves_to_another_day_when_the_detour_is_not_worth_it() -> None:
    found = solved(day([task("a", 1), parcel("post", 11, value=60, deferrable=True)]))
    assert left_out(found) == {"post": "deferred"}
    assert "andere dag" in found.unserved[0].reason


# ---------------------------------------------------------------- what happens


def stranded(problem: Problem, before: Plan) -> Plan:
    return replan(problem, before, [Stranded("van-1", NOW + 4 * HOUR)], iterations=60, seconds=1.0)


def test_goods_and_passengers_of_a_stranded_van_are_fetched_from_where_it_stands() -> None:
    out = van(at_depot=False, place=6, on_board=frozenset({"meal"}))
    meal = parcel("meal", 9, deliver={"hot": 1}, max_aboard_s=2 * HOUR, aboard_since_s=NOW - 600)
    ride = Ride("r", 2, 8, Window(NOW - HOUR, NOW), Window(NOW - HOUR, NOW + HOUR), aboard="van-1")
    problem = day([meal, task("b", 3)], [out, van("van-2")], [ride])
    before = solved(problem)
    now = after(problem, [Stranded("van-1", NOW + 4 * HOUR)])
    found = again(now, before)
    assert left_out(found) == {}
    names = order(found, "van-2")
    assert names.index("meal/fetch") < names.index("meal")
    assert next(step.place for step in route(found, "van-2").steps if step.task == "meal/fetch") == 6
    assert names.index("r/pickup") < names.index("r/dropoff")
    assert start_s(found, "meal") <= 2 * HOUR - 600, "the two hours count from the first van"


def test_each_event_leaves_a_problem_that_can_be_planned() -> None:
    problem = day(
        [parcel("a", 3, deliver={"chilled": 1}), parcel("b", 5), task("c", 7)],
        [van(on_board=frozenset({"a"}), soc_percent=80.0), van("van-2")],
    )
    before = solved(problem)
    assert left_out(again(after(problem, [Ordered(task("new", 4))]), before)) == {}
    assert "c" not in {s.task for r in again(after(problem, [Cancelled("c")]), before).routes for s in r.steps}
    assert left_out(again(after(problem, [NotAtHome("a", "van-1", Window(NOW + HOUR, NOW + 2 * HOUR))]), before)) == {}
    assert route(again(after(problem, [Delayed("van-1", NOW + 900)]), before)).start_s >= NOW + 900
    ill = again(after(problem, [Ill("van-1", NOW + HOUR)]), before)
    assert [r.van for r in ill.routes] == ["van-2"] and left_out(ill) == {}, "goods at the hub ride with the other"
    warm = after(problem, [CoolerFailed("van-1", NOW, 900)])
    assert start_s(again(warm, before), "a") <= 900
    assert after(problem, [BatteryLow("van-1", 30.0)]).vans[0].soc_percent == 30.0
    with pytest.raises(ProblemError, match="van 'van-9' is unknown"):
        after(problem, [Delayed("van-9", NOW)])


# ---------------------------------------------------------------- tiers


def test_a_search_that_fails_leaves_the_tier_below(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyvrp

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of penalties")

    problem = day([task("a", 2), parcel("b", 4)])
    monkeypatch.setattr(pyvrp, "solve", broken)
    found = plan(problem, iterations=20)
    assert check(problem, found) == []
    assert left_out(found) == {}
    assert found.engine.endswith("the search failed: RuntimeError: out of penalties")


def test_without_a_library_of_the_engines_pyvrp_searches_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = day([task("a", 2), parcel("b", 4)], [van(), van("van-2")])
    with_it = plan(problem, iterations=20)
    monkeypatch.setattr("routing.improver.available", lambda: False)
    without = plan(problem, iterations=20)
    assert (check(problem, with_it), check(problem, without)) == ([], [])
    assert (len(with_it.iterations), len(without.iterations)) == (2, 2)
    assert with_it.engine == f"{without.engine}, then ruin and recreate"


def test_the_background_plan_is_adopted_only_when_it_saves_enough_for_each_moved_stop() -> None:
    tasks = [task(f"t{n}", (n * 7) % 11) for n in range(10)]
    problem = day(tasks, [van(), van("van-2")])
    poor = plan(day(tasks, [van(), van("van-2")]), seconds=0)
    better = background(problem, poor, seconds=0.5, iterations=100, least_saving_s=0)
    assert better.saving_s >= 0
    assert check(problem, better.plan) == []
    never = background(problem, poor, seconds=0.5, iterations=100, least_saving_s=10**6)
    assert not never.adopted and never.plan is poor


def test_insert_takes_a_lunch_and_a_fetch_into_account() -> None:
    lying = parcel("lying", 6, fetch=Fetch(4, Window(NOW, NOW + 6 * HOUR)))
    problem = day([*(task(f"t{n}", 1 + n, service_s=1800) for n in range(5)), lying], [van(rests=(LUNCH,))])
    before = solved(replace(problem, tasks=problem.tasks[:-1]))
    offer = insert(problem, before, "lying")
    assert offer.van == "van-1"
    assert check(problem, offer.plan) == []


# ---------------------------------------------------------------- reasons


def test_the_tightest_reason_names_the_compartment_and_the_time() -> None:
    cold = parcel("cold", 3, deliver={"chilled": 1}, windows=window(0, HOUR))
    vans = [van(capacity={"parcels": 4}), van("van-2", shift=Window(NOW + 3 * HOUR, NOW + 8 * HOUR))]
    problem = replace(day([cold, task("fine", 2)], vans), utc_offset_s=3600)
    row = next(row for row in solved(problem).unserved if row.task == "cold")
    until = (NOW + HOUR + 3600) % 86400
    assert row.reason == f"geen bus met een gekoeld vak vóór {until // 3600:02}:{until % 3600 // 60:02}"
    assert sentence(row.code, dict(row.facts), "en").startswith("no van with a chilled compartment before ")


def test_reasons_call_vans_hubs_and_skills_as_people_do() -> None:
    names = {"van-1": "bus 1", "colm": "hub Colmschate", "medication": "medicijnen"}
    assert sentence("depot", {"depot": "colm"}, "nl", names) == "geen bus van hub Colmschate in dienst"
    assert sentence("depot", {"depot": "noord"}, "nl", names) == "geen bus van hub noord in dienst"
    assert sentence("depot", {}, "en", names) == "no van of this hub in service"
    assert sentence("locked", {"van": "van-1"}, "nl", names) == "vastgezet op bus 1, die niet kan komen"
    told = sentence("skill", {"skills": "medication, lift"}, "nl", names)
    assert told == "geen bus met een conciërge die dit mag (medicijnen, lift)"


def no_length() -> Travel:
    """Ways that take time and are of no length."""
    ways = row_of_places()
    return replace(ways, distance_m=-ways.distance_m)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (day([task("a", 2, windows=(Window(None, NOW),))]), r"windows\[0\].from_s is None"),  # type: ignore[arg-type]
        (day([task("a", 2, service_s=None)]), "service_s is None"),
        (day([task("a", 2, talk_max_s=-1)]), "talk_max_s is -1"),
        (day([task("a", 2, deferrable=True)]), "deferrable, but without the value"),
        (day([task("a", 2, fetch=Fetch(99, Window(NOW, NOW)))]), "fetch.place is 99"),
        (day([task("a/fetch", 2)]), "id ends as the steps of"),
        (day([], [van(rests=(Rest("x", Window(NOW, NOW - 1)),))]), "rest x: window ends"),
        (day([], [van(rests=(LUNCH, LUNCH))]), "rest lunch: id occurs twice"),
        (day([], [van(energy=Energy(kwh_per_km=float("nan")))]), "energy.kwh_per_km is nan"),
        (day([], [van(energy=Energy(aux_kw=-1.0))]), "energy.aux_kw is -1.0"),
        (day([task("a", 2, windows=None)]), "task a: windows is None, not of the kind Sequence"),
        (day([task("a", 2, windows=(None,))]), r"task a: windows\[0\] is None"),
        (day([task("a", 2, deliver=None)]), "task a: deliver is None, not of the kind Mapping"),
        (day([task("a", 2, skills="medication")]), "task a: skills is 'medication', not a set of names"),
        (day([task("a", 2, windows=window(-NOW - 1, 0))]), r"task a: windows\[0\].from_s is -1, less than 0"),
        (day([], [van(energy=None)]), "van van-1: energy is None"),
        (replace(day([]), tasks=None), "problem: tasks is None"),  # type: ignore[arg-type]
        (replace(day([task("a", 2)]), travel=no_length()), "travel.distance_m: less than 0 where duration_s is not"),
        (replace(day([]), unit_kg={"boxes": 1.0}), "unit_kg has an unknown compartment 'boxes'"),
    ],
)
def test_a_new_field_that_cannot_be_meant_is_named(problem: Problem, words: str) -> None:
    with pytest.raises(ProblemError, match=words):
        plan(problem)
