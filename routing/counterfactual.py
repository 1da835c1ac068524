"""Why a task is in another van now: what would have been if it had stayed in the old one."""

from typing import NamedTuple

from routing.draft import unit_of
from routing.live import Live
from routing.model import Plan, Problem
from routing.reasons import Fault
from routing.stops import NOBODY
from routing.timetable import Timetable


class Stayed(NamedTuple):
    """`fault`: why it could not stay, None where it could; `saving_s`: what moving it saves, seconds of driving."""

    fault: Fault | None
    saving_s: int | None


class Counterfactual:
    """Asks a plan what one task in another van would have cost."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self._live = Live(Timetable(problem))
        self._now = self._live.from_plan(plan)
        self._known: dict[tuple[str, str, str], Stayed] = {}

    def stayed(self, unit: str, van_before: str, van_now: str) -> Stayed:
        """A task or ride as if it had stayed in `van_before`; worked out once."""
        key = (unit, van_before, van_now)
        if key not in self._known:
            self._known[key] = self._stayed(unit, van_before, van_now)
        return self._known[key]

    def _stayed(self, unit: str, van_before: str, van_now: str) -> Stayed:
        live, table = self._live, self._live.table
        if van_before not in table.active:
            return Stayed(Fault.NO_VAN, None)
        if unit not in table.tasks and unit not in table.rides:
            return Stayed(None, None)
        fault = table.forbidden(live.last_of(unit), table.active[van_before])
        if fault is not None:
            return Stayed(fault, None)
        here = tuple(v for v in self._now.visits[van_now] if v.kind in NOBODY or unit_of(v) != unit)
        without = self._now.with_van(van_now, live.settle(table.active[van_now], here))
        kept = live.insert(without, unit, only=van_before)
        if kept is None:
            return Stayed(Fault.FULL, None)
        return Stayed(None, live.measure(kept).cost_s - live.measure(self._now).cost_s)
