"""A campaign: faults drawn by a seed, most of them two or three at a time, until enough was killed and overlapped.

Every fault of the list comes at least once. Overlapping means that a second one begins before the first is mended.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.disk import disks
from tests.chaos.faults import DISKS, KILL_DATABASE, KILLS, OUTAGES, Fault
from tests.chaos.load import Load
from tests.chaos.verdict import Report, compare, settle
from tests.chaos.world import Database, Van, World, wait_until, world

LONGEST_S = 1.2  # machine: how long a fault lasts at most
RECORD_MB = 256
QUIET_S = 0.6  # machine: between two bouts, so that something gets through


@dataclass
class Campaign:
    """What to break: until `kills` and `overlaps` are reached. `faults` counts what was done."""

    seed: int
    kills: int
    overlaps: int
    faults: Counter[str] = field(default_factory=Counter)
    overlapped: int = 0

    def run(self, world: World, faults: Sequence[Fault]) -> None:
        choice = random.Random(self.seed)
        unseen = list(faults)
        choice.shuffle(unseen)
        while unseen or world.kills < self.kills or self.overlapped < self.overlaps:
            together = unseen[:2] if unseen else choice.sample(faults, choice.choice((1, 2, 2, 3)))
            unseen = unseen[2:]
            self._bout(world, together, choice)
            world.pause(choice.uniform(0.2, 1.0) * QUIET_S)
            world.say(f"{world.kills} kills, {self.overlapped} overlapping: {' + '.join(f.name for f in together)}")

    def _bout(self, world: World, together: Sequence[Fault], choice: random.Random) -> None:
        broken: list[tuple[Fault, Van]] = []
        for fault in together:
            van = choice.choice(world.vans)
            fault.breaks(world, van)
            self.faults[fault.name] += 1
            broken.append((fault, van))
            world.pause(choice.uniform(0.0, LONGEST_S / 2))
        if len(broken) > 1:
            self.overlapped += 1
        world.pause(choice.uniform(0.1, LONGEST_S))
        choice.shuffle(broken)
        for fault, van in broken:
            fault.mends(world, van)
            world.pause(choice.uniform(0.0, LONGEST_S / 4))


OpenRecord = Callable[[Path], AbstractContextManager[Database]]
"""Makes a record whose files are all on the disk it is given."""


def run(folder: Path, *, seed: int, kills: int, overlaps: int, record: OpenRecord) -> Report:
    """One campaign from start to verdict. Raises `TimeoutError` when the world does not come back to rest."""
    began = time.monotonic()
    campaign = Campaign(seed, kills, overlaps)
    with (
        disks() as small,
        record(small(folder / "record", size_mb=RECORD_MB)) as database,
        world(folder, seed=seed, database=database, disks=small) as broken,
    ):
        faults = [*KILLS, *OUTAGES]
        left_out = []
        if small.possible:
            faults += DISKS
        else:
            left_out += [f"{fault.name}: no rights to mount a disk" for fault in DISKS]
        if database.is_server:
            faults.append(KILL_DATABASE)
        else:
            left_out.append(f"{KILL_DATABASE.name}: SQLite has no process")
        load = Load(broken)
        load.start()
        campaign.run(broken, faults)
        load.stop()
        come_back(broken)
        settle(broken)
        lost, doubled, skipped, recorded = compare(broken, load)
        rejected: Counter[str] = Counter()
        for row in broken.hub.ask("/api/rejects?limit=1000"):
            rejected[row["field"]] += row["count"]
        return Report(
            seed=seed,
            database="postgresql" if database.is_server else "sqlite",
            kills=broken.kills,
            overlapping_outages=campaign.overlapped,
            faults=dict(sorted(campaign.faults.items())),
            left_out=left_out,
            acked=len(load.acked),
            recorded=recorded,
            lost=lost,
            doubled=doubled,
            skipped=skipped,
            rejected=dict(rejected),
            wall_s=round(time.monotonic() - began, 1),
        )


def _revived(database: Database) -> bool:
    database.start()
    return database.is_up()


def come_back(world: World) -> None:
    """Everything runs again, and every node's line is connected."""
    wait_until(lambda: _revived(world.database), "the database")
    world.start_broker()
    world.hub.start()
    for van in world.vans:
        van.gateway.start()
    wait_until(world.hub.is_up, "the hub's door")
    for van in world.vans:
        connected: Callable[[], bool] = lambda van=van: all(  # type: ignore[misc]  # noqa: E731
            [health := van.gateway.ask("/api/health"), health["hub_connected"], *health["nodes"].values()]
        )
        wait_until(connected, f"{van.name} and its node")
