"""Payloads are sealed: what lies behind a front door never passes the broker in clear.

A sealed payload is `version u8 | nonce 12 B | AES-256-GCM ciphertext and tag`. The topic is the associated data, so a
payload cannot be replayed on another gateway's topic. Each gateway has a key of its own.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
FEWEST_DIFFERENT = 12
"""A random key has about 30 different bytes; less than this has a chance of 10^-25: somebody typed it."""
TYPED = range(0x20, 0x7F)
"""A random key of these alone has a chance of 10^-14: it is a sentence, or hexadecimal."""


class SealError(ValueError):
    """A payload that cannot be opened: not ours, damaged, or meant for another topic."""


def new_key() -> str:
    """A fresh key as base64 text, for a settings file."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


class Seal:
    """Seals and opens with one gateway's key.

    While a key is being changed, both ends hold the new `key` and the `previous_key` and open with either. The gateway
    closes with the new one, so that the change comes to an end; the hub, which `follows`, with the one that the gateway
    used last, for that is one it has. Raises `ValueError` when a key is not 32 random bytes in base64.
    """

    def __init__(self, key: str, *, previous_key: str | None = None, follows: bool = False) -> None:
        self._ciphers = [_cipher(each) for each in (key, previous_key) if each is not None]
        self._closing = self._ciphers[0]
        self._follows = follows

    def close(self, payload: bytes, *, topic: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return bytes([VERSION]) + nonce + self._closing.encrypt(nonce, payload, topic.encode())

    def open(self, sealed: bytes, *, topic: str) -> bytes:
        """Raises `SealError`."""
        if len(sealed) < 1 + NONCE_BYTES or sealed[0] != VERSION:
            raise SealError(f"payload: no seal of version {VERSION} ({len(sealed)} bytes)")
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        for cipher in self._ciphers:
            try:
                payload = cipher.decrypt(nonce, body, topic.encode())
            except InvalidTag:
                continue
            if self._follows:
                self._closing = cipher
            return payload
        raise SealError("payload: seal does not match the key and the topic")


def _cipher(key: str) -> AESGCM:
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64 ({error})") from error
    if len(raw) != KEY_BYTES:
        raise ValueError(f"{len(raw)} bytes, must be {KEY_BYTES}")
    if len(set(raw)) < FEWEST_DIFFERENT:
        raise ValueError(f"only {len(set(raw))} different bytes: no secret; `buurtrit provision` makes one")
    if all(byte in TYPED for byte in raw):
        raise ValueError("text: no secret; `buurtrit provision` makes one")
    return AESGCM(raw)
