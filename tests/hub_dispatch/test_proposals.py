"""Plans that wait for the planner: which do, what he sees of them, and what becomes of them."""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub_backend.dispatching.approval import needs_approval
from hub_backend.dispatching.router.problem import Changed, PlanAnswer
from tests.hub_dispatch.conftest import PLACES
from tests.hub_dispatch.world import DAY, HandPlanner, World, clock, directory

MOVED = Changed(task="a", kind="moved", van_before="van-1", van_after="van-2", shift_s=0, words="")
LATER = Changed(task="a", kind="later", van_before="van-1", van_after="van-1", shift_s=1200, words="")
DROPPED = Changed(task="a", kind="dropped", van_before="van-1", van_after=None, shift_s=None, words="")


@pytest.mark.parametrize(
    ("approval", "kind", "change", "waits"),
    [
        ("automatic", "new_order", MOVED, False),
        ("moves", "new_order", MOVED, True),
        ("moves", "new_order", DROPPED, True),
        ("moves", "longer_visit", LATER, False),
        ("all", "longer_visit", LATER, True),
        ("all", "manual", MOVED, False),
        ("all", "van_out", MOVED, False),
        ("all", "warm_cooler", MOVED, False),
        ("all", "accepted", MOVED, False),
    ],
)
def test_which_plans_wait(approval: Any, kind: str, change: Changed, waits: bool) -> None:
    assert needs_approval(approval, {kind}, [change], is_first=False) is waits
    assert not needs_approval(approval, {kind}, [change], is_first=True), "nobody waits for the first plan of a day"


@pytest.fixture
def asking(tmp_path: Path, fresh_record: Path, planner: HandPlanner) -> Generator[World]:
    """A planned hub whose planner wants to see every plan first."""
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    world = World(tmp_path, planner=planner, approval="all")
    world.post("/api/directory", directory(PLACES), status=200)
    world.order("k0")
    world.plan()
    yield world
    world.close()


def proposed(world: World, resident: str = "k3") -> dict[str, Any]:
    """An order that leads to a proposal; gives the proposal."""
    world.order(resident)
    assert world.dispatch.step()
    proposal: dict[str, Any] = world.get(f"/api/days/{DAY}/proposal")
    return proposal


def test_a_proposal_changes_nothing_until_it_is_accepted(asking: World, planner: HandPlanner) -> None:
    def moves(answer: PlanAnswer) -> PlanAnswer:
        return msgspec.structs.replace(answer, cost_s=600, quick_cost_s=900, changes=(MOVED,))

    planner.before = [moves]
    told = len(asking.mail.sent)
    where = asking.where()
    proposal = proposed(asking)
    assert proposal["state"] == "proposed"
    assert proposal["reason"] == "Nieuwe opdracht: Proefstraat 3"
    assert [change["kind"] for change in proposal["changes"]] == ["moved"]
    assert proposal["saving_s"] == 300
    assert sum(len(route["stops"]) for route in proposal["routes"]) == 2
    assert asking.where() == where
    assert asking.shown()["revision"] == 1
    assert len(asking.mail.sent) == told, "no van hears of it"
    assert not asking.dispatch.step(), "and nobody asks again while the planner thinks"


def test_an_accepted_proposal_is_timed_anew_and_becomes_the_plan(asking: World, planner: HandPlanner) -> None:
    proposal = proposed(asking)
    asking.at("08:20")
    assert asking.post(f"/api/plans/{proposal['id']}/accept", {}, status=202)["state"] == "accepted"
    assert asking.get(f"/api/days/{DAY}/proposal") is None
    assert asking.dispatch.step()
    shown = asking.shown()
    assert (shown["revision"], shown["reason"], shown["state"]) == (3, proposal["reason"], "adopted")
    assert len(asking.where()) == 2
    request = planner.requests[-1]
    assert request.seconds == 0, "nothing is searched for: the planner wants this one"
    assert request.previous is not None and request.told is not None
    assert sum(len(route.steps) for route in request.previous) == 2, "it goes on from the proposal"
    assert sum(len(route.steps) for route in request.told) == 1, "and is compared with what people were told"
    assert asking.mail.newest("van-1").revision == 3
    states = {plan["revision"]: plan["state"] for plan in asking.get(f"/api/days/{DAY}/plans")}
    assert states == {1: "adopted", 2: "accepted", 3: "adopted"}


def test_a_rejected_proposal_leaves_the_plan_and_comes_back_with_the_next_event(asking: World) -> None:
    proposal = proposed(asking)
    assert asking.post(f"/api/plans/{proposal['id']}/reject", {}, status=200)["state"] == "rejected"
    assert not asking.dispatch.step()
    assert (asking.shown()["revision"], len(asking.where())) == (1, 1)
    again = proposed(asking, "k4")
    assert sum(len(route["stops"]) for route in again["routes"]) == 3


def test_a_newer_event_takes_an_undecided_proposal_along(asking: World) -> None:
    first = proposed(asking)
    second = proposed(asking, "k4")
    assert second["reason"] == "Nieuwe opdracht: Proefstraat 3; Nieuwe opdracht: Proefstraat 4"
    answer = asking.post(f"/api/plans/{first['id']}/accept", {}, status=409)
    assert "overtaken" in answer["detail"]
    asking.post(f"/api/plans/{second['id']}/accept", {}, status=202)
    asking.post(f"/api/plans/{second['id']}/reject", {}, status=409)
    asking.post("/api/plans/nonsense/accept", {}, status=404)


def test_an_emergency_is_not_asked_about(asking: World) -> None:
    proposed(asking)
    asking.post("/api/vans/van-2/service", {"in_service": False, "reason": "lekke band"}, status=200)
    assert asking.dispatch.step()
    assert asking.shown()["revision"] == 3
    assert asking.get(f"/api/days/{DAY}/proposal") is None
    assert len(asking.where()) == 2, "what was proposed is in it"


def test_a_proposal_is_no_plan_in_the_figures(asking: World) -> None:
    proposed(asking)
    figures = asking.get(f"/api/days/{DAY}/figures")
    assert (figures["plans"], figures["replans"]) == (1, 0)


def test_a_proposal_that_the_day_outran_is_accepted_as_the_day_now_is(asking: World) -> None:
    """While the planner thinks a van goes on; what it has done is not planned again."""
    proposal = proposed(asking)
    asking.at("09:00")
    first = asking.route("van-1")[0]
    asking.load("van-1")
    asking.tour("van-1", "departed_hub")
    asking.tour("van-1", "under_way", first)
    asking.visit("van-1", first, "contact_door")
    asking.post(f"/api/plans/{proposal['id']}/accept", {}, status=202)
    assert asking.dispatch.step()
    sent = asking.mail.newest("van-1").stops
    assert [stop.done for stop in sent if stop.stop == first] == [True]
    assert all(stop.arrive_s >= clock("09:00") for stop in sent if not stop.done)
