"""Messages over a stream socket between the hub and the router's process: four bytes of length, then msgpack."""

import socket
import struct

import msgspec

LENGTH = struct.Struct(">I")
LARGEST = 64 * 1024 * 1024


class FramingError(ConnectionError):
    """The other side is gone, or does not speak this."""


def send(link: socket.socket, message: msgspec.Struct) -> None:
    """Sends one message. Raises `OSError`, `TimeoutError` among them."""
    body = msgspec.msgpack.encode(message)
    link.sendall(LENGTH.pack(len(body)) + body)


def receive(link: socket.socket) -> bytes:
    """The next message's body. Raises `FramingError` when the other side closed, `TimeoutError` when it is late."""
    (length,) = LENGTH.unpack(_exactly(link, LENGTH.size))
    if length > LARGEST:
        raise FramingError(f"message: {length} bytes, more than {LARGEST}")
    return _exactly(link, length)


def _exactly(link: socket.socket, length: int) -> bytes:
    body = bytearray()
    while len(body) < length:
        piece = link.recv(min(length - len(body), 1 << 20))
        if not piece:
            raise FramingError("the other side closed")
        body += piece
    return bytes(body)
