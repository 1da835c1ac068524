"""Turn restrictions of OpenStreetMap: which turns a relation forbids or commands, as far as it concerns vans.

Comes in: a relation's tags and members. Goes out: a `Restriction`, or None where it is none for vans. Conditions by the
hour (`restriction:conditional`) are not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_OF_VANS = ("restriction:goods", "restriction:motorcar", "restriction:motor_vehicle", "restriction")
_EXEMPT = frozenset({"goods", "motorcar", "motor_vehicle", "vehicle"})


class Member(NamedTuple):
    """A member of a relation: `kind` is n, w or r."""

    kind: str
    ref: int
    role: str


@dataclass(frozen=True, slots=True)
class Restriction:
    """From any of the ways `sources`, over node `via_node` or the ways `via_ways`, into any of the ways `targets`.

    `is_only`: that turn is commanded and every other one from there forbidden; else that turn is forbidden.
    """

    id: int
    is_only: bool
    sources: tuple[int, ...]
    via_node: int | None
    via_ways: tuple[int, ...]
    targets: tuple[int, ...]


def read_restriction(number: int, tags: Mapping[str, str], members: Sequence[Member]) -> Restriction | None:
    """The restriction of a relation; None when it is none, does not concern vans, or lacks a member."""
    if tags.get("type") not in ("restriction", *_OF_VANS):
        return None
    kind = next((tags[key] for key in _OF_VANS if key in tags), "")
    if not kind.startswith(("no_", "only_")) or _EXEMPT & set(tags.get("except", "").replace(" ", "").split(";")):
        return None
    sources = tuple(m.ref for m in members if m.role == "from" and m.kind == "w")
    targets = tuple(m.ref for m in members if m.role == "to" and m.kind == "w")
    nodes = [m.ref for m in members if m.role == "via" and m.kind == "n"]
    ways = tuple(m.ref for m in members if m.role == "via" and m.kind == "w")
    if not sources or not targets or len(nodes) > 1 or bool(nodes) == bool(ways):
        return None
    return Restriction(number, kind.startswith("only_"), sources, nodes[0] if nodes else None, ways, targets)
