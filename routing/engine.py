"""The door to `engine.c`: ruin and recreate over the routes of one depot, a hundred thousand tries a second.

Comes in: `Rounds` of whole numbers. Goes out: an answer as a code; `searches` makes `Found` of it. The library lets
go of Python's lock while it runs. It is built into the wheel for Linux on x86-64 and aarch64; where there is none,
`available()` is False and callers use PyVRP.
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
    """How often the searches compare where they cool once."""
    looking: float = 0.02
    """The part of the time that shows how fast it goes."""
    cooling_tries: int = 500
    """A search with time for some coolings of so many tries a customer makes several."""
    least_coolings: int = 2
    most_coolings: int = 4
    apart: float = 0.6
    """The part of the time for coolings; the rest is for crossing what they found."""
    child_tries: int = 80
    """For so many tries a customer what was crossed is bettered, beginning at `child_hot`."""
    child_hot: float = 0.1


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


def library_path() -> Path:
    """Where the library is, which also holds what `day_engine` calls.

    Raises `EngineError` where there is none for this platform.
    """
    path = _path()
    if not path.is_file():
        raise EngineError(f"{path.name} was not built for this platform")
    return path


# ---------------------------------------------------------------- one search


@dataclass(frozen=True)
class Share:
    """A part of a budget: seconds (0: without limit), iterations, and the temperatures."""

    seconds: float
    of_cpu: bool
    iterations: int
    hot: float
    cold: float


class Engine:
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
        self.cpu_s = 0.0

    def run(self, share: Share) -> None:
        """To be called in a thread of its own, whose CPU seconds it counts."""
        unit, begun = max(self._unit, 1e-6), time.thread_time()
        self.iterations += self._library.engine_run(
            *(self._handle, share.seconds, share.iterations, share.hot * unit, share.cold * unit, share.of_cpu)
        )
        self.cpu_s += time.thread_time() - begun

    def rank(self) -> tuple[int, int]:
        """Smaller is better: customers left out, then cost."""
        return self._library.engine_absent(self._handle), self._library.engine_cost(self._handle)

    def code(self) -> "array[int]":
        """The best answer: customers, 0 between trips, -1 after each vehicle."""
        code = array("i", bytes(4 * (2 * self._size + 8)))
        length = self._library.engine_best(self._handle, code.buffer_info()[0])
        return code[:length]

    def adopt(self, code: "array[int]") -> None:
        """Goes on from another's answer."""
        self._library.engine_adopt(self._handle, code.buffer_info()[0], len(code))

    def restart(self, code: "array[int]") -> bool:
        """Begins anew from an answer, of which customers may be absent; False where it does not hold."""
        return not self._library.engine_restart(self._handle, code.buffer_info()[0], len(code))

    def close(self) -> None:
        self._library.engine_free(self._handle)


def check(rounds: Rounds) -> None:
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
    library = ctypes.CDLL(str(library_path()))
    number, pointer, real, large = ctypes.c_int, ctypes.c_void_p, ctypes.c_double, ctypes.c_int64
    library.engine_new.restype = pointer
    library.engine_new.argtypes = [number, *[pointer] * 7, number, number, number, ctypes.c_uint64, *[real] * 4]
    library.engine_run.restype, library.engine_run.argtypes = large, [pointer, real, large, real, real, number]
    library.engine_cost.restype, library.engine_cost.argtypes = large, [pointer]
    library.engine_absent.restype, library.engine_absent.argtypes = number, [pointer]
    library.engine_best.restype, library.engine_best.argtypes = number, [pointer, pointer]
    library.engine_adopt.restype, library.engine_adopt.argtypes = number, [pointer, pointer, number]
    library.engine_restart.restype, library.engine_restart.argtypes = number, [pointer, pointer, number]
    library.engine_free.restype, library.engine_free.argtypes = None, [pointer]
    return library
