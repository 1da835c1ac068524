"""What changes now, told to every open screen: server-sent events with ids.

Any thread tells; each stream reads from one ring that holds the newest messages, so a slow screen costs no memory. A
screen that comes back names the last id it saw and gets what came after, or `reset` when the ring no longer has that:
then it must fetch everything anew. The names of events: van, plan, cooler, excursion, visit, order, reject.
"""

import asyncio
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from pydantic import BaseModel

RING = 2000
HEARTBEAT_S = 15.0
ALONE_S = 60.0  # machine: a screen that lost its connection is back sooner than this


class Live:
    """The ring, its tellers and its listeners."""

    def __init__(self, *, ring: int = RING) -> None:
        self._run = secrets.token_hex(4)  # ids of an earlier process mean nothing here
        self._lock = threading.Lock()
        self._ring: deque[tuple[int, bytes]] = deque(maxlen=ring)
        self._newest = 0
        self._bells: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._closed = False
        self._left_s = float("-inf")  # machine: when the last listener left

    @property
    def wanted(self) -> bool:
        """Whether somebody listens, or has only just stopped. If not, `pass_over` instead of reading what to tell."""
        return bool(self._bells) or time.monotonic() - self._left_s < ALONE_S

    def pass_over(self) -> None:
        """Something changed and nobody was told: a screen that comes back must fetch everything anew."""
        with self._lock:
            self._newest += 1
            self._ring.clear()
        self._ring_bells()  # one that has come this very moment

    def tell(self, name: str, data: BaseModel | Mapping[str, Any]) -> None:
        """Tells all listeners; `data` is a pydantic model or what JSON can hold."""
        text = data.model_dump_json() if isinstance(data, BaseModel) else json.dumps(data, separators=(",", ":"))
        with self._lock:
            self._newest += 1
            self._ring.append((self._newest, self._frame(self._newest, name, text)))
        self._ring_bells()

    def close(self) -> None:
        """Ends every stream."""
        self._closed = True
        self._ring_bells()

    @property
    def listeners(self) -> int:
        return len(self._bells)

    async def stream(self, last_id: str | None = None) -> AsyncGenerator[bytes]:
        """Frames from after `last_id` on (None: from now), with a comment every 15 s when nothing happens."""
        seen, lost = self._place(last_id)
        bell = asyncio.Event()
        with self._lock:
            self._bells[bell] = asyncio.get_running_loop()
        try:
            yield self._frame(seen, "reset", "{}") if lost else b": here\n\n"
            while not self._closed:
                bell.clear()
                seen, frames = self._after(seen)
                if frames:
                    yield b"".join(frames)
                    continue
                try:
                    await asyncio.wait_for(bell.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield b": heartbeat\n\n"
        finally:
            with self._lock:
                self._bells.pop(bell, None)
                self._left_s = time.monotonic()

    def _after(self, seen: int) -> tuple[int, list[bytes]]:
        with self._lock:
            if self._oldest() > seen + 1:
                return self._newest, [self._frame(self._newest, "reset", "{}")]
            count = self._newest - seen
            frames = [self._ring[position][1] for position in range(len(self._ring) - count, len(self._ring))]
            return self._newest, frames

    def _place(self, last_id: str | None) -> tuple[int, bool]:
        """Where to go on reading, and whether something between was lost."""
        with self._lock:
            newest, oldest = self._newest, self._oldest()
        if last_id is None:
            return newest, False
        run, _, number = last_id.partition("-")
        if run != self._run or not number.isdecimal() or not oldest - 1 <= int(number) <= newest:
            return newest, True
        return int(number), False

    def _oldest(self) -> int:
        """The number of the oldest message that is still here, or of the next one."""
        return self._ring[0][0] if self._ring else self._newest + 1

    def _frame(self, number: int, name: str, text: str) -> bytes:
        return f"id: {self._run}-{number}\nevent: {name}\ndata: {text}\n\n".encode()

    def _ring_bells(self) -> None:
        with self._lock:
            bells = list(self._bells.items())
        for bell, loop in bells:
            if bell.is_set():  # its stream clears the bell before it reads, so it will see this too
                continue
            try:
                loop.call_soon_threadsafe(bell.set)
            except RuntimeError:  # that loop has ended, and its stream with it
                continue
