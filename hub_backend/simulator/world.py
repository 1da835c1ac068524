"""The simulated world's time: steps of a few seconds, and people who wait for a moment of it.

The world moves a step only when everybody in it stands still: a person who waits for the machine (a tap under way, a
scanner that has not answered) holds the world, a person who waits for the world (`until`) lets it go on. So what
happens in the world happens at a world time, however fast it runs.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from edge_gateway.contract.clock import ClockPage
from hub_backend.simulator.errors import DemoError


class World:
    """World time is `now_s`, UTC seconds. `step_s` is how much passes between two looks at everything.

    `others` are clock pages of their own, for who has a clock that may be wrong.
    """

    def __init__(
        self,
        page: ClockPage,
        *,
        start_s: float,
        step_s: float,
        patience_s: float = 120.0,
        others: Sequence[ClockPage] = (),
    ) -> None:
        self.now_s = start_s
        self.step_s = step_s
        self._pages = (page, *others)
        self._patience_s = patience_s
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._awake = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._people: list[asyncio.Task[None]] = []
        self._names: dict[str, str] = {}

    # ------------------------------------------------------------ people

    def enter(self, name: str, life: Coroutine[Any, Any, None]) -> None:
        """A person begins to live: runs now, and holds the world until it waits for it."""
        self._rouse()
        task = asyncio.create_task(life, name=name)
        task.add_done_callback(lambda _: self._rest())
        self._people.append(task)

    async def until(self, t_s: float) -> None:
        """Wait for the world; returns at once when `t_s` has passed."""
        if t_s <= self.now_s:
            return
        moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (t_s, next(self._numbers), moment))
        self._rest()
        await moment

    async def wait(self, seconds: float) -> None:
        await self.until(self.now_s + seconds)

    def doing(self, name: str, what: str) -> None:
        """For who asks why the world stands still."""
        self._names[name] = what

    def _rouse(self) -> None:
        self._awake += 1
        self._quiet.clear()

    def _rest(self) -> None:
        self._awake -= 1
        if self._awake == 0:
            self._quiet.set()

    # ------------------------------------------------------------ time

    async def step(self, rate: float) -> None:
        """Pass one step at `rate`, then let everybody act whose moment has come, and wait until all wait again.

        Raises `DemoError` when somebody keeps the world waiting for longer than `patience_s`, and what a person raised.
        """
        goal_s = self.now_s + self.step_s
        began = time.monotonic()
        self._run(rate=rate, limit_s=goal_s)
        await asyncio.sleep(max(0.0, self.step_s / rate - (time.monotonic() - began)))
        self.now_s = goal_s
        self._run(rate=0.0, limit_s=goal_s)

    def show(self, t_s: float) -> None:
        """It is `t_s` now: for a world that is led by a log."""
        self.now_s = t_s
        self._run(rate=0.0, limit_s=t_s)

    def _run(self, *, rate: float, limit_s: float) -> None:
        for page in self._pages:
            page.run(world_s=self.now_s, rate=rate, limit_s=limit_s)

    async def act(self, each: Callable[[], None] | None = None) -> None:
        """Everybody whose moment has come, in the order of their moments."""
        while self._waiting and self._waiting[0][0] <= self.now_s:
            _, _, moment = heapq.heappop(self._waiting)
            self._rouse()
            moment.set_result(None)
        if each is not None:
            each()
        await self.settle()

    async def settle(self) -> None:
        """Until everybody waits for the world."""
        try:
            await asyncio.wait_for(self._quiet.wait(), self._patience_s)
        except TimeoutError:
            busy = ", ".join(f"{name} ({what})" for name, what in sorted(self._names.items()))
            raise DemoError(f"the world stood still for {self._patience_s:.0f} s, waiting for: {busy}") from None
        for person in self._people:
            if person.done():
                person.result()

    async def end(self) -> None:
        """Send everybody home."""
        for person in self._people:
            person.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
