"""A van's sequence seen for insertion: the places, when it is where, and how late it may be."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from routing.draft import Visits
from routing.model import StepKind, Van
from routing.stops import NEVER, Stop, Visit
from routing.timetable import Timetable
from routing.workload import busy_s, price


class Candidate(NamedTuple):
    """A place for a task or ride, and what it costs as far as seen from the frame."""

    cost_s: int
    van: str
    build: Callable[[], Visits]


class Frame:
    """One van's sequence, as long as it stays the same."""

    def __init__(self, table: Timetable, van: Van, visits: Visits, time_s: int) -> None:
        self.van, self.visits = van, visits
        home = table.depots[van.depot].place
        self.places = [van.place, *table.places(van, visits), home]
        self.frozen = table.frozen(van, visits)
        self._duration = table.duration
        timed = table.run(van, visits)
        start = max(van.ready_s, van.shift.from_s)
        known = timed.depart if timed.fault is None else []
        self._leave = [start, *known] + [-NEVER] * (len(visits) - len(known))
        self._latest = table.latest(van, visits)
        self._price = price(busy_s(visits, timed), time_s) if timed.fault is None else 0.0
        floats = [v.kind is StepKind.REST and table.rests[van.id, v.id].place is None for v in visits] + [False]
        self._floats = floats
        self._next = list(self.places[1:])  # where the van drives to next: a rest without a place is wherever it is
        for index in range(len(visits) - 1, -1, -1):
            if floats[index]:
                self._next[index] = self._next[index + 1]

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

    def cost(self, drive_s: int, service_s: int, surcharge_s: int) -> int:
        """Of so much more driving and service, in seconds of driving, at this van's price of work."""
        return drive_s + surcharge_s + int(self._price * (drive_s + service_s))

    def in_time(self, index: int, stop: Stop) -> bool:
        """Whether the van can do this before visit `index` and then still be in time for the rest, as far as seen."""
        arrive = self._leave[index] + self.drive(self.places[index], stop.place)
        start = next((max(arrive, from_s) for from_s, to_s in stop.windows if arrive <= to_s), None)
        if start is None:
            return False
        way = 0 if self._floats[index] else self.onward(stop.place, index)
        return start + stop.service_s + way <= self._latest[index]

    def joined(self, *parts: Iterable[Visit]) -> Callable[[], Visits]:
        return lambda: tuple(visit for part in parts for visit in part)
