"""Messages on their way into the record: those that came and are not taken yet, so many and no more."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice

from hub_backend.mqtt_client import Message
from hub_backend.rejects import Refusal

Waiting = Message | Refusal
"""What a gateway said, or that the broker refused us something."""


class Inbox:
    """Between the thread that receives and the one that writes: full at `room` messages and what came with them."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._messages: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, messages: Sequence[Waiting]) -> None:
        """Waits until there is room: what was dropped here would never be acked, and would stay in the broker's window
        for as long as the connection lives. Drops them once it is closed, for then they come again."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._messages) < self._room)
            if not self._closed:
                self._messages.extend(messages)
                self._changed.notify_all()

    def wait_for(self, count: int, *, until_s: float) -> bool:
        """Whether so many are there; waits for them, at most until then (machine, monotonic)."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or len(self._messages) >= count, timeout=max(0.0, until_s - time.monotonic())
            )
            return len(self._messages) >= count

    def take(self, most: int) -> list[Waiting]:
        """The oldest, at most so many."""
        with self._changed:
            taken = list(islice(self._messages, most))
            for _ in taken:
                self._messages.popleft()
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
