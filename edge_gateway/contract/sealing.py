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


class SealError(ValueError):
    """A payload that cannot be opened: not ours, damaged, or meant for another topic."""


def new_key() -> str:
    """A fresh key as base64 text, for a settings file."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


class Seal:
    """Seals and opens with one gateway's key. Raises `ValueError` when the key is not 32 bytes in base64."""

    def __init__(self, key: str) -> None:
        try:
            raw = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise ValueError(f"key: not base64 ({error})") from error
        if len(raw) != KEY_BYTES:
            raise ValueError(f"key: {len(raw)} bytes, must be {KEY_BYTES}")
        if not any(raw):
            raise ValueError("key: all zeros is no secret")
        self._cipher = AESGCM(raw)

    def close(self, payload: bytes, *, topic: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return bytes([VERSION]) + nonce + self._cipher.encrypt(nonce, payload, topic.encode())

    def open(self, sealed: bytes, *, topic: str) -> bytes:
        """Raises `SealError`."""
        if len(sealed) < 1 + NONCE_BYTES or sealed[0] != VERSION:
            raise SealError(f"payload: no seal of version {VERSION} ({len(sealed)} bytes)")
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, topic.encode())
        except InvalidTag as error:
            raise SealError("payload: seal does not match the key and the topic") from error
