"""A TCP relay on loopback whose line can be cut, slowed, or left half open."""

import select
import socket
import threading
import time
from contextlib import suppress
from typing import Literal

Line = Literal["open", "cut", "slow", "half-open"]
SLOW_S = 0.15  # machine: each piece waits this long
PIECE_BYTES = 4096


class Relay:
    """Listens on `port` and passes on to `to_port`. `half-open`: connections stand, and nothing comes through."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._line: Line = "open"
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def become(self, line: Line) -> None:
        self._line = line
        if line == "cut":
            self._hang_up()

    def close(self) -> None:
        self._listener.close()
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._line == "cut":
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self._to_port), timeout=2)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), name="relay-line", daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while True:
                if self._line == "half-open":
                    time.sleep(0.05)
                    continue
                if not select.select([source], [], [], 0.05)[0]:
                    continue
                if self._line == "half-open":
                    continue
                data = source.recv(PIECE_BYTES)
                if not data:
                    break
                if self._line == "slow":
                    time.sleep(SLOW_S)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
