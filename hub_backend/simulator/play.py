"""One day played: the world's steps, the instruments shown at each, and everybody who lives in it.

Comes in: what was installed, the script of the day, the roads. Goes out: the ledger of what happened.
"""

import asyncio
import itertools
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from edge_gateway.contract.clock import ClockPage
from hub_backend.simulator.concierge import Concierge, FindWay, Surroundings
from hub_backend.simulator.cooler import Cooler, Moment
from hub_backend.simulator.day import Day, local_s
from hub_backend.simulator.directory import directory
from hub_backend.simulator.driving import Drive, Place
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.goods import Goods
from hub_backend.simulator.governor import Governor, Load
from hub_backend.simulator.hub_api import HubApi
from hub_backend.simulator.installation import Installation
from hub_backend.simulator.neighbourhood import Neighbourhood
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.page import Page
from hub_backend.simulator.residents import Door
from hub_backend.simulator.scanner import Scanner
from hub_backend.simulator.slcan import Adapter, frames
from hub_backend.simulator.staff import HubStaff, Office, Watch
from hub_backend.simulator.traffic import Traffic
from hub_backend.simulator.trouble import Trouble
from hub_backend.simulator.truth import Truth
from hub_backend.simulator.van import OUTSIDE_C, Van
from hub_backend.simulator.world import World
from routing.roads import RoadGraph

SET_C = 3.5
FRIDGE_OUTSIDE_C = 19.0
CONCIERGES_COME_S = 600.0  # after the day's beginning
HEALTH_S = 0.25  # machine: how often the hub is asked how it does
GATEWAY_TURNS = 6  # the gateways are asked once in so many times
MEMORY_TURNS = 25
TOLD_S = 90.0  # the world after its end: a cooler's look at its lid, a gateway's minute between two of one refusal
CATCH_UP_S = 90.0  # machine: how long bytes may lie unread before the day is given up
SPENT = ("held", "moving", "reading", "people")
"""Where the machine's time goes: held for router or backlog, the world moving, bytes being read, people acting."""
SEND_EVERY_S = {"bus": 10.0, "cooler": 10.0, "slow": 60.0}


@dataclass
class Memory:
    """The most that was resident, MB; None when it could not be seen."""

    gateway_mb: float | None = None
    hub_mb: float | None = None

    def see(self, installation: Installation) -> None:
        processes = installation.processes
        gateways = [child.rss_mb() for name in installation.pages if (child := processes.find(name))]
        self.gateway_mb = _most(self.gateway_mb, *gateways)
        hub = processes.find("hub")
        self.hub_mb = _most(self.hub_mb, None if hub is None else hub.rss_mb())


def _most(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def find_way(roads: RoadGraph, traffic: Traffic, dice: random.Random) -> FindWay:
    """Ways over the roads in the hour's traffic. Raises `DemoError` where no road leads."""

    def way(start: Place, goal: Place, t_s: float) -> Drive:
        path = roads.path(start, goal)
        if path is None:
            raise DemoError(f"roads: no way from {start} to {goal}")
        points = [(point.lat, point.lon) for point in path.points]
        seconds = [point.t_s for point in path.points]
        return Drive(points, seconds, start_s=t_s, slower=traffic.factor(t_s, dice))

    return way


class Play:
    """The stage and everybody on it."""

    def __init__(
        self,
        installation: Installation,
        world: World,
        *,
        governor: Governor,
        day: Day,
        place: Neighbourhood,
        roads: RoadGraph,
        client: httpx.AsyncClient,
        wrong_clock: ClockPage | None = None,
    ) -> None:
        self.installation = installation
        self.world = world
        self.governor = governor
        self.day = day
        self.place = place
        self.truth = Truth()
        self.memory = Memory()
        self.hub = HubApi(client, installation.hub_url)
        ids = random.Random(f"taps/{day.seed}")
        self.pages = {
            name: Page(client, url, lambda: uuid.UUID(int=ids.getrandbits(128), version=4))
            for name, url in installation.pages.items()
        }
        self.doors: dict[str, Door] = {}
        self._goods = Goods()
        self.office = Office(world, self.hub, goods=self._goods, truth=self.truth, day=day, doors=self.doors)
        traffic = Traffic(midnight_s=local_s(day.day, "00:00"))
        way = find_way(roads, traffic, random.Random(f"traffic/{day.seed}"))
        around = Surroundings(world, self.truth, self._goods, day, way, self.doors, self.hub)
        self.vans = {van: self._van(van, hub) for van, hub in day.vans.items()}
        self.concierges = [self._concierge(around, van, hub) for van, hub in day.vans.items()]
        self._fridges = {
            f"hub-{hub.id}/fridge": Cooler.settled(set_c=SET_C, outside_c=FRIDGE_OUTSIDE_C) for hub in place.hubs
        }
        self._staff = [self._hub_staff(hub.id) for hub in place.hubs]
        self._sent: dict[str, float] = {}
        self._adapters: defaultdict[str, Adapter] = defaultdict(Adapter)
        self.trouble = Trouble(
            world,
            installation,
            truth=self.truth,
            faults=day.faults,
            seed=day.seed,
            hub=self.hub,
            pages=self.pages,
            clock=wrong_clock,
            rate=lambda: governor.rate,
        )
        self.spent_s = dict.fromkeys(SPENT, 0.0)

    # ------------------------------------------------------------ who and what

    def _van(self, van: str, hub: str) -> Van:
        dice = random.Random(f"{van}/{self.day.seed}")
        mishaps = self.day.mishaps
        low = van == mishaps.low_battery_van
        made = Van(
            id=van,
            place=self.place.hub(hub).address.place,
            odometer_km=round(dice.uniform(8000, 40000), 1),
            soc_percent=mishaps.low_soc_percent if low else round(dice.uniform(75, 97), 1),
            cooler=Cooler.settled(set_c=SET_C, outside_c=OUTSIDE_C),
        )
        self.truth.first_odometer_km[van] = made.odometer_km
        return made

    def _concierge(self, around: Surroundings, van: str, hub: str) -> Concierge:
        page = self.pages[van]
        scanner = Scanner(self.world, self.installation.nodes[f"{van}/scanner"], page, self.truth)
        cooler = self.installation.nodes[f"{van}/cooler"]
        home = self.place.hub(hub).address.place
        return Concierge(around, self.vans[van], page, scanner, cooler, home=home, hub=hub)

    def _hub_staff(self, hub: str) -> HubStaff:
        gateway = f"hub-{hub}"
        nodes, page = self.installation.nodes, self.pages[gateway]
        return HubStaff(
            self.world,
            self.hub,
            goods=self._goods,
            truth=self.truth,
            day=self.day,
            name=hub,
            scanner=Scanner(self.world, nodes[f"{gateway}/scanner"], page, self.truth),
            page=page,
            fridge=self._fridges[f"{gateway}/fridge"],
            fridge_node=nodes[f"{gateway}/fridge"],
            residents={resident.id: resident.hub for resident in self.place.residents},
            vans=[van for van, home in self.day.vans.items() if home == hub],
            is_home=lambda van: any(each.van.id == van and each.is_home for each in self.concierges),
        )

    # ------------------------------------------------------------ the day

    async def run(self, *, until_s: float, progress: Callable[[], None]) -> None:
        """Play until everybody is home, or until `until_s`."""
        watching = asyncio.create_task(self._watch_health(), name="health")
        try:
            self._show_instruments()
            await self._begin()
            while self.world.now_s < until_s and not self._all_home():
                await self._step(watching)
                progress()
            await self.trouble.mend()
            await self._run_on(watching)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _run_on(self, watching: "asyncio.Task[None]") -> None:
        """Nobody acts any more, and what has happened is still told: a lid to its node, a refusal once a minute."""
        ends_s = self.world.now_s + TOLD_S
        while self.world.now_s < ends_s:
            await self._move_on(watching)
            self._check(watching)

    async def stay(self, *, rate: float, progress: Callable[[], None]) -> None:
        """The day is over: the world goes on as it is, for who still looks, until it is cancelled."""
        self.world.step_s = 1.0
        while True:
            await self.world.step(rate)
            self._show_instruments()
            await self._taken()
            self.installation.processes.check()
            progress()

    async def _begin(self) -> None:
        await self.hub.put_directory(directory(self.place, self.day))
        await self.office.order_morning()
        await self.hub.plan(self.day.day)
        self.world.enter("office", self.office.live())
        self.world.enter("bad orders", self.office.order_badly())
        for name, life in self.trouble.lives():
            self.world.enter(name, life)
        watch = Watch(self.world, self.hub, self.truth, until_s=self.day.ends_s)
        self.world.enter("watch", watch.live())
        for staff in self._staff:
            self.world.enter("staff", staff.live())
        for concierge in self.concierges:
            self.world.enter(concierge.van.id, self._work(concierge))
        await self.world.settle()

    async def _work(self, concierge: Concierge) -> None:
        await self.world.until(self.day.begins_s + CONCIERGES_COME_S)
        while (await self.pages[concierge.van.id].state()).plan is None:
            await self.world.wait(30.0)
        await concierge.live()

    def _all_home(self) -> bool:
        everybody = all(concierge.is_home for concierge in self.concierges) and all(s.is_done for s in self._staff)
        return everybody and not self.trouble.is_busy

    async def _step(self, watching: "asyncio.Task[None]") -> None:
        await self._move_on(watching)
        began = time.monotonic()
        await self.world.act()
        self._check(watching)
        self.spent_s["people"] += time.monotonic() - began

    async def _move_on(self, watching: "asyncio.Task[None]") -> None:
        """The world, as fast as everybody keeps up, and until what its instruments say is read."""
        marks = [time.monotonic()]
        while self.governor.rate <= 0:
            await asyncio.sleep(0.01)
            self._check(watching)
        marks.append(time.monotonic())
        await self.world.step(self.governor.rate)
        self._show_instruments()
        marks.append(time.monotonic())
        await self._taken()
        marks.append(time.monotonic())
        for what, (began, ended) in zip(SPENT, itertools.pairwise(marks), strict=False):
            self.spent_s[what] += ended - began

    def _check(self, watching: "asyncio.Task[None]") -> None:
        self.installation.processes.check()
        self.trouble.check()
        if watching.done():
            watching.result()

    async def _taken(self) -> None:
        """Until every byte that the world has sent is read. Raises `DemoError` when somebody does not read."""
        deadline = time.monotonic() + CATCH_UP_S
        await asyncio.sleep(0.001)  # the kernel carries a terminal's bytes over on its own time
        while self.installation.behind():
            self.installation.flush()
            await asyncio.sleep(0.001)
            if time.monotonic() > deadline:
                raise DemoError(f"bytes lie unread for {CATCH_UP_S:.0f} s: {self.installation.who_is_behind()}")

    # ------------------------------------------------------------ instruments

    def _show_instruments(self) -> None:
        now_s, step_s = self.world.now_s, self.world.step_s
        bus, coolers, slow = (self._due(name) for name in ("bus", "cooler", "slow"))
        for name, van in self.vans.items():
            van.pass_time(now_s, step_s)
            self._show_fix(name, van.fix(now_s))
            self.truth.odometer_km[name] = van.odometer_km
            self.truth.used_kwh[name] = van.used_kwh
            self._show_bus(name, van, due=bus)
            if slow:
                self._show_slow(name, van)
        for fridge in self._fridges.values():
            fridge.pass_time(step_s)
        if coolers:
            for source, cooler in self._coolers().items():
                self._show_cooler(source, cooler)
        if slow:
            for node in self.installation.nodes.values():
                if node.kind == "scanner":
                    node.say(now_s)

    def _show_fix(self, van: str, fix: Fix) -> None:
        shown = self.trouble.fix(van, fix)
        if shown is fix:
            self.truth.fixes[van].append(fix)
        if shown is not None:
            self.installation.receivers[van].show(shown)

    def _due(self, name: str) -> bool:
        if self.world.now_s - self._sent.get(name, 0.0) < SEND_EVERY_S[name] - 1e-6:
            return False
        self._sent[name] = self.world.now_s
        return True

    def _coolers(self) -> Mapping[str, Cooler]:
        return {f"{name}/cooler": van.cooler for name, van in self.vans.items()} | self._fridges

    def _show_cooler(self, source: str, cooler: Cooler) -> None:
        now_s = self.world.now_s
        self.installation.nodes[source].feel(now_s, cooler)
        moment = Moment(now_s, cooler.air_c, cooler.product_c, cooler.lid_open)
        self.truth.coolers[source].append(moment)

    def _show_bus(self, name: str, van: Van, *, due: bool) -> None:
        line = self.installation.buses[name]
        asked = self._adapters[name].answers(line.read(), van.dashboard())
        if asked:
            line.write(asked)
        if due:
            line.write(frames(self.trouble.dashboard(name, van.dashboard())))

    def _show_slow(self, name: str, van: Van) -> None:
        current_a = 4.0 if van.plugged else -2.2 if van.on else -0.3
        volts = 13.6 if van.plugged else 12.7 - 0.2 * van.on
        self.installation.nodes[f"{name}/shunt"].say(
            self.world.now_s, f"v={volts:.2f} i={current_a:.2f} ah={van.soc_percent * 0.6:.2f}"
        )

    # ------------------------------------------------------------ how everybody does

    async def _watch_health(self) -> None:
        unsent, turn = 0, 0
        while True:
            began = time.monotonic()
            hub = await self.hub.health()
            answer_s = time.monotonic() - began
            if turn % GATEWAY_TURNS == 0:
                unsent = await self._deepest_outbox(but=self.trouble.cut_off)
            if turn % MEMORY_TURNS == 0:
                self.memory.see(self.installation)
            turn += 1
            self.governor.hear(
                Load(
                    unsent=unsent,
                    behind=max(hub.followers.values(), default=0),
                    waiting=hub.dispatch.waiting_triggers > 0,
                    solving=hub.dispatch.solving,
                    answer_s=answer_s,
                )
            )
            await asyncio.sleep(HEALTH_S)

    async def _deepest_outbox(self, *, but: frozenset[str] = frozenset()) -> int:
        """Of those that can send."""
        depths = []
        for name, page in self.pages.items():
            if name in but:
                continue
            health = await page.health()
            depths.append(health.outbox.business + health.outbox.telemetry)
        return max(depths, default=0)

    async def drain(self, *, patience_s: float) -> bool:
        """Let everything arrive; False when something is still under way after `patience_s` of the machine."""
        deadline = time.monotonic() + patience_s
        quiet = 0
        while time.monotonic() < deadline:
            hub = await self.hub.health()
            idle = not any(hub.followers.values()) and not hub.dispatch.solving
            quiet = quiet + 1 if idle and await self._deepest_outbox() == 0 else 0
            if quiet >= 4:
                self.memory.see(self.installation)
                return True
            await asyncio.sleep(0.4)
        return False
