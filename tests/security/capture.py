"""A line to the broker on which everything that passes is kept, as who taps the wire would."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Capture:
    """Relays loopback connections to `to_port`; `seen` is every byte of both directions."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._seen = bytearray()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def seen(self) -> bytes:
        with self._lock:
            return bytes(self._seen)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to_port))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    self._seen += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def captured(to_port: int) -> Iterator[Capture]:
    capture = Capture(to_port)
    try:
        yield capture
    finally:
        capture.close()
