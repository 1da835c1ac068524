"""The twin of a van's bus: values in, slcan text out, byte for byte what a CAN adapter would give the gateway."""

from collections.abc import Mapping

from edge_gateway.vehicle_profile import Field, Profile


def slcan(profile: Profile, values: Mapping[Field, float | bool]) -> bytes:
    """The lines (`t3A88…\\r`) of frames that say these values. Raises `OverflowError` for one that does not fit."""
    return b"".join(
        f"t{can_id:03X}{len(data)}{data.hex().upper()}\r".encode() for can_id, data in profile.say(values).items()
    )
