"""The alarms of one cooler as its node tells them, in whatever order that comes.

Each reason has the newest time at which it was raised and at which it was over; it stands while it was raised last.
"""

from edge_gateway.contract.alarms import OVER, Probes, Raised, probe_is_back
from edge_gateway.contract.messages import Alarm, Cooler, Lid


class Alarms:
    """Takes alarms and what ends them."""

    def __init__(self) -> None:
        self._raised_s: dict[Raised, float] = {}
        self._over_s: dict[Raised, float] = {}

    @property
    def standing(self) -> tuple[Raised, float] | None:
        """The newest that stands, and since when."""
        stand = {reason: t_s for reason, t_s in self._raised_s.items() if t_s > self._over_s.get(reason, 0.0)}
        return max(stand.items(), key=lambda one: one[1], default=None)

    def tell(self, alarm: Alarm) -> None:
        """A node raised it, or says that it is over."""
        match alarm.reason:
            case "too_warm_over" | "too_cold_over":
                self._end(OVER[alarm.reason], alarm.t_s)
            case raised:
                self._raised_s[raised] = max(alarm.t_s, self._raised_s.get(raised, 0.0))

    def hear_lid(self, lid: Lid) -> None:
        """A closed lid is not open too long any more."""
        if not lid.open:
            self._end("lid_open", lid.t_s)

    def hear_period(self, cooler: Cooler, before: Probes | None) -> None:
        """A period after the alarm in which a lost probe measured; `before`: the period before it, None: not known."""
        after = (cooler.air.mean_c, cooler.product.mean_c)
        is_later = cooler.t_s > self._raised_s.get("probe_lost", cooler.t_s)
        if is_later and (None not in after or (before is not None and probe_is_back(before, after))):
            self._end("probe_lost", cooler.t_s)

    def _end(self, reason: Raised, t_s: float) -> None:
        self._over_s[reason] = max(t_s, self._over_s.get(reason, 0.0))
