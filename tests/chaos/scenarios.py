"""The shortest stories in which a broken promise shows; the real build must come through each of them."""

from collections.abc import Sequence
from pathlib import Path

from tests.chaos import power
from tests.chaos.campaign import come_back
from tests.chaos.load import Load
from tests.chaos.verdict import compare, settle
from tests.chaos.world import World, sqlite, world

GATEWAY = ("-m", "edge_gateway")
HUB = ("-m", "hub_backend")


def lost_when_hub_and_broker_die(folder: Path, gateway: Sequence[str] = GATEWAY) -> int:
    """The hub is away; the vans go on; then the broker dies with what it holds. Acknowledged events that are lost."""
    with sqlite(folder) as record, world(folder, seed=1, database=record, gateway_program=gateway) as broken:
        load = Load(broken)
        load.start()
        broken.pause(0.5)
        broken.hub.kill()
        broken.pause(2.0)
        broken.kill_broker()
        broken.pause(0.3)
        return _lost(broken, load)


def lost_when_both_die_at_work(folder: Path, hub: Sequence[str] = HUB, *, deaths: int = 5) -> int:
    """The hub dies in the middle of its work, and the broker with it, again and again. Acknowledged and lost.

    With the broker alive nothing would be lost even so: it gives the hub again what that has not acked.
    """
    with sqlite(folder) as record, world(folder, seed=1, database=record, hub_program=hub) as broken:
        load = Load(broken)
        load.start()
        for _ in range(deaths):
            broken.pause(0.7)
            broken.hub.kill()
            broken.kill_broker()
            come_back(broken)
        return _lost(broken, load)


def lost_when_the_power_goes(folder: Path, gateway: Sequence[str] = GATEWAY) -> int:
    """The power goes at each of twenty acknowledgements. Acknowledged events that are not on the disk."""
    return power.toll(folder, gateway).gone


def _lost(broken: World, load: Load) -> int:
    load.stop()
    come_back(broken)
    settle(broken)
    return compare(broken, load)[0]
