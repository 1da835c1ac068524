"""The mobile network between a van and its hub: a relay of bytes that can be cut and healed.

While it is cut nothing passes and nobody is told, as in a village without coverage: what was sent waits in the sockets
as it would wait in a modem, and a new connection gets no answer.
"""

import asyncio
import contextlib

CHUNK_BYTES = 65536


class Relay:
    """Listens on `port`, on loopback; everything goes to `to_port` there."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._passes = asyncio.Event()
        self._passes.set()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        self._passes.clear()

    def heal(self) -> None:
        self._passes.set()

    @property
    def is_cut(self) -> bool:
        return not self._passes.is_set()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._lines.add(task)
            task.add_done_callback(self._lines.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._passes.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            ways = [
                asyncio.create_task(self._pass_on(reader, far_writer)),
                asyncio.create_task(self._pass_on(far_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                far_writer.close()
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._passes.wait()
            writer.write(data)
            await writer.drain()
