"""The router's process: hangs, dies, refuses, and the hub goes on."""

import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from hub_backend.dispatching.router.problem import TourRequest
from hub_backend.dispatching.router.solver import Solver, SolverError

pytestmark = pytest.mark.servers
TOUR = TourRequest(places=((52.26, 6.22), (52.27, 6.23)), seconds=0.1, seed=1)


def solver_of(script: str, folder: Path) -> Solver:
    return Solver(folder, command=(sys.executable, "-c", script), slack_s=0.3, start_s=0.2)


@pytest.fixture
def hangs(tmp_path: Path) -> Generator[Solver]:
    solver = solver_of("import time; time.sleep(60)", tmp_path)
    yield solver
    solver.stop()


def test_a_router_that_hangs_is_ended_and_the_next_question_starts_another(hangs: Solver) -> None:
    begun = time.monotonic()
    for _ in range(2):
        with pytest.raises(SolverError, match="no answer"):
            hangs.tour(TOUR)
        assert hangs.pid is None
    assert hangs.restarts == 2
    assert time.monotonic() - begun < 5


def test_a_router_that_dies_is_said_so(tmp_path: Path) -> None:
    solver = solver_of("import sys; sys.exit(1)", tmp_path)
    with pytest.raises(SolverError, match="no answer"):
        solver.tour(TOUR)


def test_a_map_without_roads_is_named(tmp_path: Path) -> None:
    solver = Solver(tmp_path)
    with pytest.raises(SolverError, match=r"roads\.npz"):
        solver.tour(TOUR)
    solver.stop()


def test_without_a_map_there_is_no_plan() -> None:
    with pytest.raises(SolverError, match="map_dir"):
        Solver(None).tour(TOUR)


def test_stopping_does_not_wait_for_an_answer(tmp_path: Path) -> None:
    from threading import Thread

    patient = Solver(tmp_path, command=(sys.executable, "-c", "import time; time.sleep(60)"))
    caught: list[SolverError] = []

    def ask() -> None:
        try:
            patient.tour(TOUR)
        except SolverError as error:
            caught.append(error)

    thread = Thread(target=ask)
    thread.start()
    while patient.pid is None and not caught:
        time.sleep(0.005)
    begun = time.monotonic()
    patient.stop()
    thread.join()
    assert time.monotonic() - begun < 3
    assert len(caught) == 1
