"""What it is worth that the work is spread: an hour of work weighs more in a van that has hardly any to spare.

Without this the least driving wins, and one van stands idle for hours while the other hurries past its residents.
"""

from collections.abc import Sequence

from routing.model import Problem, StepKind, Van
from routing.stops import Visit
from routing.timetable import Timetable
from routing.timing import Timed

BALANCE = 0.25
"""Seconds of driving that a second of work costs on average in a van that works its whole shift (own choice): to move
an hour of work from a van that is busy for 90 % of its time to one that is so for 10 % may cost 20 minutes of driving.
"""


PUT_OFF = 0.06
"""Seconds of driving that it costs to come a second later than the window allows (own choice, the best of 0, 0.03, 0.06
and 0.12: docs/routing-figures.md). What is put off in the morning meets what comes in by noon, and then neither fits.
"""

TALK = 0.2
"""Seconds of driving that a second is worth of the first five minutes for a resident (own choice)."""

FIRST_TALK_S = 300
"""The first minutes of contact time with a resident, which count most."""


def time_s(problem: Problem, van: Van) -> int:
    """From when the van can do something to the end of its shift, without its rests, seconds, at least 1."""
    begins = max(van.ready_s, van.shift.from_s, problem.now_s)
    return max(1, van.shift.to_s - begins - sum(rest.rest_s for rest in van.rests))


def busy_s(visits: Sequence[Visit], timed: Timed) -> int:
    """Driving, loading and being at the doors, without talk, rests and waiting; of a sequence that holds."""
    stays = sum(
        depart - start
        for visit, start, depart in zip(visits, timed.start, timed.depart, strict=False)
        if visit.kind is not StepKind.REST
    )
    return timed.drive_s + stays


def burden_s(busy: int, of_s: int) -> int:
    """What a van's work costs on top of its driving."""
    return int(BALANCE * busy * busy / max(of_s, busy, 1))


def talk_short_s(table: Timetable, van: Van, visits: Sequence[Visit], timed: Timed) -> int:
    """How much of the residents' first minutes this sequence has no room for, each in its turn, seconds.

    A bound: windows and the shift count, times aboard do not. `talk` finds what can really be had.
    """
    latest = table.latest(van, visits)
    pushed_s = short_s = 0
    for index, visit in enumerate(visits):
        pushed_s = max(0, pushed_s - (timed.start[index] - timed.arrive[index]))  # waiting takes it up
        task = table.tasks.get(visit.id) if visit.kind is StepKind.TASK else None
        if task is None or not task.talk_max_s:
            continue
        wanted_s = min(FIRST_TALK_S, task.talk_max_s)
        next_at = timed.arrive[index + 1] if index + 1 < len(visits) else timed.end_s
        room_s = latest[index + 1] - next_at - pushed_s
        given_s = max(0, min(wanted_s, room_s))
        pushed_s += given_s
        short_s += wanted_s - given_s
    return short_s


def price(busy: int, of_s: int) -> float:
    """What one more second of work costs, in seconds of driving; from 0 to twice `BALANCE`."""
    return 2 * BALANCE * min(1.0, busy / of_s)


def put_off_s(table: Timetable, name: str, start_s: int) -> int:
    """By how much a must begins later than its window and the day allow; a chore is filled in when it suits."""
    task = table.tasks.get(name)
    if task is None or task.value is not None:
        return 0
    return max(0, start_s - max(table.stops[name].windows[0][0], table.problem.now_s))
