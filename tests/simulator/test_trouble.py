"""A day that is ended in the midst of a fault: what is broken is made whole, and written down as it was."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from edge_gateway.contract.clock import ClockPage, SharedClock
from hub_backend.simulator.faults import Spell
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.trouble import Trouble
from hub_backend.simulator.truth import Truth
from hub_backend.simulator.world import World
from tests.simulator.test_day import day

BEGAN_S = 1000.0


@dataclass
class Fridge:
    """As much of a node as a fault touches."""

    source: str
    probe_broken: bool = False


@dataclass
class Machines:
    """As much of an installation as these faults touch."""

    nodes: dict[str, Fridge]
    relays: dict[str, Any] = field(default_factory=dict)


class Watchful:
    """A gateway's page that has refused one fix more at every look."""

    def __init__(self) -> None:
        self._refused = 0

    async def state(self) -> Any:
        self._refused += 1
        return SimpleNamespace(rejects=[SimpleNamespace(origin="gps", count=self._refused)])


class Cut:
    """A world that is stepped until `until_s`, and then ended."""

    def __init__(self, folder: Path, *, until_s: float) -> None:
        page, own = (ClockPage(folder / name, start_s=BEGAN_S) for name in ("clock", "own"))
        self.clock = SharedClock(folder / "own")
        self.world = World(page, start_s=BEGAN_S, step_s=5.0, others=(own,))
        self.truth = Truth()
        self.truth.fixes["van-1"] = [Fix(BEGAN_S, 52.0, 6.0, 0.0)]
        self.shown_s: list[float] = []
        """When the van's receiver showed a false place."""
        self.fridge = Fridge("hub-a/fridge")
        self.faults = replace(
            day(1).faults,
            probe=Spell("hub-a/fridge", BEGAN_S + 50, BEGAN_S + 1500),
            jump_van="van-1",
            jump_s=BEGAN_S + 5,
            clock=Spell("van-1", BEGAN_S + 20, BEGAN_S + 1500),
            clock_back_at_s=BEGAN_S + 600,
        )
        self.trouble = Trouble(
            self.world,
            cast("Any", Machines({"hub-a/fridge": self.fridge})),
            truth=self.truth,
            faults=self.faults,
            seed=1,
            hub=cast("Any", None),
            pages={"van-1": cast("Any", Watchful())},
            clock=own,
            rate=lambda: 1.0,
        )
        asyncio.run(self._play(until_s))

    async def _play(self, until_s: float) -> None:
        for name, life in self.trouble.lives():
            if name in ("probe", "clock", "jump"):
                self.world.enter(name, life)
            else:
                life.close()
        await self.world.settle()
        while self.world.now_s < until_s:
            await self.world.step(100_000.0)
            true = Fix(self.world.now_s, 52.0, 6.0, 0.0)
            if self.trouble.fix("van-1", true) is not true:
                self.shown_s.append(self.world.now_s)
            await self.world.act()
        await self.trouble.mend()
        await self.world.end()


def test_what_is_broken_at_the_end_is_made_whole_and_its_spell_ends_there(tmp_path: Path) -> None:
    cut = Cut(tmp_path, until_s=BEGAN_S + 200)
    assert not cut.fridge.probe_broken
    assert cut.truth.broken_probes == [Spell("hub-a/fridge", BEGAN_S + 50, BEGAN_S + 200)]


def test_a_clock_that_is_set_right_at_the_end_has_stepped_once_more(tmp_path: Path) -> None:
    cut = Cut(tmp_path, until_s=BEGAN_S + 200)
    assert cut.clock.is_kept
    assert cut.clock.now_s() == cut.world.now_s
    assert cut.truth.injected["clock_steps"] == 2, "ahead, and right again"
    assert cut.truth.wrong_clocks == [Spell("van-1", BEGAN_S + 20, BEGAN_S + 200)]


def test_a_clock_that_was_right_all_along_has_not_stepped(tmp_path: Path) -> None:
    assert Cut(tmp_path, until_s=BEGAN_S + 10).truth.injected["clock_steps"] == 0


def test_a_false_place_is_not_shown_any_more_when_the_day_is_over(tmp_path: Path) -> None:
    cut = Cut(tmp_path, until_s=BEGAN_S + 10)
    fix = Fix(BEGAN_S, 52.0, 6.0, 0.0)
    assert cut.trouble.fix("van-1", fix) is fix
    assert cut.shown_s == [BEGAN_S + 10], "while it lasted"
