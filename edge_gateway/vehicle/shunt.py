"""A shunt on the battery of a van whose bus nobody can read: VE.Direct text blocks in, `Vehicle` events out.

A block is lines `\\r\\nLABEL\\tVALUE` that end with `Checksum\\t` and one byte, so that the sum of its bytes is 0
mod 256. Source: Victron's "VE.Direct Protocol". Nothing is sent: the meter speaks once a second by itself.
"""

import logging
import random
from collections.abc import Callable

from edge_gateway.input import Input
from edge_gateway.intake import Intake
from edge_gateway.port import SerialPort
from edge_gateway.rejects import Rejects
from edge_gateway.timekeeping import Timekeeper
from edge_gateway.vehicle.dashboard import Dashboard
from edge_gateway.vehicle_profile import Field, Profile

log = logging.getLogger(__name__)

BAUD = 19_200
LONGEST_BLOCK = 1024
CHECKSUM = b"Checksum\t"


class Blocks:
    """Bytes in, whole blocks out, without I/O. `refuse(field, reason)` hears of damaged ones."""

    def __init__(self, refuse: Callable[[str, str], None]) -> None:
        self._refuse = refuse
        self._rest = b""
        self._is_whole = False  # the first block was joined somewhere in its middle

    def feed(self, data: bytes) -> list[dict[str, str]]:
        """The labels and values of the blocks that these bytes complete."""
        self._rest += data
        blocks = []
        while (end := self._rest.find(CHECKSUM)) >= 0 and len(self._rest) > end + len(CHECKSUM):
            size = end + len(CHECKSUM) + 1
            block, self._rest = self._rest[:size], self._rest[size:]
            if sum(block) % 256 == 0:
                blocks.append(_fields(block[:end]))
            elif self._is_whole:
                self._refuse("block", "checksum")
            self._is_whole = True
        if len(self._rest) > LONGEST_BLOCK:
            self._refuse("block", f"longer than {LONGEST_BLOCK} bytes: is this a VE.Direct port?")
            self._rest, self._is_whole = b"", False
        return blocks


def _fields(block: bytes) -> dict[str, str]:
    fields = {}
    for line in block.decode("ascii", errors="replace").split("\r\n"):
        label, tab, value = line.partition("\t")
        if tab:
            fields[label] = value
    return fields


class Shunt(Input):
    """The port `vedirect:DEVICE`."""

    def __init__(
        self,
        adapter: str,
        profile: Profile,
        *,
        source: str,
        period_s: float,
        intake: Intake,
        rejects: Rejects,
        time: Timekeeper,
        random: random.Random,
        poll_s: float,
    ) -> None:
        super().__init__("vehicle", random=random)
        self._port = SerialPort(adapter.partition(":")[2], baud=BAUD, read_s=poll_s)
        self._profile = profile
        self._source = source
        self._intake = intake
        self._time = time
        self._blocks = Blocks(lambda field, reason: rejects.add("vehicle", field, reason))
        self._dashboard = Dashboard(
            period_s=period_s, refuse=lambda field, reason: rejects.add("vehicle", field, reason)
        )

    def _listen(self) -> None:
        self._port.open()
        self._is_well()
        while self.runs:
            self._read()

    def _close(self) -> None:
        self._port.close()

    def _read(self) -> None:
        for block in self._blocks.feed(self._port.read()):
            self._dashboard.take(measures(self._profile, block), self._time.now_s())
        event = self._dashboard.due(self._time.now_s(), self._source)
        if event is not None:
            self._intake.offer(event)


def measures(profile: Profile, block: dict[str, str]) -> dict[Field, float | bool]:
    """What a block says, as the profile reads it."""
    found: dict[Field, float | bool] = {}
    for text in profile.texts:
        value = text.read(block[text.label]) if text.label in block else None
        if value is not None:
            found[text.field] = value
    return found
