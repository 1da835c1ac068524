"""Several searches of the engine at once, and how they help each other within a budget.

Comes in: `Rounds`, a `Budget`, a seed. Goes out: `Found`, the best routes. Each search is a thread. Where there is time
for a few tries a customer only, they cool once together and meet at set moments: whoever is behind goes on from the
better answer. Where there is time for several coolings, each makes answers of its own; then pairs of them are crossed,
and what comes of it is bettered for a while and takes the place of the worse parent. One cooling falls into the same
good answer again and again where routes are few and long; crossing leads out of it (docs/routing-figures.md).
"""

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from threading import Thread

from routing.crossing import crossed, vehicles_of
from routing.engine import ENDLESS, Budget, Engine, Found, Rounds, Share, Tuning, check


def search(rounds: Rounds, budget: Budget, seed: int, *, searches: int = 2, tuning: Tuning | None = None) -> Found:
    """The best routes found by that many searches at once.

    Raises `EngineError` where there is no library for this platform, or a number is beyond it.
    """
    check(rounds)
    engines = [Engine(rounds, seed * 1000 + k, tuning or Tuning()) for k in range(searches)]
    try:
        return _Searches(rounds, budget, engines, tuning or Tuning(), Random(seed)).found()
    finally:
        for engine in engines:
            engine.close()


@dataclass(frozen=True)
class _Bred:
    """An answer of the pool; the smaller the better."""

    rank: tuple[int, int]
    code: "array[int]"


class _Searches:
    def __init__(
        self, rounds: Rounds, budget: Budget, engines: Sequence[Engine], tuning: Tuning, random: Random
    ) -> None:
        self._rounds, self._engines, self._tuning, self._random = rounds, engines, tuning, random
        self._clock = _Clock(budget, engines)

    def found(self) -> Found:
        coolings = self._coolings()
        if coolings < self._tuning.least_coolings:
            self._cool_together()
            pool = self._answers()
        else:
            pool = self._cool_apart(coolings)
            while self._breed(pool):
                pass
        best = min(pool, key=lambda one: one.rank)
        return _found(best, self._rounds, sum(engine.iterations for engine in self._engines))

    def _answers(self) -> list[_Bred]:
        return [_Bred(engine.rank(), engine.code()) for engine in self._engines]

    def _run(self, share: Share) -> None:
        threads = [Thread(target=engine.run, args=(share,)) for engine in self._engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _coolings(self) -> int:
        """How often each search can cool down in its part of the time."""
        tries = self._clock.tries_left()
        if tries is None:  # how fast it goes shows when it goes
            self._share_of(self._tuning.looking, hot=self._tuning.hot, cold=self._tuning.hot)
            tries = self._clock.tries_left() or 0
        whole = self._tuning.apart * tries / (self._tuning.cooling_tries * self._rounds.size)
        return min(self._tuning.most_coolings, int(whole))

    def _share_of(self, part: float, *, hot: float, cold: float, tries: int = ENDLESS) -> bool:
        """Runs all for a part of the time that is left; False when there is none."""
        share = self._clock.share(part, hot=hot, cold=cold, tries=tries)
        if share is not None:
            self._run(share)
        return share is not None

    # ------------------------------------------------------------ little time

    def _cool_together(self) -> None:
        tuning = self._tuning
        fall, parts = tuning.cold / tuning.hot, tuning.meetings
        for meeting in range(parts):
            hot, cold = (tuning.hot * fall ** (moment / parts) for moment in (meeting, meeting + 1))
            if not self._share_of(1 / (parts - meeting), hot=hot, cold=cold):
                return
            if meeting + 1 < parts:
                self._meet()

    def _meet(self) -> None:
        best = min(self._engines, key=lambda engine: engine.rank())
        for engine in self._engines:
            if engine.rank() > best.rank():
                engine.adopt(best.code())

    # ------------------------------------------------------------ more time

    def _cool_apart(self, coolings: int) -> list[_Bred]:
        """Answers that know nothing of each other."""
        tuning, pool = self._tuning, list[_Bred]()
        for number in range(coolings):
            if number:
                for engine in self._engines:
                    engine.restart(array("i"))
            one = tuning.apart / coolings
            if not self._share_of(one / (1 - number * one), hot=tuning.hot, cold=tuning.cold):
                break
            pool += self._answers()
        return pool

    def _breed(self, pool: list[_Bred]) -> bool:
        """A child for each search, which takes its worse parent's place where it is better; False when time is over."""
        parents = [self._random.sample(range(len(pool)), 2) for _ in self._engines]
        for engine, (mother, father) in zip(self._engines, parents, strict=True):
            child = crossed(pool[mother].code, pool[father].code, self._rounds, self._random)
            if not engine.restart(child):  # where a way round is shorter, leaving somebody out can make others late
                engine.restart(pool[mother].code)
        tries = max(1000, self._tuning.child_tries * self._rounds.size)
        ran = self._share_of(1.0, hot=self._tuning.child_hot, cold=self._tuning.cold, tries=tries)
        for bred, pair in zip(self._answers() if ran else (), parents, strict=False):
            worse = max(pair, key=lambda number: pool[number].rank)
            if bred.rank < pool[worse].rank and all(bred.rank != one.rank for one in pool):
                pool[worse] = bred
        return ran


class _Clock:
    """What is left of a budget, for searches that run at the same time."""

    def __init__(self, budget: Budget, engines: Sequence[Engine]) -> None:
        self._budget, self._engines = budget, engines
        self._begun = time.monotonic()

    def _seconds_left(self) -> float:
        if self._budget.cpu_s is not None:
            return self._budget.cpu_s - max(engine.cpu_s for engine in self._engines)
        return (self._budget.until or 0.0) - time.monotonic()

    def tries_left(self) -> int | None:
        """Of one search; None while nothing ran."""
        done = max(engine.iterations for engine in self._engines)
        if self._budget.iterations is not None:
            return self._budget.iterations - done
        spent = max(engine.cpu_s for engine in self._engines)
        if self._budget.cpu_s is None and done:
            spent = time.monotonic() - self._begun
        return int(done / spent * self._seconds_left()) if done and spent > 0 else None

    def share(self, part: float, *, hot: float, cold: float, tries: int) -> Share | None:
        """A part of what is left, of at most so many tries; None when nothing is left."""
        if self._budget.iterations is not None:
            left = self.tries_left() or 0
            return Share(0.0, False, min(tries, max(1, round(left * part))), hot, cold) if left > 0 else None
        seconds = self._seconds_left()
        return Share(seconds * part, self._budget.cpu_s is not None, tries, hot, cold) if seconds > 0 else None


def _found(best: _Bred, rounds: Rounds, iterations: int) -> Found:
    routes = tuple(_trips(stops) for stops in vehicles_of(best.code))
    served = {customer for trips in routes for trip in trips for customer in trip}
    missing = frozenset(range(1, rounds.size + 1)) - served
    return Found(routes, missing, best.rank[1], iterations)


def _trips(stops: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    trips: list[tuple[int, ...]] = [()]
    for place in stops:
        if place:
            trips[-1] += (place,)
        else:
            trips.append(())
    return tuple(trips)
