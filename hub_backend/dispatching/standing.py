"""How a day stands: from the record to the question for the router.

Comes in: a session on the record and the time. Goes out: `Standing`, with the problem in coordinates, what people call
each stop, and the stops that cannot be planned at all with the reason in Dutch. Nothing here decides; it only reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import Tour, decode_event
from hub_backend.dispatching.problem import DayHub, DayProblem, DayRide, DayTask, DayVan, Left, PlannedStep, Window
from hub_backend.ordering.goods import (
    GOODS,
    RIDE_DROPOFF_S,
    RIDE_MAX_S,
    RIDE_PICKUP_S,
    TEMP_CLASSES_AT_RISK,
    WARM_COOLER_LATEST_S,
    collected_goods,
)
from hub_backend.ordering.orders import wish_of
from hub_backend.ordering.stops import Wish, skills_needed
from hub_backend.record import (
    EventRow,
    ExcursionRow,
    HubRow,
    OrderRow,
    ParcelRow,
    ResidentRow,
    StopRow,
    VanRow,
    VanStateRow,
    VisitRow,
)
from hub_backend.spoken import van_called
from hub_backend.workday import at, bounds

RELOAD_S = 300
FRESH_FIX_S = 60.0  # as the screens: older is visibly stale, and no basis for a route
FRESH_SOC_S = 1800.0
LATE_S = 2 * 3600
"""How far a window is stretched for a stop that can no longer be reached in it: late is better than not at all."""

CONTACT = ("contact_door", "contact_inside", "contact_other_person")
AT_STOP = ("arrived", "longer")
OPEN = ("open", "under_way", "at_door")
"""States of a stop that somebody still goes to."""


@dataclass(frozen=True)
class VanTour:
    """Where a van's day has come to, from its own tour events. `extra_s`: asked for longer at this stop."""

    phase: str = ""
    phase_s: float = 0.0
    stop: str | None = None
    arrived_s: float | None = None
    extra_s: float = 0.0
    depot_stops: tuple[str, ...] = ()
    """The reloads and charges it has begun, in order."""

    @property
    def left_hub(self) -> bool:
        return self.phase not in ("", "started", "back_at_hub", "ended") and not self.at_depot_stop

    @property
    def at_depot_stop(self) -> bool:
        """Whether it stands at the hub to reload or charge."""
        return self.stop is not None and is_depot_stop(self.stop) and self.phase in AT_STOP


def is_depot_stop(ref: str) -> bool:
    """Whether a planned stop is a reload or a charge (`reload.1`) and no resident's."""
    return ref.startswith(("reload.", "charge."))


def stop_of_ref(ref: str) -> str:
    """The record's stop behind a planned stop: a ride has a `/pickup` and a `/dropoff`."""
    return ref.partition("/")[0]


@dataclass
class StopNow:
    """A stop with everything that belongs to it."""

    row: StopRow
    resident: ResidentRow
    orders: list[OrderRow]
    parcels: list[ParcelRow]
    goods: dict[str, OrderRow]
    """The order of each parcel code."""

    def parcel_goods(self, parcel: ParcelRow) -> str:
        goods = GOODS[self.goods[parcel.code].goods]
        return (collected_goods(goods) if parcel.direction == "collect" else goods).name

    @property
    def address(self) -> str:
        return f"{self.resident.street} {self.resident.number}"

    @property
    def wishes(self) -> list[Wish]:
        """What its orders ask for at the door."""
        return [wish_of(order) for order in self.orders]

    @property
    def aboard(self) -> set[str]:
        """The vans in which its goods lie."""
        return {
            parcel.van
            for parcel in self.parcels
            if parcel.direction == "deliver" and parcel.state == "loaded" and parcel.van is not None
        }


@dataclass(frozen=True)
class Standing:
    """A day as it stands at `now_s`."""

    day: str
    now_s: int
    problem: DayProblem
    names: Mapping[str, str]
    unplannable: Sequence[Left]
    stops: Mapping[str, StopNow]
    vans: Mapping[str, VanRow]
    tours: Mapping[str, VanTour]
    under_way: Mapping[str, str]
    """Each van's stop that may not be taken from it any more: where it is, or is driving to."""
    current: Mapping[str, PlannedStep]
    """Where a van stands now, at a door or to reload: the first step of its route, which no solver may touch."""
    hubs: Mapping[str, HubRow]
    notes: Sequence[str] = field(default_factory=tuple)


def read_stops(session: Session, day: str) -> dict[str, StopNow]:
    """Every stop of a day with its resident, orders and parcels."""
    stops = {
        stop.id: StopNow(stop, resident, [], [], {})
        for stop, resident in session.execute(
            select(StopRow, ResidentRow)
            .join(ResidentRow, ResidentRow.id == StopRow.resident)
            .where(StopRow.day == day)
            .order_by(StopRow.from_s, StopRow.id)
        )
    }
    orders = {
        order.id: order
        for order in session.scalars(select(OrderRow).where(OrderRow.day == day).order_by(OrderRow.from_s, OrderRow.id))
    }
    for order in orders.values():
        if order.stop in stops and order.state != "cancelled":
            stops[order.stop].orders.append(order)
    parcels = session.scalars(
        select(ParcelRow)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .where(OrderRow.day == day, ParcelRow.state != "cancelled")
        .order_by(ParcelRow.code)
    )
    for parcel in parcels:
        order = orders[parcel.order]
        if order.stop in stops and order.state != "cancelled":
            stops[order.stop].parcels.append(parcel)
            stops[order.stop].goods[parcel.code] = order
    return stops


def read_tours(session: Session, day: str, *, zone: ZoneInfo) -> dict[str, VanTour]:
    """Each van's tour so far. Late events are put in their own time, not in that of their arrival."""
    from_s, to_s = bounds(day, zone=zone)
    rows = session.execute(
        select(EventRow.gateway, EventRow.body)
        .where(EventRow.kind == "tour", EventRow.t_s >= from_s, EventRow.t_s < to_s)
        .order_by(EventRow.t_s, EventRow.id)
    )
    tours: dict[str, VanTour] = {}
    for gateway, body in rows:
        event = decode_event.decode(body)
        if isinstance(event, Tour):
            tours[gateway] = follow_tour(tours.get(gateway, VanTour()), event)
    return tours


def follow_tour(tour: VanTour, event: Tour) -> VanTour:
    """The tour after one more event."""
    stop = event.stop if event.stop is not None or event.phase != "longer" else tour.stop
    same = stop is not None and stop == tour.stop
    arrived_s = event.t_s if event.phase == "arrived" else tour.arrived_s if same else None
    extra_s = tour.extra_s if same and event.phase == "longer" else 0.0
    if event.phase == "longer":
        extra_s += event.extra_s or 0.0
    begun = tour.depot_stops
    if event.phase == "arrived" and stop is not None and is_depot_stop(stop) and stop not in begun:
        begun = (*begun, stop)
    return VanTour(event.phase, event.t_s, stop, arrived_s, extra_s, begun)


def read_standing(
    session: Session,
    day: str,
    *,
    now_s: float,
    zone: ZoneInfo,
    depart_s: Mapping[tuple[str, str], int] | None = None,
    late: frozenset[str] = frozenset(),
    without: Mapping[str, str] | None = None,
) -> Standing:
    """Read how `day` stands.

    `depart_s`: when a van that reloads or charges now is planned to be ready, by van and planned stop. `late`: stops
    that no longer fit in their window, which is then stretched. `without`: stops to leave out, each with the reason.
    """
    begin_s, end_s = bounds(day, zone=zone)
    now = min(max(int(now_s), begin_s), end_s)
    reader = _Reader(
        session=session,
        day=day,
        now_s=now,
        zone=zone,
        depart_s=depart_s or {},
        late=late,
        without=without or {},
    )
    return reader.read()


class _Reader:
    """Reads one standing; lives as long as one call."""

    def __init__(
        self,
        *,
        session: Session,
        day: str,
        now_s: int,
        zone: ZoneInfo,
        depart_s: Mapping[tuple[str, str], int],
        late: frozenset[str],
        without: Mapping[str, str],
    ) -> None:
        self._session = session
        self._day = day
        self._now_s = now_s
        self._zone = zone
        self._depart_s = depart_s
        self._late = late
        self._without = without
        self._left: list[Left] = []
        self._notes: list[str] = []
        self._hubs = {hub.id: hub for hub in session.scalars(select(HubRow).order_by(HubRow.id))}
        self._vans = {van.id: van for van in session.scalars(select(VanRow).order_by(VanRow.id))}
        self._states = {state.van: state for state in session.scalars(select(VanStateRow))}
        self._tours = read_tours(session, day, zone=zone)
        self._stops = read_stops(session, day)
        self._warm = self._warm_vans()
        self._visited_s, self._picked_up, self._dropped = self._visits()

    def read(self) -> Standing:
        under_way = {van: ref for van in self._vans if (ref := self._under_way(van)) is not None}
        available = [van for van in self._vans.values() if self._available(van)]
        out = {van.id: van for van in self._vans.values() if van not in available}
        tasks = [task for stop in self._open_stops("visit") if (task := self._task(stop, out, under_way))]
        rides = [ride for stop in self._open_stops("ride") if (ride := self._ride(stop, out, under_way))]
        planned = {task.id for task in tasks} | {ride.id for ride in rides}
        vans = [self._van(van, planned, under_way) for van in self._vans.values()]
        problem = DayProblem(
            day=self._day,
            now_s=self._now_s,
            hubs=tuple(self._hub(hub) for hub in self._hubs.values()),
            vans=tuple(van for van in vans if van.id not in out),
            tasks=tuple(tasks),
            rides=tuple(rides),
        )
        return Standing(
            day=self._day,
            now_s=self._now_s,
            problem=problem,
            names=self._names(),
            unplannable=self._left,
            stops=self._stops,
            vans=self._vans,
            tours=self._tours,
            under_way={van: ref for van, ref in under_way.items() if van not in out},
            current={van.id: step for van in vans if (step := self._current(van, under_way)) is not None},
            hubs=self._hubs,
            notes=self._notes,
        )

    def _names(self) -> dict[str, str]:
        names = {van: van_called(van) for van in self._vans}
        for id_, stop in self._stops.items():
            names[id_] = stop.address
            if stop.row.kind == "ride":
                destination = stop.orders[0].to_name if stop.orders else ""
                names[f"{id_}/pickup"] = stop.address
                names[f"{id_}/dropoff"] = destination or "de bestemming"
        return names

    # ------------------------------------------------------------ hubs and vans

    def _hub(self, hub: HubRow) -> DayHub:
        return DayHub(
            id=hub.id,
            lat=hub.lat,
            lon=hub.lon,
            open=(at(self._day, hub.open_from, zone=self._zone), at(self._day, hub.open_to, zone=self._zone)),
            reload_s=RELOAD_S,
        )

    def _available(self, van: VanRow) -> bool:
        return van.in_service and self._tour(van.id).phase != "ended"

    def _tour(self, van: str) -> VanTour:
        return self._tours.get(van, VanTour())

    def _under_way(self, van: str) -> str | None:
        """The planned stop that the van is at or drives to, while it is not finished. A depot stop is none."""
        tour = self._tour(van)
        if tour.stop is None or is_depot_stop(tour.stop) or tour.phase not in ("under_way", "arrived", "longer"):
            return None
        stop = self._stops.get(stop_of_ref(tour.stop))
        visited_s = self._visited_s.get((van, tour.stop))
        if stop is None or stop.row.state not in OPEN or (visited_s is not None and visited_s >= tour.phase_s):
            return None
        return tour.stop

    def _van(self, van: VanRow, planned: set[str], under_way: Mapping[str, str]) -> DayVan:
        tour = self._tour(van.id)
        shift = (at(self._day, van.shift_from, zone=self._zone), at(self._day, van.shift_to, zone=self._zone))
        lat, lon = self._place(van, tour)
        ready_s = max(self._now_s, shift[0]) if tour.phase in ("", "started") else self._now_s
        committed: tuple[str, ...] = ()
        going_to = under_way.get(van.id)
        if going_to is not None and tour.phase in AT_STOP:
            ready_s = max(ready_s, self._service_end_s(tour, self._stops[stop_of_ref(going_to)]))
        elif going_to is not None:
            committed = (going_to,)
        elif tour.at_depot_stop:
            ready_s = max(ready_s, self._depot_ready_s(van.id, tour))
        return DayVan(
            id=van.id,
            hub=van.hub,
            lat=lat,
            lon=lon,
            ready_s=ready_s,
            shift=(shift[0], max(shift[1], ready_s)),
            capacity={name: int(units) for name, units in van.capacity.items()},
            skills=tuple(sorted(str(skill) for skill in van.skills)),
            at_depot=not tour.left_hub,
            on_board=tuple(
                sorted(id_ for id_, stop in self._stops.items() if van.id in stop.aboard and id_ in planned)
            ),
            committed=tuple(task for task in committed if stop_of_ref(task) in planned),
            collected=self._collected(van.id),
            battery_kwh=van.battery_kwh,
            soc_percent=self._soc(van, tour, ready_s),
            kwh_per_km=van.kwh_per_km,
            charge_kw=van.charge_kw,
        )

    def _collected(self, van: str) -> dict[str, int]:
        """What was taken along and is still in the van, by compartment."""
        units: dict[str, int] = {}
        for stop in self._stops.values():
            for parcel in stop.parcels:
                if parcel.direction == "collect" and parcel.state == "loaded" and parcel.van == van:
                    compartment = GOODS[stop.parcel_goods(parcel)].compartment
                    units[compartment] = units.get(compartment, 0) + 1
        return units

    def _current(self, van: DayVan, under_way: Mapping[str, str]) -> PlannedStep | None:
        tour = self._tour(van.id)
        if tour.stop is None or tour.phase not in AT_STOP:
            return None
        if not tour.at_depot_stop and van.id not in under_way:
            return None
        begun_s = int(tour.arrived_s if tour.arrived_s is not None else tour.phase_s)
        kind = tour.stop.partition(".")[0] if tour.at_depot_stop else "task"
        if "/" in tour.stop:
            kind = tour.stop.partition("/")[2]
        return PlannedStep(
            kind=kind,
            task=van.hub if tour.at_depot_stop else tour.stop,
            ref=tour.stop,
            lat=van.lat,
            lon=van.lon,
            arrive_s=begun_s,
            start_s=begun_s,
            depart_s=van.ready_s,
        )

    def _place(self, van: VanRow, tour: VanTour) -> tuple[float, float]:
        """Where the van is: at its hub, at its stop, at its last fix while that is fresh, else at its last stop."""
        hub = self._hubs[van.hub]
        if not tour.left_hub:
            return hub.lat, hub.lon
        if tour.phase in AT_STOP and tour.stop is not None:
            found = self._stop_place(tour.stop)
            if found is not None:
                return found
        state = self._states.get(van.id)
        fresh = state is not None and state.fix_s is not None and self._now_s - state.fix_s <= FRESH_FIX_S
        if state is not None and fresh and state.lat is not None and state.lon is not None:
            return state.lat, state.lon
        return self._last_visited(van.id) or (hub.lat, hub.lon)

    def _stop_place(self, ref: str) -> tuple[float, float] | None:
        stop = self._stops.get(stop_of_ref(ref))
        if stop is None:
            return None
        if ref.endswith("/dropoff") and stop.orders and stop.orders[0].to_lat is not None:
            return stop.orders[0].to_lat, stop.orders[0].to_lon or 0.0
        return stop.resident.lat, stop.resident.lon

    def _last_visited(self, van: str) -> tuple[float, float] | None:
        ref = self._session.scalars(
            select(VisitRow.stop)
            .where(VisitRow.van == van, VisitRow.day == self._day)
            .order_by(VisitRow.t_s.desc())
            .limit(1)
        ).first()
        return None if ref is None else self._stop_place(ref)

    def _service_end_s(self, tour: VanTour, stop: StopNow) -> int:
        service_s = stop.row.service_s
        if tour.stop is not None and "/" in tour.stop:
            service_s = RIDE_PICKUP_S if tour.stop.endswith("/pickup") else RIDE_DROPOFF_S
        begun_s = tour.arrived_s if tour.arrived_s is not None else tour.phase_s
        return int(begun_s + service_s + tour.extra_s)

    def _depot_ready_s(self, van: str, tour: VanTour) -> int:
        planned_s = self._depart_s.get((van, tour.stop or ""))
        return planned_s if planned_s is not None else int(tour.phase_s) + RELOAD_S

    def _soc(self, van: VanRow, tour: VanTour, ready_s: int) -> float | None:
        """The charge at `ready_s`: as last read, plus what a charge under way will have brought by then."""
        state = self._states.get(van.id)
        if state is None or state.soc_percent is None or state.vehicle_s is None:
            return None
        if tour.left_hub and self._now_s - state.vehicle_s > FRESH_SOC_S:
            return None
        gained = 0.0
        if tour.at_depot_stop and tour.stop is not None and tour.stop.startswith("charge."):
            gained = max(0, ready_s - self._now_s) / 3600 * van.charge_kw / van.battery_kwh * 100
        return min(100.0, state.soc_percent + gained)

    def _warm_vans(self) -> dict[str, float]:
        """Vans with a cooler that is too warm now, and since when. An open excursion counts until it has recovered."""
        rows = self._session.scalars(
            select(ExcursionRow).where(ExcursionRow.closed_s.is_(None), ExcursionRow.recovered_s.is_(None))
        )
        warm: dict[str, float] = {}
        for row in rows:
            van = row.source.partition("/")[0]
            if van in self._vans and row.limit_c is not None and (row.extreme_c or 0.0) > row.limit_c:
                warm[van] = min(row.began_s, warm.get(van, row.began_s))
        return warm

    # ------------------------------------------------------------ stops

    def _visits(self) -> tuple[dict[tuple[str, str], float], dict[str, str], dict[str, str]]:
        """When each van last recorded an outcome at a stop; and the vans of the pickups and dropoffs that were done."""
        rows = self._session.scalars(select(VisitRow).where(VisitRow.day == self._day).order_by(VisitRow.t_s)).all()
        visited_s = {(row.van, row.stop): row.t_s for row in rows}
        done = {row.stop: row.van for row in rows if row.outcome in CONTACT}
        picked_up = {ref: van for ref, van in done.items() if ref.endswith("/pickup")}
        return visited_s, picked_up, {ref: van for ref, van in done.items() if ref.endswith("/dropoff")}

    def _open_stops(self, kind: str) -> Iterable[StopNow]:
        return [
            stop for stop in self._stops.values() if stop.row.kind == kind and stop.row.state in OPEN and stop.orders
        ]

    def _refused(self, stop: StopNow, reason: str) -> None:
        self._left.append(Left(task=stop.row.id, reason=reason))

    def _held(self, stop: StopNow, out: Mapping[str, VanRow], under_way: Mapping[str, str]) -> bool:
        """Whether a stop cannot be planned at all: being served now, stuck, or left out on request."""
        id_ = stop.row.id
        at_door = {stop_of_ref(ref): van for van, ref in under_way.items() if self._tour(van).phase in AT_STOP}
        if id_ in at_door and stop.row.kind == "visit":
            return True
        if id_ in self._without:
            self._refused(stop, self._without[id_])
            return True
        if stuck := sorted(stop.aboard & set(out)):
            self._refused(stop, f"de spullen liggen in {stuck[0]}, dat niet rijdt")
            return True
        if len(stop.aboard) > 1:
            self._refused(stop, f"de spullen liggen in meer busjes: {', '.join(sorted(stop.aboard))}")
            return True
        if stop.row.locked and stop.row.van in out:
            self._refused(stop, f"vastgezet op {stop.row.van}, dat niet rijdt")
            return True
        return False

    def _window(self, stop: StopNow) -> Window:
        from_s, to_s = int(stop.row.from_s), int(stop.row.to_s)
        if stop.row.id in self._late or to_s < self._now_s:
            to_s = max(to_s, self._now_s) + LATE_S
        latest_s = self._latest_s(stop)
        # A limit that cannot be met any more is no help to anybody: deliver, and let the person at the door decide.
        if latest_s is not None and latest_s > max(from_s, self._now_s) + 300:
            to_s = min(to_s, latest_s)
        elif latest_s is not None:
            self._notes.append(f"{stop.address}: goederen zijn over hun tijd, controleer ze voor het overhandigen")
        return from_s, to_s

    def _latest_s(self, stop: StopNow) -> int | None:
        """When goods that are in a van must be out of it: by their longest time aboard, or by a warm cooler."""
        limits: list[float] = []
        for parcel in stop.parcels:
            if parcel.direction != "deliver" or parcel.state != "loaded" or parcel.van is None:
                continue
            longest_s = GOODS[stop.goods[parcel.code].goods].max_aboard_s
            if longest_s is not None and parcel.changed_s is not None and self._tour(parcel.van).left_hub:
                limits.append(parcel.changed_s + longest_s)
            if parcel.temp_class in TEMP_CLASSES_AT_RISK and parcel.van in self._warm:
                limits.append(self._warm[parcel.van] + WARM_COOLER_LATEST_S)
        return int(min(limits)) if limits else None

    def _task(self, stop: StopNow, out: Mapping[str, VanRow], under_way: Mapping[str, str]) -> DayTask | None:
        if self._held(stop, out, under_way):
            return None
        wishes = stop.wishes
        at_hub = [order for order in stop.orders if wish_of(order).brings] if not stop.aboard else []
        releases = [int(order.release_s) for order in at_hub if order.release_s is not None]
        aboard_limits = [
            limit
            for order in stop.orders
            if order.goods and wish_of(order).brings and (limit := GOODS[order.goods].max_aboard_s) is not None
        ]
        carries = any(wish.brings or wish.takes for wish in wishes)
        return DayTask(
            id=stop.row.id,
            lat=stop.resident.lat,
            lon=stop.resident.lon,
            window=self._window(stop),
            service_s=int(stop.row.service_s),
            street=stop.resident.street,
            hub=stop.row.hub if carries else None,
            deliver=_units(stop, "deliver"),
            collect=_units(stop, "collect"),
            skills=tuple(sorted(skills_needed(wishes))),
            release_s=max(releases) if releases else None,
            # What is aboard already has its limit in the window, counted from when it was loaded.
            max_aboard_s=None if stop.aboard or not aboard_limits else min(aboard_limits),
            familiar=tuple(sorted(van for van in map(str, stop.resident.known_vans) if van in self._vans)),
            locked_van=stop.row.van if stop.row.locked else None,
        )

    def _ride(self, stop: StopNow, out: Mapping[str, VanRow], under_way: Mapping[str, str]) -> DayRide | None:
        if self._held(stop, out, under_way):
            return None
        order = stop.orders[0]
        aboard = self._picked_up.get(f"{stop.row.id}/pickup") or self._at_pickup(stop, under_way)
        if f"{stop.row.id}/dropoff" in self._dropped or order.to_lat is None or order.to_lon is None:
            return None
        if aboard is not None and aboard in out:
            self._refused(stop, f"de passagier zit in {aboard}, dat niet rijdt")
            return None
        if any(
            ref == f"{stop.row.id}/dropoff" and self._tour(van).phase != "under_way" for van, ref in under_way.items()
        ):
            return None
        window = self._window(stop)
        return DayRide(
            id=stop.row.id,
            pickup_lat=stop.resident.lat,
            pickup_lon=stop.resident.lon,
            dropoff_lat=order.to_lat,
            dropoff_lon=order.to_lon,
            pickup=window,
            dropoff=(window[0], window[1] + RIDE_MAX_S),
            pickup_s=RIDE_PICKUP_S,
            dropoff_s=RIDE_DROPOFF_S,
            seats=order.quantity,
            max_ride_s=RIDE_MAX_S,
            locked_van=stop.row.van if stop.row.locked else None,
            aboard=aboard,
        )

    def _at_pickup(self, stop: StopNow, under_way: Mapping[str, str]) -> str | None:
        """The van that stands at this ride's pickup now: its passenger is as good as aboard."""
        for van, ref in under_way.items():
            if ref == f"{stop.row.id}/pickup" and self._tour(van).phase in AT_STOP:
                return van
        return None


def _units(stop: StopNow, direction: str) -> dict[str, int]:
    """Room that a stop's goods take, by compartment; what was handed over already takes none."""
    units: dict[str, int] = {}
    for parcel in stop.parcels:
        if parcel.direction != direction or parcel.state in ("handed_over", "returned"):
            continue
        compartment = GOODS[stop.parcel_goods(parcel)].compartment
        units[compartment] = units.get(compartment, 0) + 1
    return units
