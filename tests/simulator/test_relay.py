"""A line that is cut passes nothing and loses nothing."""

import asyncio

from hub_backend.simulator.relay import Relay


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
    writer.close()


async def hear(reader: asyncio.StreamReader, seconds: float) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(1000), seconds)
    except TimeoutError:
        return b""


def test_what_was_sent_while_it_was_cut_arrives_when_it_is_healed() -> None:
    async def play() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        relay = Relay(server.sockets[0].getsockname()[1])
        await relay.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"one")
        assert await hear(reader, 2.0) == b"one"
        relay.cut()
        assert relay.is_cut
        writer.write(b"two")
        late_reader, late_writer = await asyncio.open_connection("127.0.0.1", relay.port)
        late_writer.write(b"three")
        assert await hear(reader, 0.1) == b""
        assert await hear(late_reader, 0.1) == b""
        relay.heal()
        assert await hear(reader, 2.0) == b"two"
        assert await hear(late_reader, 2.0) == b"three"
        writer.close()
        late_writer.close()
        await relay.close()
        server.close()

    asyncio.run(play())


def test_an_end_that_goes_away_ends_the_other() -> None:
    async def play() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        relay = Relay(server.sockets[0].getsockname()[1])
        await relay.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"x")
        assert await hear(reader, 2.0) == b"x"
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 2.0) == b""
        await relay.close()
        server.close()

    asyncio.run(play())
