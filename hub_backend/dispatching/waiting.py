"""The triggers that no plan has answered yet: which of them are answered now, together, and what a plan says of them.

Comes in: rows of the record. Goes out: `Waiting`, one day's triggers, once they have gathered for the settings' time.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub_backend.dispatching.plans import open_proposal
from hub_backend.kit import Kit
from hub_backend.record import OrderRow, PlanRow, ResidentRow, StopRow, TriggerRow
from hub_backend.spoken import Language, Words, said
from hub_backend.stop_ref import stop_of_ref
from hub_backend.workday import day_of, is_day

URGENT = frozenset({"morning", "manual", "accepted", "van_out", "warm_cooler"})
"""What a person waits for, or goods: answered at once, with whatever else is waiting."""

LONGEST_REASON = 300

# Asked twenty times a second while something waits, so made once: that is half of what asking costs.
UNANSWERED = select(TriggerRow).where(TriggerRow.plan.is_(None)).order_by(TriggerRow.id)
UNANSWERED_COUNT = select(func.count()).select_from(TriggerRow).where(TriggerRow.plan.is_(None))


@dataclass(frozen=True)
class Waiting:
    """Triggers that are answered together, all of one day."""

    day: str
    ids: tuple[int, ...]
    kinds: frozenset[str]
    reason: Words
    missed: tuple[str, ...]
    """Stops where nobody opened."""
    accepted: str | None = None
    """The proposal that the planner wants."""


class WaitingList:
    """Looks which triggers wait, and remembers since when."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._seen: dict[int, tuple[float, float]] = {}  # trigger -> world and machine time when first seen

    def __len__(self) -> int:
        with self._kit.store.read() as session:
            return session.scalar(UNANSWERED_COUNT) or 0

    def due(self) -> Waiting | None:
        """The triggers to answer now: those of the earliest day, once they have gathered.

        With them those of a proposal that nobody has decided on: the new plan takes its place.
        """
        with self._kit.store.read() as session:
            by_day = self._by_day(session)
            known = {row.id for rows in by_day.values() for row in rows}
            self._seen = {trigger: seen for trigger, seen in self._seen.items() if trigger in known}
            if not by_day:
                return None
            day = min(by_day)
            if not self._gathered(by_day[day]):
                return None
            proposal = open_proposal(session, day)
            again = [] if proposal is None else _answered_by(session, proposal.id)
            rows = [*again, *by_day[day]]
            accepted = [row.subject for row in rows if row.kind == "accepted"]
            words = list(dict.fromkeys(_with_address(session, row) for row in rows))
            return Waiting(
                day=day,
                ids=tuple(row.id for row in rows),
                kinds=frozenset(row.kind for row in rows),
                reason=Words(
                    shortened([one.nl for one in words], LONGEST_REASON, "nl"),
                    shortened([one.en for one in words], LONGEST_REASON, "en"),
                ),
                missed=tuple(row.subject for row in rows if row.kind == "no_answer"),
                accepted=accepted[-1] if accepted else None,
            )

    def overtakes(self, waiting: Waiting) -> bool:
        """Whether something has come in meanwhile that is due as well, so that a plan without it is of no use."""
        with self._kit.store.read() as session:
            rows = [row for row in self._by_day(session).get(waiting.day, []) if row.id not in waiting.ids]
        return bool(rows) and self._gathered(rows)

    def _by_day(self, session: Session) -> dict[str, list[TriggerRow]]:
        """The triggers without an answer, those of each day in the order in which they came."""
        by_day: dict[str, list[TriggerRow]] = {}
        for row in session.scalars(UNANSWERED):
            by_day.setdefault(self._day_of(session, row), []).append(row)
        return by_day

    def _gathered(self, rows: Sequence[TriggerRow]) -> bool:
        """Whether the first of these was seen long enough ago: in the world, or on the machine if the world stands."""
        now_s, machine_s = self._kit.clock.now_s(), time.monotonic()
        for row in rows:
            self._seen.setdefault(row.id, (now_s, machine_s))
        first_s, first_machine_s = self._seen[rows[0].id]
        wait_s = 0.0 if any(row.kind in URGENT for row in rows) else self._kit.settings.debounce_s
        return now_s - first_s >= wait_s or machine_s - first_machine_s >= wait_s

    def _day_of(self, session: Session, row: TriggerRow) -> str:
        """The day a trigger is about: its subject's, else that of its time."""
        if is_day(row.subject):
            return row.subject
        if row.subject:
            stop = session.get(StopRow, stop_of_ref(row.subject))
            if stop is not None:
                return stop.day
            found = session.get(OrderRow, row.subject) or session.get(PlanRow, row.subject)
            if found is not None:
                return found.day
        return day_of(row.t_s, zone=self._kit.settings.zone)


def _answered_by(session: Session, plan: str) -> list[TriggerRow]:
    return list(session.scalars(select(TriggerRow).where(TriggerRow.plan == plan).order_by(TriggerRow.id)))


def _with_address(session: Session, row: TriggerRow) -> Words:
    """A trigger's words, with the address when it is about a stop: planners know doors, not pseudonyms."""
    words = Words(row.words or row.kind, row.words_en or row.words or row.kind)
    stop = session.get(StopRow, stop_of_ref(row.subject)) if row.subject else None
    if stop is None:
        return words
    resident = session.get_one(ResidentRow, stop.resident)
    where = f"{resident.street} {resident.number}"
    return Words(f"{words.nl}: {where}", f"{words.en}: {where}")


def shortened(words: Sequence[str], most: int, language: Language = "nl") -> str:
    """The words joined, and how many more there are when they do not fit in `most` characters."""
    text = ""
    for number, word in enumerate(words):
        longer = f"{text}; {word}" if text else word
        rest = len(words) - number
        if len(longer) > most - 20:
            more = said("and_more", n=rest)
            return f"{text} {more.nl if language == 'nl' else more.en}" if text else longer[:most]
        text = longer
    return text
