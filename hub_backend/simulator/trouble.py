"""Makes the day's faults happen, each by the way on which it comes in service, and writes down that it did.

Some are what an instrument shows (`fix`, `dashboard`), some are acts at a moment of the world (`lives`). A kill takes
place on the machine's time, while the world goes on, so that it meets whatever is under way.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.messages import EventBatch, Lane, encode
from edge_gateway.contract.sealing import Seal
from edge_gateway.contract.topics import EVENTS, Address
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.faults import Faults, Spell
from hub_backend.simulator.hub_api import HubApi
from hub_backend.simulator.installation import ORG, Installation
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.node import Node
from hub_backend.simulator.noise import damaged
from hub_backend.simulator.page import Page
from hub_backend.simulator.slcan import Dashboard
from hub_backend.simulator.truth import Truth
from hub_backend.simulator.world import World

FAR_DEG = 0.045  # 5 km: no van is there after one step
WILD_SOC_PERCENT = 200.0
UNCOMMITTED_S = 2.5  # machine: a gateway's group commit, and a breath
SETTLED_S = 90.0  # world: the first fix after a start, and the period before the next position
SEEN_S = 20.0  # machine: a gateway that does not notice a false fix in this time has not noticed it
ORPHAN_S = 30.0  # machine: what a killed hub had started must be gone by then
POISON_OUTBOX = "nobodys-outbox"


class Trouble:
    """`rate` gives how many times faster than the machine the world runs now."""

    def __init__(
        self,
        world: World,
        installation: Installation,
        *,
        truth: Truth,
        faults: Faults,
        seed: int,
        hub: HubApi,
        pages: Mapping[str, Page],
        clock: ClockPage | None,
        rate: Callable[[], float],
    ) -> None:
        self._world = world
        self._installation = installation
        self._truth = truth
        self._faults = faults
        self._hub = hub
        self._pages = pages
        self._clock = clock
        self._rate = rate
        self._dice = random.Random(f"trouble/{seed}")
        self._false_place: tuple[float, float] | None = None
        self._in_tunnel = False
        self._wild_frames = 0
        self._clock_wrong_s: float | None = None
        self._outage_began_s = 0.0
        self._probe_broke_s = 0.0
        self._kills: set[asyncio.Task[None]] = set()

    def lives(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """What is to enter the world, by name."""
        yield "noise", self._noise()
        yield "probe", self._probe()
        yield "bus", self._bus()
        yield "jump", self._jump()
        yield "tunnel", self._tunnel()
        if self._clock is not None:
            yield "clock", self._wrong_clock(self._clock)
        yield "poison", self._poison()
        yield "outage", self._outage()
        yield "gateway killed", self._at(self._faults.killed_s, self._kill_gateway)
        yield "hub killed", self._at(self._faults.hub_killed_s, self._kill_hub)

    @property
    def is_busy(self) -> bool:
        """Something is dead and not there again."""
        return bool(self._kills)

    @property
    def cut_off(self) -> frozenset[str]:
        """Gateways that cannot reach the hub now."""
        return frozenset(name for name, relay in self._installation.relays.items() if relay.is_cut)

    def check(self) -> None:
        """Raises what a kill came to that did not come back."""
        for kill in [kill for kill in self._kills if kill.done()]:
            self._kills.discard(kill)
            kill.result()

    async def mend(self) -> None:
        """The day is over, perhaps in the midst of it: whatever is still broken is made whole. Raises `DemoError`."""
        while self._kills:
            await asyncio.wait(self._kills)
            self.check()
        for name, relay in self._installation.relays.items():
            if relay.is_cut:
                self._heal(name)
        for node in self._installation.nodes.values():
            if node.probe_broken:
                self._mend_probe(node)
        if self._clock is not None and self._clock_wrong_s is not None:
            self._set_right(self._clock)
        self._false_place = None

    # ------------------------------------------------------------ what instruments show

    def fix(self, van: str, fix: Fix) -> Fix | None:
        """What the receiver says where it should say `fix`; None: nothing."""
        if self._in_tunnel and van == self._faults.tunnel.who:
            return None
        if self._false_place is not None and van == self._faults.jump_van:
            return replace(fix, lat=self._false_place[0], lon=self._false_place[1])
        return fix

    def dashboard(self, van: str, shown: Dashboard) -> Dashboard:
        """What the bus says."""
        if not self._wild_frames or van != self._faults.bus_van:
            return shown
        self._wild_frames -= 1
        self._truth.injected["bus_out_of_range"] += 1
        return replace(shown, soc_percent=WILD_SOC_PERCENT)

    # ------------------------------------------------------------ lines and sensors

    async def _noise(self) -> None:
        faults = self._faults
        await self._world.until(faults.noise_s)
        line = self._installation.nodes[faults.noise_on].line
        for _ in range(faults.noise_frames):
            if not line.write(damaged(self._dice)):
                self._truth.injected["damaged_frames"] += 1

    async def _probe(self) -> None:
        spell = self._faults.probe
        await self._world.until(spell.from_s)
        node = self._installation.nodes[spell.who]
        node.probe_broken = True
        self._probe_broke_s = self._world.now_s
        self._truth.injected["sensor_lost"] += 1
        await self._world.until(spell.to_s)
        self._mend_probe(node)

    def _mend_probe(self, node: Node) -> None:
        node.probe_broken = False
        self._truth.broken_probes.append(Spell(node.source, self._probe_broke_s, self._world.now_s))

    async def _bus(self) -> None:
        await self._world.until(self._faults.bus_s)
        self._wild_frames = self._faults.bus_frames

    async def _jump(self) -> None:
        """False fixes one after the other, none of which agrees with the one before; the gateway must see each."""
        faults = self._faults
        await self._world.until(faults.jump_s)
        page = self._pages[faults.jump_van]
        for number in range(faults.jump_fixes):
            true = self._truth.fixes[faults.jump_van][-1]
            side = 1 if number % 2 else -1
            self._false_place = (true.lat + side * FAR_DEG, true.lon)
            before = await _refused_fixes(page)
            await self._world.wait(self._world.step_s)
            self._truth.injected["gps_jump"] += 1
            until = time.monotonic() + SEEN_S
            while await _refused_fixes(page) == before and time.monotonic() < until:
                await asyncio.sleep(0.01)
        self._false_place = None

    async def _tunnel(self) -> None:
        spell = self._faults.tunnel
        await self._world.until(spell.from_s)
        self._in_tunnel, began_s = True, self._world.now_s
        await self._world.until(spell.to_s)
        self._in_tunnel = False
        self._truth.injected["gps_stale"] += 1
        self._truth.tunnels.append(Spell(spell.who, began_s, self._world.now_s))

    async def _wrong_clock(self, clock: ClockPage) -> None:
        """Nobody keeps it right; it jumps ahead, then back behind the time, and in the end somebody sets it right."""
        faults = self._faults
        await self._world.until(faults.clock.from_s)
        self._clock_wrong_s = self._world.now_s
        self._step(clock, faults.clock_ahead_s)
        await self._world.until(faults.clock_back_at_s)
        self._step(clock, -faults.clock_behind_s)
        await self._world.until(faults.clock.to_s)
        self._set_right(clock)

    def _step(self, clock: ClockPage, wrong_s: float) -> None:
        clock.step(wrong_s=wrong_s, is_kept=False)
        self._truth.injected["clock_steps"] += 1

    def _set_right(self, clock: ClockPage) -> None:
        clock.step(wrong_s=0.0, is_kept=True)
        self._truth.injected["clock_steps"] += 1
        began_s, self._clock_wrong_s = self._clock_wrong_s, None
        if began_s is not None:
            self._truth.wrong_clocks.append(Spell(self._faults.clock.who, began_s, self._world.now_s))

    # ------------------------------------------------------------ messages and the network

    async def _poison(self) -> None:
        """No seal; a seal on what is no message; and a message with one event that cannot be."""
        await self._world.until(self._faults.poison_s)
        name = self._faults.poisoned
        topic = Address(ORG, self._installation.hubs[name], name).topic(EVENTS)
        seal = Seal(self._installation.keys[name])
        payloads = [b"hallo?"]
        payloads += [seal.close(body, topic=topic) for body in (b'{"version":1}', _impossible(name, self._world.now_s))]
        await asyncio.to_thread(_publish, self._installation.mqtt_port, topic, payloads)
        self._truth.injected["poison_message"] += len(payloads)

    async def _outage(self) -> None:
        """Of the van that has most to do: it works on by the plan that it has."""
        await self._world.until(self._faults.outage_from_s)
        ahead = {name: len((await self._pages[name].state()).stops()) for name in sorted(self._installation.relays)}
        van = max(ahead, key=lambda name: ahead[name])
        self._installation.relays[van].cut()
        self._outage_began_s = self._world.now_s
        self._truth.injected["network_outage"] += 1
        await self._world.until(self._faults.outage_to_s)
        self._heal(van)

    def _heal(self, van: str) -> None:
        self._installation.relays[van].heal()
        self._truth.outages.append(Spell(van, self._outage_began_s, self._world.now_s))

    # ------------------------------------------------------------ kill -9

    async def _at(self, t_s: float, kill: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self._world.until(t_s)
        self._kills.add(asyncio.create_task(kill(), name="kill"))

    async def _kill_gateway(self) -> None:
        name = self._faults.killed
        processes = self._installation.processes
        await asyncio.sleep(self._dice.uniform(0.0, 0.3))
        began_s = self._world.now_s - UNCOMMITTED_S * max(self._rate(), 1.0)
        processes.kill(name)
        self._truth.injected["gateway_killed"] += 1
        await asyncio.sleep(self._dice.uniform(0.1, 0.6))
        processes.start_again(name)
        await self._pages[name].health()
        self._truth.blind.append(Spell(name, began_s, self._world.now_s + SETTLED_S))

    async def _kill_hub(self) -> None:
        """The hub's own process only: its router must notice. Nothing that was told to anybody may be gone."""
        async with self._hub.door:
            before = await self._hub.health()
            await asyncio.sleep(self._dice.uniform(0.0, 0.3))
            family = self._installation.processes.kill("hub")
            self._truth.injected["hub_killed"] += 1
            await asyncio.sleep(self._dice.uniform(0.1, 0.6))
            self._installation.processes.start_again("hub")
            after = await self._hub.health()
        if after.events < before.events:
            raise DemoError(f"hub: {before.events} events before it was killed, {after.events} after")
        self._truth.happened["hub_came_back"] += 1
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, ORPHAN_S)
        if alive:
            raise DemoError(f"hub: what it had started lives on {ORPHAN_S:.0f} s after it was killed: {alive}")


async def _refused_fixes(page: Page) -> int:
    return sum(reject.count for reject in (await page.state()).rejects if reject.origin == "gps")


def _impossible(gateway: str, now_s: float) -> bytes:
    """A batch of an outbox that is nobody's, with a position beyond the pole."""
    event = {"kind": "position", "source": gateway, "boot": 1, "seq": 0, "t_s": now_s, "fix": "3d", "lat": 95.2}
    raw = msgspec.Raw(msgspec.json.encode(event))
    return encode(EventBatch(outbox=POISON_OUTBOX, lane=Lane.TELEMETRY, base_n=1, first_n=1, events=(raw,)))


def _publish(port: int, topic: str, payloads: list[bytes]) -> None:
    """Raises `DemoError` when the broker does not take them."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    try:
        client.connect("127.0.0.1", port)
        client.loop_start()
        for payload in payloads:
            client.publish(topic, payload, qos=1).wait_for_publish(timeout=10)
        client.disconnect()
    except (OSError, RuntimeError, ValueError) as error:
        raise DemoError(f"broker: does not take a message: {error}") from error
    finally:
        client.loop_stop()
