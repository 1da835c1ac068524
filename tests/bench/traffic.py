"""Vans at real rates: each tells its position every 5 s, its bus every 10 s, its cooler every minute."""

import threading
import time
from random import Random

from tests.bench.fleet import Fleet

EVERY_S = 5.0
VEHICLE_EVERY = 2
COOLER_EVERY = 12


class Traffic:
    """`with Traffic(fleet, random):` the whole fleet is under way, on one thread; the first van is left out on request.

    `sent` counts messages, `late_s` is how far behind its own clock the load ever was.
    """

    def __init__(self, fleet: Fleet, random: Random, *, first: int = 0) -> None:
        self._fleet = fleet
        self._first = first
        self._phases = sorted((random.uniform(0, EVERY_S), i) for i in range(first, len(fleet.known)))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = self.events = 0
        self.late_s = 0.0
        self.failure: Exception | None = None

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        try:
            self._drive()
        except Exception as error:  # noqa: BLE001 - told by who reads `failure`
            self.failure = error

    def _drive(self) -> None:
        began, turn = time.monotonic(), 0
        while not self._stop.is_set():
            for phase_s, index in self._phases:
                due_s = began + turn * EVERY_S + phase_s
                while (wait_s := due_s - time.monotonic()) > 0 and not self._stop.is_set():
                    self._fleet.line.listen(wait_s)
                if self._stop.is_set():
                    return
                self.late_s = max(self.late_s, -wait_s)
                kinds = ["position", *(["vehicle"] if (turn + index) % VEHICLE_EVERY == 0 else [])]
                kinds += ["cooler"] if (turn + index) % COOLER_EVERY == 0 else []
                self._fleet.line.say(self._fleet.packet(index, kinds=kinds))
                self.sent += 1
                self.events += len(kinds)
                if self.sent % 50 == 0:
                    self._fleet.line.listen(0)
            turn += 1
