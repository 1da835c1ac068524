"""The search is killed, hangs or answers nonsense: the insertion's plan stands, else the last plan; the hub goes on."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from hub_backend.dispatching.plan_body import INSERTED
from hub_backend.dispatching.router.solver import Solver
from tests.hub_dispatch.conftest import PLACES
from tests.hub_dispatch.world import HandPlanner, World, clock, directory

pytestmark = pytest.mark.servers
Wayward = Callable[..., World]


@pytest.fixture
def wayward(tmp_path: Path, fresh_record: Path) -> Generator[Wayward]:
    """A hub whose router's process goes wrong in one way."""
    made: list[tuple[World, Solver]] = []

    def make(how: str, *, start_s: float = 20.0) -> World:
        shutil.copy(fresh_record, tmp_path / "hub.sqlite")
        command = (sys.executable, "-m", "tests.hub_dispatch.wayward_router", how)
        solver = Solver(tmp_path, command=command, slack_s=0.3, start_s=start_s)
        world = World(tmp_path, planner=solver)
        made.append((world, solver))
        world.post("/api/directory", directory(PLACES), status=200)
        return world

    yield make
    for world, solver in made:
        solver.stop()
        world.close()


@pytest.mark.parametrize("how", ["killed", "rubbish", "too_long", "stranger", "forgets", "nowhere"])
def test_when_the_search_goes_wrong_the_insertion_stands(wayward: Wayward, how: str) -> None:
    world = wayward(how)
    stop = world.order("k0")["stop"]
    plan = world.plan()
    assert set(world.where()) == {stop}
    assert plan["notes"] == [INSERTED.nl]
    assert world.planning.health().failure == INSERTED.nl
    again = world.order("k1")["stop"]
    assert world.dispatch.step(), "the next event gets a process of its own"
    assert set(world.where()) == {stop, again}


def test_when_the_search_hangs_the_insertion_stands_and_the_process_is_ended(wayward: Wayward) -> None:
    world = wayward("hangs", start_s=4.0)
    world.order("k0")
    with_pid: list[int | None] = []
    solver = world.dispatch._planner
    assert isinstance(solver, Solver)
    watch = threading.Timer(1.0, lambda: with_pid.append(solver.pid))
    watch.start()
    assert world.plan()["notes"] == [INSERTED.nl]
    watch.join()
    assert with_pid[0] is not None and solver.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(with_pid[0], 0)


def test_a_router_that_left_since_the_last_question_is_asked_anew_at_once(wayward: Wayward) -> None:
    world = wayward("leaves")
    solver = world.dispatch._planner
    assert isinstance(solver, Solver)
    first = world.order("k0")["stop"]
    world.plan()
    before = solver.pid
    second = world.order("k1")["stop"]
    assert world.dispatch.step(), world.dispatch.state
    assert set(world.where()) == {first, second}
    assert solver.pid not in (None, before) and solver.restarts == 1
    assert world.planning.health().failure == ""


def test_when_there_is_no_answer_at_all_the_last_plan_stands(
    world: World, planner: HandPlanner, tmp_path: Path
) -> None:
    stop = world.order("k0")["stop"]
    world.plan()
    dead = Solver(tmp_path, command=(sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    world.dispatch._planner = dead
    world.order("k1")
    assert not world.dispatch.step()
    assert set(world.where()) == {stop}
    assert "no answer" in world.planning.health().failure
    world.dispatch._planner, world.dispatch._not_before = planner, 0.0
    assert world.dispatch.step(), "the event was not forgotten"
    assert len(world.where()) == 2
    assert world.planning.health().failure == ""


# ---------------------------------------------------------------- the real router


def test_a_search_that_is_killed_leaves_the_insertion(long_search: World) -> None:
    solver = long_search.planning.solver
    before = solver.pid
    assert before is not None
    threading.Timer(0.5, lambda: os.kill(before, signal.SIGKILL)).start()
    assert long_search.plan("opnieuw")["notes"] == [INSERTED.nl]
    long_search.order("k5", from_s=clock("09:00"), to_s=clock("12:00"))
    assert solver.pid is None and solver.restarts == 1


def test_a_search_that_is_overtaken_ends_and_the_process_goes_on(long_search: World) -> None:
    solver = long_search.planning.solver
    before = solver.pid
    order: list[str] = []
    late = threading.Timer(0.5, lambda: order.append(long_search.order("k36", goods="parcel")["stop"]))
    late.start()
    begun = time.monotonic()
    long_search.post("/api/days/2026-11-23/plan", {"reason": "opnieuw"}, status=202)
    assert not long_search.dispatch.step(), "what was asked is of no use any more"
    assert time.monotonic() - begun < 10, "the search would have taken twenty seconds"
    late.join()
    assert long_search.dispatch.state.overtaken == 1
    assert solver.pid == before, "nothing had to be started anew"
    assert long_search.shown()["revision"] == 1
    assert order[0] not in long_search.where()
    assert long_search.planning.health().waiting_triggers == 2, "both are answered by the next search"
