"""Makes a sequence hold: puts in the rests and the charging it needs, leaves out what cannot be."""

from collections.abc import Sequence

from routing.battery import charge_needed_s
from routing.cargo import ride_of
from routing.draft import Visits, unit_of
from routing.model import StepKind, Van
from routing.reasons import Fault
from routing.stops import NOBODY, Visit
from routing.timetable import Timetable
from routing.timing import Timed

_MAY_BE_THE_REST = (Fault.REST, Fault.WINDOW, Fault.SHIFT, Fault.ABOARD, Fault.RIDE, Fault.SEATED, Fault.CLOSED)
"""Faults that may go away when a rest is taken at another time."""


class Settler:
    """For the vans of one timetable."""

    def __init__(self, table: Timetable) -> None:
        self._table = table

    def bound(self, van: Van) -> Visits:
        """What the van must do anyhow, whatever it costs."""
        names = [*van.committed, *self._table.obliged[van.id]]
        return self.tidy(van, tuple(Visit(self._table.kind(name), name) for name in names))

    # ------------------------------------------------------------ rests and charging

    def fit(self, van: Van, visits: Visits, *, mend: bool = True) -> tuple[Visits, Timed] | None:
        """The sequence with the rests and the charging it needs, or None where it cannot be.

        Without `mend` only as it is: looking for room for a rest or a charging takes as long as dozens of timings.
        """
        plain = tuple(visit for visit in visits if visit.kind is not StepKind.CHARGE)
        timed = self._table.run(van, plain)
        if timed.fault in _MAY_BE_THE_REST and van.rests and mend:
            rested = self._rested(van, tuple(visit for visit in plain if visit.kind is not StepKind.REST))
            if rested is None:
                return None
            plain, timed = rested
        if timed.fault is None:
            return plain, timed
        if timed.fault is not Fault.RANGE or not mend:
            return None
        return self._charged(van, plain)

    def _rested(self, van: Van, visits: Visits) -> tuple[Visits, Timed] | None:
        """With each rest where the van is back soonest; a lack of charge is left for later."""
        best: tuple[Visits, Timed] | None = None
        timed = self._table.run(van, visits)
        if timed.fault in (None, Fault.RANGE):
            return visits, timed
        if timed.fault is not Fault.REST:
            return None  # no rest will mend that
        for rest in sorted(van.rests, key=lambda rest: rest.window.to_s):
            best = None
            leave = [max(van.ready_s, van.shift.from_s), *timed.depart]
            for index in range(self._table.frozen(van, visits), len(visits) + 1):
                if index < len(leave) and leave[index] > rest.window.to_s and index > self._table.frozen(van, visits):
                    break
                if index + 1 < len(leave) and leave[index + 1] < rest.window.from_s:
                    continue
                trial = (*visits[:index], Visit(StepKind.REST, rest.id), *visits[index:])
                found = self._table.run(van, trial)
                another = found.fault is Fault.REST and not found.late_s  # is still missing
                if (another or found.fault in (None, Fault.RANGE)) and (best is None or self._better(found, best[1])):
                    best = trial, found
            if best is None:
                return None
            visits, timed = best
        return best if best is not None and best[1].fault in (None, Fault.RANGE) else None

    def _better(self, found: Timed, than: Timed) -> bool:
        return (found.fault is Fault.REST, found.drive_s, found.end_s) < (
            than.fault is Fault.REST,
            than.drive_s,
            than.end_s,
        )

    def _charged(self, van: Van, visits: Visits) -> tuple[Visits, Timed] | None:
        """With a charging where it is the smallest detour."""
        drive_s = self._table.drive_s
        home = self._table.depots[van.depot].place
        places = [van.place, *self._table.places(van, visits), home]
        detours = []
        for depot in self._table.chargers[van.id]:
            place = self._table.depots[depot].place
            for index in range(self._table.frozen(van, visits), len(visits) + 1):
                a, b = places[index], places[index + 1]
                detours.append((drive_s(a, place) + drive_s(place, b) - drive_s(a, b), index, depot))
        for _, index, depot in sorted(detours):
            trial = self._with_enough(van, visits, index, depot)
            timed = self._table.run(van, trial)
            if timed.fault is None:
                return trial, timed
        return None

    def _with_enough(self, van: Van, visits: Visits, index: int, depot: str) -> Visits:
        before, after = visits[:index], visits[index:]
        empty = self._table.run(van, (*before, Visit(StepKind.CHARGE, depot, 0), *after), ranged=False)
        charge_s = 0 if empty.soc_end is None else charge_needed_s(van, empty.soc_end)
        return (*before, Visit(StepKind.CHARGE, depot, charge_s), *after)

    def rested_at_home(self, van: Van, visits: Visits) -> Visits:
        """Rests that the way does not ask for are taken when all is done, where the shift has room for them."""
        for rest in van.rests:
            visit = Visit(StepKind.REST, rest.id)
            without = tuple(one for one in visits if one != visit)
            if self._table.run(van, without).fault is not None:
                continue
            last = (*without, visit)
            is_ahead = rest.window.to_s >= max(van.ready_s, van.shift.from_s, self._table.problem.now_s)
            visits = last if is_ahead and self._table.run(van, last).fault is None else without
        return visits

    # ------------------------------------------------------------ leaving out

    def settle(self, van: Van, visits: Visits) -> Visits:
        """Make a sequence hold by leaving out what cannot be; what is committed always stays."""
        whole = tuple(visit for visit in visits if visit.kind is not StepKind.CHARGE)
        while True:
            for trial in (self.tidy(van, whole), whole):
                fitted = self.fit(van, trial)
                if fitted is not None:
                    return fitted[0]
            shorter = self._without_culprit(van, self.tidy(van, whole))
            if shorter is None:
                return self.bound(van)
            whole = shorter

    def _without_culprit(self, van: Van, visits: Visits) -> Visits | None:
        """One task or ride less: the one at fault, or the last of those that could give way."""
        visits = tuple(visit for visit in visits if visit.kind is not StepKind.REST)
        frozen = self._table.frozen(van, visits)
        owed = set(self._table.obliged[van.id])
        free = [i for i in range(frozen, len(visits)) if visits[i].kind is not StepKind.RELOAD]
        free = [i for i in free if visits[i].id not in owed]
        if not free:
            return None
        timed = self._table.run(van, visits)
        if timed.fault in (Fault.SHIFT, Fault.RANGE, Fault.REST):
            culprit = min(free, key=lambda i: self._drive_without(van, visits, i))
        elif timed.at in free:
            culprit = timed.at
        else:  # a loading that cannot be: the last task of its trip gives way
            after = range(timed.at + 1, len(visits))
            end = next((i for i in after if visits[i].kind is StepKind.RELOAD), len(visits))
            culprit = max((i for i in free if timed.at < i < end), default=free[-1])
        unit = unit_of(visits[culprit])
        return tuple(
            visit
            for index, visit in enumerate(visits)
            if index < frozen or visit.kind in NOBODY or unit_of(visit) != unit
        )

    def _drive_without(self, van: Van, visits: Visits, index: int) -> int:
        home = self._table.depots[van.depot].place
        places = [van.place, *self._table.places(van, visits), home]
        a, b, c = places[index : index + 3]
        drive_s = self._table.drive_s
        return drive_s(a, c) - drive_s(a, b) - drive_s(b, c)

    # ------------------------------------------------------------ loading

    def tidy(self, van: Van, visits: Visits) -> Visits:
        """Without loadings that load nothing, with one before the first goods that need it; fetches before goods."""
        kept: list[Visit] = []
        for index, visit in enumerate(visits):
            if visit.kind is not StepKind.RELOAD or self._loads_something(van, visits[index + 1 :]):
                kept.append(visit)
        for index, visit in enumerate(kept):
            if visit.kind is StepKind.RELOAD:
                break
            if self._table.needs_loading(visit.id, van.id):
                kept.insert(0 if van.at_depot else self._nobody_aboard(kept, index), self.loading(van))
                break
        return tuple(kept)

    def loading(self, van: Van) -> Visit:
        """A loading where the van stands when it is at one of its depots, otherwise where it ends."""
        here = [name for name in self._table.own_depots[van.id] if self._table.depots[name].place == van.place]
        return Visit(StepKind.RELOAD, here[0] if here and van.at_depot else van.depot)

    def _nobody_aboard(self, visits: Sequence[Visit], index: int) -> int:
        """The last place up to `index` where no passenger sits in the van."""
        riding: set[str] = set()
        empty = 0
        for at, visit in enumerate(visits[: index + 1]):
            if not riding:
                empty = at
            if visit.kind is StepKind.PICKUP:
                riding.add(ride_of(visit.id))
            elif visit.kind is StepKind.DROPOFF:
                riding.discard(ride_of(visit.id))
        return empty

    def _loads_something(self, van: Van, after: Sequence[Visit]) -> bool:
        for visit in after:
            if visit.kind is StepKind.RELOAD:
                return False
            if self._table.needs_loading(visit.id, van.id):
                return True
        return False
