"""Work that never pauses: taps on the vans' pages and scans at their nodes, and the memory of what was acknowledged.

A tap is acknowledged when the page's API says "stored"; until then the same tap is sent again, as the page does. A scan
is acknowledged when the gateway's page shows it, which it does after its outbox has committed.
"""

import http.client
import threading
import uuid
from collections import Counter
from contextlib import suppress

from tests.chaos.world import RefusedError, Van, World

TAP_PAUSE_S = 0.03
SCAN_PAUSE_S = 0.15


class Load:
    """Starts with `start`, ends with `stop`; `acked` are taps by id and scans by code, `made` how many were tried."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.acked: set[str] = set()
        self.made: Counter[str] = Counter()
        self._threads = [
            threading.Thread(target=act, args=(van,), name=f"{van.name}-{act.__name__}", daemon=True)
            for van in world.vans
            for act in (self._tap, self._scan)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _remember(self, *acked: str) -> None:
        with self._lock:
            self.acked.update(acked)

    def _tap(self, van: Van) -> None:
        waiting: list[dict[str, str]] = []
        while not self._ending.wait(TAP_PAUSE_S):
            if len(waiting) < 100:
                waiting.append({"id": str(uuid.uuid4()), "kind": "tour", "phase": "started"})
                self.made["taps"] += 1
            with suppress(OSError, http.client.HTTPException, RefusedError, ValueError):
                stored = set(van.gateway.ask("/api/records", waiting)["stored"])
                self._remember(*stored)
                waiting = [tap for tap in waiting if tap["id"] not in stored]

    def _scan(self, van: Van) -> None:
        number = 0
        while not self._ending.wait(SCAN_PAUSE_S):
            number += 1
            code = f"{van.name.upper()}{number:08d}"
            try:
                van.node.scan(code)
            except OSError:
                continue  # the node is dead: nobody heard a beep
            self.made["scans"] += 1
            with suppress(OSError, http.client.HTTPException, RefusedError, ValueError):
                shown = van.gateway.ask("/api/state")["last_scan"]
                if shown is not None:
                    self._remember(shown["code"])
