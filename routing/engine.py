"""The door to `engine.c`: ruin and recreate over the routes of one depot, tens of thousands of tries a second.

Comes in: `Rounds` of whole numbers. Goes out: `Found`, the best routes. Two searches with different seeds run at the
same time in threads of this process (the library lets go of Python's lock), and meet at set moments: whoever is behind
goes on from the better answer. The library is built into the wheel for Linux on x86-64 and aarch64; where there is
none, `available()` is False and callers use PyVRP.
"""

import ctypes
import platform
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from threading import Thread

from routing.model import RoutingError

NEVER = 2**28
"""A time or load that is never reached, in the engine's 32-bit numbers."""

ENDLESS = 2**62
"""Iterations that no budget of time reaches."""


class EngineError(RoutingError):
    """The engine cannot do these rounds; the message says why."""


@dataclass(frozen=True)
class Rounds:
    """One depot (place 0) and customers 1 to n, in whole numbers of any one unit of time and one of cost.

    `cost` and `duration` are n + 1 rows of n + 1 values; the others have n + 1 values, the depot's first. `early[0]`
    and `late[0]` are the vehicles' shift. Each of `vehicles` vehicles makes at most `max_trips` trips (None: any),
    each of at most `capacity`, none before the `release` of what it carries.
    """

    cost: Sequence[Sequence[int]]
    duration: Sequence[Sequence[int]]
    demand: Sequence[int]
    early: Sequence[int]
    late: Sequence[int]
    service: Sequence[int]
    release: Sequence[int]
    capacity: int
    vehicles: int
    max_trips: int | None = 1

    @property
    def size(self) -> int:
        return len(self.cost) - 1


@dataclass(frozen=True)
class Tuning:
    """How the search searches, the same for everything.

    Temperatures are in mean costs of a customer in the first solution: a change for the worse by `hot` (at the start)
    or `cold` (at the end) of that is taken one time in e.
    """

    hot: float = 1.0
    cold: float = 0.01
    removed: float = 10.0
    """Customers taken out at a time, on average."""
    longest: float = 10.0
    """Customers of one route taken out at a time, at most."""
    blink: float = 0.01
    """How often a good place is overlooked."""
    own: float = 0.05
    """How often the first customer to be put back opens a route."""
    meetings: int = 8
    """How often the searches compare."""


@dataclass(frozen=True)
class Found:
    """The best routes: a vehicle each, of trips, of customers; who found no place; and what it took."""

    routes: tuple[tuple[tuple[int, ...], ...], ...]
    missing: frozenset[int]
    cost: int
    iterations: int


@dataclass(frozen=True)
class Budget:
    """When to stop: exactly one of the three.

    `until` is a moment of `time.monotonic()`. `cpu_s` are CPU seconds of each search, for a machine that is busy with
    other work. `iterations` of each search give the same answer each time.
    """

    until: float | None = None
    cpu_s: float | None = None
    iterations: int | None = None


def available() -> bool:
    """Whether this platform's library was built with the package."""
    return _path().is_file()


def search(rounds: Rounds, budget: Budget, seed: int, *, searches: int = 2, tuning: Tuning | None = None) -> Found:
    """The best routes found by that many searches at once.

    Raises `EngineError` where there is no library for this platform, or a number is beyond it.
    """
    tuning = tuning or Tuning()
    _check(rounds)
    engines = [_Engine(rounds, seed * 1000 + k, tuning) for k in range(searches)]
    try:
        for meeting in range(tuning.meetings):
            share = _Share.of(budget, meeting, tuning)
            if share is None:
                break
            threads = [Thread(target=engine.run, args=(share,)) for engine in engines]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if meeting + 1 < tuning.meetings:
                _meet(engines)
        best = min(engines, key=lambda engine: engine.rank())
        return best.found(rounds, sum(engine.iterations for engine in engines))
    finally:
        for engine in engines:
            engine.close()


# ---------------------------------------------------------------- one search


@dataclass(frozen=True)
class _Share:
    """A part of the budget between two meetings: seconds (0: without limit), iterations, and the temperatures."""

    seconds: float
    of_cpu: bool
    iterations: int
    hot: float
    cold: float

    @staticmethod
    def of(budget: Budget, meeting: int, tuning: Tuning) -> "_Share | None":
        """None when the time is over."""
        parts, seconds, iterations = tuning.meetings, 0.0, ENDLESS
        if budget.iterations is not None:
            iterations = budget.iterations * (meeting + 1) // parts - budget.iterations * meeting // parts
        elif budget.cpu_s is not None:
            seconds = budget.cpu_s / parts
        elif budget.until is not None:
            seconds = (budget.until - time.monotonic()) / (parts - meeting)
            if seconds <= 0:
                return None
        fall = tuning.cold / tuning.hot
        hot, cold = (tuning.hot * fall ** (moment / parts) for moment in (meeting, meeting + 1))
        return _Share(seconds, budget.cpu_s is not None, iterations, hot, cold)


class _Engine:
    """One search: the library's state, its own random numbers, its own best answer."""

    def __init__(self, rounds: Rounds, seed: int, tuning: Tuning) -> None:
        self._library, self._size = _load(), rounds.size
        late = [min(moment, NEVER) for moment in rounds.late]
        matrices = [array("i", chain.from_iterable(matrix)) for matrix in (rounds.cost, rounds.duration)]
        columns = [array("i", values) for values in (rounds.demand, rounds.early, late, rounds.service, rounds.release)]
        trips = 0 if rounds.max_trips is None else rounds.max_trips
        self._handle = self._library.engine_new(
            *(rounds.size, *(values.buffer_info()[0] for values in (*matrices, *columns))),
            *(
                rounds.capacity,
                rounds.vehicles,
                trips,
                seed,
                tuning.removed,
                tuning.longest,
                tuning.blink,
                tuning.own,
            ),
        )
        if not self._handle:
            raise EngineError(f"no memory for {rounds.size} customers")
        self._unit = self._library.engine_cost(self._handle) / max(1, rounds.size)
        self.iterations = 0

    def run(self, share: _Share) -> None:
        unit = max(self._unit, 1e-6)
        self.iterations += self._library.engine_run(
            *(self._handle, share.seconds, share.iterations, share.hot * unit, share.cold * unit, share.of_cpu)
        )

    def rank(self) -> tuple[int, int]:
        """Smaller is better: customers left out, then cost."""
        return self._library.engine_absent(self._handle), self._library.engine_cost(self._handle)

    def code(self) -> "array[int]":
        """The best answer: customers, 0 between trips, -1 after each vehicle."""
        code = array("i", bytes(4 * (2 * self._size + 8)))
        length = self._library.engine_best(self._handle, code.buffer_info()[0])
        return code[:length]

    def adopt(self, code: "array[int]") -> None:
        self._library.engine_adopt(self._handle, code.buffer_info()[0], len(code))

    def found(self, rounds: Rounds, iterations: int) -> Found:
        routes: list[tuple[tuple[int, ...], ...]] = []
        trips: list[tuple[int, ...]] = []
        trip: list[int] = []
        for place in self.code():
            if place > 0:
                trip.append(place)
                continue
            trips.append(tuple(trip))
            trip = []
            if place < 0:
                routes.append(tuple(trips))
                trips = []
        served = {customer for route in routes for trip in route for customer in trip}
        missing = frozenset(range(1, rounds.size + 1)) - served
        return Found(tuple(routes), missing, int(self._library.engine_cost(self._handle)), iterations)

    def close(self) -> None:
        self._library.engine_free(self._handle)


def _meet(engines: Sequence[_Engine]) -> None:
    best = min(engines, key=lambda engine: engine.rank())
    for engine in engines:
        if engine.rank() > best.rank():
            engine.adopt(best.code())


def _check(rounds: Rounds) -> None:
    size = rounds.size + 1
    if rounds.size < 1:
        raise EngineError("there are no customers")
    for name in ("cost", "duration"):
        matrix = getattr(rounds, name)
        if len(matrix) != size or any(len(row) != size for row in matrix):
            raise EngineError(f"{name}: must be {size} rows of {size}")
        if any(min(row) < 0 or 2 * max(row) > NEVER for row in matrix):
            raise EngineError(f"{name}: must be between 0 and {NEVER // 2}")
    for name in ("demand", "early", "late", "service", "release"):
        values = getattr(rounds, name)
        if len(values) != size:
            raise EngineError(f"{name}: has {len(values)} values, must have {size}")
        if min(values) < 0 or (name != "late" and max(values) > NEVER):
            raise EngineError(f"{name}: must be between 0 and {NEVER}")
    if sum(max(row) for row in rounds.cost) + sum(rounds.cost[0]) > 2**30:
        raise EngineError("cost: a whole plan's cost may not exceed 2**30; use a larger unit")
    if not 0 <= rounds.capacity <= 2 * NEVER or sum(rounds.demand) > 2**30 or rounds.vehicles < 1:
        raise EngineError("capacity, demand or vehicles: beyond the engine's numbers")


# ---------------------------------------------------------------- the library


def _path() -> Path:
    return Path(__file__).with_name(f"engine-{sys.platform}-{platform.machine().lower()}.so")


@cache
def _load() -> ctypes.CDLL:
    path = _path()
    if not path.is_file():
        raise EngineError(f"{path.name} was not built for this platform")
    library = ctypes.CDLL(str(path))
    number, pointer, real, large = ctypes.c_int, ctypes.c_void_p, ctypes.c_double, ctypes.c_int64
    library.engine_new.restype = pointer
    library.engine_new.argtypes = [number, *[pointer] * 7, number, number, number, ctypes.c_uint64, *[real] * 4]
    library.engine_run.restype, library.engine_run.argtypes = large, [pointer, real, large, real, real, number]
    library.engine_cost.restype, library.engine_cost.argtypes = large, [pointer]
    library.engine_absent.restype, library.engine_absent.argtypes = number, [pointer]
    library.engine_best.restype, library.engine_best.argtypes = number, [pointer, pointer]
    library.engine_adopt.restype, library.engine_adopt.argtypes = number, [pointer, pointer, number]
    library.engine_free.restype, library.engine_free.argtypes = None, [pointer]
    return library
