"""Betters a draft by search within a budget; what fails or is refused leaves the draft as it was.

PyVRP comes first: it sees whole trips, rides and fetches, but not the price of what is put off, of times that are not
as told, of uneven work and of hurried residents. The day's engine goes on from there by the true measure.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from routing.balance import balanced
from routing.budget import Budget, Tightening
from routing.cargo import ride_of
from routing.check import check
from routing.draft import Draft, Visits
from routing.engine import EngineError, available
from routing.live import Live
from routing.reasons import Fault
from routing.stops import NEVER

SolverFailure = (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError, MemoryError, EngineError)
"""What a solver raises when it fails; the tier below then stands."""

QUICK = "insertion"

_Search = Callable[..., Draft | None]


class Improver:
    """Betters a draft within a budget; what the exact rules or the checker refuse becomes a tighter window."""

    def __init__(
        self,
        live: Live,
        *,
        seconds: float,
        iterations: int | Sequence[int] | None,
        seed: int,
        tightening: Tightening | None = None,
    ) -> None:
        self._live, self._seconds, self._iterations, self.seed = live, seconds, iterations, seed
        self._tight = tightening or Tightening()
        self.taken: tuple[int, ...] = ()
        """The iterations that each round took."""
        self.failure = ""
        """Why the search ended early, where it did."""

    def better(self, start: Draft, *, free: bool) -> Draft:
        """The better of the start and what the searches find. `free`: nobody was told anything yet."""
        live = self._live
        if self._seconds <= 0 or self._iterations == 0 or not live.table.active:
            return start
        best = balanced(live, start) if free else start
        searches = self._searches(free=free)
        for number, search in enumerate(searches):
            budget = Budget.of_round(number, len(searches), seconds=self._seconds, iterations=self._iterations)
            try:
                found = search(best, budget, number, free=free)
            except SolverFailure as error:
                self.failure = f"{type(error).__name__}: {error}"
                return best
            if found is not None and live.measure(found) < live.measure(best):
                best = found
        return best

    @property
    def engine(self) -> str:
        """What searched, in words."""
        if not self.taken:
            return QUICK
        then = ", then ruin and recreate" if available() and len(self.taken) > 1 else ""
        return f"pyvrp {version('pyvrp')}{then}"

    def _searches(self, *, free: bool) -> list["_Search"]:
        """Two at most: PyVRP, then by the true measure; where there is no library for that, what PyVRP learnt."""
        if available():
            return [self._by_pyvrp, self._by_engine]
        problem = self._live.table.problem
        timed_goods = any(task.max_aboard_s is not None for task in problem.tasks)
        several = len(self._live.table.active) > 1
        return [self._by_pyvrp] * (2 if problem.rides or timed_goods or (free and several) else 1)

    def _by_pyvrp(self, best: Draft, budget: Budget, number: int, *, free: bool) -> Draft | None:
        from routing.search import Search  # the engine is loaded only where it is used

        search = Search(self._live, best, self._tight, stay_s=STAY_S if free and number else 0)
        found = search.run(budget, self.seed + number)
        self.taken = (*self.taken, search.iterations)
        return self._candidate(found, free=free)

    def _by_engine(self, best: Draft, budget: Budget, number: int, *, free: bool) -> Draft | None:
        from routing.day_engine import DayEngine
        from routing.search import criterion

        engine = DayEngine(self._live, best, held=self._held_in(best), seed=self.seed + number)
        try:
            rounds = engine.run(criterion(budget, len(best.names())))
            found = engine.best()
        finally:
            engine.close()
        self.taken = (*self.taken, rounds)
        return self._candidate(found.visits, free=False)

    def _held_in(self, draft: Draft) -> dict[str, tuple[int, int]]:
        """What is held and was found to be too late, and where a start is outside it already, up to there."""
        held = dict(self._tight.held)
        for name, latest_s in self._tight.latest_s.items():
            soonest_s, until_s = held.get(name, (-NEVER, NEVER))
            held[name] = soonest_s, min(until_s, latest_s)
        for van in self._live.table.active.values():
            for name, at in self._live.starts_s(draft, van).items():
                if name in held:
                    held[name] = min(held[name][0], at), max(held[name][1], at)
        return held

    def _candidate(self, found: Mapping[str, Visits], *, free: bool) -> Draft | None:
        """What the search found, made to hold; None where the checker still refuses it."""
        live = self._live
        self._tight = self._tight.sooner(_broken(live, found))
        settled = Draft({van: live.settle(live.table.vans[van], visits) for van, visits in found.items()})
        candidate = min(live.complete(settled), settled, key=live.measure)  # a chore may be left out for good reason
        if free:
            candidate = balanced(live, candidate)
        refused = check(live.table.problem, live.plan(candidate, engine=QUICK, seed=0))
        starts = {
            visit.id: at
            for van, visits in candidate.visits.items()
            for visit, at in zip(visits, live.table.run(live.table.vans[van], visits).start, strict=False)
        }
        names = {name for row in refused if row.task is not None for name in (row.task, f"{row.task}/dropoff")}
        self._tight = self._tight.sooner({name: starts[name] - 60 for name in names & starts.keys()})
        return None if refused else candidate


STAY_S = 60
"""What taking a stop from its van costs in a second round of a free search, which is to better each van's order."""


def _broken(live: Live, found: Mapping[str, Visits]) -> dict[str, int]:
    """Latest starts for what a sequence would keep aboard too long, so that the next round knows."""
    latest: dict[str, int] = {}
    for van_id, visits in found.items():
        timed = live.table.run(live.table.vans[van_id], visits)
        if timed.fault not in (Fault.ABOARD, Fault.RIDE) or timed.at >= len(timed.start):
            continue
        name = visits[timed.at].id
        if timed.fault is Fault.RIDE and ride_of(name) not in live.table.rides:
            continue
        latest[name] = timed.start[timed.at] - max(1, timed.late_s)
    return latest
