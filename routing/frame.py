"""A van's sequence seen for insertion: the places, when it is where, and how late it may be."""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

from routing.draft import Visits, Worth
from routing.model import StepKind, Van
from routing.said import HOLD_S
from routing.stops import NEVER, Stop, Visit
from routing.timetable import Timetable
from routing.workload import PUT_OFF, busy_s, price, put_off_s

WAITS_S = 300
"""Whoever waits so long before a visit takes up what a visit before it takes, as far as can be said in a moment."""


class Candidate(NamedTuple):
    """A place for a task or ride. `least_s`: what it costs at least; `others_s` says what it costs on top of that by
    being late itself and by what it does to others, which takes longer to find than all the rest."""

    least_s: int
    van: str
    build: Callable[[], Visits]
    others_s: Callable[[], int]


def cheapest_first(candidates: Iterable[Candidate]) -> Iterator[tuple[int, Candidate]]:
    """Candidates with their cost, as far as seen from the frame; the full cost is reckoned of few of them."""
    known = list(candidates)
    waiting = [(candidate.least_s, number, False) for number, candidate in enumerate(known)]
    heapify(waiting)
    while waiting:
        cost_s, number, is_whole = waiting[0]
        if is_whole:
            heappop(waiting)
            yield cost_s, known[number]
        else:
            heapreplace(waiting, (cost_s + known[number].others_s(), number, True))


class Frame:
    """One van's sequence, as long as it stays the same."""

    def __init__(self, table: Timetable, van: Van, visits: Visits, worth: Worth) -> None:
        self.van, self.visits, self._said = van, visits, worth.said
        home = table.depots[van.depot].place
        self.places = [van.place, *table.places(van, visits), home]
        self.frozen = table.frozen(van, visits)
        self._duration = table.duration
        self._timed = timed = table.run(van, visits)
        start = max(van.ready_s, van.shift.from_s)
        known = timed.depart if timed.fault is None else []
        self._leave = [start, *known] + [-NEVER] * (len(visits) - len(known))
        self._arrive = [*timed.arrive, timed.end_s] if known else [start] * (len(visits) + 1)
        self._latest = table.latest(van, visits)
        self._price = price(busy_s(visits, timed), worth.time_s[van.id]) if timed.fault is None else 0.0
        floats = [v.kind is StepKind.REST and table.rests[van.id, v.id].place is None for v in visits] + [False]
        self._floats = floats
        self._next = list(self.places[1:])  # where the van drives to next: a rest without a place is wherever it is
        for index in range(len(visits) - 1, -1, -1):
            if floats[index]:
                self._next[index] = self._next[index + 1]
        self._table = table
        self._pushed = self._followers() if timed.fault is None else [0] * (len(visits) + 1)
        self._unsurprised = self._latest_as_told() if timed.fault is None else [NEVER] * (len(visits) + 1)

    def drive(self, a: int, b: int) -> int:
        seconds = self._duration[a][b]
        return seconds if seconds >= 0 else NEVER

    def leg(self, index: int) -> int:
        """Driving before visit `index`."""
        return self.drive(self.places[index], self._next[index])

    def onward(self, place: int, index: int) -> int:
        """Driving from a place on to what comes as visit `index`."""
        return self.drive(place, self._next[index])

    def detour(self, index: int, place: int) -> int:
        """Extra seconds for passing by `place` before visit `index`."""
        return self.drive(self.places[index], place) + self.onward(place, index) - self.leg(index)

    def others_s(self, name: str, index: int, *, delay_s: int, way_s: int = 0, since: int | None = None) -> int:
        """What it costs on top of driving and service that this is done before visit `index`, which is then so late.

        `way_s` more than straight from the visit before it; `since`: the van is that much later from there on already.
        """
        cost = self._put_off_s(index, name, self.start_s(index, self._table.stops[name], way_s), delay_s)
        if since is None:
            return cost + self.surprise_s(index, delay_s)
        return cost + self.surprise_s(since, way_s, index, delay_s)

    def _put_off_s(self, index: int, name: str, start_s: int, delay_s: int) -> int:
        """What it costs that this task begins then, before visit `index`, and what comes after it so much later."""
        own = put_off_s(self._table, name, start_s)
        return int(PUT_OFF * (own + max(0, delay_s) * self._pushed[index]))

    def _followers(self) -> list[int]:
        """For each position how many tasks a delay there pushes on before a wait takes it up."""
        counts = [0]
        timed = self._timed
        for index in range(len(self.visits) - 1, -1, -1):
            waits = timed.start[index] - timed.arrive[index] > WAITS_S
            counts.append(0 if waits else counts[-1] + (self.visits[index].kind is StepKind.TASK))
        return counts[::-1]

    def cost(self, drive_s: int, service_s: int, surcharge_s: int) -> int:
        """Of so much more driving and service, in seconds of driving, at this van's price of work."""
        return drive_s + surcharge_s + int(self._price * (drive_s + service_s))

    def start_s(self, index: int, stop: Stop, way_s: int = 0) -> int:
        """When this begins before visit `index`, `way_s` later than straight from there."""
        arrive = self._leave[index] + self.drive(self.places[index], stop.place) + way_s
        return next((max(arrive, from_s) for from_s, to_s in stop.windows if arrive <= to_s), arrive)

    def delay_s(self, index: int, stop: Stop) -> int | None:
        """How much later the van is at visit `index` when it does this before it; None where that is too late.

        As far as can be seen from here: what is aboard is not.
        """
        arrive = self._leave[index] + self.drive(self.places[index], stop.place)
        start = next((max(arrive, from_s) for from_s, to_s in stop.windows if arrive <= to_s), None)
        if start is None:
            return None
        way = 0 if self._floats[index] else self.onward(stop.place, index)
        onward = start + stop.service_s + way
        return onward - self._arrive[index] if onward <= self._latest[index] else None

    # ------------------------------------------------------------ what people were told

    def _latest_as_told(self) -> list[int]:
        """The latest arrival at each visit with which nobody from there on is surprised."""
        bound = NEVER
        bounds = [bound]
        for index in range(len(self.visits) - 1, -1, -1):
            told = self._said.start_s.get(self.visits[index].id, NEVER)
            bound = min(bound - self._stay_s(index) - self.leg(index + 1), told + HOLD_S)
            bounds.append(bound)
        return bounds[::-1]

    def _stay_s(self, index: int) -> int:
        return self._timed.depart[index] - self._timed.start[index]

    def surprise_s(self, index: int, delay_s: int, then: int = 0, more_s: int = 0) -> int:
        """What it costs that the van is that much later at visit `index`, and `more_s` on top from visit `then` on."""
        if index == len(self.visits) or self._arrive[index] + delay_s + more_s <= self._unsurprised[index]:
            return 0
        cost, begins, surprise_s = 0, self._timed.start, self._said.surprise_s
        arrive_s = self._arrive[index] + delay_s
        for at in range(index, len(self.visits)):
            arrive_s += more_s if at == then else 0
            start = max(begins[at], arrive_s)
            if start == begins[at] and at >= then:
                break  # whoever comes now is visited as before
            name = self.visits[at].id
            cost += surprise_s(name, start) - surprise_s(name, begins[at])
            arrive_s = start + self._stay_s(at) + self.leg(at + 1)
        return max(0, cost)

    def joined(self, *parts: Iterable[Visit]) -> Callable[[], Visits]:
        return lambda: tuple(visit for part in parts for visit in part)
