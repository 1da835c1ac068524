"""A draft's problem as PyVRP's columns, with the way back from its indices to our names.

Traps of PyVRP 0.14 that this module works around:

- it never leaves a warm start that lacks a required client, so only what the draft serves is required;
- goods at the hub get a release time later than a driving van may start, so they ride only after a reload;
- shipments cannot cross a reload, which is what a passenger wants anyhow;
- a depot's window binds the return too, and one on a depot to reload at makes its local search run for ever
  (5 of 25 seeds of one problem): opening hours are left to settling, and a depot that is closed for good is left out;
- an unused van costs nothing, not even its way home, and a negative cost that would mend that makes its local search
  run for ever: a van that is out with nothing to do gets a stop only where that saves its way home too;
- a break without a place is a client where the draft has it: the search moves it in time, settling moves it freely.
"""

from dataclasses import dataclass, field

import pyvrp

from routing.budget import Tightening
from routing.cargo import EMPTY, LOOSE, Load, ride_of, vector
from routing.draft import Draft
from routing.live import Live
from routing.model import COMPARTMENTS, StepKind, Van
from routing.stops import NEVER, Stop, Visit, done_after
from routing.timetable import Timetable

PRIZE = 1_000_000
"""For a must that the draft could not place: more than any detour."""

PROMPT_S = 3600
"""By so much at most a search puts a visit off against the draft: PyVRP has no price for what is put off."""

_SEATS = COMPARTMENTS.index("seats")


@dataclass
class Columns:
    """PyVRP's records while they grow."""

    places: list[int] = field(default_factory=list)
    owners: list[str | None] = field(default_factory=list)  # the task or ride's end that a location is for
    rest_vans: dict[int, str] = field(default_factory=dict)  # the van whose rest a location is for
    clients: list[pyvrp.Client] = field(default_factory=list)
    client_visits: list[Visit] = field(default_factory=list)
    client_windows: list[tuple[int, int]] = field(default_factory=list)
    groups: list[pyvrp.ClientGroup] = field(default_factory=list)
    shipments: list[pyvrp.Shipment] = field(default_factory=list)
    shipment_visits: list[tuple[Visit, Visit]] = field(default_factory=list)
    depots: list[pyvrp.Depot] = field(default_factory=list)

    def location(self, place: int, owner: str | None = None) -> int:
        self.places.append(place)
        self.owners.append(owner)
        return len(self.places) - 1

    def depot(self, place: int, **fields: int) -> int:
        self.depots.append(pyvrp.Depot(self.location(place), **fields))  # type: ignore[arg-type]
        return len(self.depots) - 1


class Model:
    """The columns for one draft. Times are seconds from now."""

    def __init__(self, live: Live, draft: Draft, tightening: Tightening) -> None:
        self.live, self.draft, self.table = live, draft, live.table
        self.columns = Columns()
        self._tight = tightening
        self._now = live.table.problem.now_s
        self._served = draft.names()
        starts = (live.starts_s(draft, van).items() for van in live.table.active.values())
        self._soon = {name: at + PROMPT_S for each in starts for name, at in each}
        self.vans: list[Van] = list(self.table.active.values())
        self.prefix = {van.id: self._split(van)[0] for van in self.vans}
        self.tail = {van.id: self._split(van)[1] for van in self.vans}
        self._apart = apart_weight(self.table)
        self.home, self.reload = self._depots()
        self.start = {van.id: self._start_depot(van) for van in self.vans}
        bound = {visit.id for prefix in self.prefix.values() for visit in prefix}
        for van in self.vans:
            self._add_rests(van)
        for task in self.table.problem.tasks:
            if task.id not in bound:
                fetched = task.fetch is None or f"{task.id}/fetch" in bound or task.id in self.table.holder
                (self._add_task if fetched else self._add_fetch)(task.id)
        for ride in self.table.problem.rides:
            if f"{ride.id}/dropoff" not in bound:
                self._add_ride(ride.id)

    # ------------------------------------------------------------ vans and depots

    def _split(self, van: Van) -> tuple[tuple[Visit, ...], tuple[Visit, ...]]:
        visits = tuple(visit for visit in self.draft.visits[van.id] if visit.kind is not StepKind.CHARGE)
        frozen = self.table.frozen(van, visits)
        return visits[:frozen], visits[frozen:]

    def fresh(self, van: Van) -> bool:
        """Whether the van stands at its hub with nothing to do first, so that its first trip can be loaded."""
        return van.at_depot and not self.prefix[van.id]

    def may_load_first(self, van: Van) -> bool:
        return self.fresh(van) or any(visit.kind is StepKind.RELOAD for visit in self.prefix[van.id])

    def loading(self, van: Van) -> Visit:
        """The loading that a fresh van begins with."""
        return self.live.settler.loading(van)

    def leave_s(self, van: Van) -> int:
        """When the van is free, at least 0."""
        timed = self.table.run(van, self.prefix[van.id])
        free = timed.depart[-1] if timed.depart else max(van.ready_s, van.shift.from_s)
        return max(0, free - self._now)

    def _depots(self) -> tuple[dict[str, int], dict[str, int]]:
        """Where vans end, and where they may load, by the depot's id."""
        home, reload = {}, {}
        for depot in self.table.problem.depots:
            home[depot.id] = self.columns.depot(depot.place)
            late = depot.open.to_s - depot.reload_s - self._now
            if late >= 0:
                reload[depot.id] = self.columns.depot(depot.place, service_duration=depot.reload_s)
        return home, reload

    def _start_depot(self, van: Van) -> int:
        if self.fresh(van):
            depot = self.table.depots[self.loading(van).id]
            return self.columns.depot(van.place, service_duration=depot.reload_s)
        prefix = self.prefix[van.id]
        return self.columns.depot(self.table.places(van, prefix)[-1] if prefix else van.place)

    def on_board(self, van: Van) -> tuple[int, ...]:
        """What the van has to hand over without loading it."""
        names = set(van.on_board) | {ride_of(name) for name in van.committed if name.endswith("/fetch")}
        loads = [self.table.stops[name].deliver for name in names] or [EMPTY]
        whole = [sum(amounts) for amounts in zip(*loads, strict=True)]
        whole[_SEATS] += sum(self.table.rides[ride_of(name)].seats for name in self.table.obliged[van.id])
        return tuple(whole)

    # ------------------------------------------------------------ who is visited

    def load(self, amounts: Load) -> list[int]:
        """With one more dimension where a van has no wall: loose goods and a passenger together overflow it."""
        if not self._apart:
            return list(amounts)
        passenger = self._apart if amounts[_SEATS] else 0
        return [*amounts, passenger or sum(amounts[column] for column in LOOSE)]

    def room(self, van: Van, amounts: Load) -> list[int]:
        """A van's room, likewise."""
        if not self._apart:
            return list(amounts)
        together = van.partition or amounts[_SEATS] > vector(van.capacity)[_SEATS] or bool(self.table.obliged[van.id])
        return [*amounts, 1_000 * self._apart if together else self._apart]

    def _windows(self, name: str, stop: Stop) -> list[tuple[int, int]]:
        soonest, latest = self._tight.held.get(name, (-NEVER, NEVER))
        latest = min(
            latest, self._tight.latest_s.get(name, NEVER), self._aboard_until(name), self._soon.get(name, NEVER)
        )
        shifted = [(max(0, max(a, soonest) - self._now), min(b, latest) - self._now) for a, b in stop.windows]
        return [(a, b) for a, b in shifted if b >= a and b >= self._release(name, stop)]

    def _aboard_until(self, name: str) -> int:
        """When goods that are in a van already have to be out of it."""
        task = self.table.tasks.get(name)
        if task is None or task.max_aboard_s is None or task.aboard_since_s is None:
            return NEVER
        in_a_van = name in self.table.holder or task.fetch is not None
        return task.aboard_since_s + task.max_aboard_s if in_a_van else NEVER

    def _release(self, name: str, stop: Stop) -> int:
        """When a trip with these goods may leave; 0 for what is on board or needs no goods."""
        task = self.table.tasks.get(name)
        if task is None or name in self.table.holder or not any(stop.deliver) or task.fetch is not None:
            return 0
        depot = self.table.depots.get(task.depot or "")
        earliest = max(1, stop.release_s - self._now + (depot.reload_s if depot else 0))
        if task.max_aboard_s is not None:  # leaving earlier would keep the goods aboard too long
            earliest = max(earliest, stop.windows[0][0] - self._now - task.max_aboard_s)
        return earliest

    def _possible(self, name: str) -> bool:
        return any(self.table.forbidden(name, van) is None for van in self.vans)

    def _add_rests(self, van: Van) -> None:
        """Those that the draft has on the way, each where it has them; those at home when all is done bind nothing."""
        visits = (*self.prefix[van.id], *self.tail[van.id])
        places, done = self.table.places(van, visits), done_after(visits)
        for index, visit in enumerate(self.tail[van.id], start=len(self.prefix[van.id])):
            if visit.kind is not StepKind.REST or index >= done:
                continue
            rest = self.table.rests[van.id, visit.id]
            location = self.columns.location(places[index])
            self.columns.rest_vans[location] = van.id
            early, late = max(0, rest.window.from_s - self._now), rest.window.to_s - self._now
            late = late if late >= early and late >= self.leave_s(van) else NEVER  # late already: as soon as can be
            self.columns.clients.append(
                pyvrp.Client(
                    location,
                    delivery=self.load(EMPTY),
                    pickup=self.load(EMPTY),
                    tw_early=early,
                    tw_late=late,
                    service_duration=rest.rest_s,
                )
            )
            self.columns.client_visits.append(visit)
            self.columns.client_windows.append((early, late))

    def _add_task(self, name: str) -> None:
        task, stop, columns = self.table.tasks[name], self.table.stops[name], self.columns
        windows = self._windows(name, stop)
        if not windows or not self._possible(name):
            return
        must = task.value is None and name in self._served
        prize = PRIZE if task.value is None else task.value
        group = None
        if len(windows) > 1:
            columns.groups.append(pyvrp.ClientGroup(required=must))
            group = len(columns.groups) - 1
        for window in windows:
            visit = Visit(StepKind.TASK, name)
            self._add_client(visit, stop, window, must=must and group is None, prize=prize, group=group)

    def _add_client(
        self, visit: Visit, stop: Stop, window: tuple[int, int], *, must: bool, prize: int, group: int | None = None
    ) -> None:
        columns = self.columns
        if group is not None:
            columns.groups[group].add_client(len(columns.clients))
        columns.clients.append(
            pyvrp.Client(
                location=columns.location(stop.place, visit.id),
                delivery=self.load(stop.deliver),
                pickup=self.load(stop.collect),
                service_duration=stop.service_s,
                tw_early=window[0],
                tw_late=window[1],
                release_time=self._release(visit.id, stop),
                prize=0 if must or (group is not None and columns.groups[group].required) else prize,
                required=must,
                group=group,
            )
        )
        columns.client_visits.append(visit)
        columns.client_windows.append(window)

    def _add_ride(self, ride: str) -> None:
        pickup, dropoff = self.table.ends(ride)
        record, stop = self.table.rides[ride], self.table.stops[dropoff.id]
        if any(dropoff.id in names for names in self.table.obliged.values()):
            # A passenger who is aboard: a seat that is given free at the drop-off, on the first trip.
            windows = self._windows(dropoff.id, stop) or [(0, NEVER)]
            self._add_client(dropoff, stop, windows[0], must=dropoff.id in self._served, prize=PRIZE)
            return
        must = dropoff.id in self._served
        self._add_shipment(pickup, dropoff, record.max_ride_s, must=must, prize=PRIZE)

    def _add_fetch(self, name: str) -> None:
        task = self.table.tasks[name]
        fetch, hand_over = self.table.ends(name)
        must = task.value is None and name in self._served
        limit = task.max_aboard_s if task.aboard_since_s is None else None
        self._add_shipment(fetch, hand_over, limit, must=must, prize=PRIZE if task.value is None else task.value)

    def _add_shipment(self, first: Visit, last: Visit, limit_s: int | None, *, must: bool, prize: int) -> None:
        up, down = self.table.stops[first.id], self.table.stops[last.id]
        up_windows, down_windows = self._windows(first.id, up), self._windows(last.id, down)
        if not up_windows or not down_windows or not self._possible(last.id):
            return
        (up_early, up_late), (down_early, down_late) = up_windows[0], down_windows[0]
        if limit_s is not None:
            down_late = min(down_late, up_late + up.service_s + limit_s)
            up_early = max(up_early, down_early - limit_s - up.service_s)
        if up_early > min(up_late, down_late) or down_late < down_early:
            return  # left to insertion
        columns = self.columns
        columns.shipments.append(
            pyvrp.Shipment(
                pickup_location=columns.location(up.place, first.id),
                delivery_location=columns.location(down.place, last.id),
                pickup_tw_early=up_early,
                pickup_tw_late=up_late,
                pickup_service_duration=up.service_s,
                delivery_tw_early=down_early,
                delivery_tw_late=down_late,
                delivery_service_duration=down.service_s,
                amount=self.load(up.collect),
                prize=0 if must else prize,
                required=must,
            )
        )
        columns.shipment_visits.append((first, last))


def apart_weight(table: Timetable) -> int:
    """What a passenger weighs in the dimension that keeps them from loose goods; 0 where no van needs it."""
    if not table.rides or all(van.partition for van in table.active.values()):
        return 0
    goods = sum(stop.deliver[column] + stop.collect[column] for stop in table.stops.values() for column in LOOSE)
    return max(1, goods + sum(sum(vector(van.collected)) for van in table.active.values()))
