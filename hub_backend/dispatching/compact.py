"""A downlink's JSON as small as the wire needs it: without what has its default, and within the broker's limit."""

import logging

import msgspec

from edge_gateway.contract import messages
from edge_gateway.contract.messages import Downlink, HubManifest, VanPlan

log = logging.getLogger(__name__)

MOST_BYTES = 18_000
"""The embedded broker refuses 20 KiB (plan of the wire); a sealed message is 29 bytes longer."""


def encoded(message: Downlink) -> bytes:
    """The message's JSON without what is empty; what is done is slimmed when it would grow beyond `MOST_BYTES`."""
    body = _compact(message)
    if len(body) > MOST_BYTES and isinstance(message, VanPlan):
        slim = tuple(msgspec.structs.replace(stop, deliver=()) if stop.done else stop for stop in message.stops)
        message = msgspec.structs.replace(message, stops=slim)
        body = _compact(message)
    if len(body) > MOST_BYTES and isinstance(message, VanPlan):
        body = _compact(msgspec.structs.replace(message, elsewhere={}))
    if len(body) > MOST_BYTES and isinstance(message, HubManifest):
        body = _compact(msgspec.structs.replace(message, out={}))
    if len(body) > MOST_BYTES:
        log.warning("downlink_large bytes=%d limit=%d", len(body), MOST_BYTES)
    return body


def _compact(message: Downlink) -> bytes:
    """JSON without the fields that have their default: a reader takes them so when they are absent."""
    return messages.encode(_without_defaults(message))


def _without_defaults(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        kept: dict[str, object] = {} if config.tag_field is None else {config.tag_field: config.tag}
        for field in msgspec.structs.fields(value):
            item = getattr(value, field.name)
            factory = field.default_factory
            default = field.default if factory is msgspec.NODEFAULT else factory()
            if field.required or field.name == "version" or item != default:
                kept[field.encode_name] = _without_defaults(item)
        return kept
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    return value
