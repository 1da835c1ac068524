"""Each way in which the world breaks, and how it is mended. A fault has one name and says whether it is a kill.

`of` chooses the van where a fault is a van's. Mending never waits for health: what is broken together is mended apart.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.chaos.disk import fill, make_read_only, make_writable, unfill
from tests.chaos.world import Van, World

STEP_S = 5400.0
NOISE = 0.003


@dataclass(frozen=True)
class Fault:
    """`breaks` and `mends` are given the world and a van; those that are not about a van ignore it."""

    name: str
    breaks: Callable[[World, Van], None]
    mends: Callable[[World, Van], None]


def _nothing(_world: World, _van: Van) -> None:
    """Mended by itself."""


def _repeat(world: World, _van: Van) -> None:
    """Takes what gateways sent a while ago and sends it again, last first: duplicated and reordered delivery."""
    heard: list[tuple[str, bytes]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = lambda _c, _d, message: heard.append((message.topic, bytes(message.payload)))
    with suppress(OSError):
        client.connect("127.0.0.1", world.broker.port)
        client.subscribe("buurtrit/v1/+/+/+/up/events", qos=1)
        client.loop_start()
        world.pause(0.6)
        client.unsubscribe("buurtrit/v1/+/+/+/up/events")
        for topic, payload in reversed(heard):
            client.publish(topic, payload, qos=1)
        world.pause(0.2)
        client.disconnect()
        client.loop_stop()


def _start_read_only(_world: World, van: Van) -> None:
    van.gateway.kill()
    make_read_only(van.disk)
    van.gateway.start()


def _start_writable(_world: World, van: Van) -> None:
    van.gateway.kill()
    make_writable(van.disk)
    van.gateway.start()


def _fill_record(world: World, _van: Van) -> None:
    fill(world.database.disk)


def _unfill_record(world: World, _van: Van) -> None:
    unfill(world.database.disk)
    world.database.start()  # a server that can write no log ends itself


def _start_record_read_only(world: World, _van: Van) -> None:
    world.hub.kill()
    world.database.kill()
    make_read_only(world.database.disk)
    world.database.start()
    world.hub.start()


def _start_record_writable(world: World, _van: Van) -> None:
    world.hub.kill()
    world.database.kill()
    make_writable(world.database.disk)
    world.database.start()
    world.hub.start()


KILLS = (
    Fault("kill the gateway", lambda _w, van: van.gateway.kill(), lambda _w, van: van.gateway.start()),
    Fault("kill the node", lambda _w, van: van.node.kill(), lambda _w, van: van.node.start()),
    Fault("kill the hub", lambda world, _v: world.hub.kill(), lambda world, _v: world.hub.start()),
    Fault("kill the broker", lambda world, _v: world.kill_broker(), lambda world, _v: world.start_broker()),
)
KILL_DATABASE = Fault(
    "kill the database", lambda world, _v: world.database.kill(), lambda world, _v: world.database.start()
)
OUTAGES = (
    Fault("cut the van's line", lambda _w, van: van.uplink.become("cut"), lambda _w, van: van.uplink.become("open")),
    Fault("slow the van's line", lambda _w, van: van.uplink.become("slow"), lambda _w, van: van.uplink.become("open")),
    Fault(
        "half-open the van's line",
        lambda _w, van: van.uplink.become("half-open"),
        lambda _w, van: van.uplink.become("open"),
    ),
    Fault("cut the hub's line", lambda w, _v: w.hub_line.become("cut"), lambda w, _v: w.hub_line.become("open")),
    Fault(
        "half-open the hub's line",
        lambda w, _v: w.hub_line.become("half-open"),
        lambda w, _v: w.hub_line.become("open"),
    ),
    Fault("unplug the node", lambda _w, van: van.node.line.unplug(), lambda _w, van: van.node.line.plug_in()),
    Fault(
        "noise on the node's line",
        lambda _w, van: setattr(van.node.line, "noise", NOISE),
        lambda _w, van: setattr(van.node.line, "noise", 0.0),
    ),
    Fault(
        "step the van's clock forward",
        lambda _w, van: van.clock.step(wrong_s=STEP_S, is_kept=False),
        lambda _w, van: van.clock.step(wrong_s=0.0, is_kept=True),
    ),
    Fault(
        "step the van's clock back",
        lambda _w, van: van.clock.step(wrong_s=-STEP_S, is_kept=False),
        lambda _w, van: van.clock.step(wrong_s=0.0, is_kept=True),
    ),
    Fault(
        "step the hub's clock forward",
        lambda world, _v: world.hub_clock.step(wrong_s=STEP_S, is_kept=True),
        lambda world, _v: world.hub_clock.step(wrong_s=0.0, is_kept=True),
    ),
    Fault(
        "step the hub's clock back",
        lambda world, _v: world.hub_clock.step(wrong_s=-STEP_S, is_kept=True),
        lambda world, _v: world.hub_clock.step(wrong_s=0.0, is_kept=True),
    ),
    Fault("repeat and reorder messages", _repeat, _nothing),
)
DISKS = (
    Fault("fill the van's disk", lambda _w, van: fill(van.disk), lambda _w, van: unfill(van.disk)),
    Fault("start on a read-only disk", _start_read_only, _start_writable),
    Fault("fill the record's disk", _fill_record, _unfill_record),
    Fault("start on a read-only record", _start_record_read_only, _start_record_writable),
)
