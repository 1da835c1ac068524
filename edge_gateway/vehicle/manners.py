"""When a van may be asked anything at all: never so that it cannot sleep. Rules without I/O, in seconds of the world.

A control unit that is asked stays awake, and a van that stays awake empties its 12 V battery within days. So: nothing
is asked of a silent bus; a van that stands unplugged for a while is left alone, and looked at again only now and then,
if it is still awake by itself.
"""

from collections.abc import Mapping
from typing import Literal

from edge_gateway.vehicle_profile import Field

SILENT_S = 5.0
"""A bus that broadcasts nothing for so long sleeps: nothing is asked of it."""
REST_S = 180.0
"""A van that stands this long, and does not charge, is left alone."""
LOOK_AGAIN_S = 1800.0
"""How long it is left alone, before one round of questions (a van that is awake by itself answers)."""
ROUND_S = 60.0
"""How long such a round lasts."""
MISSED = 3
"""At least so many questions in a row without any answer, and as many as there are: it sleeps."""
MOVING_M_S = 0.5


class Manners:
    """One van. `wakes` as in its profile, of which `questions` are asked in all."""

    def __init__(self, wakes: Literal["traffic", "answers"], *, questions: int = 0) -> None:
        self._wakes = wakes
        self._patience = max(MISSED, questions)
        self._traffic_s: float | None = None
        self._active_s: float | None = None
        self._alone_until_s = float("-inf")
        self._round_s: float | None = None
        self._missed = 0

    def heard(self, now_s: float) -> None:
        """A frame that was no answer to us."""
        if not self._bus_is_awake(now_s):
            self._be_active(now_s)  # it woke up, and not because of us
        self._traffic_s = now_s

    def learned(self, known: Mapping[Field, float | bool], now_s: float, *, drives: bool | None = None) -> None:
        """What is known of the van now; `drives` is what others say (the GPS)."""
        if drives or known.get("speed_m_s", 0.0) > MOVING_M_S or known.get("plugged") is True:
            self._be_active(now_s)

    def _be_active(self, now_s: float) -> None:
        if not self._is_active(now_s):
            self._alone_until_s = float("-inf")
        self._active_s = now_s

    def answered(self) -> None:
        self._missed = 0

    def unanswered(self) -> None:
        self._missed += 1

    def may_ask(self, now_s: float) -> bool:
        """True when a question disturbs nobody's sleep."""
        if self._wakes == "traffic" and not self._bus_is_awake(now_s):
            return False
        if self._missed >= self._patience:
            self._leave_alone(now_s)
        if now_s < self._alone_until_s <= now_s + LOOK_AGAIN_S:
            return False
        if self._is_active(now_s):
            self._round_s = None
            return True
        if self._round_s is None or now_s < self._round_s:
            self._round_s = now_s
        if now_s - self._round_s >= ROUND_S:
            self._leave_alone(now_s)
            return False
        return True

    def _leave_alone(self, now_s: float) -> None:
        self._alone_until_s = now_s + LOOK_AGAIN_S
        self._round_s = None
        self._missed = 0

    def _is_active(self, now_s: float) -> bool:
        return self._active_s is not None and 0 <= now_s - self._active_s < REST_S

    def _bus_is_awake(self, now_s: float) -> bool:
        return self._traffic_s is not None and 0 <= now_s - self._traffic_s <= SILENT_S
