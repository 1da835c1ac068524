"""The checker's walk along a route with what is in the van: goods to hand over, collected things, passengers.

See `check` for the rules: `loaded`, `release`, `capacity`, `apart`, `seated`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from routing.model import COMPARTMENTS, Problem, Route, Step, StepKind, Task, Van, Violation

_LOOSE = ("chilled", "hot", "ambient", "laundry")


def hold_violations(problem: Problem, van: Van, route: Route, bound: int) -> list[Violation]:
    """What goes wrong with the load; `bound` is how many steps at the beginning are not a choice."""
    return list(_Hold(problem, van, route, bound).walk())


class _Hold:
    def __init__(self, problem: Problem, van: Van, route: Route, bound: int) -> None:
        self._van, self._steps, self._bound = van, route.steps, bound
        self._tasks: dict[str, Task] = {task.id: task for task in problem.tasks}
        self._seats = {ride.id: ride.seats for ride in problem.rides}
        self._hold: Counter[str] = Counter(dict(van.collected))
        handed_over = {step.task for step in route.steps if step.kind is StepKind.TASK}
        self._ready: set[str] = set()
        for name in sorted(van.on_board):
            self._hold.update(self._tasks[name].deliver)
            if name in handed_over:
                self._ready.add(name)
        self._seated = {ride.id for ride in problem.rides if ride.aboard == van.id}
        self._hold["seats"] += sum(self._seats[name] for name in self._seated)

    def walk(self) -> Iterator[Violation]:
        for index, step in enumerate(self._steps):
            chosen = index >= self._bound
            if step.kind in (StepKind.RELOAD, StepKind.CHARGE, StepKind.REST):
                if self._seated and chosen:
                    yield self._broken("seated", step.task, f"{', '.join(sorted(self._seated))} aboard meanwhile")
                if step.kind is StepKind.RELOAD:
                    yield from self._load(index, step)
            elif step.kind is StepKind.TASK:
                yield from self._hand_over(step, chosen=chosen)
            elif step.kind is StepKind.FETCH:
                task = self._tasks[step.task.rpartition("/")[0]]
                self._hold.update(task.deliver)
                self._ready.add(task.id)
                yield from self._fits(step, _some(task.deliver), chosen=chosen)
            else:
                yield from self._passenger(step, chosen=chosen)

    def _broken(self, rule: str, task: str, detail: str) -> Violation:
        return Violation(rule, self._van.id, task, detail)

    def _hand_over(self, step: Step, *, chosen: bool) -> Iterator[Violation]:
        task = self._tasks[step.task]
        if any(task.deliver.values()) and task.id not in self._ready:
            yield self._broken("loaded", task.id, "handed over without having been loaded")
        self._ready.discard(task.id)
        self._hold.subtract(task.deliver)
        self._hold.update(task.collect)
        yield from self._fits(step, _some(task.collect), chosen=chosen)

    def _passenger(self, step: Step, *, chosen: bool) -> Iterator[Violation]:
        ride = step.task.rpartition("/")[0]
        if step.kind is StepKind.PICKUP:
            self._hold["seats"] += self._seats[ride]
            self._seated.add(ride)
            yield from self._fits(step, {"seats"}, chosen=chosen)
        else:
            self._hold["seats"] -= self._seats[ride]
            self._seated.discard(ride)

    def _load(self, index: int, step: Step) -> Iterator[Violation]:
        """The van is emptied of all that is not for somebody on this route, then loaded."""
        loaded = self._loaded_at(index)
        after: Counter[str] = Counter()
        for name in [*self._ready, *loaded]:
            after.update(self._tasks[name].deliver)
        after["seats"] += sum(self._seats[name] for name in self._seated)
        self._hold = after
        if any(number >= self._bound for number in loaded.values()):
            added = {key for name in loaded for key in _some(self._tasks[name].deliver)}
            yield from self._fits(step, added, chosen=True)
        self._ready |= loaded.keys()
        for name in loaded:
            release = self._tasks[name].release_s
            if release is not None and step.start_s < release:
                yield self._broken("release", name, f"loaded {release - step.start_s} s before it is at the depot")

    def _loaded_at(self, loading: int) -> dict[str, int]:
        """Tasks whose goods are loaded here, with the index of their step: up to the next loading."""
        loaded: dict[str, int] = {}
        for index in range(loading + 1, len(self._steps)):
            step = self._steps[index]
            if step.kind is StepKind.RELOAD:
                break
            if step.kind is StepKind.TASK and step.task not in self._van.on_board:
                task = self._tasks[step.task]
                if any(task.deliver.values()) and task.fetch is None:
                    loaded[step.task] = index
        return loaded

    def _fits(self, step: Step, added: set[str], *, chosen: bool) -> Iterator[Violation]:
        """Only what is added can be too much, or come together with what it must be kept from."""
        if not chosen or not added:
            return
        for compartment in [name for name in COMPARTMENTS if name in added]:
            room = self._van.capacity.get(compartment, 0)
            if self._hold[compartment] > room:
                words = f"{self._hold[compartment]} in {compartment}, room for {room}"
                yield self._broken("capacity", step.task, words)
        loose = [key for key in _LOOSE if self._hold[key] > 0]
        if not self._van.partition and self._seated and loose:
            yield self._broken("apart", step.task, f"{', '.join(sorted(self._seated))} beside {', '.join(loose)}")


def _some(loads: Mapping[str, int]) -> set[str]:
    return {compartment for compartment, amount in loads.items() if amount}
