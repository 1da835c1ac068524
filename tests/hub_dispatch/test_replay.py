"""A plan of the record is made again, and it is said whether it comes out the same."""

import json
import zlib
from pathlib import Path

import pytest
from sqlalchemy import select

from hub_backend.__main__ import main
from hub_backend.dispatching.evidence import Evidence
from hub_backend.dispatching.replay import ReplayError, replay
from hub_backend.record import PlanRow
from tests.hub_dispatch.town import a_day_of_orders
from tests.hub_dispatch.world import DAY, HandPlanner, World, clock

pytestmark = pytest.mark.whole


def newest(world: World) -> PlanRow:
    with world.kit.store.read() as session:
        rows = select(PlanRow).order_by(PlanRow.revision.desc()).limit(1)
        row = session.scalars(rows).one()
        assert row.evidence is not None  # loaded now, for after the session
    return row


def test_what_a_plan_was_made_of_is_in_its_row(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    row = newest(world)
    evidence = Evidence.unpacked(row.evidence or b"")
    assert evidence.request.problem == planner.requests[-1].problem
    assert evidence.request.seed == row.seed
    assert evidence.inputs_hash == row.inputs_hash
    assert "Proefstraat 0" not in zlib.decompress(row.evidence or b"").decode(), "names change no plan, and stay out"


def test_a_plan_made_by_hand_comes_out_the_same(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    assert replay(newest(world), planner).differences == ()


def test_another_outcome_is_named(world: World, planner: HandPlanner) -> None:
    import msgspec

    world.order("k0")
    world.plan()
    planner.before = [lambda answer: msgspec.structs.replace(answer, engine="other", cost_s=77)]
    assert replay(newest(world), planner).differences == ("engine: was by hand, is other", "cost_s: was 0, is 77")


def test_a_question_that_was_tampered_with_is_not_asked(world: World, planner: HandPlanner) -> None:
    world.order("k0")
    world.plan()
    row = newest(world)
    row.inputs_hash = "0" * 64
    with pytest.raises(ReplayError, match="hash"):
        replay(row, planner)
    row.evidence = b"x"
    with pytest.raises(ReplayError, match="evidence"):
        replay(row, planner)
    row.evidence = None
    with pytest.raises(ReplayError, match="not kept"):
        replay(row, planner)


@pytest.mark.servers
def test_the_real_routers_plans_come_out_the_same(
    town_by_the_clock: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command, from the record alone: the morning's plan, and one after an event."""
    town = town_by_the_clock
    a_day_of_orders(town)
    town.plan()
    town.at("09:00")
    town.order("k35", goods="parcel", from_s=clock("10:00"), to_s=clock("15:00"))
    assert town.dispatch.step()
    settings = town.kit.settings
    config = tmp_path / "hub.toml"
    config.write_text(
        f'''org = "buurenzo"
hubs = ["colmschate"]
gateways = {{}}
database_url = "{settings.database_url}"
map_dir = "{settings.map_dir}"
'''
    )
    capsys.readouterr()
    assert main(["replay-plan", f"{DAY}/1", "--config", str(config)]) == 0
    assert main(["replay-plan", town.shown()["id"], "--config", str(config)]) == 0
    told = capsys.readouterr().out
    assert told.count("outcome   the same plan") == 2
    assert town.shown()["inputs_hash"] in told
    assert main(["replay-plan", f"{DAY}/1", "--config", str(config), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["day"], record["revision"], record["differences"]) == (DAY, 1, [])
    assert main(["replay-plan", "nonsense", "--config", str(config)]) == 2
    assert "no plan 'nonsense'" in capsys.readouterr().err
