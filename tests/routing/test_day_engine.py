"""The day's engine times and prices as `timing` and `draft` do, betters a draft by their measure, repeats itself."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvrp.stop import MaxIterations

from routing.check import check
from routing.day_engine import MOST, DayEngine
from routing.draft import Draft, Visits
from routing.engine import EngineError
from routing.live import Live
from routing.model import Problem, StepKind
from routing.said import Said
from routing.stops import Visit
from routing.timetable import Timetable
from tests.routing.full_day import full_day
from tests.routing.worlds import random_problem


def shaken(random: Random, live: Live, draft: Draft) -> Iterator[tuple[str, Visits]]:
    """Sequences of all kinds near a draft: most of them break something."""
    for van, visits in draft.visits.items():
        yield van, visits
        frozen = live.table.frozen(live.table.vans[van], visits)
        for _ in range(12):
            trial = list(visits[frozen:])
            for _ in range(random.choice([1, 1, 2, 3])):
                _shake(random, live, van, trial)
            yield van, (*visits[:frozen], *trial)


def _shake(random: Random, live: Live, van: str, trial: list[Visit]) -> None:
    table = live.table
    there = {visit.id for visit in trial}
    there |= {f"{ride.id}/pickup" for ride in table.rides.values() if ride.aboard is not None}
    others = [Visit(table.kind(name), name) for name in table.stops if name not in there]
    others += [Visit(StepKind.REST, rest.id) for rest in table.vans[van].rests if rest.id not in there]
    others += [Visit(StepKind.RELOAD, depot) for depot in table.depots]
    kind = random.choice(["out", "in", "move"])
    if kind != "in" and trial:
        taken = trial.pop(random.randrange(len(trial)))
        others = [taken] if kind == "move" else []
    if kind != "out" and others:
        trial.insert(random.randint(0, len(trial)), random.choice(others))


def told(random: Random, live: Live, problem: Problem) -> Said:
    """Other times and vans than the draft has."""
    names = [name for name in live.table.stops if random.random() < 0.5]
    vans = {name: random.choice(problem.vans).id for name in names if not name.endswith("/dropoff")}
    return Said(vans, {name: problem.now_s + random.randint(0, 20_000) for name in names})


@given(st.integers(0, 10**6))
def test_sequences_are_timed_and_priced_as_in_python(seed: int) -> None:
    random = Random(seed)
    problem = random_problem(seed, tasks=random.randint(4, 14), vans=random.randint(1, 4), rides=random.randint(0, 3))
    draft = (live := Live(Timetable(problem))).complete(live.base())
    live = Live(Timetable(problem), told(random, live, problem))
    engine = DayEngine(live, draft, held={}, seed=1)
    whole = {
        name for name, visits in draft.visits.items() if live.table.run(live.table.vans[name], visits).fault is None
    }
    for name, visits in shaken(random, live, draft):
        van = live.table.vans[name]
        if name not in whole or live.table.frozen(van, visits) != live.table.frozen(van, draft.visits[name]):
            continue
        timed, measured = live.table.run(van, visits), engine.measure(name, visits)
        assert (measured is None) == (timed.fault is not None), timed
        if measured is not None:
            assert measured == (live.worth.of_van(name, visits), timed.start)
    engine.close()


def a_morning(seed: int) -> tuple[Live, Draft]:
    live = Live(Timetable(full_day(seed, tasks=24, vans=3, rides=2)))
    return live, live.complete(live.base())


def searched(
    live: Live, draft: Draft, *, rounds: int, seed: int, held: dict[str, tuple[int, int]] | None = None
) -> Draft:
    engine = DayEngine(live, draft, held=held or {}, seed=seed)
    try:
        assert engine.run(MaxIterations(rounds)) == rounds
        return engine.best()
    finally:
        engine.close()


@pytest.mark.parametrize("seed", range(3))
def test_an_answer_is_better_and_holds(seed: int) -> None:
    live, draft = a_morning(seed)
    found = searched(live, draft, rounds=40, seed=seed)
    assert live.measure(found) < live.measure(draft)
    assert check(live.table.problem, live.plan(found, engine="", seed=0)) == []


def test_same_seed_and_rounds_give_the_same_answer() -> None:
    live, draft = a_morning(1)
    first, again, other = (searched(live, draft, rounds=10, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert other != first


def test_nobody_is_visited_outside_what_is_held() -> None:
    live, draft = a_morning(2)
    starts = {name: at for van in live.table.active.values() for name, at in live.starts_s(draft, van).items()}
    held = {name: (at - 3600, at + 3600) for name, at in starts.items() if name in live.table.tasks}
    found = searched(live, draft, rounds=40, seed=1, held=held)
    now = {name: at for van in live.table.active.values() for name, at in live.starts_s(found, van).items()}
    assert live.measure(found) < live.measure(draft)
    assert all(held[name][0] <= now[name] <= held[name][1] for name in held)


def test_a_van_whose_sequence_breaks_something_keeps_it() -> None:
    live, draft = a_morning(3)
    van, visits = max(draft.visits.items(), key=lambda item: len(item[1]))
    broken = draft.with_van(van, visits[::-1])
    assert live.table.run(live.table.vans[van], broken.visits[van]).fault is not None
    found = searched(live, broken, rounds=10, seed=1)
    assert found.visits[van] == broken.visits[van]
    assert found.names() >= broken.names()
    assert len([v for each in found.visits.values() for v in each if v.id in live.table.tasks]) == len(
        found.names() & live.table.tasks.keys()
    )


def test_a_must_that_was_left_out_finds_a_place() -> None:
    live, draft = a_morning(4)
    van, visits = max(draft.visits.items(), key=lambda item: len(item[1]))
    gone = next(visit for visit in visits if visit.kind is StepKind.TASK and live.table.tasks[visit.id].value is None)
    found = searched(live, draft.with_van(van, tuple(v for v in visits if v != gone)), rounds=40, seed=1)
    assert gone.id in found.names()


def test_ways_beyond_the_engines_numbers_are_refused() -> None:
    problem = full_day(1, tasks=4, vans=1, rides=0)
    problem.travel.distance_m[2, 3] = MOST + 1
    live = Live(Timetable(problem))
    with pytest.raises(EngineError, match="a leg is longer than"):
        DayEngine(live, live.complete(live.base()), held={}, seed=1)
