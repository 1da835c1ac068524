"""The checker's reckoning of the battery along a route.

See `check` for the rules: `range`, and `figures` for charge.
"""

from collections.abc import Iterator

from routing.model import Problem, Route, Step, StepKind, Van, Violation

_BACK = (StepKind.CHARGE, StepKind.REST)
"""What a van that is back for good may still do."""

_PERCENT_TOLERANCE = 0.06  # a route's charge is given to one decimal


def range_violations(problem: Problem, van: Van, route: Route, bound: int) -> list[Violation]:
    """Where the battery comes under its least; nothing where its charge is not known."""
    return [] if van.soc_percent is None else list(_walk(problem, van, route, bound, van.soc_percent))


def _walk(problem: Problem, van: Van, route: Route, bound: int, soc: float) -> Iterator[Violation]:
    least = van.min_soc_percent - _PERCENT_TOLERANCE
    weights = _Weight(problem, van, route)
    home = next(depot.place for depot in problem.depots if depot.id == van.depot)
    place, charged = van.place, False
    goes_on = max((n for n, step in enumerate(route.steps) if step.kind not in _BACK), default=-1)
    for index, step in enumerate(route.steps):
        soc -= _leg_percent(problem, van, place, step.place, weights.kg)
        place = step.place
        if step.kind is StepKind.CHARGE:
            if index > goes_on and len(route.steps) > bound and soc < least:
                yield Violation("range", van.id, None, f"back to charge with {soc:.1f} %")
            hours = (step.depart_s - step.start_s) / 3600
            soc = min(100.0, soc + 100.0 * hours * van.charge_kw / van.battery_kwh)
            charged = True
        elif step.kind is not StepKind.RELOAD:
            soc -= _stay_percent(van, step, home)
        weights.past(index, step)
        if step.kind is not StepKind.CHARGE and index >= bound and soc < least:
            yield Violation("range", van.id, step.task, f"{soc:.1f} % left there, {van.min_soc_percent} % is the least")
    soc -= _leg_percent(problem, van, place, home, weights.kg)
    if (charged or len(route.steps) > bound) and soc < least:
        yield Violation("range", van.id, None, f"back with {soc:.1f} %, {van.min_soc_percent} % is the least")
    if route.soc_end_percent is None or abs(route.soc_end_percent - soc) > _PERCENT_TOLERANCE:
        yield Violation("figures", van.id, None, f"back with {soc:.1f} %, the route says {route.soc_end_percent}")


def _leg_percent(problem: Problem, van: Van, a: int, b: int, kg: float) -> float:
    energy = van.energy
    km = max(0, int(problem.travel.distance_m[a, b])) / 1000
    hours = max(0, int(problem.travel.duration_s[a, b])) / 3600
    kwh = km * (energy.kwh_per_km + energy.kwh_per_km_tonne * kg / 1000) + hours * (energy.aux_kw + energy.cooler_kw)
    return 100.0 * kwh * energy.margin / van.battery_kwh


def _stay_percent(van: Van, step: Step, home: int) -> float:
    if step.kind is StepKind.REST and step.place == home:
        return 0.0
    kwh = van.energy.cooler_kw * (step.depart_s - step.arrive_s) / 3600
    if step.kind is not StepKind.REST:
        kwh += van.energy.kwh_per_stop
    return 100.0 * kwh * van.energy.margin / van.battery_kwh


class _Weight:
    """What is in the van, in kg: all that rides along, wherever it goes."""

    def __init__(self, problem: Problem, van: Van, route: Route) -> None:
        self._kg = problem.unit_kg
        self._van, self._steps = van, route.steps
        self._tasks = {task.id: task for task in problem.tasks}
        self._seats = {ride.id: ride.seats for ride in problem.rides}
        handed_over = {step.task for step in route.steps if step.kind is StepKind.TASK}
        seated = sum(ride.seats for ride in problem.rides if ride.aboard == van.id)
        self._to_hand_over = sum(self._goods(name) for name in van.on_board if name in handed_over)
        self._other = sum(self._goods(name) for name in van.on_board if name not in handed_over)
        self._other += sum(self._kg.get(key, 0.0) * amount for key, amount in van.collected.items())
        self._people = seated * self._kg.get("seats", 0.0)

    @property
    def kg(self) -> float:
        return self._to_hand_over + self._other + self._people

    def _goods(self, name: str) -> float:
        return sum(self._kg.get(key, 0.0) * amount for key, amount in self._tasks[name].deliver.items())

    def past(self, index: int, step: Step) -> None:
        """After a step."""
        name = step.task.rpartition("/")[0]
        if step.kind is StepKind.TASK:
            self._to_hand_over -= self._goods(step.task)
            collected = self._tasks[step.task].collect.items()
            self._other += sum(self._kg.get(key, 0.0) * amount for key, amount in collected)
        elif step.kind is StepKind.FETCH:
            self._to_hand_over += self._goods(name)
        elif step.kind is StepKind.PICKUP:
            self._people += self._seats[name] * self._kg.get("seats", 0.0)
        elif step.kind is StepKind.DROPOFF:
            self._people -= self._seats[name] * self._kg.get("seats", 0.0)
        elif step.kind is StepKind.RELOAD:
            self._other = 0.0
            self._to_hand_over += sum(self._loaded(index))

    def _loaded(self, loading: int) -> Iterator[float]:
        for step in self._steps[loading + 1 :]:
            if step.kind is StepKind.RELOAD:
                return
            from_depot = step.kind is StepKind.TASK and step.task not in self._van.on_board
            if from_depot and self._tasks[step.task].fetch is None:
                yield self._goods(step.task)
