"""A line to the broker on which everything that passes is kept, as by who taps the wire, and what is readable on it."""

import base64
import json
import re
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SHORTEST = 5
"""A shorter text is found by chance in what is sealed."""
PRINTABLE = re.compile(rb"[\x20-\x7e]{%d,}" % SHORTEST)


class Capture:
    """Relays loopback connections from `port` to `to_port`; `seen` is every byte of both directions."""

    def __init__(self, to_port: int, *, port: int = 0) -> None:
        self._to_port = to_port
        self._seen = bytearray()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port))
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
                try:
                    far = socket.create_connection(("127.0.0.1", self._to_port))
                except OSError:  # no broker yet
                    near.close()
                    continue
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    self._seen += data
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def captured(to_port: int) -> Iterator[Capture]:
    capture = Capture(to_port)
    try:
        yield capture
    finally:
        capture.close()


def texts_of(message: Any) -> set[str]:
    """Every text of a message as it is before it is sealed, every number that says more than a digit or two, and the
    names of its fields."""
    found: set[str] = set()

    def walk(part: Any) -> None:
        match part:
            case dict():
                found.update(part)
                for each in part.values():
                    walk(each)
            case list():
                for each in part:
                    walk(each)
            case str():
                found.add(part)
            case float():
                found.add(repr(part))

    walk(message)
    return {text for text in found if len(text) >= SHORTEST}


def readable_in(seen: bytes, secrets: Iterable[str]) -> set[str]:
    """Those that can be read: in clear, in UTF-16, in capitals, in hexadecimal, in base64, or as JSON escapes them."""
    whole = seen.replace(b"\0", b"").lower()  # what was UTF-16 is ASCII now
    printable = b"\n".join(PRINTABLE.findall(whole))
    return {
        secret
        for secret in secrets
        if any(form in (printable if form.isascii() else whole) for form in map(bytes.lower, _forms(secret)))
    }


def _forms(secret: str) -> Iterator[bytes]:
    text = secret.encode()
    yield text
    with suppress(ValueError):
        float(secret)
        return  # there are thousands of numbers; coded, they would stand among texts that are
    yield text.hex().encode()
    if not secret.isascii():
        yield json.dumps(secret)[1:-1].encode()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + text).rstrip(b"=")[4 if offset else 0 : -2]
        if len(coded) >= SHORTEST:
            yield coded
