"""What the vans carry, as a table: how each kind of goods travels, and what it asks at the door.

Sources: domain.md 1.1 (temperatures, "lokaal vervoer" of at most two hours), 7.4 (goods) and 7.6 (steps). The
seconds at the door are our own defaults, to be replaced by what the vans measure.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goods:
    """One kind of goods.

    `temp_class` is the contract's, `compartment` one of `routing.model.COMPARTMENTS`. `service_s` is what the first
    one takes at the door, `further_s` each next one. `max_aboard_s`: longest time in a van, None for no limit.
    `direction` is what an order of these goods means unless it says swap. `letterbox`: may go through the letterbox
    without anybody's leave; `never_letterbox`: not even with the orderer's, only with the pharmacy's.
    """

    name: str
    dutch: str
    temp_class: str
    compartment: str
    service_s: int
    further_s: int = 10
    skill: str | None = None
    max_aboard_s: int | None = None
    direction: str = "deliver"
    letterbox: bool = False
    needs_contact: bool = False
    retry: bool = False
    """Whether somebody must come again the same day when nobody opened."""

    @property
    def may_wait(self) -> bool:
        """Whether it is still good, and not missed, on another day."""
        return not self.retry and self.max_aboard_s is None


_TWO_HOURS = 7200  # Warenwetbesluit, "lokaal vervoer": at most two hours to the consumer

GOODS: Mapping[str, Goods] = {
    goods.name: goods
    for goods in (
        Goods("chilled_meal", "koelverse maaltijd", "chilled", "chilled", 40, max_aboard_s=_TWO_HOURS, retry=True),
        Goods("hot_meal", "warme maaltijd", "hot", "hot", 40, max_aboard_s=5400, retry=True),
        Goods(
            "medication_roll",
            "medicatierol",
            "ambient",
            "ambient",
            120,
            skill="medication",
            needs_contact=True,
            retry=True,
        ),
        Goods(
            "fridge_medication",
            "medicijn uit de koelkast",
            "fridge",
            "chilled",
            90,
            skill="medication",
            max_aboard_s=4 * 3600,
            needs_contact=True,
            retry=True,
        ),
        Goods("bakery", "gekoeld gebak", "chilled", "chilled", 40, max_aboard_s=_TWO_HOURS),
        Goods("groceries", "boodschappen", "ambient", "ambient", 120, further_s=30),
        Goods("laundry_clean", "schone was", "ambient", "laundry", 45),
        Goods("laundry_dirty", "vuile was", "ambient", "laundry", 60, direction="collect"),
        Goods("parcel", "pakket", "ambient", "parcels", 30),
        Goods("letterbox_item", "brievenbuspost", "ambient", "parcels", 15, further_s=5, letterbox=True),
    )
}

TEMP_CLASSES_AT_RISK = frozenset({"chilled", "fridge"})
"""What a warm cooler endangers."""

STEP_S: Mapping[int | None, int] = {None: 60, 0: 30, 1: 60, 2: 120, 3: 240}
"""Time for contact by how far in the concierge usually comes: door ajar, door open, hall, inside."""

TALK_MAX_S: Mapping[int | None, int] = {None: 300, 0: 120, 1: 300, 2: 600, 3: 900}
"""How much longer somebody may stay for a talk, by the same step; who says otherwise has a number of their own."""

WALK_S = 45
"""From the van to the door and back."""

LETTERBOX_STEP_S = 10
"""At the letterbox there is no talk."""

VISIT_S = 900
"""A visit without goods: time to sit down."""

CHORE_S: Mapping[str, int] = {
    "lamp verwisselen": 300,
    "batterij": 180,
    "vuilnis buiten zetten": 180,
    "brief voorlezen": 420,
    "meterstand opmeten": 180,
    "iets uit een hoge kast pakken": 120,
    "wifi": 900,
    "storing medicijndispenser": 900,
}
"""Chores we know the length of (domain.md 7.8); any other takes `CHORE_DEFAULT_S`."""

CHORE_DEFAULT_S = 600

ANOTHER_DAY_S = 1800
"""What bringing today what may wait is worth, in seconds of driving (own default): a detour of half an hour is not."""

OPTIONAL_S = 1200
"""What a chore or a visit that may fall away is worth, in seconds of driving (own default)."""

RIDE_PICKUP_S = 240
RIDE_DROPOFF_S = 180
"""Helping somebody in and out of the van."""

RIDE_MAX_S = 1800

WARM_COOLER_LATEST_S = 3600
"""Goods of a cooler that became too warm are to be handed over within this time: half of the two hours that goods
may be without cooling, so that a second attempt remains possible (own default)."""


def collected_goods(goods: Goods) -> Goods:
    """What is taken along when `goods` are swapped: clean laundry for dirty, otherwise the same kind."""
    return GOODS["laundry_dirty"] if goods.name == "laundry_clean" else goods
