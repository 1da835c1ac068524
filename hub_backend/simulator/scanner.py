"""A person with a scanner: the trigger is pulled at the node, the answer is read from the gateway's page."""

import asyncio
import time

from edge_gateway.contract.messages import ScanPurpose, ScanResult
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.node import Node
from hub_backend.simulator.page import Page, ShownScan
from hub_backend.simulator.truth import Scanned, Truth
from hub_backend.simulator.world import World

LOOK_AGAIN_S = 0.004  # machine
PATIENCE_S = 60.0  # machine: a scanner that says nothing for so long is a fault
PACE_S = 5.0  # world: from one parcel to the next
CLOCK_S = 60.0  # world: how far off a gateway's time may be, by its GPS
QUIET_LOOKS = 50  # so often in a row nothing may wait on the line


class Scanner:
    """One scanner node and the page beside it."""

    def __init__(self, world: World, node: Node, page: Page, truth: Truth) -> None:
        self._world = world
        self._node = node
        self._page = page
        self._truth = truth

    async def scan(
        self,
        code: str,
        purpose: ScanPurpose,
        *,
        stop: str | None = None,
        symbology: str = "]C1",
        stutters: bool = False,
    ) -> ScanResult:
        """Scan, wait for the answer, and take the time that a person takes. `stutters`: the scanner reads it twice.

        Raises `DemoError` when there is no answer.
        """
        t_s = self._world.now_s
        before = _said((await self._page.state()).last_scan)
        self._node.scan(t_s, code, symbology=symbology)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            state = await self._page.state()
            shown = state.last_scan
            is_new = _said(shown) != before
            if shown is not None and is_new and shown.code == code and shown.t_s >= t_s - CLOCK_S:
                break
            if time.monotonic() > deadline:
                raise DemoError(f"{self._node.source}: no answer to scan {code} within {PATIENCE_S:.0f} s")
        self._truth.scans.append(Scanned(t_s, self._node.source, code, purpose, shown.result, stop))
        if stutters:
            await self._stutter(t_s, code, symbology)
        await self._world.wait(PACE_S)
        return shown.result

    async def _stutter(self, t_s: float, code: str, symbology: str) -> None:
        """The trigger held a moment too long: the same code once more, within the time that makes it no second scan."""
        self._node.scan(t_s, code, symbology=symbology)
        self._truth.injected["scan_repeated"] += 1
        quiet = 0
        while quiet < QUIET_LOOKS:
            await asyncio.sleep(LOOK_AGAIN_S)
            quiet = 0 if self._node.behind() else quiet + 1


def _said(shown: ShownScan | None) -> tuple[float, str, str] | None:
    return None if shown is None else (shown.t_s, shown.code, shown.result.value)
