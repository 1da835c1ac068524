"""Writes docs/contract.md from the code: every topic, message and field, with unit and range.

Usage: python docs/contract_page.py [FILE]   (without a file: to standard output)
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import msgspec

from edge_gateway.contract import messages, topics
from firmware import frame, readings

UNITS = {
    "_m_s": "m/s",
    "_s": "s",
    "_m": "m",
    "_km": "km",
    "_c": "°C",
    "_percent": "%",
    "_deg": "degrees",
    "_v": "V",
    "_a": "A",
    "_ah": "Ah",
    "_kwh": "kWh",
    "_w": "W",
}
DEGREES = {"lat", "lon"}
HEAD = """# The wire contract

Generated from `edge_gateway/contract/` and `firmware/`; do not edit: `make docs` writes it anew, a test holds it fresh.

Rules: a message gains fields and never loses or changes one; readers ignore fields they do not know; null is "not
known", never zero; times are UTC seconds. Every MQTT payload is JSON, and every one but the host's is sealed with the
gateway's own key (AES-256-GCM, the topic as associated data; `edge_gateway/contract/sealing.py`).
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD, _topics(), "## Messages\n"]
    carried = [message for channel in (*topics.CHANNELS, topics.HOST) for message in channel.messages]
    parts += [_message(message) for message in (*carried, *_within(carried))]
    parts += ["## Events\n", _events_head()]
    parts += [_message(kind, lane=lane) for kind, lane in messages.LANES.items()]
    parts += [*(_message(part) for part in _within(messages.LANES)), _uart()]
    return "\n".join(parts).rstrip() + "\n"


def _within(carriers: Iterable[type]) -> list[type]:
    """The structs that these hold, and those within them, each once, in the order of reading."""
    found: dict[type, None] = {}
    ahead = [field.type for carrier in carriers for field in msgspec.structs.fields(carrier)]
    while ahead:
        kind = ahead.pop(0)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind not in found:
                found[kind] = None
                ahead += [field.type for field in msgspec.structs.fields(kind)]
        else:
            ahead += get_args(kind)
    return list(found)


def _topics() -> str:
    everyone = [(topics.Address("{org}", "{hub}", "{gateway}").topic(one.leaf), one) for one in topics.CHANNELS]
    rows = [
        f"| `{topic}` | {channel.direction} | {channel.qos} | "
        f"{'yes' if channel.retain else 'no'} | {', '.join(_link(m) for m in channel.messages)} | {channel.purpose} |"
        for topic, channel in [*everyone, (topics.host("{org}"), topics.HOST)]
    ]
    head = "| topic | direction | QoS | retained | message | what for |\n|---|---|---|---|---|---|"
    return "\n".join(["## Topics\n", head, *rows, ""])


def _link(message: type) -> str:
    return f"[{message.__name__}](#{message.__name__.lower()})"


def _events_head() -> str:
    return (
        "An event is known for ever by (`source`, `boot`, `seq`). `source` is the gateway (`van-1`) or one of its "
        "nodes (`van-1/cooler`). `kind` says which of these it is. Every event carries `source`, `boot`, "
        "`seq`, `t_s` and `clock` (none, gps or ntp: how far `t_s` can be trusted).\n"
    )


COMMON = {field.name for field in msgspec.structs.fields(messages.Event)}


def _message(message: type, lane: messages.Lane | None = None) -> str:
    info = msgspec.inspect.type_info(message)
    assert isinstance(info, msgspec.inspect.StructType)
    lines = [f"### {message.__name__}\n", _purpose(message)]
    if info.tag is not None:
        lines.append(f"`kind`: `{info.tag}`" + (f", lane {lane}" if lane else "") + "\n")
    rows = [_row(field) for field in info.fields if lane is None or field.name not in COMMON]
    if rows:
        lines += ["| field | type | unit | range | when absent |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _purpose(message: type) -> str:
    text = " ".join((message.__doc__ or "").split())
    return text + "\n"


def _row(field: msgspec.inspect.Field) -> str:
    shape, limits = _shape(field.type)
    return f"| `{field.name}` | {shape} | {_unit(field.name)} | {limits} | {_default(field)} |"


def _default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "must be given"
    value = field.default if field.default is not msgspec.NODEFAULT else "empty"
    return "null" if value is None else str(value) if value not in ("", ()) else "empty"


def _unit(name: str) -> str:
    if name in DEGREES:
        return "degrees (WGS 84)"
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def _shape(kind: msgspec.inspect.Type) -> tuple[str, str]:  # noqa: PLR0911, PLR0912 - one case a type
    """The type in words, and its range."""
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return _shape(inner)
        case msgspec.inspect.UnionType(types=types):
            shapes = [_shape(part) for part in types]
            return " or ".join(shape for shape, _ in shapes), "; ".join(limits for _, limits in shapes if limits)
        case msgspec.inspect.NoneType():
            return "null", ""
        case msgspec.inspect.IntType(ge=ge, le=le) | msgspec.inspect.FloatType(ge=ge, le=le):
            name = "integer" if isinstance(kind, msgspec.inspect.IntType) else "number"
            return name, _between(ge, le)
        case msgspec.inspect.StrType(pattern=pattern, max_length=longest):
            escaped = pattern.replace("|", "\\|") if pattern else ""
            return "text", f"`{escaped}`" if pattern else f"at most {longest} characters" if longest else ""
        case msgspec.inspect.BoolType():
            return "true or false", ""
        case msgspec.inspect.EnumType(cls=cls):
            return "one of", ", ".join(f"`{member.value}`" for member in cls)
        case msgspec.inspect.LiteralType(values=values):
            return "one of", ", ".join(f"`{value}`" for value in values)
        case msgspec.inspect.VarTupleType(item_type=item):
            shape, limits = _shape(item)
            return f"list of {shape}", limits
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return f"map of {_shape(key)[0]} to {_shape(value)[0]}", ""
        case msgspec.inspect.StructType(cls=cls):
            return _link(cls), ""
        case msgspec.inspect.RawType():
            return "event", ""
        case _:
            raise TypeError(f"contract page: no words for {kind!r}")


def _between(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{low} to {high}" if high is not None else f"at least {low}"


def _uart() -> str:
    """The docstrings of the leaf modules are Markdown themselves."""
    parts = ["## UART, between node and gateway", frame.__doc__, "### Readings", readings.__doc__]
    return "\n\n".join((part or "").strip() for part in parts)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
