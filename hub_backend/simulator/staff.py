"""Everybody who stays behind: suppliers who order and bring, hub staff who take in and watch the coolers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edge_gateway.contract.messages import ScanPurpose, ScanResult
from hub_backend.simulator.concierge import COLD
from hub_backend.simulator.cooler import Cooler
from hub_backend.simulator.day import Day, Delivery, Wish
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.goods import Goods, Thing
from hub_backend.simulator.hub_api import HubApi
from hub_backend.simulator.node import Node
from hub_backend.simulator.page import Page
from hub_backend.simulator.projections import LOST
from hub_backend.simulator.residents import Door
from hub_backend.simulator.scanner import Scanner
from hub_backend.simulator.truth import LidMoved, Ordered, Refused, Truth
from hub_backend.simulator.world import World

STRAY_CODE = "3SBCC000123456"
"""A carrier's label that belongs to nobody's order (domain.md part 3): somebody scans it once, at the first hub."""

ACTIONS = {
    "warm": ("Deksel stond open; koelverse maaltijden uit de bus gehaald en vernietigd.", "destroyed"),
    "lost": ("Voeler maakte geen contact; nagemeten met de handthermometer, goederen zijn goed.", "released"),
}
"""What is done about an excursion: what was too warm goes away, what nobody measured is measured by hand."""

LOOK_AGAIN_S = 30.0  # how often staff without a manifest look whether there is one
ROUND_S = 300.0  # how often somebody looks at the coolers' page
RECOVERY_S = 1200.0  # an excursion that lasts is closed all the same, once its goods are taken out


def order_record(wish: Wish, day: str) -> dict[str, object]:
    """An order as the hub's API takes it."""
    record: dict[str, object] = {
        "id": wish.id,
        "supplier": wish.supplier,
        "resident": wish.resident,
        "day": day,
        "kind": wish.kind,
        "goods": wish.goods,
        "quantity": wish.quantity,
        "from_s": wish.from_s,
        "to_s": wish.to_s,
        "release_s": wish.release_s,
        "chores": list(wish.chores),
        "letterbox_allowed": wish.letterbox_allowed,
        "until_day": wish.until_day,
        "optional": wish.optional,
    }
    if wish.to is not None:
        record |= {"to_lat": wish.to.lat, "to_lon": wish.to.lon, "to_name": f"{wish.to.street} {wish.to.number}"}
    return record


class Office:
    """Orders and cancellations, on the hub's API. `doors` learns behind which stop whom is found."""

    def __init__(
        self, world: World, hub: HubApi, *, goods: Goods, truth: Truth, day: Day, doors: dict[str, Door]
    ) -> None:
        self._world = world
        self._hub = hub
        self._goods = goods
        self._truth = truth
        self._day = day
        self._doors = doors

    async def order_morning(self) -> None:
        """What was known before the day began."""
        await self._order([wish for wish in self._day.wishes if wish.at_s <= self._day.begins_s])

    async def order_badly(self) -> None:
        """Orders that nobody can take, in one request: none of them may be taken, each for its own reason."""
        await self._world.until(self._day.faults.bad_orders_s)
        now_s = self._world.now_s
        wish = replace(self._day.wishes[0], from_s=now_s + 3600, to_s=now_s + 7200, release_s=None)
        good = order_record(wish, self._day.day)
        wrong: Sequence[tuple[str, str, dict[str, object]]] = (
            ("no-address", "address", {"resident": None}),
            ("no-such-street", "address", {"resident": None, "street": "Nergenslaan", "number": "1"}),
            ("window-in-the-past", "to_s", {"from_s": now_s - 7200, "to_s": now_s - 3600, "release_s": None}),
            ("window-reversed", "to_s", {"from_s": now_s + 7200, "to_s": now_s + 3600, "release_s": None}),
        )
        answer = await self._hub.order([good | {"id": name} | fields for name, _, fields in wrong])
        said = {refused.index: refused for refused in answer.rejected}
        for index, (name, field, _) in enumerate(wrong):
            refused = said.get(index)
            self._truth.refused.append(
                Refused(name, field, refused.field if refused else None, refused.reason if refused else "")
            )
        self._truth.injected["order_refused"] += len(wrong)

    async def live(self) -> None:
        """The orders that come in during the day, and the cancellation."""
        late = [wish for wish in self._day.wishes if wish.at_s > self._day.begins_s]
        moments: list[tuple[float, Wish | None]] = [(wish.at_s, wish) for wish in late]
        moments.append((self._day.mishaps.cancelled_s, None))
        for t_s, wish in sorted(moments, key=lambda moment: moment[0]):
            await self._world.until(t_s)
            if wish is not None:
                await self._order([wish])
                self._truth.happened["order_during_the_day"] += 1
            else:
                await self._hub.cancel(self._day.mishaps.cancelled)
                self._truth.cancelled.add(self._day.mishaps.cancelled)
                self._truth.happened["cancellation"] += 1

    async def _order(self, wishes: Sequence[Wish]) -> None:
        answer = await self._hub.order([order_record(wish, self._day.day) for wish in wishes])
        if answer.rejected or len(answer.accepted) != len(wishes):
            raise DemoError(f"orders: the hub refused {answer.rejected}")
        for accepted in answer.accepted:
            wish = wishes[accepted.index]
            where = wish.resident if wish.kind == "collection" else "supplier"
            for parcel in accepted.parcels:
                place = where if parcel.direction == "deliver" else wish.resident
                self._goods.add(Thing(parcel.code, accepted.id, parcel.direction, parcel.temp_class), where=place)
            self._doors[accepted.stop] = self._day.doors[wish.resident]
            self._truth.orders.append(
                Ordered(
                    self._world.now_s,
                    accepted.id,
                    wish.supplier,
                    wish.goods,
                    wish.resident,
                    accepted.stop,
                    tuple(parcel.code for parcel in accepted.parcels),
                )
            )


class HubStaff:
    """One hub: takes in what the suppliers bring, keeps it cool, and in the evening takes back what vans bring.

    `vans` are the hub's own, `is_home` whether one has ended its day.
    """

    def __init__(
        self,
        world: World,
        hub: HubApi,
        *,
        goods: Goods,
        truth: Truth,
        day: Day,
        name: str,
        scanner: Scanner,
        page: Page,
        fridge: Cooler,
        fridge_node: Node,
        residents: Mapping[str, str],
        vans: Sequence[str],
        is_home: Callable[[str], bool],
    ) -> None:
        self._world = world
        self._hub = hub
        self._goods = goods
        self._truth = truth
        self._day = day
        self._name = name
        self._vans = vans
        self._is_home = is_home
        self.is_done = False
        self._scanner = scanner
        self._page = page
        self._fridge = fridge
        self._node = fridge_node
        self._residents = residents

    async def live(self) -> None:
        """Every delivery of the day at this hub, and what its vans bring back in the evening."""
        mine = [delivery for delivery in self._day.deliveries if delivery.hub == self._name]
        for delivery in sorted(mine, key=lambda delivery: (delivery.t_s, delivery.id)):
            await self._world.until(delivery.t_s)
            await self._take_in(delivery)
        for van in self._vans:
            while not self._is_home(van):
                self._world.doing(f"hub {self._name}", f"waiting for {van}")
                await self._world.wait(LOOK_AGAIN_S)
            await self._take_back(van)
        self.is_done = True

    async def _take_back(self, van: str) -> None:
        """What was not delivered, and what was taken along."""
        self._world.doing(f"hub {self._name}", f"taking back from {van}")
        for thing in self._goods.at(van):
            result = await self._scanner.scan(thing.code, ScanPurpose.INTAKE)
            if result is ScanResult.UNKNOWN:
                raise DemoError(f"hub {self._name}: {van} brought back {thing.code}, and nobody knows what it is")
            self._goods.move(thing.code, self._name)
            if thing.direction == "deliver":
                self._truth.injected["brought_back"] += 1

    async def _take_in(self, delivery: Delivery) -> None:
        things = self._brought(delivery)
        if not things:
            return
        t_s = self._world.now_s
        await self._hub.put_shipment(
            {
                "id": delivery.id,
                "supplier": delivery.supplier,
                "hub": delivery.hub,
                "t_s": t_s,
            }
        )
        self._world.doing(f"hub {self._name}", f"taking in {delivery.supplier}")
        while (await self._page.state()).plan is None:
            await self._world.wait(LOOK_AGAIN_S)
        if delivery == self._day.deliveries[0]:
            await self._scanner.scan(STRAY_CODE, ScanPurpose.INTAKE)
            self._truth.injected["unknown_barcode"] += 1
        for thing in things:
            await self._scanner.scan(thing.code, ScanPurpose.INTAKE)
            self._goods.move(thing.code, self._name)
        if any(thing.temp_class in COLD for thing in things):
            self._move_lid(open=True)
            await self._world.wait(min(90.0, 10.0 + 5.0 * len(things)))
            self._move_lid(open=False)

    def _brought(self, delivery: Delivery) -> list[Thing]:
        """What the supplier's van holds: nothing that was cancelled before it left."""
        orders = [
            wish.id
            for wish in self._day.wishes
            if wish.supplier == delivery.supplier
            and wish.release_s is not None
            and wish.release_s - 600 == delivery.t_s
            and self._residents[wish.resident] == delivery.hub
            and wish.id not in self._truth.cancelled
        ]
        return [thing for thing in self._goods.of_orders(orders) if self._goods.where(thing.code) == "supplier"]

    def _move_lid(self, *, open: bool) -> None:
        self._fridge.lid_open = open
        self._node.feel(self._world.now_s, self._fridge)
        self._truth.lids.append(LidMoved(self._world.now_s, self._node.source, open))


class Watch:
    """Somebody who looks at the coolers' page now and then, and signs for what was found."""

    def __init__(self, world: World, hub: HubApi, truth: Truth, *, until_s: float) -> None:
        self._world = world
        self._hub = hub
        self._truth = truth
        self._until_s = until_s

    async def live(self) -> None:
        while self._world.now_s < self._until_s:
            await self._world.wait(ROUND_S)
            for excursion in await self._hub.excursions():
                lasting = self._world.now_s - excursion.opened_s > RECOVERY_S
                if excursion.closed_s is None and (excursion.recovered_s is not None or lasting):
                    comment, disposition = ACTIONS["lost" if excursion.rule == LOST else "warm"]
                    await self._hub.close_excursion(
                        excursion.id, by="hubmedewerker", comment=comment, disposition=disposition
                    )
                    self._truth.closed_excursions.add(excursion.id)
