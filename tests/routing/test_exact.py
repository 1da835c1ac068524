"""The exact model: the best whole numbers within what is required."""

import subprocess
import sys

import pytest

from routing.exact import ExactModel


def test_the_best_within_what_is_required_is_found() -> None:
    model = ExactModel()
    here, there, chosen = model.variable([(0, 3), (7, 9)]), model.variable([(0, 10)]), model.choice()
    model.require(here + there <= 12)
    model.require(here <= 3, when=chosen)
    model.require(chosen == 1)
    model.maximize(2 * here + there)
    solution = model.solve(seed=1, deterministic_s=1.0, wall_s=5.0)
    assert solution is not None
    assert (solution.value(here), solution.value(there), solution.value(2 * here + there)) == (3, 9, 15)


def test_what_cannot_be_has_no_solution() -> None:
    model = ExactModel()
    number = model.variable([(0, 3), (7, 9)])
    model.require(number >= 4)
    model.require(number <= 6)
    assert model.solve(seed=1, deterministic_s=1.0, wall_s=5.0) is None


@pytest.mark.whole
def test_a_router_does_without_data_frames() -> None:
    """pandas takes 45 MB, and a hub with its router shall fit in 200."""
    script = "import sys; import routing.talk, hub_backend.dispatching.router.__main__; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
