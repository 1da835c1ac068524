"""Maps of a few lines, written as OpenStreetMap XML and read by osmium like any other.

Corners are named A, B, ... and lie on a grid of 100 m; their node ids are 1, 2, ...
"""

from pathlib import Path

from tests.routing.towns import at

WAY_ID = 100


def write_map(
    path: Path, picture: str, ways: list[str], *, nodes: dict[str, str] | None = None, relations: str = ""
) -> Path:
    """Write a map: `picture` has a letter for each corner; a way is "ABC key=value key=value" and its id is
    `WAY_ID` plus its place in the list, from 1; `nodes` are tags of corners in the same form."""
    lines = [line for line in picture.splitlines() if line.strip()]
    left = min(len(line) - len(line.lstrip()) for line in lines)
    spots = {
        letter: (100.0 * (column - left) / 2, -100.0 * row)
        for row, line in enumerate(lines)
        for column, letter in enumerate(line)
        if letter.isalpha()
    }
    body = [_node(letter, *spot, (nodes or {}).get(letter, "")) for letter, spot in sorted(spots.items())]
    for number, way in enumerate(ways, start=WAY_ID + 1):
        corners, *tags = way.split()
        refs = "".join(f'<nd ref="{number_of(letter)}"/>' for letter in corners)
        body.append(f'<way id="{number}" version="1">{refs}{_tags([f"name={corners}", *tags])}</way>')
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{"".join(body)}{relations}</osm>', encoding="utf-8")
    return path


def number_of(letter: str) -> int:
    return ord(letter) - ord("A") + 1


def restriction(members: str, *tags: str, number: int = 1) -> str:
    """A relation: `members` as "from:1 via:B to:2", a letter for a corner, a number for the way of that place."""
    rows = []
    for member in members.split():
        role, what = member.split(":")
        kind, ref = ("node", number_of(what)) if what.isalpha() else ("way", WAY_ID + int(what))
        rows.append(f'<member type="{kind}" ref="{ref}" role="{role}"/>')
    named = _tags(["type=restriction", *tags])
    return f'<relation id="{number}" version="1">{"".join(rows)}{named}</relation>'


def _node(letter: str, east_m: float, north_m: float, tags: str) -> str:
    spot = at(east_m, north_m)
    return (
        f'<node id="{number_of(letter)}" version="1" lat="{spot.lat:.7f}" lon="{spot.lon:.7f}">'
        f"{_tags(tags.split())}</node>"
    )


def _tags(words: list[str]) -> str:
    return "".join('<tag k="{}" v="{}"/>'.format(*word.split("=", 1)) for word in words)
