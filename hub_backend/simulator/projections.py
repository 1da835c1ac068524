"""What the hub made of the events, against the ledger: stops, orders, excursions, figures, lanes.

Comes in: answers of the hub's API. Goes out: findings like those of `compare`. How warm a cooler was is judged here
from the world's own temperatures, not from what the hub was told.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from edge_gateway.contract.messages import Outcome
from hub_backend.simulator.compare import Findings
from hub_backend.simulator.concierge import CONTACT
from hub_backend.simulator.cooler import Moment
from hub_backend.simulator.hub_api import Excursion, HubApi, SetAside
from hub_backend.simulator.truth import Truth, Visited

KM = 0.5  # of all vans together
KWH = 0.2  # of one van: the bus tells hundredths of a percent every ten seconds, and what was used before the first
SURE_S = 240.0  # a temperature this much longer than a rule's delay outside leaves no doubt, this much less no case
LOST = "sensor_lost"
LOST_S = 900.0  # domain.md 1.1: a sensor lost for 15 minutes is an alarm
WARM = ((7.0, 900.0), (10.0, 300.0))
"""Chilled food, domain.md 1.1: alarm above 7 C for 15 minutes or above 10 C for 5."""


class Lane(Struct, frozen=True):
    lane: str
    missing: int


class Source(Struct, frozen=True):
    source: str
    boot: int
    gap: int


class NodeNow(Struct, frozen=True):
    node: str
    dropped: int = 0
    rejected_frames: int = 0


class GatewayNow(Struct, frozen=True):
    gateway: str
    lanes: tuple[Lane, ...] = ()
    sources: tuple[Source, ...] = ()
    nodes: tuple[NodeNow, ...] = ()


class StopNow(Struct, frozen=True):
    """A stop of the day as the planner sees it."""

    id: str
    state: str


class PlanMade(Struct, frozen=True):
    revision: int
    reason: str = ""
    triggers: tuple[str, ...] = ()


class ContactFigures(Struct, frozen=True):
    """Visits at the door; rides are none."""

    contact: int
    letterbox: int
    outcomes: dict[str, int]
    deliveries: int
    parcels: int
    rides_done: int = 0
    chores_done: int = 0
    brought_back: int = 0
    talk_planned_s: int = 0
    talk_spent_s: int = 0
    share: float | None = None


class Movements(Struct, frozen=True):
    """Vehicles: each supplier apart, ours, and the suppliers' bulk trips to the hubs."""

    baseline: int
    project: int
    inbound: int


class DrivenFigures(Struct, frozen=True):
    """A van's kilometres and energy; None is not known."""

    van: str
    km: float | None
    kwh: float | None = None
    kwh_per_km: float | None = None


class Co2Figures(Struct, frozen=True):
    primary_share: float | None = None
    own_primary_share: float | None = None


class Figures(Struct, frozen=True):
    """The day's figures; None is not known."""

    contact: ContactFigures
    excursions: int
    km: float | None
    movements: Movements
    co2e_saved_kg: float | None
    driven: tuple[DrivenFigures, ...] = ()
    co2: Co2Figures = Co2Figures()

    @property
    def kwh_per_km(self) -> float | None:
        """Of all vans together, from the pack; None when of one of them it is not known."""
        measured = [(van.kwh, van.km) for van in self.driven if van.km]
        if not measured or any(kwh is None for kwh, _ in measured):
            return None
        return sum(kwh or 0.0 for kwh, _ in measured) / sum(km or 0.0 for _, km in measured)


@dataclass(frozen=True)
class Recorded:
    """Everything that the hub says about the day."""

    gateways: Sequence[GatewayNow]
    stops: Sequence[StopNow]
    excursions: Sequence[Excursion]
    plans: Sequence[PlanMade]
    figures: Figures
    rejects: Sequence[SetAside] = ()

    @property
    def replans(self) -> int:
        """Plans after the morning's first."""
        return max(0, len(self.plans) - 1)


async def read_recorded(hub: HubApi, day: str) -> Recorded:
    """Ask the hub for all of it. Raises `DemoError`."""
    gateways, stops, excursions, plans, figures, rejects = await asyncio.gather(
        hub.get("/api/gateways", tuple[GatewayNow, ...]),
        hub.get(f"/api/days/{day}/stops", tuple[StopNow, ...]),
        hub.excursions(),
        hub.get(f"/api/days/{day}/plans", tuple[PlanMade, ...]),
        hub.get(f"/api/days/{day}/figures", Figures),
        hub.rejects(),
    )
    return Recorded(gateways, stops, excursions, plans, figures, rejects)


def compare_recorded(truth: Truth, recorded: Recorded, *, whole_day: bool) -> Findings:
    """`whole_day` False: people are still at work, so only what is finished is judged."""
    found = Findings()
    _lanes(recorded.gateways, found)
    _stops(truth, {stop.id: stop.state for stop in recorded.stops}, found)
    _excursions(truth, recorded.excursions, found)
    if whole_day:
        _figures(truth, recorded.figures, found)
    return found


def _lanes(gateways: Sequence[GatewayNow], found: Findings) -> None:
    """What the hub itself counts as missing. (Holes in the numbers are counted from the events already.)"""
    for gateway in gateways:
        for lane in gateway.lanes:
            found.add("lost", f"{gateway.gateway}: {lane.missing} events of lane {lane.lane} are gone", lane.missing)
        for node in gateway.nodes:
            found.add("lost", f"{node.node}: dropped {node.dropped} readings", node.dropped)


def state_after(visits: Sequence[Visited]) -> str:
    """What a stop is after these visits, in their order: what happened last counts."""
    return "failed" if visits[-1].outcome in (Outcome.NO_ANSWER, Outcome.REFUSED) else "done"


def _stops(truth: Truth, states: Mapping[str, str], found: Findings) -> None:
    visits: dict[str, list[Visited]] = {}
    for visit in truth.visits:
        visits.setdefault(visit.stop.partition("/")[0], []).append(visit)
    for order in truth.orders:
        state = states.get(order.stop)
        mine = visits.get(order.stop, [])
        if state is None:
            found.add("lost", f"order {order.order}: its stop {order.stop} is not on the hub")
        elif mine and mine[-1].kind != "ride_pickup":
            expected = state_after(mine)
            if state != expected and not (expected == "failed" and state in ("open", "under_way", "at_door")):
                found.add("different", f"stop {order.stop}: {state}, and was {mine[-1].outcome} at {mine[-1].t_s:.0f}")
        elif not mine and state in ("done", "failed"):
            found.add("different", f"stop {order.stop}: {state}, and nobody came there")
        only = [other for other in truth.orders if other.stop == order.stop]
        if order.order in truth.cancelled and len(only) == 1 and state != "cancelled":
            found.add("different", f"order {order.order}: cancelled, and its stop is {state}")


def longest_above(moments: Sequence[Moment], limit_c: float) -> float:
    """The longest time in one piece that the product was above `limit_c`, s."""
    longest = 0.0
    since_s: float | None = None
    for moment in moments:
        if moment.product_c <= limit_c:
            since_s = None
            continue
        since_s = moment.t_s if since_s is None else since_s
        longest = max(longest, moment.t_s - since_s)
    return longest


def _excursions(truth: Truth, excursions: Sequence[Excursion], found: Findings) -> None:
    """Every cooler that was clearly too warm has one, and none that clearly was not; the same for a broken probe."""
    sources = {excursion.source for excursion in excursions if excursion.rule != LOST}
    lost = {excursion.source for excursion in excursions if excursion.rule == LOST}
    for probe in truth.broken_probes:
        if probe.to_s - probe.from_s > LOST_S + SURE_S and probe.who not in lost:
            found.add("lost", f"{probe.who}: nobody knew how warm it was for long enough, and it has no excursion")
    for source in lost - {probe.who for probe in truth.broken_probes}:
        found.add("different", f"{source}: its probe is said to be lost, and never was")
    for source, moments in truth.coolers.items():
        over = [longest_above(moments, limit_c) - delay_s for limit_c, delay_s in WARM]
        if any(excess > SURE_S for excess in over) and source not in sources:
            found.add("lost", f"{source}: was too warm for long enough, and has no excursion")
        if all(excess < -SURE_S for excess in over) and source in sources:
            found.add("different", f"{source}: has an excursion, and was never too warm for long enough")
    by_id = {excursion.id: excursion for excursion in excursions}
    for name in truth.closed_excursions:
        excursion = by_id.get(name)
        if excursion is None or excursion.closed_s is None:
            found.add("lost", f"excursion {name}: somebody closed it, and it is open")


def _figures(truth: Truth, figures: Figures, found: Findings) -> None:
    outcomes = truth.outcomes()
    contact = sum(outcomes[outcome] for outcome in CONTACT)
    said = figures.contact
    for name, mine, theirs in (
        ("contact", contact, said.contact),
        ("letterbox", outcomes[Outcome.LETTERBOX], said.letterbox),
        ("no answer", outcomes[Outcome.NO_ANSWER], said.outcomes.get(Outcome.NO_ANSWER, 0)),
        ("deliveries", truth.deliveries(), said.deliveries),
        ("parcels", len(truth.parcels_handed_over()), said.parcels),
        ("rides", truth.happened["ride"], said.rides_done),
    ):
        if theirs != mine:
            found.add("different", f"figures: {name} {theirs}, and was {mine}")
    for van in figures.driven:
        used_kwh = truth.used_kwh.get(van.van, 0.0)
        if van.kwh is not None and abs(van.kwh - used_kwh) > KWH:
            found.add("different", f"figures: {van.van} used {van.kwh:.2f} kWh, and it was {used_kwh:.2f} kWh")
    km = truth.km(truth.odometer_km)
    if figures.km is None or abs(figures.km - km) > KM:
        found.add("different", f"figures: {figures.km} km, and was {km:.1f} km")
