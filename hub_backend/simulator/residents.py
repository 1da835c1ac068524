"""What happens when the concierge rings: who opens, how far in, how long. By the numbers of domain.md (N5, P9).

Of the visits with an outcome about 80 % are contact and 20 % the letterbox: the letterbox share comes from who ordered
only what fits through it, the rest from who opens. Everything is drawn per resident, so that the order in which the
vans happen to come changes nothing.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge_gateway.contract.messages import Outcome

OPENS = 0.97
OPENS_FOR_LETTERBOX_ITEM = 0.05
OPENS_SECOND_TIME = 0.6
STEPS = ((0, 0.10), (1, 0.35), (2, 0.30), (3, 0.25))
"""Step 0 to 3 and its share: our own guess for the demo, no source gives it."""

WISH_MIN: Mapping[int, tuple[float, float]] = {0: (0, 4), 1: (1, 8), 2: (3, 14), 3: (5, 20)}
"""How long residents like to talk, minutes, by how far in the concierge came: not all contact is equally long (P2), and
who lets her in has more to tell. Our own guess for the demo, no source gives it."""

SPOKEN_WITH = frozenset({Outcome.CONTACT_DOOR, Outcome.CONTACT_INSIDE})


class Habit(StrEnum):
    """What the script of the day has in mind for a resident."""

    USUAL = "usual"
    AWAY = "away"  # nobody at home the first time
    TALKS = "talks"  # one long talk
    REFUSES = "refuses"
    NEIGHBOUR = "neighbour"  # the neighbour takes it


@dataclass(frozen=True)
class Answer:
    """The door. `wait_s` until it opened or was given up, `talk_s` beyond the service, `extra_s` a long talk.

    `wish_s` is how long the resident likes to talk when there is time: a concierge in a hurry leaves sooner.
    """

    outcome: Outcome
    step: int | None
    wait_s: float
    talk_s: float
    extra_s: float = 0.0
    wish_s: float = 0.0


@dataclass(frozen=True)
class Door:
    """A resident as the world knows them."""

    resident: str
    usual_step: int
    habit: Habit = Habit.USUAL

    def answer(self, *, seed: int, attempt: int, letterbox_fits: bool) -> Answer:
        """What happens at the `attempt`-th ring of the day (1 is the first)."""
        dice = random.Random(f"{seed}/{self.resident}/{attempt}")
        if not self._opens(dice, attempt=attempt, letterbox_fits=letterbox_fits):
            outcome = Outcome.LETTERBOX if letterbox_fits else Outcome.NO_ANSWER
            return Answer(outcome, None, wait_s=60.0 if letterbox_fits else 120.0, talk_s=0.0)
        if self.habit is Habit.REFUSES:
            return Answer(Outcome.REFUSED, 0, wait_s=40.0, talk_s=30.0)
        if self.habit is Habit.NEIGHBOUR and attempt == 1 and not letterbox_fits:
            return Answer(Outcome.NEIGHBOUR, None, wait_s=150.0, talk_s=30.0)
        step = max(0, min(3, self.usual_step + dice.choice((-1, 0, 0, 0, 0, 1))))
        outcome = Outcome.CONTACT_INSIDE if step == 3 else Outcome.CONTACT_DOOR
        if dice.random() < 0.04:
            outcome = Outcome.CONTACT_OTHER_PERSON
        extra_s = dice.uniform(1200, 1800) if self.habit is Habit.TALKS and attempt == 1 else 0.0
        return Answer(
            outcome,
            step,
            wait_s=dice.uniform(10, 45),
            talk_s=dice.uniform(0, 90),
            extra_s=extra_s,
            wish_s=60.0 * dice.uniform(*WISH_MIN[step]) if outcome in SPOKEN_WITH else 0.0,
        )

    def _opens(self, dice: random.Random, *, attempt: int, letterbox_fits: bool) -> bool:
        if self.habit is Habit.AWAY:
            return attempt > 1 and dice.random() < OPENS_SECOND_TIME
        if self.habit is not Habit.USUAL:
            return True
        return dice.random() < (OPENS_FOR_LETTERBOX_ITEM if letterbox_fits else OPENS)


def draw_step(dice: random.Random) -> int:
    """A resident's usual step."""
    return dice.choices([step for step, _ in STEPS], [share for _, share in STEPS])[0]
