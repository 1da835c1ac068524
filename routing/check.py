"""Holds a plan against its problem, rule by rule. Shares nothing with the search: times, loads and range are computed
here again, from the problem's records and the plan's steps alone.

Rules (`Violation.rule`):

| rule | the promise |
|---|---|
| `known` | every route is of a van in service, once; every step names what the problem knows; times are in order |
| `once` | every task and ride is done once or is in `unserved`, never both, never neither |
| `place` | a step is where its task is |
| `travel` | nobody is anywhere sooner than the roads allow, or drives where there is no way |
| `service` | a visit lasts as long as it must, a loading as long as the depot needs |
| `committed` | what is committed comes first, in its order, in its van |
| `on_board` | goods that are in a van ride in no other |
| `locked` | a locked task is done by its van only |
| `depot` | goods come from their own depot |
| `skills` | the van's concierge may do it |
| `window` | service starts within one of the windows |
| `loaded` | goods are handed over only after they were loaded (or were on board) |
| `release` | nothing is loaded before it is at the depot |
| `capacity` | no compartment holds more than it can |
| `aboard` | goods are in the van no longer than they may |
| `ride` | pickup before drop-off, same van, not longer than the longest ride time |
| `seated` | no passenger is aboard during loading or charging |
| `open` | loading takes place while the depot is open |
| `shift` | the van starts after and is back before its shift's ends |
| `range` | the battery stays above its least, as far as it is known |
| `figures` | the plan's metres, seconds, cost and charge are what its steps say |

What is committed may break windows, skills, capacity, time aboard, shift and range: it is a fact and not a choice. So
may the drop-off of a passenger who already sits in the van, when it follows at once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from routing.model import COMPARTMENTS, Depot, Plan, Problem, Ride, Route, Step, StepKind, Task, Van, Violation

_AT_DEPOT = (StepKind.RELOAD, StepKind.CHARGE)
_PERCENT_TOLERANCE = 0.06  # soc is given to one decimal


def check(problem: Problem, plan: Plan) -> list[Violation]:
    """All rules that a plan breaks; an empty list is a plan that can be driven."""
    found = list(_whole(problem, plan))
    if any(violation.rule == "known" for violation in found):
        return found  # the rest would stumble over unknown names
    vans = {van.id: van for van in problem.vans}
    for route in plan.routes:
        found += _RouteCheck(problem, vans[route.van], route).violations()
    found += _cost(problem, plan)
    return found


def _whole(problem: Problem, plan: Plan) -> Iterator[Violation]:
    in_service = {van.id for van in problem.vans if van.in_service}
    tasks = {task.id for task in problem.tasks}
    rides = {ride.id: ride for ride in problem.rides}
    depots = {depot.id for depot in problem.depots}
    for van, count in Counter(route.van for route in plan.routes).items():
        if van not in in_service:
            yield Violation("known", van, None, "a route of a van that is not in service")
        elif count > 1:
            yield Violation("known", van, None, f"{count} routes of one van")
    for van in sorted(in_service - {route.van for route in plan.routes}):
        yield Violation("known", van, None, "no route for a van in service")
    done: Counter[str] = Counter()
    for route in plan.routes:
        for step in route.steps:
            if not _is_known(step, tasks, rides, depots):
                yield Violation("known", route.van, step.task, f"no {step.kind} of this name in the problem")
            if step.kind not in _AT_DEPOT:
                done[step.task] += 1
    yield from _once(problem, plan, done)


def _is_known(step: Step, tasks: set[str], rides: dict[str, Ride], depots: set[str]) -> bool:
    if step.kind is StepKind.TASK:
        return step.task in tasks
    if step.kind in _AT_DEPOT:
        return step.task in depots
    ride, slash, end = step.task.rpartition("/")
    return bool(slash) and ride in rides and end == step.kind.value


def _once(problem: Problem, plan: Plan, done: Counter[str]) -> Iterator[Violation]:
    left = Counter(row.task for row in plan.unserved)
    for row in plan.unserved:
        if not row.reason:
            yield Violation("once", None, row.task, "left out without a reason")
    names = {task.id for task in problem.tasks} | {ride.id for ride in problem.rides}
    for name in sorted(left.keys() - names):
        yield Violation("once", None, name, "left out, but no task of the problem")
    for task in problem.tasks:
        if done[task.id] + left[task.id] != 1:
            words = f"done {done[task.id]} times and left out {left[task.id]} times"
            yield Violation("once", None, task.id, words)
    for ride in problem.rides:
        ups, downs = done[f"{ride.id}/pickup"], done[f"{ride.id}/dropoff"]
        expected_ups = 0 if ride.aboard is not None or left[ride.id] else 1
        if downs + left[ride.id] != 1 or ups != expected_ups:
            words = f"picked up {ups}, dropped off {downs}, left out {left[ride.id]} times"
            yield Violation("once", None, ride.id, words)


def _cost(problem: Problem, plan: Plan) -> Iterator[Violation]:
    left = {row.task for row in plan.unserved}
    value = sum(task.value or 0 for task in problem.tasks if task.id in left)
    cost = sum(route.drive_s for route in plan.routes) + value
    if cost != plan.cost_s:
        yield Violation("figures", None, None, f"cost is {cost} s, the plan says {plan.cost_s} s")


class _RouteCheck:
    """One van's route."""

    def __init__(self, problem: Problem, van: Van, route: Route) -> None:
        self._problem, self._van, self._route = problem, van, route
        self._tasks: dict[str, Task] = {task.id: task for task in problem.tasks}
        self._rides: dict[str, Ride] = {ride.id: ride for ride in problem.rides}
        self._depot: Depot = next(depot for depot in problem.depots if depot.id == van.depot)
        self._bound = self._bound_steps()
        self._found: list[Violation] = []

    def violations(self) -> list[Violation]:
        self._places_and_times()
        self._committed()
        for index, step in enumerate(self._route.steps):
            if step.kind is StepKind.TASK:
                self._task(index, step, self._tasks[step.task])
            elif step.kind in _AT_DEPOT:
                self._at_depot(index, step)
            else:
                self._ride_end(index, step, self._rides[step.task.rpartition("/")[0]])
        self._rides_whole()
        self._loads()
        self._shift()
        self._range()
        return self._found

    def _break(self, rule: str, task: str | None, detail: str) -> None:
        self._found.append(Violation(rule, self._van.id, task, detail))

    def _bound_steps(self) -> int:
        """How many steps at the beginning are not a choice: committed, loaded for it, or owed to a passenger."""
        names = [step.task for step in self._route.steps]
        last = 0
        for name in self._van.committed:
            if name in names:
                last = max(last, names.index(name) + 1)
        owed = {f"{ride.id}/dropoff" for ride in self._problem.rides if self._owes(ride)}
        while last < len(names) and names[last] in owed:
            last += 1
        return last

    def _owes(self, ride: Ride) -> bool:
        return ride.aboard == self._van.id or f"{ride.id}/pickup" in self._van.committed

    # ------------------------------------------------------------ where and when

    def _places_and_times(self) -> None:
        travel, van, route = self._problem.travel, self._van, self._route
        place, t, drive_s, metres = van.place, route.start_s, 0, 0
        if route.start_s < van.ready_s:
            self._break("travel", None, f"starts {van.ready_s - route.start_s} s before the van is ready")
        for step in (*route.steps, None):
            to = self._depot.place if step is None else step.place
            seconds = int(travel.duration_s[place, to])
            name = None if step is None else step.task
            if seconds < 0:
                self._break("travel", name, f"there is no way from place {place} to place {to}")
                seconds = 0
            drive_s += seconds
            metres += max(0, int(travel.distance_m[place, to]))
            arrive = route.end_s if step is None else step.arrive_s
            if arrive < t + seconds:
                self._break("travel", name, f"there {t + seconds - arrive} s sooner than the roads allow")
            if step is not None:
                if not step.arrive_s <= step.start_s <= step.depart_s:
                    self._break("known", name, "arrival, start and departure are not in order")
                self._where_and_how_long(step)
                t, place = step.depart_s, step.place
        if (drive_s, metres) != (route.drive_s, route.distance_m):
            words = f"{drive_s} s and {metres} m, the route says {route.drive_s} s and {route.distance_m} m"
            self._break("figures", None, words)

    def _where_and_how_long(self, step: Step) -> None:
        if step.kind is StepKind.TASK:
            task = self._tasks[step.task]
            place, least = task.place, task.service_s
        elif step.kind in _AT_DEPOT:
            if step.task != self._depot.id:
                self._break("depot", step.task, f"loads or charges at {step.task} instead of {self._depot.id}")
            place, least = self._depot.place, self._depot.reload_s if step.kind is StepKind.RELOAD else 0
        else:
            ride = self._rides[step.task.rpartition("/")[0]]
            up = step.kind is StepKind.PICKUP
            place, least = (ride.pickup_place, ride.pickup_s) if up else (ride.dropoff_place, ride.dropoff_s)
        if step.place != place:
            self._break("place", step.task, f"at place {step.place} instead of {place}")
        if step.depart_s - step.start_s < least:
            self._break("service", step.task, f"lasts {step.depart_s - step.start_s} s instead of {least} s")

    def _committed(self) -> None:
        names = [step.task for step in self._route.steps if step.kind not in _AT_DEPOT]
        wanted = list(self._van.committed)
        if names[: len(wanted)] != wanted:
            self._break("committed", None, f"begins with {names[: len(wanted)]} instead of {wanted}")

    # ------------------------------------------------------------ tasks

    def _task(self, index: int, step: Step, task: Task) -> None:
        van = self._van
        for other in self._problem.vans:
            if other.id != van.id and task.id in other.on_board:
                self._break("on_board", task.id, f"its goods are in {other.id}")
            if other.id != van.id and task.id in other.committed:
                self._break("committed", task.id, f"is committed to {other.id}")
        if index < self._bound:
            return
        if task.locked_van is not None and task.locked_van != van.id:
            self._break("locked", task.id, f"is locked to {task.locked_van}")
        if task.depot is not None and task.depot != van.depot and task.id not in van.on_board:
            self._break("depot", task.id, f"belongs to {task.depot}, the van to {van.depot}")
        if not task.skills <= van.skills:
            self._break("skills", task.id, f"needs {', '.join(sorted(task.skills - van.skills))}")
        if not any(window.from_s <= step.start_s <= window.to_s for window in task.windows):
            self._break("window", task.id, f"starts at {step.start_s}, outside every window")
        self._time_aboard(index, step, task)

    def _loading_of(self, index: int) -> Step | None:
        before = [step for step in self._route.steps[:index] if step.kind is StepKind.RELOAD]
        return before[-1] if before else None

    def _time_aboard(self, index: int, step: Step, task: Task) -> None:
        since: int | None
        if task.id in self._van.on_board:
            since = task.aboard_since_s
        else:
            loading = self._loading_of(index)
            since = loading.depart_s if loading is not None and any(task.deliver.values()) else None
        if task.max_aboard_s is not None and since is not None and step.start_s - since > task.max_aboard_s:
            words = f"{step.start_s - since} s in the van, {task.max_aboard_s} s at most"
            self._break("aboard", task.id, words)

    def _at_depot(self, index: int, step: Step) -> None:
        if step.kind is not StepKind.RELOAD or index < self._bound:
            return
        hours = self._depot.open
        if step.start_s < hours.from_s or step.depart_s > hours.to_s:
            self._break("open", step.task, f"loads from {step.start_s} to {step.depart_s}, open {hours}")

    # ------------------------------------------------------------ rides

    def _ride_end(self, index: int, step: Step, ride: Ride) -> None:
        if index < self._bound:
            return
        if step.kind is StepKind.PICKUP:
            if ride.aboard is not None:
                self._break("ride", ride.id, f"is aboard {ride.aboard} already")
            if ride.locked_van is not None and ride.locked_van != self._van.id:
                self._break("locked", ride.id, f"is locked to {ride.locked_van}")
        window = ride.pickup if step.kind is StepKind.PICKUP else ride.dropoff
        if not window.from_s <= step.start_s <= window.to_s:
            self._break("window", step.task, f"starts at {step.start_s}, outside its window")

    def _rides_whole(self) -> None:
        at = {step.task: index for index, step in enumerate(self._route.steps)}
        for ride in self._problem.rides:
            up, down = at.get(f"{ride.id}/pickup"), at.get(f"{ride.id}/dropoff")
            if ride.aboard == self._van.id and down is None:
                self._break("ride", ride.id, "sits in this van and is not brought home")
            if ride.aboard not in (None, self._van.id) and down is not None:
                self._break("ride", ride.id, f"sits in {ride.aboard}")
            if (up is None) == (down is None) and (up is None or down is None or up < down):
                self._ride_time(ride, up, down)
            elif ride.aboard is None:
                self._break("ride", ride.id, "drop-off and pickup are not in this order in one van")

    def _ride_time(self, ride: Ride, up: int | None, down: int | None) -> None:
        if up is None or down is None or down < self._bound:
            return
        seconds = self._route.steps[down].start_s - self._route.steps[up].depart_s
        if seconds > ride.max_ride_s:
            self._break("ride", ride.id, f"{seconds} s under way, {ride.max_ride_s} s at most")

    # ------------------------------------------------------------ loads

    def _loads(self) -> None:
        """Walk the route with what is in the van; goods to hand over, collected things and passengers together."""
        van, steps = self._van, self._route.steps
        handed_over = {step.task for step in steps if step.kind is StepKind.TASK}
        hold: Counter[str] = Counter(dict(van.collected))
        for name in sorted(van.on_board):
            hold.update(self._tasks[name].deliver)
        seated = {ride.id for ride in self._problem.rides if ride.aboard == van.id}
        hold["seats"] += sum(self._rides[name].seats for name in seated)
        ready: set[str] = {name for name in van.on_board if name in handed_over}
        for index, step in enumerate(steps):
            if step.kind in _AT_DEPOT:
                if seated and index >= self._bound:
                    self._break("seated", step.task, f"{', '.join(sorted(seated))} aboard at the depot")
                if step.kind is StepKind.RELOAD:
                    loaded = self._loaded_at(index)
                    hold = self._after_loading(ready, loaded, seated)
                    if any(number >= self._bound for number in loaded.values()):
                        self._fits(hold, step, {key for name in loaded for key in _some(self._tasks[name].deliver)})
                    ready |= loaded.keys()
                    self._released(index, step, loaded)
            elif step.kind is StepKind.TASK:
                task = self._tasks[step.task]
                if any(task.deliver.values()) and task.id not in ready:
                    self._break("loaded", task.id, "handed over without having been loaded")
                ready.discard(task.id)
                hold.subtract(task.deliver)
                hold.update(task.collect)
                if index >= self._bound:
                    self._fits(hold, step, _some(task.collect))
            else:
                self._passenger(index, step, hold, seated)

    def _passenger(self, index: int, step: Step, hold: Counter[str], seated: set[str]) -> None:
        ride = self._rides[step.task.rpartition("/")[0]]
        if step.kind is StepKind.PICKUP:
            hold["seats"] += ride.seats
            seated.add(ride.id)
            if index >= self._bound:
                self._fits(hold, step, {"seats"})
        else:
            hold["seats"] -= ride.seats
            seated.discard(ride.id)

    def _loaded_at(self, loading: int) -> dict[str, int]:
        """Tasks whose goods are loaded here, with the index of their step: up to the next loading."""
        loaded: dict[str, int] = {}
        for index in range(loading + 1, len(self._route.steps)):
            step = self._route.steps[index]
            if step.kind is StepKind.RELOAD:
                break
            of_task = step.kind is StepKind.TASK and step.task not in self._van.on_board
            if of_task and any(self._tasks[step.task].deliver.values()):
                loaded[step.task] = index
        return loaded

    def _after_loading(self, ready: set[str], loaded: dict[str, int], seated: set[str]) -> Counter[str]:
        """The van is emptied of all that is not for somebody on this route, then loaded."""
        after: Counter[str] = Counter()
        for name in [*ready, *loaded]:
            after.update(self._tasks[name].deliver)
        after["seats"] += sum(self._rides[name].seats for name in seated)
        return after

    def _fits(self, hold: Counter[str], step: Step, added: set[str]) -> None:
        """Only what is added can be too much; what was in the van already is a fact."""
        for compartment in [name for name in COMPARTMENTS if name in added]:
            room = self._van.capacity.get(compartment, 0)
            if hold[compartment] > room:
                self._break("capacity", step.task, f"{hold[compartment]} in {compartment}, room for {room}")

    def _released(self, index: int, step: Step, loaded: dict[str, int]) -> None:
        for name in loaded:
            release = self._tasks[name].release_s
            if release is not None and step.start_s < release:
                self._break("release", name, f"loaded {release - step.start_s} s before it is at the depot")

    # ------------------------------------------------------------ shift and range

    def _shift(self) -> None:
        van, route = self._van, self._route
        chosen = len(route.steps) > self._bound
        if chosen and route.end_s > van.shift.to_s:
            self._break("shift", None, f"back {route.end_s - van.shift.to_s} s after its end")
        if route.steps and route.start_s < van.shift.from_s:
            self._break("shift", None, f"starts {van.shift.from_s - route.start_s} s before its beginning")

    def _range(self) -> None:
        van, route = self._van, self._route
        if van.soc_percent is None:
            return
        soc, place, charged = van.soc_percent, van.place, False
        for index, step in enumerate(route.steps):
            soc -= self._used_percent(place, step.place)
            place = step.place
            if step.kind is StepKind.CHARGE:
                hours = (step.depart_s - step.start_s) / 3600
                soc = min(100.0, soc + 100.0 * hours * van.charge_kw / van.battery_kwh)
                charged = True
            elif index >= self._bound and soc < van.min_soc_percent - _PERCENT_TOLERANCE:
                self._break("range", step.task, f"{soc:.1f} % left there, {van.min_soc_percent} % is the least")
        soc -= self._used_percent(place, self._depot.place)
        chosen = charged or len(route.steps) > self._bound
        if chosen and soc < van.min_soc_percent - _PERCENT_TOLERANCE:
            self._break("range", None, f"back with {soc:.1f} %, {van.min_soc_percent} % is the least")
        if route.soc_end_percent is None or abs(route.soc_end_percent - soc) > _PERCENT_TOLERANCE:
            self._break("figures", None, f"back with {soc:.1f} %, the route says {route.soc_end_percent}")

    def _used_percent(self, a: int, b: int) -> float:
        kwh = max(0, int(self._problem.travel.distance_m[a, b])) / 1000 * self._van.kwh_per_km
        return 100.0 * kwh / self._van.battery_kwh


def _some(loads: Mapping[str, int]) -> set[str]:
    return {compartment for compartment, amount in loads.items() if amount}
