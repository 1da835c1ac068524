"""The gateway's errors, and how a message that breaks its form names the field."""

import re

import msgspec

_NAMED = re.compile(r"field `([^`]+)`")
_PATH = re.compile(r"`\$\.?([^`]*)`$")


def fault_of(error: msgspec.MsgspecError) -> tuple[str, str]:
    """(field, reason) of a message that is not what it should be; the field is "body" when it is no message at all."""
    reason, _, place = str(error).partition(" - at ")
    inside = _PATH.search(place)
    named = _NAMED.search(reason)
    parts = [part for part in (inside[1] if inside else "", named[1] if named else "") if part]
    return ".".join(parts) or "body", reason[:300]


class GatewayError(Exception):
    """Something the gateway cannot do; the message says what, where and what to do."""


class SettingsError(GatewayError):
    """The settings file is not usable; `faults` names every field that is wrong."""

    def __init__(self, origin: str, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(f"{origin}: {len(faults)} fault(s)\n" + "\n".join(f"  {fault}" for fault in faults))


class OutboxError(GatewayError):
    """The outbox could not keep it: nothing was acknowledged, try again."""


class OutboxFullError(OutboxError):
    """The outbox holds its limit of business events: the hub must be reached first."""


class InvalidEventError(GatewayError):
    """An event outside the contract: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class ReceiverError(GatewayError):
    """A GPS receiver or vehicle bus is not there, hangs, or went away."""
