"""The day as the router is asked it and as it answers, in coordinates: what goes to the router's process and back.

The hub's own process knows no matrices and no solver; it writes these down and the router's process turns them into
`routing.model`. Times are whole UTC seconds.
"""

from typing import Literal

from msgspec import Struct

from hub_backend.spoken import Words

Window = tuple[int, int]
Tier = Literal["insertion", "search"]


class DayHub(Struct, frozen=True, kw_only=True):
    """A hub that vans start from, reload at and end at; one that moves is several of one `hub`, each with its hours."""

    id: str
    hub: str = ""
    lat: float
    lon: float
    open: Window
    reload_s: int
    charges: bool = True


class DayEnergy(Struct, frozen=True, kw_only=True):
    """What a van draws from its pack. See `routing.model.Energy`."""

    kwh_per_km: float
    kwh_per_km_tonne: float
    kwh_per_stop: float
    cooler_kw: float


class DayRest(Struct, frozen=True, kw_only=True):
    """A break of the roster that is still to be taken, wherever the van then is. See `routing.model.Rest`."""

    id: str
    window: Window
    rest_s: int


class DayVan(Struct, frozen=True, kw_only=True):
    """A van in service, from where it is at `ready_s`. See `routing.model.Van`."""

    id: str
    hub: str
    lat: float
    lon: float
    ready_s: int
    shift: Window
    capacity: dict[str, int]
    skills: tuple[str, ...]
    at_depot: bool
    on_board: tuple[str, ...]
    committed: tuple[str, ...]
    collected: dict[str, int]
    battery_kwh: float
    soc_percent: float | None
    kwh_per_km: float
    charge_kw: float
    energy: DayEnergy | None = None
    """None: `kwh_per_km` has everything in it."""
    rests: tuple[DayRest, ...] = ()
    partition: bool = True


class DayFetch(Struct, frozen=True, kw_only=True):
    """Goods in a van that cannot go on, and where that stands. See `routing.model.Fetch`."""

    lat: float
    lon: float
    window: Window
    service_s: int


class DayTask(Struct, frozen=True, kw_only=True):
    """A stop that remains. See `routing.model.Task`; `street` helps to find the right road."""

    id: str
    lat: float
    lon: float
    window: Window
    service_s: int
    street: str = ""
    hub: str | None = None
    deliver: dict[str, int] = {}
    collect: dict[str, int] = {}
    skills: tuple[str, ...] = ()
    release_s: int | None = None
    max_aboard_s: int | None = None
    value: int | None = None
    deferrable: bool = False
    familiar: tuple[str, ...] = ()
    locked_van: str | None = None
    talk_max_s: int = 0
    contact_days: int | None = None
    told_s: int | None = None
    fetch: DayFetch | None = None


class DayRide(Struct, frozen=True, kw_only=True):
    """A resident to be driven. See `routing.model.Ride`."""

    id: str
    pickup_lat: float
    pickup_lon: float
    dropoff_lat: float
    dropoff_lon: float
    pickup: Window
    dropoff: Window
    pickup_s: int
    dropoff_s: int
    seats: int
    max_ride_s: int
    locked_van: str | None = None
    aboard: str | None = None
    told_s: int | None = None


class PlannedStep(Struct, frozen=True, kw_only=True):
    """One step of a route; `task` as in `routing.model.Step`. `ref` is its name on the wire, given when adopted."""

    kind: str
    task: str
    ref: str = ""
    lat: float
    lon: float
    arrive_s: int
    start_s: int
    depart_s: int
    talk_s: int = 0


class PlannedRoute(Struct, frozen=True, kw_only=True):
    """A van's way through its remaining day. `geometry` is [lon, lat] along the roads, hub included."""

    van: str
    start_s: int
    end_s: int
    distance_m: int
    drive_s: int
    soc_end_percent: float | None
    steps: tuple[PlannedStep, ...]
    geometry: tuple[tuple[float, float], ...] = ()


class Left(Struct, frozen=True, kw_only=True):
    """A stop that nobody comes for, and why, in Dutch and in English.

    `code` is one of `routing.reasons` or `hub_backend.spoken`.
    """

    task: str
    reason: str
    reason_en: str = ""
    code: str = ""


def left_out(task: str, words: Words) -> Left:
    """A stop that nobody comes for, in words of the hub's own."""
    return Left(task=task, reason=words.nl, reason_en=words.en, code=words.code)


class DayProblem(Struct, frozen=True, kw_only=True):
    """What is still to be done on a day, as it stands at `now_s`."""

    day: str
    now_s: int
    hubs: tuple[DayHub, ...]
    vans: tuple[DayVan, ...]
    tasks: tuple[DayTask, ...]
    rides: tuple[DayRide, ...]
    utc_offset_s: int = 0
    outside_c: float = 10.0


class Broken(Struct, frozen=True, kw_only=True):
    """A promise that a plan breaks, found by the checker."""

    rule: str
    van: str | None
    task: str | None
    detail: str


class Changed(Struct, frozen=True, kw_only=True):
    """A difference between two plans, in Dutch and in English. `kind`: added, dropped, moved, earlier, later, unlocked.

    `saving_s`: driving that moving it saves, None where that is not known.
    """

    task: str
    kind: str
    van_before: str | None
    van_after: str | None
    shift_s: int | None
    words: str
    words_en: str = ""
    saving_s: int | None = None


# ---------------------------------------------------------------- to the router's process and back


class PlanRequest(Struct, frozen=True, kw_only=True, tag="plan"):
    """Plan this day; with `previous` routes keep as much of them as is sensible.

    `names`: what people call a task, a van, a hub or a skill.
    `previous_left`: whom nobody came for in the previous plan, so that it is not told twice. `told`: the routes with
    which the answer is compared, when those are not `previous`. `seconds` 0: insertion alone. `iterations`: those of an
    earlier answer, to be given that answer again. `hours`: the local hours whose traffic
    counts; empty: none is known.
    """

    problem: DayProblem
    previous: tuple[PlannedRoute, ...] | None
    previous_left: tuple[str, ...] = ()
    told: tuple[PlannedRoute, ...] | None = None
    names: dict[str, str]
    names_en: dict[str, str] = {}
    """Where they are called otherwise in English."""
    hours: tuple[int, ...] = ()
    seconds: float
    seed: int
    iterations: tuple[int, ...] | None = None


class PlanAnswer(Struct, frozen=True, kw_only=True, tag="planned"):
    """The plan, what the independent checker says of it, and how it differs from the routes that people were told.

    Two come for each question: at once that of `insertion`, then that of the `search`, which begins where the first
    ended. `quick_cost_s` is what the first cost. `iterations`: what each round of the search took. `map_sha256`: of
    the files that the roads were read from.
    """

    routes: tuple[PlannedRoute, ...]
    unserved: tuple[Left, ...]
    cost_s: int
    engine: str
    seed: int
    solve_s: float
    broken: tuple[Broken, ...]
    changes: tuple[Changed, ...]
    tier: Tier = "search"
    quick_cost_s: int | None = None
    iterations: tuple[int, ...] = ()
    map_sha256: str = ""


class TourRequest(Struct, frozen=True, kw_only=True, tag="tour"):
    """The shortest round from the first of `places` (lat, lon) past all others and back."""

    places: tuple[tuple[float, float], ...]
    seconds: float
    seed: int


class TourAnswer(Struct, frozen=True, kw_only=True, tag="toured"):
    """`distance_m` None: one of the places cannot be reached."""

    distance_m: int | None
    engine: str


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """The router refused the question: which error, and its words."""

    error: str
    detail: str


CANCELLED = "Cancelled"
"""The error of a question that the hub itself ended."""

Request = PlanRequest | TourRequest
Answer = PlanAnswer | TourAnswer | Failed
