"""Why nobody comes for a task: the tightest reason, in words, and when somebody could."""

from collections.abc import Mapping

from routing.model import COMPARTMENTS, StepKind, Unserved, Van
from routing.reasons import COMPARTMENT_WORDS, WORDS, Fault, minutes
from routing.timetable import Timed, Timetable, Visit


def why_not(table: Timetable, bound: Mapping[str, tuple[Visit, ...]], name: str) -> Unserved:
    """The reason for a task or ride that is in no route; `bound` is what each van must do anyhow.

    Each van is asked as if it had nothing else to do; the reason of the van that comes nearest counts.
    """
    end = name if name in table.tasks else f"{name}/dropoff"
    found: list[tuple[Fault, int, str]] = []
    earliest: list[int] = []
    for van in table.active.values():
        never = table.forbidden(end, van)
        if never is not None:
            found.append((never, 0, van.id))
            continue
        timed = _alone(table, van, bound[van.id], name)
        when = _soonest(table, van, bound[van.id], name)
        if when is not None:
            earliest.append(when)
        found.append((Fault.FULL if timed.fault is None else timed.fault, timed.late_s, van.id))
    fault, late_s, _ = max(found, key=lambda row: (row[0], -row[1]), default=(Fault.NO_VAN, 0, ""))
    fault = _bound_elsewhere(table, name, fault)
    task = table.tasks.get(name)
    if fault is Fault.FULL and task is not None and task.value is not None:
        fault = Fault.NOT_WORTH
    reason = WORDS[fault].format(**_details(table, name, late_s))
    return Unserved(name, reason, fault.code, min(earliest, default=None))


def _alone(table: Timetable, van: Van, bound: tuple[Visit, ...], name: str) -> Timed:
    loading = (Visit(StepKind.RELOAD, van.depot),)
    if name in table.rides:
        added: tuple[Visit, ...] = (
            Visit(StepKind.PICKUP, f"{name}/pickup"),
            Visit(StepKind.DROPOFF, f"{name}/dropoff"),
        )
        return table.run(van, (*bound, *added))
    added = (Visit(StepKind.TASK, name),)
    if not table.needs_loading(name, van.id):
        return table.run(van, (*bound, *added))
    trials = [table.run(van, (*bound, *loading, *added))]
    if any(visit.kind is StepKind.RELOAD for visit in bound):
        trials.append(table.run(van, (*bound, *added)))
    return next((trial for trial in trials if trial.fault is None), trials[0])


def _soonest(table: Timetable, van: Van, bound: tuple[Visit, ...], name: str) -> int | None:
    """When the van could be at the door after what it must do, whatever the window says."""
    timed = table.run(van, bound)
    if timed.fault is not None:
        return None
    t = timed.depart[-1] if timed.depart else max(van.ready_s, van.shift.from_s)
    place = table.place(bound[-1], van) if bound else van.place
    if table.needs_loading(name, van.id):
        depot = table.depots[van.depot]
        t = max(t + table.drive_s(place, depot.place), depot.open.from_s, table.stops[name].release_s) + depot.reload_s
        place = depot.place
    door = table.stops[name if name in table.tasks else f"{name}/pickup"].place
    return t + table.drive_s(place, door)


def _bound_elsewhere(table: Timetable, name: str, fault: Fault) -> Fault:
    """Goods in, or a lock on, a van that is out of service say more than what the other vans say."""
    holder = table.holder.get(name)
    if holder is not None and holder not in table.active:
        return Fault.ON_BOARD
    task = table.tasks.get(name)
    locked = task.locked_van if task is not None else table.rides[name].locked_van
    return Fault.LOCKED if locked is not None and locked not in table.active else fault


def _details(table: Timetable, name: str, late_s: int) -> dict[str, str]:
    task, ride = table.tasks.get(name), table.rides.get(name)
    if task is not None:
        needed = {key: max(task.deliver.get(key, 0), task.collect.get(key, 0)) for key in COMPARTMENTS}
        van = table.holder.get(name) or task.locked_van
        limit, skills, depot = task.max_aboard_s, task.skills, task.depot
    else:
        assert ride is not None
        needed, van = {"seats": ride.seats}, ride.aboard or ride.locked_van
        limit, skills, depot = ride.max_ride_s, frozenset(), None
    load = ", ".join(f"{amount} {COMPARTMENT_WORDS[key]}" for key, amount in needed.items() if amount)
    return {
        "van": van or "een andere bus",
        "depot": depot or "deze hub",
        "skills": ", ".join(sorted(skills)),
        "load": load,
        "late": minutes(late_s),
        "limit": minutes(limit or 0),
    }
