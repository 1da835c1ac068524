"""The day in figures: contact, stops, kilometres, vehicle movements, CO2e. Read from the record, never kept.

Comes in: a session and a way to ask for tours. Goes out: `Figures`. A figure that is not known is None, and said.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub_backend.dispatching.router.problem import TourAnswer, TourRequest
from hub_backend.dispatching.router.solver import SolverError
from hub_backend.factors import Factors, VanClass
from hub_backend.record import (
    ExcursionRow,
    HubRow,
    OrderRow,
    ParcelRow,
    PlanRow,
    ResidentRow,
    ShipmentRow,
    StopRow,
    SupplierRow,
    VanRow,
    VisitRow,
)
from hub_backend.reporting import co2
from hub_backend.reporting.driven import Driven, driven
from hub_backend.workday import bounds

CONTACT = ("contact_door", "contact_inside", "contact_other_person")
TOUR_S = 0.1
TOUR_SEED = 1
MOST_TOURS = 500
ONE_TRIP_S = 3600.0
ELECTRICITY = "electricity_mix"


class Tours(Protocol):
    """Gives the shortest round past places, or raises `SolverError`: `solver.Solver`."""

    def tour(self, request: TourRequest) -> TourAnswer: ...


@dataclass(frozen=True)
class Contact:
    """Visits of a day that are no rides (domain.md K1, K2, K10).

    `share` is contact / (contact + letterbox), attempts that failed not counted; None before the first.
    """

    visits: int
    contact: int
    letterbox: int
    outcomes: dict[str, int]
    steps: dict[str, int]
    share: float | None
    deliveries: int
    """Orders of which something was handed over (K1)."""
    parcels: int
    collected: int
    suppliers_per_visit: float | None
    chores_done: int
    rides_done: int
    brought_back: int
    """Parcels that were in a van and came back to the hub."""
    talk_planned_s: int
    """Spare time that the plans handed out as contact time, but at stops that were cancelled or moved."""
    talk_spent_s: int
    """Time at doors where somebody was met, beyond what the task itself asks for."""


@dataclass(frozen=True)
class StopCounts:
    """A day's stops by state; `moved`: to another day, before anybody came."""

    all: int
    done: int
    failed: int
    cancelled: int
    moved: int
    open: int


@dataclass(frozen=True)
class Figures:
    """One day."""

    day: str
    contact: Contact
    stops: StopCounts
    plans: int
    replans: int
    excursions: int
    km: float | None
    driven: Sequence[Driven]
    movements_avoided: int
    co2: co2.Comparison


class FiguresDesk:
    """Works out the figures; remembers the suppliers' own tours, which take the router a moment each."""

    def __init__(self, tours: Tours, factors: Factors, *, zone: ZoneInfo) -> None:
        self._tours = tours
        self._factors = factors
        self._zone = zone
        self._known: dict[tuple[tuple[float, float], ...], float | None] = {}

    def of(self, session: Session, day: str) -> Figures:
        """The figures of `day`. Raises `FactorError` when the tables have no factor for it."""
        visits = session.scalars(select(VisitRow).where(VisitRow.day == day).order_by(VisitRow.t_s)).all()
        adopted = select(func.count()).select_from(PlanRow).where(PlanRow.day == day, PlanRow.state == "adopted")
        plans = session.scalar(adopted) or 0
        kilometres = driven(session, day, zone=self._zone)
        comparison = self._compare(session, day, visits, kilometres)
        return Figures(
            day=day,
            contact=contact(session, day, visits),
            stops=_stop_counts(session, day),
            plans=plans,
            replans=max(0, plans - 1),
            excursions=self._excursions(session, day),
            km=_sum([one.km for one in kilometres]),
            driven=kilometres,
            # A supplier's own tour does not drive; its bulk trip to the hub and our vans do.
            movements_avoided=comparison.movements_baseline
            - comparison.movements_project
            - comparison.movements_inbound,
            co2=comparison,
        )

    def _excursions(self, session: Session, day: str) -> int:
        from_s, to_s = bounds(day, zone=self._zone)
        query = select(func.count()).select_from(ExcursionRow)
        return session.scalar(query.where(ExcursionRow.opened_s >= from_s, ExcursionRow.opened_s < to_s)) or 0

    # ------------------------------------------------------------ CO2e

    def _compare(
        self, session: Session, day: str, visits: Sequence[VisitRow], kilometres: Sequence[Driven]
    ) -> co2.Comparison:
        suppliers = {row.id: row for row in session.scalars(select(SupplierRow).order_by(SupplierRow.id))}
        vans = {row.id: row for row in session.scalars(select(VanRow))}
        electricity = self._factors.on(ELECTRICITY, day)
        baseline = []
        for supplier_id, places in _addresses(session, day, visits).items():
            supplier = suppliers[supplier_id]
            van_class = self._factors.van_class(supplier.van_class)
            tour = co2.Tour(supplier_id, van_class, self._own_tour_km(supplier, places), len(places))
            baseline.append(co2.baseline_part(tour, self._factors.on(van_class.factor, day)))
        project = [
            co2.project_part(co2.VanDay(one.van, one.km, one.source, vans[one.van].kwh_per_km, one.kwh), electricity)
            for one in kilometres
            if one.van in vans
        ]
        inbound = [
            co2.inbound_part(trip, self._factors.on(trip.van_class.factor, day))
            for trip in self._inbound(session, day, suppliers)
        ]
        return co2.compare(baseline, project, inbound)

    def _own_tour_km(self, supplier: SupplierRow, places: Sequence[tuple[float, float]]) -> float | None:
        round_km = self._round_km(((supplier.lat, supplier.lon), *places))
        return None if round_km is None else round_km + 2 * supplier.approach_km

    def _inbound(self, session: Session, day: str, suppliers: dict[str, SupplierRow]) -> list[co2.Inbound]:
        hubs = {hub.id: hub for hub in session.scalars(select(HubRow))}
        rows = session.scalars(select(ShipmentRow).where(ShipmentRow.day == day).order_by(ShipmentRow.t_s)).all()
        trips = []
        for trip in bulk_trips(rows):
            supplier = suppliers[trip[0].supplier]
            van_class: VanClass = self._factors.van_class(supplier.van_class)
            told_km = trip[0].km
            if told_km is not None:
                trips.append(co2.Inbound(supplier.id, van_class, told_km, co2.DataKind.PRIMARY))
                continue
            places = dict.fromkeys((hubs[row.hub].lat, hubs[row.hub].lon) for row in trip)
            round_km = self._round_km(((supplier.lat, supplier.lon), *places))
            km = None if round_km is None else round_km + 2 * supplier.approach_km
            trips.append(co2.Inbound(supplier.id, van_class, km, co2.DataKind.MODELLED))
        return trips

    def _round_km(self, places: tuple[tuple[float, float], ...]) -> float | None:
        """Kilometres of the round from the first place past the others and back; None when nobody can say."""
        if places not in self._known:
            try:
                answer = self._tours.tour(TourRequest(places=places, seconds=TOUR_S, seed=TOUR_SEED))
            except SolverError:
                return None  # not remembered: the router may be back the next time
            if len(self._known) >= MOST_TOURS:
                self._known.clear()
            self._known[places] = None if answer.distance_m is None else answer.distance_m / 1000
        return self._known[places]


def bulk_trips(rows: Sequence[ShipmentRow]) -> list[list[ShipmentRow]]:
    """Shipments, in the order of their times, by the trip that brought them.

    A supplier that comes to several hubs within `ONE_TRIP_S` made one round. A trip with told km is one alone.
    """
    trips: list[list[ShipmentRow]] = []
    newest: dict[str, list[ShipmentRow]] = {}
    for row in rows:
        trip = newest.get(row.supplier)
        if row.km is None and trip is not None and row.t_s - trip[-1].t_s <= ONE_TRIP_S:
            trip.append(row)
            continue
        trips.append([row])
        if row.km is None:
            newest[row.supplier] = trips[-1]
    return trips


def contact(session: Session, day: str, visits: Sequence[VisitRow]) -> Contact:
    """The figures of contact. A ride's pickup and dropoff are no visits; it is done when its passenger is there."""
    at_doors = [visit for visit in visits if "/" not in visit.stop]
    outcomes = Counter(visit.outcome for visit in at_doors)
    stops = {stop.id: stop for stop in session.scalars(select(StopRow).where(StopRow.day == day))}
    met = sum(outcomes[outcome] for outcome in CONTACT)
    letterbox = outcomes["letterbox"]
    rows = session.execute(
        select(ParcelRow.code, OrderRow.id, OrderRow.supplier, ParcelRow.state)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .where(OrderRow.day == day)
    ).all()
    parcels = {code: (order, supplier) for code, order, supplier, _ in rows}
    bundles = [{parcels[code][1] for code in visit.delivered if code in parcels} for visit in at_doors]
    bundles = [bundle for bundle in bundles if bundle]
    return Contact(
        visits=len(at_doors),
        contact=met,
        letterbox=letterbox,
        outcomes=dict(sorted(outcomes.items())),
        steps=dict(sorted(Counter(str(visit.step) for visit in at_doors if visit.step is not None).items())),
        share=met / (met + letterbox) if met + letterbox else None,
        deliveries=len({parcels[code][0] for visit in at_doors for code in visit.delivered if code in parcels}),
        parcels=sum(len(visit.delivered) for visit in at_doors),
        collected=sum(len(visit.collected) for visit in at_doors),
        suppliers_per_visit=sum(map(len, bundles)) / len(bundles) if bundles else None,
        chores_done=sum(len(visit.chores_done) for visit in at_doors),
        rides_done=sum(visit.stop.endswith("/dropoff") and visit.outcome in CONTACT for visit in visits),
        brought_back=sum(state == "returned" for _, _, _, state in rows),
        talk_planned_s=int(sum(stop.talk_s for stop in stops.values() if stop.state not in ("cancelled", "moved"))),
        talk_spent_s=sum(_talked_s(visit, stops.get(visit.stop)) for visit in at_doors),
    )


def _talked_s(visit: VisitRow, stop: StopRow | None) -> int:
    """A visit's talk; before the window began she stood before the door."""
    if stop is None or visit.began_s is None or visit.outcome not in CONTACT:
        return 0
    return max(0, int(visit.t_s - max(visit.began_s, min(stop.from_s, visit.t_s)) - stop.service_s))


def _stop_counts(session: Session, day: str) -> StopCounts:
    states = Counter(session.scalars(select(StopRow.state).where(StopRow.day == day)))
    finished = {state: states[state] for state in ("done", "failed", "cancelled", "moved")}
    return StopCounts(all=states.total(), open=states.total() - sum(finished.values()), **finished)


def _addresses(session: Session, day: str, visits: Sequence[VisitRow]) -> dict[str, list[tuple[float, float]]]:
    """For each supplier the addresses it would have driven to: those where we came for it, letterbox items left out."""
    visited = {visit.stop for visit in visits}
    rows = session.execute(
        select(OrderRow.supplier, OrderRow.stop, ResidentRow.lat, ResidentRow.lon)
        .join(ResidentRow, ResidentRow.id == OrderRow.resident)
        .where(
            OrderRow.day == day,
            OrderRow.supplier.is_not(None),
            OrderRow.kind.in_(("delivery", "collection", "swap")),
            OrderRow.goods != "letterbox_item",
        )
        .order_by(OrderRow.supplier, ResidentRow.lat, ResidentRow.lon)
    )
    places: dict[str, list[tuple[float, float]]] = {}
    for supplier, stop, lat, lon in rows:
        if supplier is None or stop not in visited:
            continue
        mine = places.setdefault(supplier, [])
        if (lat, lon) not in mine:
            mine.append((lat, lon))
    return places


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 3) if len(known) == len(values) else None
