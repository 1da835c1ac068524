"""How an input is kept open: pauses that grow while it is away, and are short again once it was there."""

import random
import threading
from collections.abc import Iterator

import pytest

from edge_gateway.errors import ReceiverError
from edge_gateway.input import FIRST_PAUSE_S, Input


class Evenly(random.Random):
    """Draws the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Device(Input):
    """Does what `script` says, one word a try: away, lost (there, and then away), and at the end it stops itself."""

    def __init__(self, *script: str) -> None:
        super().__init__("device", random=Evenly(), longest_pause_s=1.0)
        self._script: Iterator[str] = iter(script)
        self.pauses_s: list[float] = []
        self.closed = 0
        self.ended = threading.Event()

    def _listen(self) -> None:
        match next(self._script, "end"):
            case "away":
                raise OSError("no such device")
            case "lost":
                self._is_well()
                raise ReceiverError("went away")
            case _:
                self._stopping.set()

    def _close(self) -> None:
        self.closed += 1
        if not self.runs:
            self.ended.set()

    def _rest(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)


@pytest.mark.parametrize(
    ("script", "pauses_s"),
    [
        ((), []),
        (("away",) * 5, [0.2, 0.4, 0.8, 1.0, 1.0]),
        (("away", "away", "lost", "away"), [0.2, 0.4, 0.2, 0.4]),
    ],
)
def test_a_device_is_tried_again_after_a_growing_pause_until_it_was_there(
    script: tuple[str, ...], pauses_s: list[float]
) -> None:
    device = Device(*script)
    device.start()
    assert device.ended.wait(5)
    device.stop()
    assert device.pauses_s == pytest.approx(pauses_s)
    assert device.closed == len(script) + 1
    assert FIRST_PAUSE_S == 0.2
