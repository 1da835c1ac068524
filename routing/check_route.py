"""The checker's rules for one van's route: places, times, who comes, how long things are aboard. See `check`."""

from collections.abc import Iterator

from routing.check_hold import hold_violations
from routing.check_range import range_violations
from routing.model import Depot, Problem, Ride, Route, Step, StepKind, Task, Van, Violation

AT_DEPOT = (StepKind.RELOAD, StepKind.CHARGE)


class RouteCheck:
    """One van's route."""

    def __init__(self, problem: Problem, van: Van, route: Route) -> None:
        self._problem, self._van, self._route = problem, van, route
        self._tasks: dict[str, Task] = {task.id: task for task in problem.tasks}
        self._rides: dict[str, Ride] = {ride.id: ride for ride in problem.rides}
        self._rests = {rest.id: rest for rest in van.rests}
        self._depots: dict[str, Depot] = {depot.id: depot for depot in problem.depots}
        self._depot = self._depots[van.depot]
        self._bound = self._bound_steps()
        self._found: list[Violation] = []

    def violations(self) -> list[Violation]:
        self._places_and_times()
        self._committed()
        for index, step in enumerate(self._route.steps):
            self._talk(step)
            if step.kind is StepKind.TASK:
                self._task(index, step, self._tasks[step.task])
            elif step.kind is StepKind.FETCH:
                self._fetch(index, step)
            elif step.kind is StepKind.REST:
                self._rest(index, step)
            elif step.kind in AT_DEPOT:
                self._at_depot(index, step)
            else:
                self._ride_end(index, step, self._rides[step.task.rpartition("/")[0]])
        self._rides_whole()
        self._shift()
        self._rests_taken()
        self._found += hold_violations(self._problem, self._van, self._route, self._bound)
        self._found += range_violations(self._problem, self._van, self._route, self._bound)
        return self._found

    def _break(self, rule: str, task: str | None, detail: str) -> None:
        self._found.append(Violation(rule, self._van.id, task, detail))

    def _bound_steps(self) -> int:
        """How many steps at the beginning are not a choice: committed, loaded for it, or owed to a passenger."""
        names = ["" if step.kind in (*AT_DEPOT, StepKind.REST) else step.task for step in self._route.steps]
        last = 0
        for name in self._van.committed:
            if name in names:
                last = max(last, names.index(name) + 1)
        owed = {f"{ride.id}/dropoff" for ride in self._problem.rides if self._owes(ride)}
        if not self._van.committed and not owed:
            return 0
        while last < len(names) and names[last] in owed:
            last += 1
        return last

    def _owes(self, ride: Ride) -> bool:
        return ride.aboard == self._van.id or f"{ride.id}/pickup" in self._van.committed

    def _hub(self, depot: str) -> str:
        known = self._depots.get(depot)
        return depot if known is None else known.hub or known.id

    # ------------------------------------------------------------ where and when

    def _places_and_times(self) -> None:
        travel, van, route = self._problem.travel, self._van, self._route
        place, t, drive_s, metres = van.place, route.start_s, 0, 0
        if route.start_s < van.ready_s:
            self._break("travel", None, f"starts {van.ready_s - route.start_s} s before the van is ready")
        for index, step in enumerate((*route.steps, None)):
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
                self._where_and_how_long(index, step, place)
                t, place = step.depart_s, step.place
        if (drive_s, metres) != (route.drive_s, route.distance_m):
            words = f"{drive_s} s and {metres} m, the route says {route.drive_s} s and {route.distance_m} m"
            self._break("figures", None, words)

    def _where_and_how_long(self, index: int, step: Step, before: int) -> None:
        all_done = all(later.kind is StepKind.REST for later in self._route.steps[index:])
        place, least = self._meant(step, self._depot.place if all_done else before)
        if step.place != place:
            self._break("place", step.task, f"at place {step.place} instead of {place}")
        if step.depart_s - step.start_s < least:
            self._break("service", step.task, f"lasts {step.depart_s - step.start_s} s instead of {least} s")

    def _meant(self, step: Step, rests_at: int) -> tuple[int, int]:
        """Where a step has to be (a rest of no place of its own at `rests_at`) and how long it lasts at least."""
        if step.kind is StepKind.TASK:
            task = self._tasks[step.task]
            return task.place, task.service_s + step.talk_s
        if step.kind is StepKind.FETCH:
            fetch = self._tasks[step.task.rpartition("/")[0]].fetch
            assert fetch is not None
            return fetch.place, fetch.service_s
        if step.kind is StepKind.REST:
            rest = self._rests[step.task]
            return rests_at if rest.place is None else rest.place, rest.rest_s
        if step.kind in AT_DEPOT:
            depot = self._depots[step.task]
            if self._hub(step.task) != self._hub(self._depot.id):
                self._break("depot", step.task, f"loads or charges at {step.task}, not at its hub")
            if step.kind is StepKind.CHARGE and not depot.charges:
                self._break("depot", step.task, f"charges at {step.task}, where no van can")
            return depot.place, depot.reload_s if step.kind is StepKind.RELOAD else 0
        ride = self._rides[step.task.rpartition("/")[0]]
        if step.kind is StepKind.PICKUP:
            return ride.pickup_place, ride.pickup_s
        return ride.dropoff_place, ride.dropoff_s

    def _committed(self) -> None:
        names = [step.task for step in self._route.steps if step.kind not in (*AT_DEPOT, StepKind.REST)]
        wanted = list(self._van.committed)
        if names[: len(wanted)] != wanted:
            self._break("committed", None, f"begins with {names[: len(wanted)]} instead of {wanted}")
        own = set(wanted)
        for other in self._problem.vans:
            for name in set(names) & set(other.committed) - own:
                self._break("committed", name, f"is committed to {other.id}")

    def _talk(self, step: Step) -> None:
        most = self._tasks[step.task].talk_max_s if step.kind is StepKind.TASK else 0
        if not 0 <= step.talk_s <= most:
            self._break("talk", step.task, f"{step.talk_s} s handed out, {most} s at most")

    # ------------------------------------------------------------ tasks

    def _task(self, index: int, step: Step, task: Task) -> None:
        for other in self._problem.vans:
            if other.id != self._van.id and task.id in other.on_board:
                self._break("on_board", task.id, f"its goods are in {other.id}")
        if index < self._bound:
            return
        self._may_come(task)
        if not any(window.from_s <= step.start_s <= window.to_s for window in task.windows):
            self._break("window", task.id, f"starts at {step.start_s}, outside every window")
        since = self._aboard_since(index, task)
        if task.max_aboard_s is not None and since is not None and step.start_s - since > task.max_aboard_s:
            self._break("aboard", task.id, f"{step.start_s - since} s in the van, {task.max_aboard_s} s at most")

    def _may_come(self, task: Task) -> None:
        van = self._van
        if task.locked_van is not None and task.locked_van != van.id:
            self._break("locked", task.id, f"is locked to {task.locked_van}")
        from_hub = task.fetch is None and task.id not in van.on_board
        if task.depot is not None and from_hub and self._hub(task.depot) != self._hub(van.depot):
            self._break("depot", task.id, f"belongs to {task.depot}, the van to {van.depot}")
        if not task.skills <= van.skills:
            self._break("skills", task.id, f"needs {', '.join(sorted(task.skills - van.skills))}")

    def _aboard_since(self, index: int, task: Task) -> int | None:
        """Since when the goods of a task are in a van, None where that is not known or there are none."""
        if not any(task.deliver.values()):
            return None
        if task.id in self._van.on_board or (task.fetch is not None and task.aboard_since_s is not None):
            return task.aboard_since_s
        before = self._route.steps[:index]
        if task.fetch is not None:
            taken = [step for step in before if step.kind is StepKind.FETCH and step.task == f"{task.id}/fetch"]
        else:
            taken = [step for step in before if step.kind is StepKind.RELOAD]
        return taken[-1].depart_s if taken else None

    def _fetch(self, index: int, step: Step) -> None:
        if index < self._bound:
            return
        task = self._tasks[step.task.rpartition("/")[0]]
        window = task.fetch.window if task.fetch is not None else None
        if window is not None and not window.from_s <= step.start_s <= window.to_s:
            self._break("window", step.task, f"starts at {step.start_s}, outside its window")

    def _at_depot(self, index: int, step: Step) -> None:
        if step.kind is not StepKind.RELOAD or index < self._bound:
            return
        hours = self._depots[step.task].open
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

    # ------------------------------------------------------------ the roster

    def _rest(self, index: int, step: Step) -> None:
        window = self._rests[step.task].window
        at_once = index >= self._bound and all(
            before.kind is StepKind.REST for before in self._route.steps[self._bound : index]
        )
        if step.start_s < window.from_s or (step.start_s > window.to_s and not at_once):
            self._break("rest", step.task, f"begins at {step.start_s}, outside {window}")

    def _rests_taken(self) -> None:
        if len(self._route.steps) > self._bound:
            taken = set(self._rest_ids())
            for rest in self._van.rests:
                if rest.id not in taken and self._route.end_s > rest.window.to_s:
                    self._break("rest", rest.id, "is not taken, and the van is under way when its time ends")

    def _rest_ids(self) -> Iterator[str]:
        return (step.task for step in self._route.steps if step.kind is StepKind.REST)

    def _shift(self) -> None:
        van, route = self._van, self._route
        chosen = len(route.steps) > self._bound
        if chosen and route.end_s > van.shift.to_s:
            self._break("shift", None, f"back {route.end_s - van.shift.to_s} s after its end")
        if route.steps and route.start_s < van.shift.from_s:
            self._break("shift", None, f"starts {van.shift.from_s - route.start_s} s before its beginning")
