"""A concierge and the van: drives where the gateway's page says, scans, rings, and taps what came of it.

Knows only what a person in the van knows: the page, the street, the parcels in the van, who opens the door.
"""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_gateway.contract.messages import Outcome, PlannedStop, ScanPurpose, ScanResult, VanPlan
from hub_backend.simulator.day import Day
from hub_backend.simulator.driving import Drive, Place, distance_m
from hub_backend.simulator.goods import Goods
from hub_backend.simulator.hub_api import HubApi
from hub_backend.simulator.node import Node
from hub_backend.simulator.page import Page, ShownState
from hub_backend.simulator.residents import Answer, Door
from hub_backend.simulator.scanner import Scanner
from hub_backend.simulator.truth import LidMoved, Tapped, Truth, Visited
from hub_backend.simulator.van import Van
from hub_backend.simulator.world import World

LOOK_AGAIN_S = 60.0  # how often somebody who waits looks at the page
RELOAD_S = 60.0
FLAT_STOPS = 2
KERB_S = 600.0  # nobody waits longer before a door
EARLY_S = 120.0  # nobody leaves earlier than needed to be there this much too early
GOODS_PATIENCE_S = 600.0  # how long a van waits at the hub for goods that are not taken in yet
SLACK = 1.15  # a person allows for more than the road says
PLUG_IN_PERCENT = 50.0
FULL_PERCENT = 95.0
COLD = frozenset({"chilled", "fridge"})
HANDED_OVER = frozenset(
    {
        Outcome.CONTACT_DOOR,
        Outcome.CONTACT_INSIDE,
        Outcome.CONTACT_OTHER_PERSON,
        Outcome.LETTERBOX,
        Outcome.NEIGHBOUR,
    }
)
CONTACT = frozenset({Outcome.CONTACT_DOOR, Outcome.CONTACT_INSIDE, Outcome.CONTACT_OTHER_PERSON})

FindWay = Callable[[Place, Place, float], Drive]
"""From, to and when: the drive, in the traffic of that hour."""


@dataclass
class Surroundings:
    """What a concierge lives in; `doors` by stop as the orders made them."""

    world: World
    truth: Truth
    goods: Goods
    day: Day
    find_way: FindWay
    doors: Mapping[str, Door]
    hub: HubApi


class Concierge:
    """One concierge's day."""

    def __init__(
        self,
        around: Surroundings,
        van: Van,
        page: Page,
        scanner: Scanner,
        cooler: Node,
        *,
        home: Place,
        hub: str,
    ) -> None:
        self._around = around
        self._world = around.world
        self._truth = around.truth
        self._goods = around.goods
        self.van = van
        self._page = page
        self._scanner = scanner
        self._cooler = cooler
        self._home = home
        self._hub = hub
        self._at_hub = True
        self._attempts: dict[str, int] = {}
        self._lid_left_open = False
        self.doing = ""
        self.is_home = False
        self._dice = random.Random(f"concierge/{around.day.seed}/{van.id}")

    async def live(self) -> None:
        """From the first tap to the last."""
        day = self._around.day
        await self._tap("started")
        self.van.on = True
        while self._world.now_s < day.ends_s:
            await self._next()
        await self._drive_home()
        await self._tap("ended")
        self.van.on = False
        self._does("done")
        self.is_home = True

    # ------------------------------------------------------------ what to do now

    async def _next(self) -> None:
        state = await self._page.state()
        stops = state.stops()
        if self._flat_is_due(stops):
            await self._flat_tyre()
        elif not stops:
            await self._drive_home()
            if self.van.soc_percent < PLUG_IN_PERCENT:
                await self._top_up()
            else:
                await self._look_later("no stop", LOOK_AGAIN_S * 2)
        elif stops[0].kind == "rest":
            if all(stop.kind == "rest" for stop in stops):
                await self._drive_home()
            await self._rest(stops[0])
        elif stops[0].kind in ("reload", "charge"):
            await self._visit_hub(stops[0])
        elif stops[0].kind == "fetch":
            await self._fetch(stops[0])
        elif not await self._ready(state, stops[0]):
            await self._look_later("waiting")
        else:
            await self._serve(stops[0])

    async def _rest(self, stop: PlannedStop) -> None:
        """Her lunch, where she then is; not before its time."""
        if self._world.now_s < stop.depart_s - stop.service_s:
            await self._look_later("waiting")
            return
        await self._tap("resting", stop=stop.stop)
        self._does("lunch")
        await self._world.wait(stop.service_s)
        await self._tap("rested")
        self._truth.happened["lunch"] += 1

    async def _fetch(self, stop: PlannedStop) -> None:
        """Take over from a van that cannot go on what is in it for the stops to come."""
        if self._at_hub:
            await self._tap("departed_hub")
            self._at_hub = False
        await self._tap("under_way", stop=stop.stop)
        await self._drive((stop.lat, stop.lon), "to another van")
        await self._tap("arrived", stop=stop.stop)
        self._does("taking goods over")
        wanted = [parcel for one in self._trip(await self._page.state()) for parcel in one.deliver]
        for parcel in wanted:
            if (self._goods.where(parcel.code) or "").replace("van-", "bus ") == stop.name:
                await self._load_one(parcel.code, cold=parcel.temp_class in COLD)
        await self._tap("departed_hub")
        self._truth.happened["fetched"] += 1

    async def _ready(self, state: ShownState, stop: PlannedStop) -> bool:
        """Load what is to be loaded; True when it is time to leave for `stop` with its goods in the van."""
        if self._missing([stop]):
            await self._drive_home()
        if self._at_hub:
            await self._load(state)
            state = await self._page.state()
        if self._missing([stop]):
            return False
        drive = self._around.find_way(self.van.place, (stop.lat, stop.lon), self._world.now_s)
        due_s = max(stop.arrive_s, stop.window_from_s or 0.0)
        leave_s = due_s - (drive.end_s - drive.start_s) * SLACK - EARLY_S
        if self._at_hub and self._missing(self._trip(state)):
            leave_s += GOODS_PATIENCE_S
        return leave_s <= self._world.now_s

    def _missing(self, stops: Sequence[PlannedStop]) -> list[str]:
        parcels = [parcel for stop in stops for parcel in stop.deliver]
        return [parcel.code for parcel in parcels if self._goods.where(parcel.code) != self.van.id]

    def _trip(self, state: ShownState) -> list[PlannedStop]:
        """The stops until the van is at the hub again."""
        return list(itertools.takewhile(lambda stop: stop.kind not in ("reload", "charge"), state.stops()))

    async def _look_later(self, what: str, pause_s: float = LOOK_AGAIN_S) -> None:
        self._does(what)
        await self._world.wait(pause_s)

    def _does(self, what: str) -> None:
        self.doing = what
        self._world.doing(self.van.id, what)

    # ------------------------------------------------------------ at the hub

    async def _load(self, state: ShownState) -> None:
        """Scan in what goes along until the van is back: never what has not come in yet."""
        await self._take_anothers(state)
        for stop in self._trip(state):
            for parcel in stop.deliver:
                if self._goods.where(parcel.code) == self._hub:
                    self._does("loading")
                    await self._load_one(parcel.code, cold=parcel.temp_class in COLD)

    async def _load_one(self, code: str, *, cold: bool) -> None:
        injected = self._truth.injected
        twice = self._world.now_s >= self._around.day.faults.repeat_s and not injected["scan_repeated"]
        result = await self._scanner.scan(code, ScanPurpose.LOAD, stutters=twice)
        self._goods.move(code, self.van.id)
        if twice and result is ScanResult.RIGHT:
            again = await self._scanner.scan(code, ScanPurpose.LOAD)
            injected["scan_again"] += again is ScanResult.ALREADY_SCANNED
        if cold:
            await self._open_lid(10.0)

    async def _take_anothers(self, state: ShownState) -> None:
        """The mishap: once, a parcel of another van is picked up, scanned, and put back where it lay.

        It lies there for the van beside, or its supplier brought it to the wrong hub.
        """
        injected = self._truth.injected
        if self._world.now_s < self._around.day.faults.wrong_van_s or injected["wrong_van"]:
            return
        elsewhere = state.plan.elsewhere if isinstance(state.plan, VanPlan) else {}
        here = [code for code in sorted(elsewhere) if self._goods.where(code) in (self._hub, "supplier")]
        code = min(here, key=lambda code: self._goods.where(code) != self._hub, default=None)
        if code is not None:
            result = await self._scanner.scan(code, ScanPurpose.LOAD)
            injected["wrong_van"] += result is ScanResult.WRONG_VAN

    async def _visit_hub(self, stop: PlannedStop) -> None:
        """Reload or charge, as the plan says: not earlier than it says, so that the van can still be sent elsewhere."""
        if not self._at_hub:
            await self._tap("under_way", stop=stop.stop)
            await self._drive(self._home, "to the hub")
            self._at_hub = True
            if stop.kind == "reload":
                await self._tap("back_at_hub")
        if stop.kind == "reload" and self._world.now_s < stop.depart_s - stop.service_s - RELOAD_S:
            await self._look_later("waiting")
            return
        await self._tap("arrived", stop=stop.stop)
        if stop.kind == "charge":
            await self._charge(until_s=stop.depart_s)
        else:
            await self._world.wait(RELOAD_S)
        await self._tap("back_at_hub")
        self._truth.happened["charged" if stop.kind == "charge" else "reloaded"] += 1

    async def _top_up(self) -> None:
        """Nothing to do and little left in the battery: the cable goes in, until there is something to do."""
        self._does("charging")
        self.van.plugged = True
        self._truth.happened["topped_up"] += 1
        while self._world.now_s < self._around.day.ends_s and self.van.soc_percent < FULL_PERCENT:
            await self._world.wait(LOOK_AGAIN_S)
            if (await self._page.state()).stops():
                break
        self.van.plugged = False

    async def _charge(self, *, until_s: float) -> None:
        self._does("charging")
        self.van.plugged = True
        while self._world.now_s < until_s and self.van.soc_percent < FULL_PERCENT:
            await self._world.wait(LOOK_AGAIN_S)
        self.van.plugged = False

    async def _drive_home(self) -> None:
        if self._at_hub:
            return
        await self._drive(self._home, "to the hub")
        self._at_hub = True
        await self._tap("back_at_hub")

    # ------------------------------------------------------------ at the door

    async def _serve(self, stop: PlannedStop) -> None:
        if self._at_hub:
            await self._tap("departed_hub")
            self._at_hub = False
        await self._tap("under_way", stop=stop.stop)
        await self._drive((stop.lat, stop.lon), "driving")
        await self._tap("arrived", stop=stop.stop)
        began_s = self._world.now_s
        if stop.window_from_s is not None:
            await self._world.until(min(stop.window_from_s, began_s + KERB_S))
        self._does("at the door")
        await self._forget_lid()
        if stop.kind == "visit":
            await self._ring(stop, began_s)
        else:
            await self._help_passenger(stop, began_s)

    async def _ring(self, stop: PlannedStop, began_s: float) -> None:
        attempt = self._attempts[stop.stop] = self._attempts.get(stop.stop, 0) + 1
        fits = stop.letterbox_allowed and bool(stop.deliver) and not stop.collect
        door = self._around.doors.get(stop.stop) or Door(stop.stop, stop.usual_step or 1)
        answer = door.answer(seed=self._around.day.seed, attempt=attempt, letterbox_fits=fits)
        await self._world.wait(20.0 + answer.wait_s)
        delivered: list[str] = []
        collected: list[str] = []
        if answer.outcome in HANDED_OVER:
            delivered = await self._hand_over(stop)
        if answer.outcome in CONTACT:
            collected = await self._stay(stop, answer)
        chores = tuple(stop.chores) if answer.outcome in CONTACT else ()
        await self._tap_visit(stop, answer, began_s, delivered=delivered, collected=collected, chores=chores)

    async def _hand_over(self, stop: PlannedStop) -> list[str]:
        if any(parcel.temp_class in COLD for parcel in stop.deliver):
            await self._open_lid(self._dice.uniform(15, 40))
        for parcel in stop.deliver:
            await self._scanner.scan(parcel.code, ScanPurpose.DOOR, stop=stop.stop)
            self._goods.move(parcel.code, "resident")
        return [parcel.code for parcel in stop.deliver]

    async def _stay(self, stop: PlannedStop, answer: Answer) -> list[str]:
        """The contact itself, as long as it takes; what is to be taken along is scanned on leaving.

        Of the time for a talk that the page gives she stays as long as the resident likes.
        """
        task_s = max(30.0, stop.service_s - stop.talk_s - 90.0) * self._dice.uniform(0.7, 1.2)
        await self._world.wait(task_s + answer.talk_s + min(stop.talk_s, answer.wish_s))
        if answer.extra_s:
            self._truth.happened["long_talk"] += 1
            await self._tap("longer", stop=stop.stop, extra_s=round(answer.extra_s / 300) * 300.0)
            await self._world.wait(answer.extra_s)
        for parcel in stop.collect:
            await self._scanner.scan(parcel.code, ScanPurpose.COLLECT, stop=stop.stop)
            self._goods.move(parcel.code, self.van.id)
        return [parcel.code for parcel in stop.collect]

    async def _help_passenger(self, stop: PlannedStop, began_s: float) -> None:
        await self._world.wait(max(60.0, stop.service_s) * self._dice.uniform(0.8, 1.2))
        answer = Answer(Outcome.CONTACT_DOOR, 1, wait_s=0.0, talk_s=0.0)
        await self._tap_visit(stop, answer, began_s)
        if stop.kind == "ride_dropoff":
            self._truth.happened["ride"] += 1

    async def _tap_visit(
        self,
        stop: PlannedStop,
        answer: Answer,
        began_s: float,
        *,
        delivered: Sequence[str] = (),
        collected: Sequence[str] = (),
        chores: Sequence[str] = (),
    ) -> None:
        t_s = self._world.now_s
        record = await self._page.tap_visit(
            stop.stop,
            answer.outcome,
            t_s=t_s,
            began_s=began_s,
            step=answer.step,
            delivered=tuple(delivered),
            collected=tuple(collected),
            chores_done=tuple(chores),
        )
        self._truth.visits.append(
            Visited(
                t_s,
                self.van.id,
                record,
                stop.stop,
                answer.outcome,
                answer.step,
                frozenset(delivered),
                frozenset(collected),
                frozenset(chores),
                stop.kind,
            )
        )
        if answer.outcome is Outcome.NO_ANSWER:
            self._truth.happened["nobody_at_home"] += 1

    # ------------------------------------------------------------ driving, lid, mishaps

    async def _drive(self, goal: Place, what: str) -> None:
        if distance_m(self.van.place, goal) < 15.0:
            return
        self._does(what)
        drive = self._around.find_way(self.van.place, goal, self._world.now_s)
        self.van.set_off(drive)
        await self._world.until(drive.end_s + 1.0)

    async def _tap(self, phase: str, *, stop: str | None = None, extra_s: float | None = None) -> None:
        t_s = self._world.now_s
        record = await self._page.tap_tour(phase, t_s=t_s, stop=stop, extra_s=extra_s)
        self._truth.taps.append(Tapped(t_s, self.van.id, record, phase, stop, extra_s))

    def _move_lid(self, *, open: bool) -> None:
        self.van.cooler.lid_open = open
        self._cooler.feel(self._world.now_s, self.van.cooler)
        self._truth.lids.append(LidMoved(self._world.now_s, self._cooler.source, open))

    async def _open_lid(self, seconds: float) -> None:
        if self._lid_left_open:
            return
        self._move_lid(open=True)
        await self._world.wait(seconds)
        self._move_lid(open=False)

    async def _forget_lid(self) -> None:
        """The mishap: once, the lid is not closed again for most of an hour."""
        plan = self._around.day.mishaps
        due = plan.lid_van == self.van.id and self._world.now_s >= plan.lid_from_s
        if not due or "lid_left_open" in self._truth.happened:
            return
        self._truth.happened["lid_left_open"] += 1
        self._lid_left_open = True
        self._move_lid(open=True)
        self._world.enter(f"{self.van.id} lid", self._close_lid_later(plan.lid_open_s))

    async def _close_lid_later(self, seconds: float) -> None:
        await self._world.wait(seconds)
        self._move_lid(open=False)
        self._lid_left_open = False

    def _flat_is_due(self, stops: Sequence[PlannedStop]) -> bool:
        """The mishap: it happens once, to the first van that is on its way with something still to do."""
        plan = self._around.day.mishaps
        busy = not self._at_hub and len(stops) >= FLAT_STOPS and plan.lid_van != self.van.id
        return busy and "van_out" not in self._truth.happened and self._world.now_s >= plan.flat_from_s

    async def _flat_tyre(self) -> None:
        self._does("flat tyre")
        self._truth.happened["van_out"] += 1
        await self._around.hub.set_service(self.van.id, in_service=False, reason="lekke band")
        await self._world.wait(self._around.day.mishaps.flat_s)
        await self._around.hub.set_service(self.van.id, in_service=True, reason="band geplakt")
