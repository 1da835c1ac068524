"""What a process tells its service manager (systemd): that it is ready, and again and again that it is alive.

systemd sends no reminder: a unit with `WatchdogSec=` is ended and started anew when nothing came for that long. Without
a service manager all of this does nothing. Protocol: sd_notify(3).
"""

import asyncio
import os
import socket
from collections.abc import Callable

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"


def tell(words: str) -> bool:
    """Sends a datagram to the manager. False when there is none, or when it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.sendto(words.encode(), address)
    except OSError:
        return False
    return True


def watchdog_period_s() -> float | None:
    """How often to say `ALIVE`: thrice in the time that the manager waits. None when it does not watch."""
    waits_us = os.environ.get("WATCHDOG_USEC", "")
    return int(waits_us) / 1e6 / 3 if waits_us.isdecimal() and int(waits_us) > 0 else None


async def keep_telling(healthy: Callable[[], bool]) -> None:
    """Ready at once; then alive while this loop runs, threads can be had and `healthy` (in one) comes back True.

    A hang of any of these three is what the watchdog is for: it then stays silent.
    """
    tell(READY)
    period_s = watchdog_period_s()
    while period_s is not None:
        if await asyncio.to_thread(healthy):
            tell(ALIVE)
        await asyncio.sleep(period_s)
