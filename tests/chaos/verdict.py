"""What the hub has against what was acknowledged: lost, doubled, and numbers that a node skipped."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.load import Load
from tests.chaos.world import World, wait_until

MOST = 5000
SETTLE_S = 180.0


@dataclass
class Report:
    """One campaign; `lost` and `doubled` count acknowledged events."""

    seed: int
    database: str
    kills: int
    overlapping_outages: int
    faults: dict[str, int]
    left_out: list[str]
    acked: int
    recorded: int
    lost: int
    doubled: int
    skipped: int
    """Events of a node that the hub never got although it has later ones of the same start."""
    rejected: dict[str, int]
    wall_s: float

    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.skipped)

    def table(self) -> dict[str, Any]:
        return asdict(self)


def settle(world: World) -> None:
    """Waits until every van has sent all it holds, of both lanes: they share a source's numbers.

    Raises `TimeoutError`.
    """
    for van in world.vans:
        wait_until(
            lambda van=van: not any(_held(van.gateway.ask("/api/health")["outbox"])),  # type: ignore[misc]
            f"{van.name} has sent all it has",
            within_s=SETTLE_S,
        )


def _held(outbox: Mapping[str, Any]) -> tuple[int, int]:
    return outbox["business"], outbox["telemetry"]


def recorded(world: World) -> list[dict[str, Any]]:
    """Every tap and scan of the record."""
    rows: list[dict[str, Any]] = []
    after = 0
    while page := world.hub.ask(f"/api/events?kind=tour&kind=scan&limit={MOST}&after_id={after}", timeout_s=60):
        rows += page
        after = page[-1]["id"]
    return rows


def compare(world: World, load: Load) -> tuple[int, int, int, int]:
    """How many of what was acknowledged are lost, doubled, skipped; and how many rows there are."""
    rows = recorded(world)
    names = Counter(row["event"].get("record") or row["event"].get("code") for row in rows)
    lost = [name for name in load.acked if name not in names]
    doubled = [name for name, count in names.items() if count > 1]
    for name in lost[:5]:
        world.say(f"lost: {name}")
    for name in doubled[:5]:
        world.say(f"doubled: {name}")
    gateways = world.hub.ask("/api/gateways")
    skipped = sum(lane["missing"] for gateway in gateways for lane in gateway["lanes"])
    skipped += sum(source["gap"] for gateway in gateways for source in gateway["sources"])
    return len(lost), len(doubled), skipped, len(rows)
