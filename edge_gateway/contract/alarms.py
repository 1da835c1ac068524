"""When an alarm that a node raised is past. A node says that something began and never that it ended: readings do."""

Probes = tuple[float | None, float | None]
"""Air and product of a period, degrees Celsius; None: not measured."""


def probe_is_back(before: Probes, after: Probes) -> bool:
    """Whether a lost probe measures again: both do, or one that the period `before` lacked does.

    A cooler with one probe never has the other's value, so both cannot be asked of it.
    """
    if None not in after:
        return True
    return any(was is None and now is not None for was, now in zip(before, after, strict=True))
