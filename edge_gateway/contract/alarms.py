"""When an alarm that a node raised is past: the node says so, a lid is closed, or a probe measures again."""

from typing import Literal

Raised = Literal["lid_open", "too_warm", "too_cold", "probe_lost"]

OVER: dict[str, Raised] = {"too_warm_over": "too_warm", "too_cold_over": "too_cold"}
"""By the reason that says so, what is over."""

Probes = tuple[float | None, float | None]
"""Air and product of a period, degrees Celsius; None: not measured."""


def probe_is_back(before: Probes, after: Probes) -> bool:
    """Whether a lost probe measures again: both do, or one that the period `before` lacked does.

    A cooler with one probe never has the other's value, so both cannot be asked of it.
    """
    if None not in after:
        return True
    return any(was is None and now is not None for was, now in zip(before, after, strict=True))
