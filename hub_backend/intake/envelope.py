"""Opens what a gateway sent: topic, seal, batch. Each fault is a `RefusedError` that names the field.

In: a topic and bytes. Out: an `Opened` batch or presence. Pure, but for the keys it is given.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from edge_gateway.contract import messages, topics
from edge_gateway.contract.messages import EventBatch, Presence
from edge_gateway.contract.sealing import Seal, SealError
from edge_gateway.contract.topics import Address

EXPECTED: Mapping[str, Callable[[bytes], EventBatch | Presence]] = {
    topics.EVENTS: messages.decode_batch,
    topics.PRESENCE: messages.decode_presence,
}
PATH = re.compile(r" - at `\$\.?(.*)`$")  # how msgspec ends a message about one field


class RefusedError(Exception):
    """An input that is set aside: the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Opened:
    """What one message holds, from a gateway that is known and whose seal is good."""

    address: Address
    content: EventBatch | Presence


class Opener:
    """Opens messages of the gateways whose address and seal it holds."""

    def __init__(self, addresses: Mapping[str, Address], seals: Mapping[str, Seal]) -> None:
        self._addresses = addresses
        self._seals = seals
        self._read_topics: dict[str, tuple[Address, str]] = {}  # of known gateways

    def open(self, topic: str, payload: bytes) -> Opened:
        """Raises `RefusedError`."""
        address, leaf = self._read_topics.get(topic) or self._read(topic)
        try:
            text = self._seals[address.gateway].open(payload, topic=topic)
        except SealError as error:
            raise RefusedError("payload", str(error)) from error
        return Opened(address, _content(leaf, text))

    def _read(self, topic: str) -> tuple[Address, str]:
        try:
            address, leaf = Address.of_topic(topic)
        except ValueError as error:
            raise RefusedError("topic", str(error)) from error
        if self._addresses.get(address.gateway) != address:
            raise RefusedError("topic", f"unknown gateway {address.gateway!r} of {address.org}/{address.hub}")
        if leaf not in EXPECTED:
            raise RefusedError("topic", f"nothing is expected on {leaf!r}")
        self._read_topics[topic] = address, leaf
        return address, leaf


def _content(leaf: str, text: bytes) -> EventBatch | Presence:
    try:
        content = EXPECTED[leaf](text)
    except msgspec.DecodeError as error:
        raise refusal_of(error) from error
    if content.version != messages.VERSION:
        raise RefusedError("version", f"{content.version} is not understood, only {messages.VERSION}")
    if isinstance(content, EventBatch) and content.base_n > content.first_n:
        raise RefusedError("base_n", f"{content.base_n} lies after first_n {content.first_n}")
    return content


def refusal_of(error: msgspec.DecodeError) -> RefusedError:
    """msgspec's fault as field and reason."""
    text = str(error)
    found = PATH.search(text)
    if found is None:
        missing = re.search(r"missing required field `(\w+)`", text)
        return RefusedError(missing[1] if missing else "payload", text)
    missing = re.search(r"missing required field `(\w+)`", text)
    parent = found[1]
    field = ".".join(part for part in (parent, missing[1] if missing else "") if part)
    return RefusedError(field or "payload", text[: found.start()])
