"""The live stream: nothing between two looks is missed, and a slow or returning screen is told when it is."""

import asyncio
from collections.abc import AsyncGenerator

from hypothesis import given
from hypothesis import strategies as st

from hub_backend import live as live_module
from hub_backend.live import Live


def parsed(frames: bytes) -> list[tuple[str, str, str]]:
    found = []
    for frame in frames.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if not line.startswith(":"))
        if fields:
            found.append((fields["id"], fields["event"], fields["data"]))
    return found


async def take(stream: AsyncGenerator[bytes], count: int) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    while len(found) < count:
        found += parsed(await asyncio.wait_for(anext(stream), 2))
    return found


def test_what_is_told_arrives_in_order_with_ids() -> None:
    async def run() -> None:
        live = Live()
        stream = live.stream()
        await anext(stream)
        for number in range(3):
            live.tell("van", {"n": number})
        found = await take(stream, 3)
        assert [(name, data) for _id, name, data in found] == [("van", f'{{"n":{number}}}') for number in range(3)]
        assert len({id_ for id_, _name, _data in found}) == 3
        await stream.aclose()
        assert live.listeners == 0

    asyncio.run(run())


def test_a_screen_that_comes_back_gets_what_it_missed() -> None:
    async def run() -> None:
        live = Live()
        stream = live.stream()
        await anext(stream)
        live.tell("van", {"n": 0})
        ((seen, _name, _data),) = await take(stream, 1)
        await stream.aclose()
        live.tell("van", {"n": 1})
        live.tell("cooler", {"n": 2})
        again = live.stream(seen)
        await anext(again)
        assert [name for _id, name, _data in await take(again, 2)] == ["van", "cooler"]

    asyncio.run(run())


def test_a_screen_that_missed_too_much_or_knew_another_run_is_told_to_begin_anew() -> None:
    async def run() -> None:
        live = Live(ring=3)
        for number in range(10):
            live.tell("van", {"n": number})
        run_id = parsed(live._ring[0][1])[0][0].partition("-")[0]
        for seen in (f"{run_id}-2", "other-9", "nonsense", f"{run_id}-99"):
            stream = live.stream(seen)
            assert parsed(await anext(stream))[0][1] == "reset"
            await stream.aclose()

    asyncio.run(run())


def test_a_slow_screen_is_told_to_begin_anew_and_costs_no_memory() -> None:
    async def run() -> None:
        live = Live(ring=3)
        stream = live.stream()
        await anext(stream)
        for number in range(10):
            live.tell("van", {"n": number})
        assert [name for _id, name, _data in await take(stream, 1)] == ["reset"]
        live.tell("van", {"n": 11})
        assert [data for _id, _name, data in await take(stream, 1)] == ['{"n":11}']

    asyncio.run(run())


def test_a_quiet_stream_has_a_heartbeat() -> None:
    async def run() -> None:
        before, live_module.HEARTBEAT_S = live_module.HEARTBEAT_S, 0.01
        try:
            stream = Live().stream()
            await anext(stream)
            assert await asyncio.wait_for(anext(stream), 1) == b": heartbeat\n\n"
        finally:
            live_module.HEARTBEAT_S = before

    asyncio.run(run())


def test_closing_ends_every_stream() -> None:
    async def run() -> None:
        live = Live()
        stream = live.stream()
        await anext(stream)
        asyncio.get_running_loop().call_later(0.01, live.close)
        assert [frame async for frame in stream] == []

    asyncio.run(run())


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(2, 20))
def test_reading_in_any_rhythm_gives_each_message_once_or_a_reset(rhythm: list[int], ring: int) -> None:
    async def run() -> None:
        live = Live(ring=ring)
        stream = live.stream()
        await anext(stream)
        told, heard = 0, []
        for count in rhythm:
            for _ in range(count):
                told += 1
                live.tell("van", {"n": told})
            if count:
                heard += parsed(await asyncio.wait_for(anext(stream), 1))
        numbers = [int(data[5:-1]) for _id, name, data in heard if name == "van"]
        resets = [name for _id, name, _data in heard if name == "reset"]
        assert numbers == sorted(set(numbers))
        assert resets or len(numbers) == told

    asyncio.run(run())


def test_while_nobody_listens_nothing_is_kept_and_who_comes_back_begins_anew() -> None:
    async def run() -> None:
        live = Live()
        assert not live.wanted
        stream = live.stream()
        await anext(stream)
        assert live.wanted
        live.tell("van", {"n": 0})
        ((seen, _name, _data),) = await take(stream, 1)
        await stream.aclose()
        assert live.wanted  # it may be back in a moment
        live.pass_over()
        again = live.stream(seen)
        assert parsed(await anext(again))[0][1] == "reset"
        await again.aclose()

    asyncio.run(run())


def test_a_screen_that_comes_the_moment_something_is_passed_over_is_told_to_begin_anew() -> None:
    async def run() -> None:
        live = Live()
        stream = live.stream()
        await anext(stream)
        live.pass_over()
        assert [name for _id, name, _data in await take(stream, 1)] == ["reset"]

    asyncio.run(run())


def test_after_a_minute_without_a_screen_it_is_not_wanted() -> None:
    async def run() -> None:
        before, live_module.ALONE_S = live_module.ALONE_S, 0.0
        try:
            live = Live()
            stream = live.stream()
            await anext(stream)
            await stream.aclose()
            assert not live.wanted
        finally:
            live_module.ALONE_S = before

    asyncio.run(run())
