"""How the hub's cost grows with the fleet: the same rates a van, from ten vans to ten thousand."""

import time

from tests.bench.figures import Row
from tests.bench.fleet import Fleet
from tests.bench.ingest import WINDOW, WITHIN_S, caught_up
from tests.bench.setting import Setting
from tests.bench.traffic import Traffic
from tests.bench.world import Hub, broker, gateways, hub, wait_until

FLEETS = (10, 1_000, 10_000)


def measure(setting: Setting) -> list[Row]:
    """Raises `MissingError` without mosquitto."""
    return [_of(setting, count) for count in FLEETS[: setting.of(3, short=2)]]


def _in_the_record(running: Hub, events: int) -> None:
    """Looked up, not heard: of very many answers the hub drops some, and a gateway that hears none sends again."""
    what = f"{events} events"
    wait_until(lambda: running.ask("/api/health")["events"] >= events, what, within_s=WITHIN_S, every_s=0.25)


def _of(setting: Setting, count: int) -> Row:
    """Hub's processor seconds for a thousand events of so many vans at real rates, all of them heard before."""
    seconds = setting.of(60, short=10)
    folder = setting.folder / str(count)
    known = gateways(count)
    setting.say(f"growth: {count:,} vans …")
    with (
        broker(folder / "broker", setting.ports) as port,
        hub(folder / "hub", setting.ports, broker_port=port, known=known) as running,
    ):
        fleet = Fleet(port, known, setting.random)
        fleet.line.send(fleet.packets(count), window=WINDOW, within_s=WITHIN_S)
        _in_the_record(running, count)
        caught_up(running)
        before, began_s = running.process.used(), time.monotonic()
        with Traffic(fleet, setting.random) as traffic:
            time.sleep(seconds)
        if traffic.failure is not None:
            raise traffic.failure
        driven_s = time.monotonic() - began_s
        _in_the_record(running, count + traffic.events)
        caught_up(running)
        behind_s = time.monotonic() - began_s - driven_s
        after = running.process.used()
        fleet.line.close()
    cpu_s = after.cpu_s - before.cpu_s
    setting.say(f"growth: {1000 * cpu_s / traffic.events:.2f} CPU s per 1,000 events, {after.rss_mb:.0f} MB")
    return Row(
        part="growth",
        what=f"{count:,} vans at real rates, hub's processor seconds for 1,000 events",
        unit="s",
        figure=1000 * cpu_s / traffic.events,
        also={
            "events/s offered": traffic.events / driven_s,
            "% of a core": 100 * cpu_s / (driven_s + behind_s),
            "hub, MB": after.rss_mb,
            "s until all was committed and shown, after the last": behind_s,
            "s that the load itself was late": traffic.late_s,
        },
    )
