"""A day in the neighbourhood's own time: from a date and a clock time to UTC seconds and back."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def day_of(t_s: float, *, zone: ZoneInfo) -> str:
    """The local date, `2026-11-23`."""
    return datetime.fromtimestamp(t_s, tz=zone).date().isoformat()


def at(day: str, clock: str, *, zone: ZoneInfo) -> int:
    """UTC seconds of the local time `clock` (`08:30`) on `day`. Raises `ValueError` for what is no date or time."""
    moment = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), tzinfo=zone)
    return int(moment.timestamp())


def bounds(day: str, *, zone: ZoneInfo) -> tuple[int, int]:
    """UTC seconds of the local midnights that begin and end `day`: 23, 24 or 25 hours apart."""
    tomorrow = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return at(day, "00:00", zone=zone), at(tomorrow, "00:00", zone=zone)


def days_between(earlier: str, later: str) -> int:
    """How many days `later` is after `earlier`, both dates."""
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def is_workday(day: str) -> bool:
    """Whether vans go out: Monday to Saturday (domain.md N7)."""
    return date.fromisoformat(day).isoweekday() <= 6


def next_workday(day: str) -> str:
    """The first date after `day` on which vans go out."""
    later = (date.fromisoformat(day) + timedelta(days=ahead) for ahead in (1, 2))
    return next(one for one in map(date.isoformat, later) if is_workday(one))


def same_time(t_s: float, day: str, *, zone: ZoneInfo) -> float:
    """The moment of `day` at which the clock on the wall shows what it shows at `t_s`."""
    moment = datetime.fromtimestamp(t_s, tz=zone)
    return datetime.combine(date.fromisoformat(day), moment.time(), tzinfo=zone).timestamp()


def utc_offset_s(t_s: float, *, zone: ZoneInfo) -> int:
    """What the clock on the wall is ahead of UTC."""
    offset = datetime.fromtimestamp(t_s, tz=zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def is_day(text: str) -> bool:
    """Whether `text` is a date as `2026-11-23`, of this century: a day that can have a before and an after."""
    try:
        return date.fromisoformat(text).isoformat() == text and text[:2] == "20"
    except ValueError:
        return False
