"""How a family of vans speaks on its bus, as data: which bytes of which frame are which measure.

Profiles are TOML files in `vehicles/`. Decoding is used by the gateway, encoding by the twin of a van.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Field = Literal["soc_percent", "odometer_km", "speed_m_s", "plugged"]
Byte = Annotated[int, Meta(ge=0, le=255)]
Place = Annotated[int, Meta(ge=0, le=7)]
FRAME_BYTES = 8


class Ignore(Struct, frozen=True, forbid_unknown_fields=True):
    """The frame says nothing while this byte has this value."""

    byte: Place
    equals: Byte


class Signal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measure: a number (raw * scale + offset), or with `mask` a claim that holds when the bits are `true_when`."""

    field: Field
    can_id: Annotated[int, Meta(ge=0, le=0x7FF)]
    places: Annotated[tuple[Place, ...], Meta(min_length=1, max_length=4)]
    scale: float = 1.0
    offset: float = 0.0
    mask: Byte | None = None
    true_when: Byte = 0
    ignore: Ignore | None = None

    def decode(self, data: bytes) -> float | bool | None:
        """The measure in a frame's data; None when the frame is too short or says nothing."""
        if max(self.places) >= len(data):
            return None
        if self.ignore is not None and (self.ignore.byte >= len(data) or data[self.ignore.byte] == self.ignore.equals):
            return None
        raw = int.from_bytes(bytes(data[place] for place in self.places), "big")
        if self.mask is not None:
            return raw & self.mask == self.true_when
        return raw * self.scale + self.offset

    def encode(self, value: float | bool, data: bytearray) -> None:
        """Writes the measure into a frame's data. Raises `OverflowError` for what does not fit."""
        if self.mask is not None:
            bits = self.true_when if value else self.true_when ^ self.mask
            data[self.places[0]] = data[self.places[0]] & ~self.mask & 0xFF | bits
            return
        raw = round((value - self.offset) / self.scale).to_bytes(len(self.places), "big")
        for place, byte in zip(self.places, raw, strict=True):
            data[place] = byte


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One family of vans; `source` says who found this out, `bitrate` in bit/s."""

    name: str
    title: str
    source: str
    bitrate: Annotated[int, Meta(ge=10_000, le=1_000_000)]
    signals: Annotated[tuple[Signal, ...], Meta(min_length=1)]

    def decode(self, can_id: int, data: bytes) -> dict[Field, float | bool]:
        """The measures in one frame; empty when it holds none that is known."""
        found: dict[Field, float | bool] = {}
        for signal in self.signals:
            if signal.can_id == can_id:
                value = signal.decode(data)
                if value is not None:
                    found[signal.field] = value
        return found

    def encode(self, values: Mapping[Field, float | bool]) -> dict[int, bytes]:
        """Frames by id that say these values. Raises `OverflowError` for a value that does not fit."""
        frames: dict[int, bytearray] = {}
        for signal in self.signals:
            if signal.field in values:
                signal.encode(values[signal.field], frames.setdefault(signal.can_id, bytearray(FRAME_BYTES)))
        return {can_id: bytes(data) for can_id, data in frames.items()}


def _folder() -> Traversable:
    return resources.files("edge_gateway") / "vehicles"


def names() -> list[str]:
    """The profiles that come with the gateway."""
    return sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml"))


def load(name: str) -> Profile:
    """Raises `KeyError` for a name that is not in `names()`."""
    if name not in names():
        raise KeyError(name)
    return msgspec.convert(tomllib.loads((_folder() / f"{name}.toml").read_text()), Profile)
