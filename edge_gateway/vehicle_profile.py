"""How a family of vans speaks, as data: which bits of which frame, or of which answer, are which measure.

Profiles are TOML files in `vehicles/`. A formula is `raw * scale + offset` in the unit that the source prints; here it
becomes the field's own unit. Where sources disagree a profile holds both (`by` says whose it is), the first one counts
unless the settings prefer another, and the settings may correct scale and sign after calibration.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

Field = Literal[
    "soc_percent",
    "odometer_km",
    "speed_m_s",
    "plugged",
    "pack_voltage_v",
    "pack_current_a",
    "pack_energy_kwh",
    "soh_percent",
    "cell_min_v",
    "cell_max_v",
    "outdoor_c",
    "charge_ah",
    "charge_power_w",
    "charge_level",
]
FIELDS: tuple[Field, ...] = get_args(Field)
Unit = Literal["%", "km", "m/s", "km/h", "V", "mV", "A", "mA", "Ah", "mAh", "kWh", "W", "C", ""]
FACTORS: dict[Unit, float] = {"km/h": 1 / 3.6, "mV": 0.001, "mA": 0.001, "mAh": 0.001}
"""What one of the source's unit is in the field's; 1 where it is the same."""
Byte = Annotated[int, Meta(ge=0, le=255)]
CanId = Annotated[int, Meta(ge=0, le=0x1FFFFFFF)]
Hex = Annotated[str, Meta(pattern=r"^(01|21|22)([0-9A-F]{2}){1,2}$")]
"""A request that only reads: current data (01), by local identifier (21), by identifier (22). Nothing else is sent."""
FRAME_BYTES = 8
STANDARD_IDS = 0x800


class Ignore(Struct, frozen=True, forbid_unknown_fields=True):
    """The frame says nothing while this byte has this value."""

    byte: Annotated[int, Meta(ge=0, le=7)]
    equals: Byte


class Formula(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measure: `bits` is (first, count), bit 0 being the highest of the first byte.

    A number is raw * scale + offset in `unit`; with `true_when` it is a claim that holds for that raw value. `unknown`
    are raw values that mean "not known". `by` is whose finding it is.
    """

    field: Field
    bits: tuple[Annotated[int, Meta(ge=0, le=4095)], Annotated[int, Meta(ge=1, le=64)]]
    unit: Unit = ""
    signed: bool = False
    scale: float = 1.0
    offset: float = 0.0
    true_when: int | None = None
    unknown: tuple[int, ...] = ()
    by: str = ""

    def decode(self, data: bytes) -> float | bool | None:
        """The measure in these bytes; None when they are too short or do not know it."""
        first, count = self.bits
        if first + count > 8 * len(data):
            return None
        raw = int.from_bytes(data, "big") >> 8 * len(data) - first - count & (1 << count) - 1
        if raw in self.unknown:
            return None
        if self.true_when is not None:
            return raw == self.true_when
        if self.signed and raw >> count - 1:
            raw -= 1 << count
        return (raw * self.scale + self.offset) * FACTORS.get(self.unit, 1.0)

    def encode(self, value: float | bool, data: bytearray) -> None:
        """Writes the measure into the data. Raises `OverflowError` for what does not fit."""
        first, count = self.bits
        if self.true_when is not None:
            raw = self.true_when if value else self.true_when ^ 1
        else:
            raw = round((value / FACTORS.get(self.unit, 1.0) - self.offset) / self.scale)
        low, high = (-(1 << count - 1), (1 << count - 1) - 1) if self.signed else (0, (1 << count) - 1)
        if not low <= raw <= high:
            raise OverflowError(f"{self.field}: {value} does not fit in {count} bits")
        shift = 8 * len(data) - first - count
        whole = int.from_bytes(data, "big") & ~((1 << count) - 1 << shift)
        data[:] = (whole | (raw & (1 << count) - 1) << shift).to_bytes(len(data), "big")


class Signal(Formula, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measure that a frame brings by itself."""

    can_id: CanId
    ignore: Ignore | None = None

    def hear(self, data: bytes) -> float | bool | None:
        """The measure in a frame's data; None when the frame is too short or says nothing."""
        if self.ignore is not None and (self.ignore.byte >= len(data) or data[self.ignore.byte] == self.ignore.equals):
            return None
        return self.decode(data)


class Text(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measure that a meter prints: a whole number after its label."""

    label: str
    field: Field
    unit: Unit = ""
    scale: float = 1.0
    offset: float = 0.0
    by: str = ""

    def read(self, text: str) -> float | None:
        """None for what is no number ("---": the meter does not know)."""
        try:
            raw = int(text)
        except ValueError:
            return None
        return (raw * self.scale + self.offset) * FACTORS.get(self.unit, 1.0)


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to one control unit (`tx`), whose answer (`rx`) holds measures; bits count from after the echo.

    `period_s` of the world. Ids above 0x7FF are 29-bit ones.
    """

    request: Hex
    tx: CanId
    rx: CanId
    period_s: Annotated[float, Meta(ge=1, le=86400)]
    measures: Annotated[tuple[Formula, ...], Meta(min_length=1)]

    @property
    def ask(self) -> bytes:
        return bytes.fromhex(self.request)

    @property
    def echo(self) -> bytes:
        """How a positive answer begins."""
        return bytes([self.ask[0] + 0x40]) + self.ask[1:]

    def decode(self, answer: bytes) -> dict[Field, float | bool]:
        """The measures of a positive answer; empty for any other."""
        return _first_each(self.measures, answer[len(self.echo) :]) if answer.startswith(self.echo) else {}


class Correction(Struct, frozen=True, forbid_unknown_fields=True):
    """What calibration found about one field: whose formula counts, and the factor and sign put to its result."""

    by: str | None = None
    scale: Annotated[float, Meta(gt=0)] = 1.0
    sign: Literal[1, -1] = 1


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One family of vans; `source` says who found this out, `bitrate` in bit/s.

    `wakes`: how it shows that the van is awake: "traffic" (the bus is never silent then) or "answers" (a gateway hides
    the bus: only an answer tells).
    """

    name: str
    title: str
    source: str
    bitrate: Annotated[int, Meta(ge=10_000, le=1_000_000)] = 500_000
    wakes: Literal["traffic", "answers"] = "traffic"
    signals: tuple[Signal, ...] = ()
    queries: tuple[Query, ...] = ()
    texts: tuple[Text, ...] = ()

    def hear(self, can_id: int, data: bytes) -> dict[Field, float | bool]:
        """The measures in one frame; empty when it holds none that is known."""
        found: dict[Field, float | bool] = {}
        for signal in self.signals:
            value = signal.hear(data) if signal.can_id == can_id else None
            if value is not None:
                found.setdefault(signal.field, value)
        return found

    def say(self, values: Mapping[Field, float | bool]) -> dict[int, bytes]:
        """Frames by id that say these values. Raises `OverflowError` for a value that does not fit."""
        frames: dict[int, bytearray] = {}
        for signal in self.signals:
            if signal.field in values:
                signal.encode(values[signal.field], frames.setdefault(signal.can_id, bytearray(FRAME_BYTES)))
        return {can_id: bytes(data) for can_id, data in frames.items()}

    def corrected(self, corrections: Mapping[Field, Correction]) -> "Profile":
        """This profile with the settings' corrections. Raises `ValueError` that names the field."""
        for field, correction in corrections.items():
            known = [by for name, by in self.readings if name == field]
            if not known:
                raise ValueError(f"{field}: the profile {self.name} does not read it")
            if correction.by is not None and correction.by not in known:
                raise ValueError(f"{field}.by: nobody called {correction.by!r}; there are {', '.join(known)}")
        queries = [
            msgspec.structs.replace(query, measures=kept)
            for query in self.queries
            if (kept := _correct(query.measures, corrections))
        ]
        return msgspec.structs.replace(
            self,
            signals=_correct(self.signals, corrections),
            queries=tuple(queries),
            texts=_correct(self.texts, corrections),
        )

    @property
    def readings(self) -> list[tuple[Field, str]]:
        """Which fields are read, and by whose finding."""
        measures = [(measure.field, measure.by) for query in self.queries for measure in query.measures]
        return [
            *((signal.field, signal.by) for signal in self.signals),
            *measures,
            *((text.field, text.by) for text in self.texts),
        ]


AnyFormula = TypeVar("AnyFormula", Signal, Formula, Text)


def _correct(formulas: tuple[AnyFormula, ...], corrections: Mapping[Field, Correction]) -> tuple[AnyFormula, ...]:
    kept = []
    for formula in formulas:
        correction = corrections.get(formula.field, Correction())
        if correction.by is None or formula.by == correction.by:
            factor = correction.sign * correction.scale
            kept.append(msgspec.structs.replace(formula, scale=formula.scale * factor, offset=formula.offset * factor))
    return tuple(kept)


def _first_each(formulas: tuple[Formula, ...], data: bytes) -> dict[Field, float | bool]:
    found: dict[Field, float | bool] = {}
    seen: set[Field] = set()
    for formula in formulas:
        if formula.field in seen:
            continue
        seen.add(formula.field)
        value = formula.decode(data)
        if value is not None:
            found[formula.field] = value
    return found


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
