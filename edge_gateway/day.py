"""What the gateway knows of its day: the plan, where the concierge is, what was scanned and what happened at each door.

Rebuilt after a restart from the plan and today's events that the outbox remembers, so the van works on alone.
"""

from edge_gateway.contract.messages import (
    AnyEvent,
    HubManifest,
    Outcome,
    PlannedStop,
    Scan,
    ScanPurpose,
    ScanResult,
    Tour,
    VanPlan,
    Visit,
)
from edge_gateway.page_messages import PageVisit, TourPhase
from edge_gateway.scans import Situation

FAILED = (Outcome.NO_ANSWER, Outcome.REFUSED)
UNDER_WAY = ("departed_hub", "under_way", "arrived", "longer")


class Day:
    """Not safe for threads: `state` owns it."""

    def __init__(self) -> None:
        self.plan: VanPlan | HubManifest | None = None
        self._forget()

    def _forget(self) -> None:
        self.phase: TourPhase | None = None
        self.at_stop: str | None = None
        self._under_way = False
        self._arrived_s = 0.0
        self.scanned: dict[ScanPurpose, set[str]] = {purpose: set() for purpose in ScanPurpose}
        self._visits: dict[str, Visit] = {}
        self._passed: set[str] = set()  # stops without a visit: rides, reloading, charging, resting
        self._delivered: set[str] = set()
        self._aboard: dict[str, None] = {}  # in the order of loading
        self._taken_in_s: dict[str, float] = {}

    # ------------------------------------------------------------ the plan

    def wants(self, plan: VanPlan | HubManifest) -> bool:
        """False for what we have already, or an older one."""
        held = self.plan
        return held is None or _age(plan) > _age(held)

    def holds_newer(self, plan: VanPlan | HubManifest) -> bool:
        return self.plan is not None and _age(plan) < _age(self.plan)

    def begins_with(self, plan: VanPlan | HubManifest) -> bool:
        """True when this plan is of a new day, on which nothing happened yet."""
        return self.plan is not None and plan.day != self.plan.day

    def take(self, plan: VanPlan | HubManifest) -> None:
        """Work by this plan from now on."""
        if self.begins_with(plan):
            self._forget()
        self.plan = plan

    # ------------------------------------------------------------ what happened

    def apply(self, event: AnyEvent) -> None:
        """A scan, a tap or a visit of today; other events change nothing here."""
        match event:
            case Scan():
                self._apply_scan(event)
            case Tour():
                self._apply_tour(event)
            case Visit():
                self._apply_visit(event)

    def _apply_scan(self, scan: Scan) -> None:
        if scan.result is not ScanResult.RIGHT:
            return
        self.scanned[scan.purpose].add(scan.code)
        if scan.purpose is ScanPurpose.INTAKE:
            self._taken_in_s[scan.code] = max(scan.t_s, self._taken_in_s.get(scan.code, 0.0))
        if scan.purpose in (ScanPurpose.LOAD, ScanPurpose.INTAKE, ScanPurpose.COLLECT):
            self._aboard[scan.code] = None

    def _apply_tour(self, tour: Tour) -> None:
        left = self.at_stop
        self.phase = tour.phase
        if tour.phase not in ("resting", "rested"):
            self._under_way = tour.phase in UNDER_WAY  # a rest is where the van is, at the hub or not
        match tour.phase:
            case "arrived" | "resting":
                self.at_stop = tour.stop
                self._arrived_s = tour.t_s
            case "longer":
                pass
            case _:
                self.at_stop = None
        if left is not None and left != self.at_stop and left not in self._visits:
            self._passed.add(left)

    def _apply_visit(self, visit: Visit) -> None:
        self._visits[visit.stop] = visit
        self._delivered.update(visit.delivered)
        for code in visit.delivered:
            self._aboard.pop(code, None)
        for code in visit.collected:
            self._aboard[code] = None
        stop = self._stop(visit.stop)
        for parcel in stop.deliver if stop is not None else ():
            if parcel.code not in self._delivered:
                self.scanned[ScanPurpose.DOOR].discard(parcel.code)  # back into the van, to be scanned again

    # ------------------------------------------------------------ what follows

    @property
    def stops(self) -> tuple[PlannedStop, ...]:
        return self.plan.stops if isinstance(self.plan, VanPlan) else ()

    def _stop(self, name: str) -> PlannedStop | None:
        return next((stop for stop in self.stops if stop.stop == name), None)

    def is_done(self, stop: PlannedStop) -> bool:
        """True when the concierge need not go there (again)."""
        visit = self._visits.get(stop.stop)
        if visit is None:
            return stop.done or (stop.kind != "visit" and stop.stop in self._passed)
        if visit.outcome in FAILED and self.plan is not None and self.plan.made_s > visit.t_s:
            return stop.done  # nobody was at home: a plan made since then may send us there again
        return True

    @property
    def next_stop(self) -> PlannedStop | None:
        """The first stop that is not done, the one where we are first of all.

        Whose door has just stayed shut is not waited for: a new plan that comes back to it says when.
        """
        if self.at_stop is not None:
            at = self._stop(self.at_stop)
            visit = self._visits.get(self.at_stop)
            is_answered = visit is not None and visit.t_s >= self._arrived_s
            if at is not None and not is_answered and not self.is_done(at):
                return at
        return next((stop for stop in self.stops if not self.is_done(stop)), None)

    @property
    def situation(self) -> Situation:
        at_stop = None if self.phase == "resting" else self.at_stop
        return Situation(
            plan=self.plan, scanned=self.scanned, under_way=self._under_way, at_stop=at_stop, out=self._out
        )

    @property
    def _out(self) -> frozenset[str]:
        if not isinstance(self.plan, HubManifest):
            return frozenset()
        return frozenset(code for code, out_s in self.plan.out.items() if self._taken_in_s.get(code, 0.0) < out_s)

    @property
    def aboard(self) -> tuple[str, ...]:
        """Codes in the van (or, at a hub, in the house)."""
        return tuple(self._aboard)

    @property
    def visits(self) -> tuple[PageVisit, ...]:
        return tuple(
            PageVisit(stop=visit.stop, outcome=visit.outcome, t_s=visit.t_s) for visit in self._visits.values()
        )


def _age(plan: VanPlan | HubManifest) -> tuple[str, int, float]:
    """The greater, the newer: a hub's manifest is told again within a revision when a van comes home."""
    return plan.day, plan.revision, plan.made_s
