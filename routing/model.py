"""What the router is asked and what it answers: frozen values, nothing that runs.

Places are indices into the travel matrices. Times are whole UTC seconds, distances whole metres, energy kWh.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for the types alone: loading NumPy takes longer than an insertion
    import numpy as np
    from numpy.typing import NDArray

COMPARTMENTS = ("chilled", "hot", "ambient", "parcels", "laundry", "seats")
"""What a van has room for, in its own unit: crates, crates, crates, parcels, bags, passengers."""


class RoutingError(Exception):
    """The base of this package's errors."""


class ProblemError(RoutingError):
    """A problem that cannot be meant: the message names the record, the field and the reason."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `from_s` up to and including `to_s`."""

    from_s: int
    to_s: int


@dataclass(frozen=True)
class Travel:
    """Seconds and metres from place to place, each `(n, n)` of int64; unreachable is negative, never infinite."""

    duration_s: "NDArray[np.int64]"
    distance_m: "NDArray[np.int64]"


@dataclass(frozen=True, slots=True)
class Depot:
    """A hub: where vans load (`reload_s`), reload and charge, and where they end.

    A hub that moves in time is several depots of one `hub`, each open while it stands there; goods of the hub can be
    loaded at any of them, and a van loads at the one that is open. None: a hub of its own.
    """

    id: str
    place: int
    open: Window
    reload_s: int = 300
    hub: str | None = None
    charges: bool = True
    """Whether a van can charge there."""


@dataclass(frozen=True, slots=True)
class Energy:
    """What a van draws from its pack. `margin` makes a mean into what nine trips in ten stay under.

    `aux_kw` (heating, lights) while driving, `cooler_kw` all the time under way, not while at the hub. Defaults: a
    small electric van at 15 to 24 degrees; `battery.auxiliary_kw` gives `aux_kw` at other temperatures.
    """

    kwh_per_km: float = 0.17
    kwh_per_km_tonne: float = 0.02
    kwh_per_stop: float = 0.02
    aux_kw: float = 0.15
    cooler_kw: float = 0.15
    margin: float = 1.15


@dataclass(frozen=True, slots=True)
class Rest:
    """A lunch or another break of the roster: begins within `window`, without a passenger aboard.

    `place` None: wherever the van then stands, and at home when all else is done. A route that is back before the
    window ends may be without it.
    """

    id: str
    window: Window
    rest_s: int = 1800
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Van:
    """A van as it stands now: it starts from `place` at `ready_s` and ends at its depot before `shift.to_s`.

    `on_board` are tasks whose goods are in this van and cannot ride in another. `committed` is what is under way or
    locked: these tasks come first, in this order, in this van, whatever it costs. `capacity` by compartment.
    """

    id: str
    depot: str
    place: int
    ready_s: int
    shift: Window
    capacity: Mapping[str, int]
    skills: frozenset[str] = frozenset()
    at_depot: bool = True
    on_board: frozenset[str] = frozenset()
    committed: tuple[str, ...] = ()
    battery_kwh: float = 33.0
    soc_percent: float | None = None
    energy: Energy = Energy()
    min_soc_percent: float = 20.0
    charge_kw: float = 7.4
    in_service: bool = True
    collected: Mapping[str, int] = field(default_factory=dict)
    """What was collected and rides along until the next loading at the depot, by compartment."""
    rests: tuple[Rest, ...] = ()
    """Breaks that are still to be taken."""
    partition: bool = True
    """Whether a wall parts the seats from the goods; without, no passenger rides with food or laundry."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Goods that lie elsewhere than at a depot, in a stranded van for instance: `{task}/fetch` in a plan's steps."""

    place: int
    window: Window
    service_s: int = 120


@dataclass(frozen=True, slots=True)
class Task:
    """A stop at one address: hand over, take along, or only visit.

    `release_s`: its goods can be loaded at the depot from then on. `max_aboard_s`: longest time its goods may be in
    the van. `value`: None for a must, otherwise what leaving it out costs, in seconds of driving; with `deferrable` it
    can be brought on another day. `familiar`: vans whose concierge this resident knows. `locked_van`: only this van may
    come. `depot`: the hub (or depot) where its goods are. `talk_max_s`: at most so much spare time is handed out to
    this resident on top of `service_s`; `contact_days`: days since somebody last really spoke with them, None: longer
    ago than is known. `told_s`: when they were told that somebody comes, None: as the previous plan has it.
    """

    id: str
    place: int
    windows: tuple[Window, ...]
    service_s: int
    depot: str | None = None
    deliver: Mapping[str, int] = field(default_factory=dict)
    collect: Mapping[str, int] = field(default_factory=dict)
    skills: frozenset[str] = frozenset()
    release_s: int | None = None
    max_aboard_s: int | None = None
    value: int | None = None
    familiar: frozenset[str] = frozenset()
    locked_van: str | None = None
    aboard_since_s: int | None = None
    """Since when its goods are in a van, for goods on board or to be fetched from one; None: unknown, and then
    `max_aboard_s` counts from the fetch, and binds nothing for goods on board."""
    fetch: Fetch | None = None
    deferrable: bool = False
    talk_max_s: int = 0
    contact_days: int | None = None
    told_s: int | None = None


@dataclass(frozen=True, slots=True)
class Ride:
    """A resident driven from A to B: `{id}/pickup` and `{id}/dropoff` in a plan's steps. `told_s`: as a task's."""

    id: str
    pickup_place: int
    dropoff_place: int
    pickup: Window
    dropoff: Window
    pickup_s: int = 180
    dropoff_s: int = 180
    seats: int = 1
    max_ride_s: int = 1800
    locked_van: str | None = None
    aboard: str | None = None
    """The van in which the passenger already sits: only the dropoff remains."""
    told_s: int | None = None


UNIT_KG: Mapping[str, float] = {
    "chilled": 6.0,
    "hot": 6.0,
    "ambient": 8.0,
    "parcels": 3.0,
    "laundry": 4.0,
    "seats": 75.0,
}
"""Assumed weights of one unit, for the energy that a payload costs."""


@dataclass(frozen=True)
class Problem:
    """One hub's (or several hubs') day as it stands at `now_s`.

    `utc_offset_s` is what the clock on the wall is ahead of UTC, for times in words only.
    """

    now_s: int
    depots: Sequence[Depot]
    vans: Sequence[Van]
    tasks: Sequence[Task]
    travel: Travel
    rides: Sequence[Ride] = ()
    unit_kg: Mapping[str, float] = field(default_factory=lambda: UNIT_KG)
    utc_offset_s: int = 0


class StepKind(StrEnum):
    TASK = "task"
    FETCH = "fetch"
    PICKUP = "pickup"
    DROPOFF = "dropoff"
    RELOAD = "reload"
    CHARGE = "charge"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Step:
    """One stop of a route. `task` is the task's or ride's id, the depot's for a reload or a charge, the rest's id.

    `talk_s`: how much of the time from `start_s` to `depart_s` is spare time, handed out to this resident.
    """

    kind: StepKind
    task: str
    place: int
    arrive_s: int
    start_s: int
    depart_s: int
    talk_s: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A van's way from where it stands to its depot, `end_s` being when it is back there."""

    van: str
    start_s: int
    steps: tuple[Step, ...]
    end_s: int
    distance_m: int
    drive_s: int
    soc_end_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Unserved:
    """A task nobody comes for, and the tightest reason.

    `reason` is Dutch, for the planner; `code` is one of the names in `reasons`, and `reasons.sentence(code, facts,
    language)` says the same in another language. `earliest_s`: when a van could be there if the resident's window did
    not count, None where no van can come at all.
    """

    task: str
    reason: str
    code: str = ""
    earliest_s: int | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """A route for every van in service. `cost_s` is seconds of driving plus the values of what was left out."""

    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    cost_s: int
    engine: str
    seed: int
    iterations: tuple[int, ...] = ()
    """What each round of the search took: asked again with these, the same problem and seed give the same plan."""

    @property
    def talk_s(self) -> int:
        """Seconds of contact time handed out."""
        return sum(step.talk_s for route in self.routes for step in route.steps)


@dataclass(frozen=True, slots=True)
class Offer:
    """The answer to "can we take it, and when": a plan with the task in it, or the reason why not."""

    plan: Plan
    van: str | None
    start_s: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that a plan breaks; `rule` is one of the names in `check`."""

    rule: str
    van: str | None
    task: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two plans, in words a planner reads.

    `why` is the reason, empty where none is known; `saving_s` is what it saves against leaving it as it was, in seconds
    of driving, None where leaving it was not possible or was not reckoned.
    """

    task: str
    kind: str  # added, dropped, moved (to another van), earlier, later
    van_before: str | None
    van_after: str | None
    shift_s: int | None
    words: str
    why: str = ""
    saving_s: int | None = None
