"""Betters a draft by search within a budget; what fails or is refused leaves the draft as it was."""

from collections.abc import Mapping, Sequence

from routing.balance import balanced
from routing.budget import Budget, Tightening
from routing.cargo import ride_of
from routing.check import check
from routing.draft import Draft, Visits
from routing.live import Live
from routing.reasons import Fault

SolverFailure = (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError, MemoryError)
"""What a solver in C++ raises when it fails; the tier below then stands."""

QUICK = "insertion"


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
        """The better of the start and what the search finds. `free`: nobody was told anything yet."""
        live = self._live
        if self._seconds <= 0 or self._iterations == 0 or not live.table.active:
            return start
        from routing.search import Search  # the engine is loaded only where it is used

        problem = live.table.problem
        timed_goods = any(task.max_aboard_s is not None for task in problem.tasks)
        several = len(live.table.active) > 1
        rounds = 2 if problem.rides or timed_goods or (free and several) else 1
        best = balanced(live, start) if free else start
        for number in range(rounds):
            stay_s = STAY_S if free and number else 0
            try:
                search = Search(live, best, self._tight, stay_s=stay_s)
                found = search.run(
                    Budget.of_round(number, rounds, seconds=self._seconds, iterations=self._iterations),
                    self.seed + number,
                )
            except SolverFailure as error:
                self.failure = f"{type(error).__name__}: {error}"
                return best
            self.taken = (*self.taken, search.iterations)
            candidate = self._candidate(found, free=free)
            if candidate is not None and live.measure(candidate) < live.measure(best):
                best = candidate
        return best

    def _candidate(self, found: Mapping[str, Visits], *, free: bool) -> Draft | None:
        """What the search found, made to hold; None where the checker still refuses it."""
        live = self._live
        self._tight = self._tight.sooner(_broken(live, found))
        candidate = live.complete(
            Draft({van: live.settle(live.table.vans[van], visits) for van, visits in found.items()})
        )
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
"""What taking a stop from its van costs in the second round of a free search, which is to better each van's order."""


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
