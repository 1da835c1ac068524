"""How a day stands: from the record to the question for the router.

Comes in: a session on the record and the time. Goes out: `Standing`, with the problem in coordinates, what people call
each stop, and the stops that cannot be planned at all with the reason. Nothing here decides; it only reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub_backend.dispatching.day import rides, tasks
from hub_backend.dispatching.day.concessions import Concessions
from hub_backend.dispatching.day.facts import OUTSIDE_C, DayFacts, read_facts
from hub_backend.dispatching.day.stops import StopNow
from hub_backend.dispatching.day.tours import VanTour
from hub_backend.dispatching.day.vans import current_step, day_hub, day_van
from hub_backend.dispatching.router.problem import DayProblem, DayRide, DayTask, Left, PlannedStep, left_out
from hub_backend.record import HubRow, VanRow
from hub_backend.spoken import SKILLS, Language, Words, hub_called, said, van_called
from hub_backend.stop_ref import DROPOFF, PICKUP
from hub_backend.workday import utc_offset_s


@dataclass(frozen=True)
class Standing:
    """A day as it stands at `now_s`."""

    facts: DayFacts
    problem: DayProblem
    names: Mapping[str, str]
    unplannable: Sequence[Left]
    under_way: Mapping[str, str]
    """Each driving van's stop that may not be taken from it any more: where it is, or is driving to."""
    current: Mapping[str, PlannedStep]
    """Where a van stands now, at a door or to reload: the first step of its route, which no solver may touch."""
    notes: Sequence[Words] = ()
    names_en: Mapping[str, str] = field(default_factory=dict)
    """Where they are called otherwise in English."""

    @property
    def day(self) -> str:
        return self.facts.day

    @property
    def now_s(self) -> int:
        return self.facts.now_s

    @property
    def stops(self) -> Mapping[str, StopNow]:
        return self.facts.stops

    @property
    def vans(self) -> Mapping[str, VanRow]:
        return self.facts.vans

    @property
    def hubs(self) -> Mapping[str, HubRow]:
        return self.facts.hubs

    def tour(self, van: str) -> VanTour:
        return self.facts.tour(van)


def read_standing(
    session: Session,
    day: str,
    *,
    now_s: float,
    zone: ZoneInfo,
    depart_s: Mapping[tuple[str, str], int] | None = None,
    fetches: Mapping[tuple[str, str], Sequence[str]] | None = None,
    concessions: Concessions | None = None,
    outside_c: float = OUTSIDE_C,
) -> Standing:
    """Read how `day` stands.

    Of the plan that holds, by van and planned stop: `depart_s`, when a van that reloads or charges now is to be ready,
    and `fetches`, whose goods are taken over there.
    """
    facts = read_facts(session, day, now_s=now_s, zone=zone, outside_c=outside_c)
    conceded = concessions or Concessions()
    asked = _Asked.of(facts, conceded)
    planned = {task.id for task in asked.tasks} | {ride.id for ride in asked.rides}
    vans = [
        day_van(
            facts,
            van,
            planned=planned,
            depart_s=depart_s or {},
            fetches=fetches or {},
            first=[f"{ride}{PICKUP}" for ride, goes in conceded.first.items() if goes == van.id and ride in planned],
        )
        for van in facts.vans.values()
    ]
    problem = DayProblem(
        day=day,
        now_s=facts.now_s,
        hubs=tuple(day_hub(place) for places in facts.hub_places.values() for place in places),
        vans=tuple(van for van in vans if van.id not in facts.out),
        tasks=asked.tasks,
        rides=asked.rides,
        utc_offset_s=utc_offset_s(facts.now_s, zone=zone),
        outside_c=outside_c,
    )
    names = _names(facts, "nl")
    return Standing(
        facts=facts,
        problem=problem,
        names=names,
        names_en={id_: called for id_, called in _names(facts, "en").items() if called != names[id_]},
        unplannable=asked.left,
        under_way={van: ref for van, ref in facts.under_way.items() if van not in facts.out},
        current={van.id: step for van in vans if (step := current_step(facts, van)) is not None},
        notes=asked.notes,
    )


@dataclass(frozen=True)
class _Asked:
    """What of a day's open stops is asked, what cannot be, and what to mind."""

    tasks: tuple[DayTask, ...]
    rides: tuple[DayRide, ...]
    left: tuple[Left, ...]
    notes: tuple[Words, ...]

    @classmethod
    def of(cls, facts: DayFacts, concessions: Concessions) -> "_Asked":
        open_stops = [stop for stop in facts.stops.values() if stop.is_open and stop.orders]
        visits = [stop for stop in open_stops if stop.row.kind == "visit" and facts.van_at(stop.row.id) is None]
        driven = [stop for stop in open_stops if stop.row.kind == "ride" and not rides.is_over(facts, stop)]
        obstacles = {stop.row.id: tasks.obstacle(facts, stop, concessions) for stop in visits}
        obstacles |= {stop.row.id: rides.obstacle(facts, stop, concessions) for stop in driven}
        free = [stop for stop in (*visits, *driven) if obstacles[stop.row.id] is None]
        return cls(
            tasks=tuple(tasks.day_task(facts, stop, concessions) for stop in free if stop.row.kind == "visit"),
            rides=tuple(rides.day_ride(facts, stop, concessions) for stop in free if stop.row.kind == "ride"),
            left=tuple(left_out(id_, reason) for id_, reason in obstacles.items() if reason is not None),
            notes=(
                *(
                    said("passenger_waits", address=stop.address, van=van_called(van))
                    for stop in driven
                    if (van := facts.stuck_in(stop)) is not None
                ),
                *(
                    said("lock_yields", address=stop.address, van=van_called(stop.row.van or ""))
                    for stop in free
                    if facts.lock_yields(stop) and facts.stuck_in(stop) is None
                ),
                *(said("overdue", address=stop.address) for stop in free if tasks.is_overdue(facts, stop)),
            ),
        )


SOMEWHERE: Mapping[Language, str] = {"nl": "de bestemming", "en": "the destination"}


def _names(facts: DayFacts, language: Language) -> dict[str, str]:
    """What people call each van, hub, skill and planned stop."""
    called = {van: van_called(van) for van in facts.vans}
    words_of = {**SKILLS, **{hub.id: hub_called(hub.name) for hub in facts.hubs.values()}, **called}
    names = {id_: words.nl if language == "nl" else words.en for id_, words in words_of.items()}
    for id_, stop in facts.stops.items():
        names[id_] = stop.address
        for van in stop.aboard & facts.stranded:
            words = said("goods_in", address=stop.address, van=called[van])
            names[f"{id_}/fetch"] = words.nl if language == "nl" else words.en
        if stop.row.kind == "ride":
            stuck = facts.stuck_in(stop)
            words = (
                Words(stop.address) if stuck is None else said("passenger_in", address=stop.address, van=called[stuck])
            )
            names[f"{id_}{PICKUP}"] = (words.en if language == "en" else "") or words.nl
            names[f"{id_}{DROPOFF}"] = stop.destination or SOMEWHERE[language]
    return names
