"""What every day of the demo holds, whatever its seed: read from the record of the day that was played.

Comes in: the events and what the hub's API says. Goes out: a line for each promise, and findings for those not kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_gateway.contract.messages import AnyEvent, Lid, Tour, Vehicle, Visit
from hub_backend.simulator.compare import Findings
from hub_backend.simulator.concierge import CONTACT
from hub_backend.simulator.projections import LOST, Recorded

NEW_ORDER = "nieuwe opdracht"


@dataclass(frozen=True, slots=True)
class Promise:
    """At least `least` and at most `most` (None: no bound); `found` None is not known, and not kept."""

    name: str
    least: float
    found: float | None
    most: float | None = None

    @property
    def is_kept(self) -> bool:
        return self.found is not None and self.least <= self.found <= (self.most or float("inf"))

    @property
    def words(self) -> str:
        found = "not known" if self.found is None else f"{self.found:g}"
        return f"{self.name} {found}" + ("" if self.is_kept else f" (promised {self.asked})")

    @property
    def asked(self) -> str:
        return f"{self.least:g} or more" if self.most is None else f"{self.least:g} to {self.most:g}"


def promises(events: Sequence[AnyEvent], recorded: Recorded) -> tuple[Promise, ...]:
    """All of them, for a whole day."""
    contact = recorded.figures.contact
    triggers = [words.lower() for plan in recorded.plans for words in plan.triggers]
    warm = [excursion for excursion in recorded.excursions if excursion.rule != LOST]
    return (
        Promise("stops", 55, len(recorded.stops), 70),
        Promise("share of contact", 0.7, _rounded(contact.share), 0.9),
        Promise("suppliers", 5, recorded.figures.movements.baseline),
        Promise("orders during the day", 2, sum(NEW_ORDER in words for words in triggers)),
        Promise("cancellations", 1, sum(stop.state == "cancelled" for stop in recorded.stops)),
        Promise("nobody at home", 3, contact.outcomes.get("no_answer", 0)),
        Promise("long talks", 1, sum(isinstance(event, Tour) and event.phase == "longer" for event in events)),
        Promise("lid open to an excursion", 1, sum(_lid_was_open(events, warm_one.source) for warm_one in warm)),
        Promise("vans that charged", 1, len({event.source for event in events if _is_plugged(event)})),
        Promise("rides", 2, contact.rides_done),
        Promise("chores", 1, contact.chores_done),
        Promise("visits without goods", 1, sum(_is_a_talk(event) for event in events)),
    )


def unkept(kept: Sequence[Promise]) -> Findings:
    """A promise that the day did not keep is a day that is different."""
    found = Findings()
    for promise in kept:
        if not promise.is_kept:
            found.add("different", f"promise: {promise.words}")
    return found


def _lid_was_open(events: Sequence[AnyEvent], cooler: str) -> bool:
    return any(isinstance(event, Lid) and event.source == cooler and event.open for event in events)


def _is_plugged(event: AnyEvent) -> bool:
    return isinstance(event, Vehicle) and event.plugged is True


def _is_a_talk(event: AnyEvent) -> bool:
    """A visit with contact to which nothing was brought, from which nothing was taken, and no chore."""
    if not isinstance(event, Visit) or "/" in event.stop or event.outcome not in CONTACT:
        return False
    return not (event.delivered or event.collected or event.chores_done)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 3)
