"""A receiver behind gpsd, through gpsd-py3, with what that library lacks.

gpsd-py3 waits for ever on a gpsd that hangs, never reconnects, and gives 0 for what gpsd left out. So the connection is
made here with a deadline for every line, and the answer is read again for what was really in it.
"""

import json
import math
import socket
import threading
import time
from datetime import datetime
from typing import Any

import gpsd

from edge_gateway.errors import ReceiverError
from edge_gateway.gps import Fix, FixKind

ANSWER_S = 3.0
"""A gpsd that lives answers a poll in milliseconds; this is machine time."""
LONGEST_LINE = 200_000
KINDS: dict[int, FixKind] = {2: "2d", 3: "3d"}


class _Line:
    """The stream gpsd-py3 reads and writes: each line has a deadline, and the last one read stays to be looked at."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        self.last = ""

    def write(self, text: str) -> None:
        self._connection.sendall(text.encode())

    def flush(self) -> None:
        """Nothing is held back."""

    def readline(self) -> str:
        deadline = time.monotonic() + ANSWER_S
        while b"\n" not in self._rest:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or len(self._rest) > LONGEST_LINE:
                raise TimeoutError(f"no whole line within {ANSWER_S:g} s")
            self._connection.settimeout(left_s)
            received = self._connection.recv(4096)
            if not received:
                raise ConnectionError("gpsd closed the connection")
            self._rest += received
        line, _, self._rest = self._rest.partition(b"\n")
        self.last = line.decode(errors="replace")
        return self.last


class GpsdReceiver:
    """Polls gpsd every `poll_s` of machine time; `gpsd://host:port`. One of these a process: gpsd-py3 is global."""

    def __init__(self, url: str, *, poll_s: float, stopping: threading.Event) -> None:
        host, _, port = url.removeprefix("gpsd://").rpartition(":")
        self._place = (host or "127.0.0.1", int(port))
        self._poll_s = poll_s
        self._stopping = stopping
        self._connection: socket.socket | None = None
        self._line: _Line | None = None

    def open(self) -> None:
        try:
            self._connection = socket.create_connection(self._place, timeout=ANSWER_S)
            self._line = _Line(self._connection)
            if json.loads(self._line.readline()).get("class") != "VERSION":
                raise ReceiverError("gpsd: what answers there is no gpsd 3")
            self._line.write('?WATCH={"enable":true}\n')
            for _ in range(2):  # DEVICES and WATCH
                json.loads(self._line.readline())
        except (OSError, ValueError, AttributeError) as error:
            raise ReceiverError(f"gpsd at {self._place[0]}:{self._place[1]}: {error}") from error
        gpsd.gpsd_socket = self._connection
        gpsd.gpsd_stream = self._line

    def read(self) -> list[Fix]:
        if self._stopping.wait(self._poll_s) or self._line is None:
            return []
        try:
            gpsd.get_current()
            return [fix_of(json.loads(self._line.last)["tpv"][-1])]
        except (UserWarning, IndexError):
            return []  # gpsd lives, but no receiver is active
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise ReceiverError(f"gpsd: {error!r}") from error
        except Exception as error:  # gpsd-py3 raises Exception itself for a message that it does not know
            raise ReceiverError(f"gpsd: {error}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._line = None
        gpsd.gpsd_socket = gpsd.gpsd_stream = None


def fix_of(said: dict[str, Any]) -> Fix:
    """What gpsd said in a TPV, and not what gpsd-py3 puts in place of what is missing.

    Raises `ValueError`, `TypeError` or `OverflowError` for a field that is no number or time.
    """
    time_s = _seconds(said.get("time"))
    kind = KINDS.get(said.get("mode", 0))
    if kind is None or "lat" not in said or "lon" not in said:
        return Fix(time_s=time_s, kind="none")
    # Asked between a receiver's sentences, gpsd gives a speed that it worked out from two places, without a track: at
    # walking pace it was found twice too high. Only what the receiver itself said counts.
    is_measured = "speed" in said and ("track" in said or said["speed"] == 0)
    errors = [float(said[name]) for name in ("epx", "epy") if name in said]
    return Fix(
        time_s=time_s,
        kind=kind,
        lat=float(said["lat"]),
        lon=float(said["lon"]),
        speed_m_s=float(said["speed"]) if is_measured else None,
        heading_deg=float(said["track"]) if "track" in said else None,
        accuracy_m=math.hypot(*errors) if errors else None,
    )


def _seconds(text: object) -> float | None:
    if not isinstance(text, str) or not text:
        return None
    return datetime.fromisoformat(text).timestamp()
