"""Where in a van's sequence it charges, and for how long: a part of the exact model of its day (`talk`).

Comes in: a sequence that holds only with charging, and the model's times. Goes out: for each gap between two visits
whether the van drives to a depot of its hub to charge there, and how many whole blocks. The battery is followed visit
by visit, in millionths of a percent: what drives, stops and stays take, what a charging brings. It is nowhere under its
least but on the way to charge, and on return a little above it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import ceil, floor

from routing.battery import CHARGE_LEAST_S, CHARGE_SPARE_PERCENT, CHARGE_STEP_S, gained_percent
from routing.exact import ExactModel, Expression, Solution, Variable
from routing.model import StepKind, Van
from routing.stops import AT_DEPOT, Visit
from routing.timetable import Timetable
from routing.timing import Timed
from routing.workload import PUT_OFF, busy_s, price, time_s

MOST_PLACES = 8
"""In so many places of a sequence it may be: with half as many more it takes a third longer and saves no more."""

MILLIONTHS = 1_000_000
LEAST_MARGIN = 100_000
"""So much above its least the battery stays everywhere: what the model rounds, and a wait that it sees elsewhere."""


@dataclass(frozen=True)
class _Place:
    """A charging that may be, in one gap at one depot, and what going there costs on top of the way from A to B."""

    here: Variable
    blocks: Variable
    detour_s: int
    to_takes: int
    on_takes: int
    leg_takes: int


class Charging:
    """Of one van's sequence without its chargings; `timed` is that sequence, whatever the battery says."""

    def __init__(self, table: Timetable, van: Van, visits: Sequence[Visit], timed: Timed, model: ExactModel) -> None:
        self._table, self._van, self._visits, self._timed, self._model = table, van, visits, timed, model
        self._draw = table.draw[van.id]
        home = table.depots[van.depot].place
        self._places = [van.place, *table.places(van, visits), home]
        self._options: dict[int, dict[str, _Place]] = {}

    # ------------------------------------------------------------ where it may be

    def offer(self, gaps: Sequence[int]) -> None:
        """In each of these gaps (before visit N) the van may charge, once; of many where the detour is least."""
        block = gained_percent(self._van, CHARGE_STEP_S)
        most = max(CHARGE_LEAST_S // CHARGE_STEP_S, ceil(100.0 / block)) if block > 0 else 0
        near = nsmallest(MOST_PLACES if most else 0, self._detours(gaps))
        for detour_s, gap, depot in near:
            self._options.setdefault(gap, {})[depot] = self._option(gap, depot, detour_s, most)
        for options in self._options.values():
            self._model.require(sum(one.here for one in options.values()) <= 1)

    def _detours(self, gaps: Sequence[int]) -> Iterator[tuple[int, int, str]]:
        duration = self._table.duration
        for gap in gaps:
            a, b = self._places[gap : gap + 2]
            for depot in self._table.chargers[self._van.id]:
                hub = self._table.depots[depot].place
                if min(duration[a][hub], duration[hub][b]) >= 0:
                    yield duration[a][hub] + duration[hub][b] - duration[a][b], gap, depot

    def _option(self, gap: int, depot: str, detour_s: int, most: int) -> _Place:
        a, b, hub = self._places[gap], self._places[gap + 1], self._table.depots[depot].place
        here, blocks = self._model.choice(), self._model.variable([(0, most)])
        self._model.require(blocks >= CHARGE_LEAST_S // CHARGE_STEP_S * here)
        self._model.require(blocks <= most * here)
        takes = self._leg_takes(a, hub, gap), self._leg_takes(hub, b, gap), self._leg_takes(a, b, gap)
        return _Place(here, blocks, detour_s, *takes)

    def _leg_takes(self, a: int, b: int, gap: int) -> int:
        draw, kg = self._draw, self._timed.kg[gap]
        metres, seconds = self._table.distance[a][b], self._table.duration[a][b]
        return _up(metres * (draw.of_metre + draw.of_metre_kg * kg) + draw.of_driving_s * seconds)

    def lasts_s(self, gap: int) -> Expression:
        """What charging in this gap adds to the way from visit to visit, with the detour."""
        return sum(one.detour_s * one.here + CHARGE_STEP_S * one.blocks for one in self._options.get(gap, {}).values())

    def cost(self, start: Sequence[Expression]) -> Expression:
        """In hundredths of a second of driving, as `draft.Worth` counts: driving, work, musts that come later."""
        table, van = self._table, self._van
        of_work = price(busy_s(self._visits, self._timed), time_s(table.problem, van))
        cost: Expression = sum(
            round(100 * one.detour_s * (1 + of_work)) * one.here + round(100 * CHARGE_STEP_S * of_work) * one.blocks
            for options in self._options.values()
            for one in options.values()
        )
        late = [start[index] for index, visit in enumerate(self._visits) if self._is_must(visit)]
        return cost + round(100 * PUT_OFF) * sum(late)

    def _is_must(self, visit: Visit) -> bool:
        task = self._table.tasks.get(visit.id) if visit.kind is StepKind.TASK else None
        return task is not None and task.value is None

    # ------------------------------------------------------------ the battery

    def follow(self, frozen: int, leave: Sequence[Expression], resting_s: Sequence[Expression], end: float) -> None:
        """The battery along the way. `leave`: when the van leaves its place and each visit; `end`: what was left."""
        model, van = self._model, self._van
        least, full = _up(van.min_soc_percent) + LEAST_MARGIN, 100 * MILLIONTHS
        brings = floor(gained_percent(van, CHARGE_STEP_S) * MILLIONTHS)
        left: Expression = floor((van.soc_percent or 0.0) * MILLIONTHS)
        for index in range(len(self._visits) + 1):
            options = self._options.get(index, {}).values()
            leg_takes = self._leg_takes(self._places[index], self._places[index + 1], index)
            takes = leg_takes + sum((one.to_takes + one.on_takes - one.leg_takes) * one.here for one in options)
            stay = self._stay_takes(index, leave, resting_s)
            after = model.variable([(-full, full)])
            model.require(after <= left - takes - stay + sum(brings * one.blocks for one in options))
            for one in options:
                model.require(after <= full - one.on_takes - stay, when=one.here)
            if index == len(self._visits):
                wanted = min(_up(van.min_soc_percent + CHARGE_SPARE_PERCENT), floor(end * MILLIONTHS))
                model.require(after >= wanted)
                model.require(after >= least)
            elif index >= frozen:
                model.require(after >= least)
            left = after

    def _stay_takes(self, index: int, leave: Sequence[Expression], resting_s: Sequence[Expression]) -> Expression:
        """What a visit takes from its arrival on, with a rest on the way to it; nothing at the hub."""
        if index == len(self._visits):
            return 0
        visit, staying = self._visits[index], _up(self._draw.of_staying_s)
        at_home = self._places[index + 1] == self._places[-1]
        if visit.kind in AT_DEPOT or (visit.kind is StepKind.REST and at_home):
            return staying * resting_s[index]
        way_s = self._table.drive_s(self._places[index], self._places[index + 1]) + self.lasts_s(index)
        of_stop = 0 if visit.kind is StepKind.REST else _up(self._draw.of_stop)
        return staying * (leave[index + 1] - leave[index] - way_s) + of_stop

    # ------------------------------------------------------------ answer

    def chosen(self, gap: int, solution: Solution) -> tuple[Visit, ...]:
        """The charging in this gap, if there is one."""
        return tuple(
            Visit(StepKind.CHARGE, depot, CHARGE_STEP_S * solution.value(one.blocks))
            for depot, one in self._options.get(gap, {}).items()
            if solution.value(one.here)
        )


def _up(percent: float) -> int:
    return ceil(percent * MILLIONTHS)
