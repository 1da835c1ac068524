"""Reads what came in to its last event: rows for the record, or why there is none.

On the thread that writes. On the one that receives it would go on while SQLite works, but SQLite asks for Python's lock
again after each statement and waits for who reads: measured, packed events came in a fifth slower.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from edge_gateway.contract import messages
from edge_gateway.contract.messages import AnyEvent, ClockQuality, EventBatch, Presence
from edge_gateway.contract.topics import Address
from hub_backend.intake.envelope import Opened, Opener, RefusedError, refusal_of
from hub_backend.mqtt_client import Message
from hub_backend.rejects import Refusal

EventValues = tuple[str, str, int, int, str, float, float, str]
EVENT = ("gateway", "source", "boot", "seq", "kind", "t_s", "received_s", "body")
"""The columns of `events`, in the order of `EventValues`."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch with the values of its events' rows, and by n why an event has none.

    `early` are the n of events from a time that has not come: they count from when they arrived.
    """

    address: Address
    batch: EventBatch
    rows: Sequence[EventValues]
    refused: Sequence[tuple[int, RefusedError]]
    early: Sequence[int]


@dataclass(frozen=True, slots=True)
class ReadPresence:
    """A gateway's presence."""

    address: Address
    presence: Presence


Arrived = ReadBatch | ReadPresence | Refusal


class Reader:
    """Reads messages. The time of an event more than `future_s` ahead of the clock is not believed."""

    def __init__(self, opener: Opener, *, future_s: float) -> None:
        self._opener = opener
        self._future_s = future_s

    def read(self, message: Message, *, now_s: float) -> Arrived:
        try:
            opened = self._opener.open(message.topic, message.payload)
        except RefusedError as fault:
            return Refusal(message.topic, fault.field, fault.reason, payload=message.payload, comes_again=True)
        return read_to_its_end(opened, now_s=now_s, future_s=self._future_s)


def read_to_its_end(opened: Opened, *, now_s: float, future_s: float) -> ReadBatch | ReadPresence:
    """A bad event does not spoil those beside it."""
    batch = opened.content
    if isinstance(batch, Presence):
        return ReadPresence(opened.address, batch)
    gateway, newest_s = opened.address.gateway, now_s + future_s
    rows: list[EventValues] = []
    refused: list[tuple[int, RefusedError]] = []
    early: list[int] = []
    for n, raw in enumerate(batch.events, start=batch.first_n):
        try:
            event = decode_event(raw, gateway=gateway)
        except RefusedError as fault:
            refused.append((n, fault))
            continue
        kind, t_s, body = str(event.__struct_config__.tag), event.t_s, str(raw, "utf-8")
        if t_s > newest_s:
            early.append(n)
            t_s, body = now_s, arrived_now(raw, now_s=now_s)
        rows.append((gateway, event.source, event.boot, event.seq, kind, t_s, now_s, body))
    return ReadBatch(opened.address, batch, rows, refused, early)


def arrived_now(raw: bytes | msgspec.Raw, *, now_s: float) -> str:
    """An event as it came, but for its times: it was made now, by a clock that nobody keeps, and began as long before.

    To set it aside would lose it, for it is acknowledged; with its own time it would be the newest word for hours.
    """
    said = msgspec.json.decode(raw)
    ahead_s = said["t_s"] - now_s
    said |= {"t_s": now_s, "clock": ClockQuality.NONE}
    if said.get("began_s") is not None:
        said["began_s"] -= ahead_s
    return msgspec.json.encode(said).decode()


def decode_event(raw: bytes | msgspec.Raw, *, gateway: str) -> AnyEvent:
    """One event of `gateway`. Raises `RefusedError` naming the field."""
    try:
        event = messages.decode_event.decode(raw)
    except msgspec.DecodeError as error:
        raise refusal_of(error) from error
    if event.source != gateway and not event.source.startswith(gateway + "/"):
        raise RefusedError("source", f"{event.source!r} is not of gateway {gateway!r}")
    return event
