import asyncio
from pathlib import Path

import pytest

from edge_gateway.contract.clock import ClockPage, SharedClock
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.world import World


def world(tmp_path: Path, *, patience_s: float = 5.0) -> World:
    page = ClockPage(tmp_path / "clock", start_s=1000.0)
    return World(page, start_s=1000.0, step_s=5.0, patience_s=patience_s)


def test_people_act_at_their_moment_and_in_order(tmp_path: Path) -> None:
    acts: list[tuple[str, float]] = []

    async def day() -> None:
        stage = world(tmp_path)

        async def person(name: str, pause_s: float) -> None:
            for _ in range(3):
                await stage.wait(pause_s)
                acts.append((name, stage.now_s))

        stage.enter("slow", person("slow", 20.0))
        stage.enter("quick", person("quick", 10.0))
        await stage.settle()
        for _ in range(20):
            await stage.step(100_000.0)
            await stage.act()

    asyncio.run(day())
    assert acts == [
        ("quick", 1010.0),
        ("slow", 1020.0),
        ("quick", 1020.0),
        ("quick", 1030.0),
        ("slow", 1040.0),
        ("slow", 1060.0),
    ]


def test_the_clock_never_passes_the_step_and_stands_while_somebody_acts(tmp_path: Path) -> None:
    seen: list[float] = []

    async def day() -> None:
        stage = world(tmp_path)
        clock = SharedClock(tmp_path / "clock")

        async def person() -> None:
            await stage.wait(5.0)
            seen.append(clock.now_s())
            await asyncio.sleep(0.05)
            seen.append(clock.now_s())

        stage.enter("person", person())
        await stage.settle()
        await stage.step(1000.0)
        await stage.act()

    asyncio.run(day())
    assert seen == [1005.0, 1005.0]


def test_somebody_who_never_waits_for_the_world_is_named(tmp_path: Path) -> None:
    async def day() -> None:
        stage = world(tmp_path, patience_s=0.05)
        stage.doing("van-1", "at the door")
        stage.enter("van-1", asyncio.sleep(10.0))
        await stage.settle()

    with pytest.raises(DemoError, match=r"van-1 \(at the door\)"):
        asyncio.run(day())


def test_what_a_person_raises_ends_the_day(tmp_path: Path) -> None:
    async def day() -> None:
        stage = world(tmp_path)

        async def person() -> None:
            await stage.wait(5.0)
            raise DemoError("the scanner is dead")

        stage.enter("person", person())
        await stage.settle()
        await stage.step(1000.0)
        await stage.act()

    with pytest.raises(DemoError, match="scanner"):
        asyncio.run(day())
