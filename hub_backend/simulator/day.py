"""The script of the day: what is ordered, who is not at home, and what goes wrong. Everything follows from the seed.

Times are UTC seconds. About sixty stops of six suppliers, all kinds of goods, two rides, chores and visits; during the
day two orders come in and one is cancelled, four residents are not at home, one talks long, a lid stays open, one van
starts with a low battery and one has a flat tyre. What goes wrong with machines and data is in `faults`.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from hub_backend.simulator.faults import Faults, make_faults
from hub_backend.simulator.neighbourhood import Address, Neighbourhood, Resident
from hub_backend.simulator.residents import Door, Habit
from hub_backend.workday import next_workday

ZONE = ZoneInfo("Europe/Amsterdam")
FIRST_DAY = "2026-11-23"  # a Monday
BEGINS = "08:05"
ENDS = "16:30"
RESIDENTS = 64
MORNING_GOODS_IN = "08:10"
NOON_GOODS_IN = "10:45"
AFTERNOON_GOODS_IN = "12:40"


@dataclass(frozen=True, slots=True)
class Supplier:
    """A made-up supplier, and how far beyond the edge of the map its vans come from. `trade` finds it on the map."""

    id: str
    name: str
    trade: str
    goods: tuple[str, ...]
    approach_km: float
    van_class: str = "diesel_van_large"


SUPPLIERS = (
    Supplier("keuken-de-pan", "Keuken De Pan", "Keuken", ("chilled_meal",), 4.5),
    Supplier("eetcafe-t-hoekje", "Eetcafé 't Hoekje", "Eetcafé", ("hot_meal",), 1.5, "diesel_van_small"),
    Supplier(
        "apotheek-de-linde",
        "Apotheek De Linde",
        "Apotheek",
        ("medication_roll", "fridge_medication"),
        2.0,
        "diesel_van_small",
    ),
    Supplier("supermarkt-boons", "Supermarkt Boons", "Supermarkt", ("groceries",), 1.0),
    Supplier("wasserij-helder", "Wasserij Helder", "Wasserij", ("laundry_clean", "laundry_dirty"), 6.0),
    Supplier("pakketpunt-oost", "Pakketpunt Oost", "Pakketpunt", ("parcel", "letterbox_item"), 7.5),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as its supplier, or the resident, gives it to the hub."""

    id: str
    resident: str
    kind: str
    from_s: float
    to_s: float
    supplier: str | None = None
    goods: str = ""
    quantity: int = 1
    release_s: float | None = None
    chores: tuple[str, ...] = ()
    to: Address | None = None
    letterbox_allowed: bool = False
    until_day: str | None = None
    optional: bool = False
    at_s: float = 0.0
    """When it is given to the hub."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A supplier's van at a hub: from then on its goods can be scanned in."""

    id: str
    supplier: str
    hub: str
    t_s: float
    goods: tuple[str, ...]


@dataclass(frozen=True)
class Mishaps:
    """What goes otherwise than planned, by van or by time."""

    low_battery_van: str
    low_soc_percent: float
    lid_van: str
    lid_from_s: float
    lid_open_s: float
    flat_from_s: float
    flat_s: float
    cancelled: str
    cancelled_s: float


@dataclass(frozen=True)
class Day:
    """One day. `wishes` are the morning's and the later ones, by `at_s`."""

    day: str
    seed: int
    begins_s: float
    ends_s: float
    suppliers: tuple[tuple[Supplier, Address], ...]
    wishes: tuple[Wish, ...]
    deliveries: tuple[Delivery, ...]
    doors: dict[str, Door]
    mishaps: Mishaps
    faults: Faults
    vans: dict[str, str] = field(default_factory=dict)
    """Van to hub."""


VANS = {"van-1": "noord", "van-2": "noord", "van-3": "zuid"}
CHORES = ("lamp verwisselen", "vuilnis buiten zetten", "brief voorlezen", "batterij", "meterstand opmeten")


@dataclass(frozen=True, slots=True)
class Plenty:
    """How many of which goods, between which times."""

    count: int
    kind: str
    goods: str
    from_clock: str
    to_clock: str
    goods_in: str = MORNING_GOODS_IN
    letterbox_allowed: bool = False
    may_wait: bool = False


GOODS = (
    Plenty(9, "delivery", "chilled_meal", "08:40", "10:30"),
    Plenty(10, "delivery", "hot_meal", "11:20", "12:45", NOON_GOODS_IN),
    Plenty(6, "swap", "medication_roll", "08:40", "10:30"),
    Plenty(3, "delivery", "fridge_medication", "13:10", "15:00"),
    Plenty(5, "delivery", "groceries", "13:00", "15:00", AFTERNOON_GOODS_IN),
    Plenty(3, "swap", "laundry_clean", "13:00", "16:00", AFTERNOON_GOODS_IN),
    Plenty(2, "collection", "laundry_dirty", "09:00", "12:00"),
    Plenty(4, "delivery", "parcel", "09:00", "11:30"),
    Plenty(12, "delivery", "letterbox_item", "09:00", "16:00", letterbox_allowed=True, may_wait=True),
)


def local_s(day: str, clock: str) -> float:
    """UTC seconds of a local clock time on `day`."""
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), tzinfo=ZONE).timestamp()


def make_day(neighbourhood: Neighbourhood, *, day: str, seed: int) -> Day:
    """The script for this neighbourhood. Raises `ValueError` for what is no date, and for a Sunday (N7: six days)."""
    if date.fromisoformat(day).isoweekday() == 7:
        raise ValueError(f"day: {day} is a Sunday, there is no round")
    dice = random.Random(f"day/{seed}")
    residents = list(neighbourhood.residents)
    dice.shuffle(residents)
    script = _Script(day, residents, neighbourhood, dice)
    return script.write(seed)


class _Script:
    """Writes one day: takes residents from the list, so that each has the part that is meant for him or her."""

    def __init__(self, day: str, residents: Sequence[Resident], place: Neighbourhood, dice: random.Random) -> None:
        self._day = day
        self._left = list(residents)
        self._place = place
        self._dice = dice
        self._number = 0

    def write(self, seed: int) -> Day:
        parts = {plenty: [self._left.pop() for _ in range(plenty.count)] for plenty in GOODS}
        morning = [wish for plenty, people in parts.items() for wish in self._goods(plenty, people)]
        morning += self._second_orders(parts)
        morning += self._services()
        later, cancelled = self._later(parts)
        wishes = [*morning, *later]
        return Day(
            day=self._day,
            seed=seed,
            begins_s=self._at(BEGINS),
            ends_s=self._at(ENDS),
            suppliers=self._suppliers(),
            wishes=tuple(sorted(wishes, key=lambda wish: wish.at_s)),
            deliveries=tuple(self._deliveries(wishes)),
            doors=self._doors(parts),
            mishaps=self._mishaps(cancelled),
            faults=make_faults(random.Random(f"faults/{seed}"), self._at, VANS),
            vans=dict(VANS),
        )

    def _at(self, clock: str) -> float:
        return local_s(self._day, clock)

    def _id(self) -> str:
        self._number += 1
        return f"{self._day}-{self._number:03d}"

    def _goods(self, plenty: Plenty, people: Sequence[Resident]) -> Iterator[Wish]:
        for person in people:
            yield self._wish(plenty, person)

    def _wish(self, plenty: Plenty, person: Resident, *, at_s: float = 0.0) -> Wish:
        goods = {"laundry_clean", "groceries", "letterbox_item"}
        return Wish(
            id=self._id(),
            resident=person.id,
            kind=plenty.kind,
            from_s=self._at(plenty.from_clock),
            to_s=self._at(plenty.to_clock),
            supplier=_supplier_of(plenty.goods).id,
            goods=plenty.goods,
            quantity=self._dice.choice((1, 1, 2)) if plenty.goods in goods else 1,
            release_s=None if plenty.kind == "collection" else self._at(plenty.goods_in) + 600,
            letterbox_allowed=plenty.letterbox_allowed,
            until_day=next_workday(self._day) if plenty.may_wait else None,
            at_s=at_s,
        )

    def _second_orders(self, parts: dict[Plenty, list[Resident]]) -> Iterator[Wish]:
        """Several suppliers for one resident: these are to become one visit."""
        chilled, _, rolls, fridge, groceries, *_ = GOODS
        for plenty, people in ((rolls, parts[chilled][:3]), (groceries, parts[fridge][:2])):
            yield from self._goods(plenty, people)
        parcels = GOODS[7]
        yield from self._goods(parcels, parts[groceries][:2])

    def _services(self) -> Iterator[Wish]:
        """Two rides, three chores of which one may fall away, two visits without goods."""
        for from_clock, to_clock in (("09:30", "10:30"), ("14:00", "15:00")):
            person, goal = self._left.pop(), self._dice.choice(self._place.spare)
            yield Wish(self._id(), person.id, "ride", self._at(from_clock), self._at(to_clock), to=goal, at_s=0.0)
        for number in range(3):
            person, hours = self._left.pop(), (self._at("09:00"), self._at("16:00"))
            chores = (self._dice.choice(CHORES),)
            yield Wish(self._id(), person.id, "chore", *hours, chores=chores, optional=number == 2)
        for _ in range(2):
            yield Wish(self._id(), self._left.pop().id, "visit", self._at("09:00"), self._at("16:00"))

    def _later(self, parts: dict[Plenty, list[Resident]]) -> tuple[list[Wish], Wish]:
        """Two orders during the day, and the one that is cancelled: its goods have not come in yet."""
        groceries = GOODS[4]
        asked = Plenty(1, "delivery", "groceries", "13:30", "15:30", AFTERNOON_GOODS_IN)
        wanted = [self._wish(asked, self._left.pop(), at_s=self._at("10:20"))]
        worried, now_s = self._left.pop().id, self._at("12:10")
        wanted.append(Wish(self._id(), worried, "visit", self._at("13:30"), self._at("15:30"), at_s=now_s))
        withdrawn = self._wish(groceries, self._left.pop())
        return [*wanted, withdrawn], withdrawn

    def _doors(self, parts: dict[Plenty, list[Resident]]) -> dict[str, Door]:
        chilled, hot, rolls, _, groceries, _, _, parcel, _ = (parts[plenty] for plenty in GOODS)
        habits = {
            chilled[3].id: Habit.AWAY,
            rolls[0].id: Habit.AWAY,
            parcel[0].id: Habit.AWAY,
            groceries[3].id: Habit.AWAY,
            hot[0].id: Habit.REFUSES,
            parcel[1].id: Habit.NEIGHBOUR,
            self._dice.choice([rolls[1].id, chilled[4].id]): Habit.TALKS,
        }
        return {
            person.id: Door(person.id, person.usual_step, habits.get(person.id, Habit.USUAL))
            for person in self._place.residents
        }

    def _suppliers(self) -> tuple[tuple[Supplier, Address], ...]:
        """Each where the map marks one of its trade, else at an address far from the middle of the map."""
        left = list(self._place.sites)
        places: dict[str, Address] = {}
        for supplier in SUPPLIERS:
            site = next((site for site in left if site.street.startswith(supplier.trade)), None)
            if site is not None:
                left.remove(site)
                places[supplier.id] = site
        left += self._edge()
        return tuple((supplier, places.get(supplier.id) or left.pop(0)) for supplier in SUPPLIERS)

    def _edge(self) -> list[Address]:
        hub = self._place.hubs[0].address
        far = sorted(self._place.spare, key=lambda door: abs(door.lat - hub.lat) + abs(door.lon - hub.lon))
        return self._dice.sample(far[-max(len(SUPPLIERS), len(far) // 4) :], len(SUPPLIERS))

    def _deliveries(self, wishes: Sequence[Wish]) -> Iterator[Delivery]:
        """A bulk delivery for each supplier, hub and time at which goods of it come in."""
        hubs = {person.id: person.hub for person in self._place.residents}
        times: dict[tuple[str, str, float], set[str]] = {}
        for wish in wishes:
            if wish.supplier is not None and wish.release_s is not None:
                key = (wish.supplier, hubs[wish.resident], wish.release_s - 600)
                times.setdefault(key, set()).add(wish.goods)
        for number, ((supplier, hub, t_s), goods) in enumerate(sorted(times.items())):
            yield Delivery(f"{self._day}-in-{number}", supplier, hub, t_s, tuple(sorted(goods)))

    def _mishaps(self, cancelled: Wish) -> Mishaps:
        minute = 60 * self._dice.randrange(10)
        return Mishaps(
            low_battery_van="van-2",
            low_soc_percent=round(self._dice.uniform(20.8, 21.6), 1),
            lid_van="van-3",
            lid_from_s=self._at("09:20") + minute,
            lid_open_s=self._dice.uniform(2700, 3300),
            flat_from_s=self._at("13:20") + minute,
            flat_s=self._dice.uniform(1500, 2100),
            cancelled=cancelled.id,
            cancelled_s=self._at("11:10") + minute,
        )


def _supplier_of(goods: str) -> Supplier:
    return next(supplier for supplier in SUPPLIERS if goods in supplier.goods)
