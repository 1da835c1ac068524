"""The door to `day_engine.c`: ruin and recreate over the vans of a day, by the true measure, 30,000 tries a second.

Comes in: a `Live` with its problem, a draft that holds. Goes out: a draft that is better by `live.measure`, or the same
one. It moves what is one visit (tasks whose goods are not fetched elsewhere), loadings and rests; rides, fetches and
chargings stay in their van and order. The library times and prices sequences as `timing` and `draft` do, held to that
by a test, so that nothing has to be guessed that PyVRP cannot say. Whoever calls it holds the answer against the exact
rules all the same.
"""

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from routing.battery import gained_percent
from routing.cargo import ride_of, vector
from routing.draft import Draft, Visits
from routing.engine import EngineError, library_path
from routing.live import Live
from routing.model import COMPARTMENTS, Rest, StepKind, Van
from routing.said import HOLD_S, SURPRISE_S
from routing.stops import AT_DEPOT, NOBODY, Stop, Visit
from routing.workload import BALANCE, FIRST_TALK_S, PUT_OFF, TALK

NEVER = 2**28
"""In the engine's 32-bit seconds from now."""

MOST = 10**6
"""Of seconds or metres of one leg, of seconds of a visit, of what is handed over there: sums stay within 32 bits."""

OUT_OF_PLAN = 10_000_000
"""What a must that is left out costs."""

SPARE = 64
"""So many visits more than two for each thing to do a sequence may have, as the library has it."""

TRIES_A_ROUND = 8
"""A quarter of a millisecond: between two of them a search can be stopped."""

REMOVED = 3.0
"""Tasks taken out at a time, on average."""

SLACK_S = 300
"""By so much a try may be worse than the best, in seconds of driving."""

_KINDS = (
    StepKind.TASK,
    StepKind.FETCH,
    StepKind.PICKUP,
    StepKind.DROPOFF,
    StepKind.RELOAD,
    StepKind.CHARGE,
    StepKind.REST,
)
_ALLOWED, _LOADABLE, _NEEDS_FETCH, _ON_BOARD = 1, 2, 4, 8

_Load = ctypes.c_int * len(COMPARTMENTS)


class _Node(ctypes.Structure):
    _fields_ = (
        *[
            (name, ctypes.c_int)
            for name in (
                *("kind", "place", "service", "release", "limit", "since", "mate", "of_van", "told", "promptly"),
                *("held_from", "held_to", "talk", "value", "movable", "fetchable", "window", "windows"),
            )
        ],
        ("gives", _Load),
        ("takes", _Load),
    )


class _Van(ctypes.Structure):
    _fields_ = (
        *[(name, ctypes.c_int) for name in ("place", "home", "ready", "until", "frozen", "partition")],
        ("room", _Load),
        ("collected", _Load),
        *[(name, ctypes.c_int) for name in ("seated", "seats", "has_charge", "time")],
        *[(name, ctypes.c_double) for name in ("charge", "least", "of_metre", "of_metre_kg", "of_driving")],
        *[(name, ctypes.c_double) for name in ("of_staying", "of_stop", "gained")],
    )


class _Prices(ctypes.Structure):
    _fields_ = (
        *[(name, ctypes.c_double) for name in ("put_off", "balance", "talk")],
        ("unit_kg", ctypes.c_double * len(COMPARTMENTS)),
        ("surprise", ctypes.c_int),
        ("hold", ctypes.c_int),
    )


class _Nodes:
    """All that a van can do, numbered: rests first, as the library wants it."""

    def __init__(self, live: Live, draft: Draft, vans: Sequence[Van], held: Mapping[str, tuple[int, int]]) -> None:
        self._live, self._table, self._held = live, live.table, held
        self._now = live.table.problem.now_s
        self.records: list[_Node] = []
        self.windows: list[int] = []
        self.visits: list[Visit] = []
        self._number: dict[tuple[str, Visit], int] = {}
        self._of_van = {van.id: number for number, van in enumerate(vans)}
        for van in vans:
            for rest in van.rests:
                self._add_rest(van, rest)
        for depot in self._table.problem.depots:
            span = depot.open.from_s, depot.open.to_s
            self._add(Visit(StepKind.RELOAD, depot.id), depot.place, depot.reload_s, [span])
        for van in vans:
            for visit in draft.visits[van.id]:
                if visit.kind is StepKind.CHARGE:
                    self._add(visit, self._table.depots[visit.id].place, visit.charge_s, [], van.id)
        bound = {name for van in self._table.vans.values() for name in van.committed}
        bound |= {visit.id for van, visits in draft.visits.items() if van not in self._of_van for visit in visits}
        for name, stop in self._table.stops.items():
            self._add_stop(name, stop, movable=name not in bound)
        self._join()

    def number(self, van: str, visit: Visit) -> int:
        return self._number[van if visit.kind in (StepKind.REST, StepKind.CHARGE) else "", visit]

    def _at(self, t_s: int) -> int:
        return _clamped(t_s - self._now)

    def _add(
        self, visit: Visit, place: int | None, service_s: int, windows: Iterable[tuple[int, int]], van: str = ""
    ) -> _Node:
        spans = [self._at(moment) for span in windows for moment in span]
        if service_s > MOST:
            raise EngineError(f"{visit.id!r}: takes longer than {MOST} seconds")
        node = _Node(
            kind=_KINDS.index(visit.kind),
            place=-1 if place is None else place,
            service=service_s,
            release=-NEVER,
            limit=-1,
            since=-NEVER,
            mate=-1,
            of_van=self._of_van.get(van, -1),
            told=NEVER,
            promptly=NEVER,
            held_from=-NEVER,
            held_to=NEVER,
            window=len(self.windows) // 2,
            windows=len(spans) // 2,
        )
        self.windows += spans
        self._number[van, visit] = len(self.records)
        self.records.append(node)
        self.visits.append(visit)
        return node

    def _add_rest(self, van: Van, rest: Rest) -> None:
        span = rest.window.from_s, rest.window.to_s
        self._add(Visit(StepKind.REST, rest.id), rest.place, rest.rest_s, [span], van.id)

    def _add_stop(self, name: str, stop: Stop, *, movable: bool) -> None:
        kind = self._table.kind(name)
        node = self._add(Visit(kind, name), stop.place, stop.service_s, stop.windows)
        node.release = self._at(stop.release_s)
        if max(*stop.deliver, *stop.collect) > MOST:
            raise EngineError(f"{name!r}: more than {MOST} of something is handed over")
        node.gives, node.takes = _Load(*stop.deliver), _Load(*stop.collect)
        told = self._live.worth.said.start_s.get(name)
        if told is not None:
            node.told = self._at(told)
        if name in self._held:
            node.held_from, node.held_to = (self._at(moment) for moment in self._held[name])
        if kind is StepKind.TASK:
            task = self._table.tasks[name]
            node.fetchable = task.fetch is not None
            node.movable = movable and not node.fetchable
            node.value = OUT_OF_PLAN if task.value is None else min(task.value, OUT_OF_PLAN)
            node.talk = min(FIRST_TALK_S, task.talk_max_s)
            if task.value is None:
                node.promptly = max(0, self._at(stop.windows[0][0]))
            if task.max_aboard_s is not None:
                node.limit = min(NEVER, task.max_aboard_s)
                node.since = -NEVER if task.aboard_since_s is None else self._at(task.aboard_since_s)
        elif kind is StepKind.DROPOFF:
            ride = self._table.rides[ride_of(name)]
            node.limit = min(NEVER, ride.max_ride_s)
            node.of_van = -1 if ride.aboard is None else self._of_van.get(ride.aboard, -1)

    def _join(self) -> None:
        """Both ends of what has two."""
        for name in (*self._table.fetchable, *self._table.rides):
            first, last = (self._number["", visit] for visit in self._table.ends(name))
            self.records[first].mate, self.records[last].mate = last, first


class DayEngine:
    """One search: the library's state, its own random numbers, its own best answer.

    `held`: between which moments a start must stay, by name. A van whose sequence breaks something, as what is
    committed may, keeps it.
    """

    def __init__(self, live: Live, draft: Draft, *, held: Mapping[str, tuple[int, int]], seed: int) -> None:
        self._live, self._draft = live, draft
        vans = live.table.active.values()
        self._vans = [van for van in vans if live.table.run(van, draft.visits[van.id]).fault is None]
        self._nodes = _Nodes(live, draft, self._vans, held)
        self._library = _load()
        self._handle = self._new(seed)

    def _new(self, seed: int) -> int:
        table, nodes = self._live.table, self._nodes
        travel = table.problem.travel
        if max(int(matrix.max(initial=0)) for matrix in (travel.duration_s, travel.distance_m)) > MOST:
            raise EngineError(f"travel: a leg is longer than {MOST} seconds or metres")
        size, count = len(travel.duration_s), len(nodes.records)
        duration, distance = (_numbers(matrix) for matrix in (travel.duration_s, travel.distance_m))
        to_van, surcharges = _numbers(self._to_van()), _numbers(self._surcharges())
        on_board = [
            [nodes.number(van.id, Visit(StepKind.TASK, name)) for name in sorted(van.on_board)] for van in self._vans
        ]
        firsts = np.cumsum([0, *map(len, on_board)]).astype(np.int32)
        aboard = _numbers(np.array([number for each in on_board for number in each], dtype=np.int32))
        windows = _numbers(np.array(nodes.windows, dtype=np.int32))
        records = (_Node * count)(*nodes.records)
        vans = (_Van * len(self._vans))(*map(self._van, self._vans))
        weights = (ctypes.c_double * len(COMPARTMENTS))(*table.unit_kg)
        prices = _Prices(PUT_OFF, BALANCE, TALK, weights, SURPRISE_S, HOLD_S)
        handle = self._library.day_new(
            *(count, len(vans), size, ctypes.byref(records), ctypes.byref(vans), ctypes.byref(prices)),
            *(windows.ctypes.data, len(windows) // 2, to_van.ctypes.data, surcharges.ctypes.data),
            *(aboard.ctypes.data, firsts.ctypes.data, duration.ctypes.data, distance.ctypes.data, seed),
        )
        if not handle:
            raise EngineError(f"no memory for {count} visits")
        return int(handle)

    def _van(self, van: Van) -> _Van:
        table = self._live.table
        draw, now = table.draw[van.id], table.problem.now_s
        seated = [ride.seats for ride in table.rides.values() if ride.aboard == van.id]
        return _Van(
            place=van.place,
            home=table.depots[van.depot].place,
            ready=_clamped(max(van.ready_s, van.shift.from_s) - now),
            until=_clamped(van.shift.to_s - now),
            frozen=table.frozen(van, self._draft.visits[van.id]),
            partition=van.partition,
            room=_Load(*map(_clamped, table.capacity[van.id])),
            collected=_Load(*map(_clamped, vector(van.collected))),
            seated=len(seated),
            seats=sum(seated),
            has_charge=van.soc_percent is not None,
            time=_clamped(self._live.worth.time_s[van.id]),
            charge=van.soc_percent or 0.0,
            least=van.min_soc_percent,
            of_metre=draw.of_metre,
            of_metre_kg=draw.of_metre_kg,
            of_driving=draw.of_driving_s,
            of_staying=draw.of_staying_s,
            of_stop=draw.of_stop,
            gained=gained_percent(van, 1),
        )

    def _to_van(self) -> list[list[int]]:
        """What each node is to each van, as the library's flags."""
        table = self._live.table
        rows = []
        for number, van in enumerate(self._vans):
            row = []
            for visit, node in zip(self._nodes.visits, self._nodes.records, strict=True):
                if visit.kind in AT_DEPOT:
                    row.append(_ALLOWED * (visit.id in table.own_depots[van.id]))
                elif visit.kind is StepKind.REST:
                    row.append(_ALLOWED * (node.of_van == number))
                else:
                    flags = _ALLOWED * (table.forbidden(visit.id, van) is None)
                    flags |= _LOADABLE * table.needs_loading(visit.id, van.id)
                    flags |= _NEEDS_FETCH * table.needs_fetch(visit.id, van.id)
                    row.append(flags | _ON_BOARD * (visit.id in van.on_board))
            rows.append(row)
        return rows

    def _surcharges(self) -> list[list[int]]:
        return [
            [0 if visit.kind in NOBODY else self._live.surcharge_s(visit.id, van.id) for visit in self._nodes.visits]
            for van in self._vans
        ]

    def _longest(self) -> int:
        return 2 * len(self._nodes.visits) + SPARE

    def _codes(self, van: str, visits: Visits) -> "ctypes.Array[ctypes.c_int]":
        if len(visits) + 2 > self._longest():
            raise EngineError(f"van {van!r}: {len(visits)} visits")
        return (ctypes.c_int * len(visits))(*(self._nodes.number(van, visit) for visit in visits))

    def measure(self, van: str, visits: Visits) -> tuple[int, list[int]] | None:
        """What a sequence costs and when its visits start, as the library has it; None where it breaks something."""
        starts = (ctypes.c_int * len(visits))()
        number = next(number for number, one in enumerate(self._vans) if one.id == van)
        cost = self._library.day_measure(self._handle, number, self._codes(van, visits), len(visits), starts)
        now = self._live.table.problem.now_s
        return None if cost < 0 else (cost, [start + now for start in starts])

    def run(self, stop: Callable[[int], bool]) -> int:
        """Searches round by round until `stop` says so of the best cost, and says how many rounds there were.

        Raises `EngineError` where the draft does not hold.
        """
        for number, van in enumerate(self._vans):
            visits = self._draft.visits[van.id]
            if self._library.day_begin(self._handle, number, self._codes(van.id, visits), len(visits)) < 0:
                raise EngineError(f"van {van.id!r}: its sequence does not hold")
        rounds, cost = 0, self._library.day_run(self._handle, 0, REMOVED, SLACK_S)
        while not stop(int(cost)):
            cost = self._library.day_run(self._handle, TRIES_A_ROUND, REMOVED, SLACK_S)
            rounds += 1
        return rounds

    def best(self) -> Draft:
        """The best that was found."""
        found = dict(self._draft.visits)
        out = (ctypes.c_int * self._longest())()
        for number, van in enumerate(self._vans):
            length = self._library.day_best(self._handle, number, out)
            found[van.id] = tuple(self._nodes.visits[node] for node in out[:length])
        return Draft(found)

    def close(self) -> None:
        self._library.day_free(self._handle)


def _clamped(number: int) -> int:
    return max(-NEVER, min(NEVER, number))


def _numbers(values: object) -> NDArray[np.int32]:
    return np.ascontiguousarray(values, dtype=np.int32)


@cache
def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(library_path()))
    number, pointer, real, large = ctypes.c_int, ctypes.c_void_p, ctypes.c_double, ctypes.c_int64
    library.day_new.restype = pointer
    library.day_new.argtypes = [*[number] * 3, *[pointer] * 4, number, *[pointer] * 6, ctypes.c_uint64]
    library.day_measure.restype = library.day_begin.restype = number
    library.day_measure.argtypes = [pointer, number, pointer, number, pointer]
    library.day_begin.argtypes = [pointer, number, pointer, number]
    library.day_run.restype, library.day_run.argtypes = large, [pointer, number, real, number]
    library.day_best.restype, library.day_best.argtypes = number, [pointer, number, pointer]
    library.day_free.restype, library.day_free.argtypes = None, [pointer]
    return library
