"""Ports that nobody uses, for servers that a test starts."""

import random
import socket


def free_port() -> int:
    """A free TCP port on loopback, which no client is given as its own either while a server starts again on it."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of `count` free TCP ports in a row on loopback."""
    for _ in range(100):
        first = random.randrange(20000, 30000)  # below the range from which the system itself hands out ports
        if all(_is_free(first + i) for i in range(count)):
            return first
    raise RuntimeError(f"no {count} free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
