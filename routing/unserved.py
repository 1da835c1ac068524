"""Why nobody comes for a task: the tightest reason, in words, and when somebody could."""

from collections.abc import Mapping

from routing.model import COMPARTMENTS, StepKind, Unserved, Van
from routing.reasons import Fault, clock, sentence
from routing.stops import Visit
from routing.timetable import Timetable
from routing.timing import Timed


def why_not(table: Timetable, bound: Mapping[str, tuple[Visit, ...]], name: str) -> Unserved:
    """The reason for a task or ride that is in no route; `bound` is what each van must do anyhow.

    Each van is asked as if it had nothing else to do; the reason of the van that comes nearest counts.
    """
    end = name if name in table.tasks else f"{name}/dropoff"
    found: list[tuple[Fault, int]] = []
    never: dict[str, Fault] = {}
    earliest: list[int] = []
    for van in table.active.values():
        fault = table.forbidden(end, van)
        if fault is not None:
            never[van.id] = fault
            found.append((fault, 0))
            continue
        timed = _alone(table, van, bound[van.id], name)
        when = _soonest(table, van, bound[van.id], name)
        if when is not None:
            earliest.append(when)
        found.append((Fault.FULL if timed.fault is None else timed.fault, timed.late_s))
    fault, late_s = max(found, key=lambda row: (row[0], -row[1]), default=(Fault.NO_VAN, 0))
    facts = _facts(table, name, late_s)
    able = next((word for van, because in never.items() if (word := _lacks(table, name, van, because))), "")
    if fault is Fault.WINDOW and able:  # others could be there in time, but not with this
        fault, facts["able"] = Fault.BEFORE, able
    fault = _bound_elsewhere(table, name, fault)
    task = table.tasks.get(name)
    if fault is Fault.FULL and task is not None and task.value is not None:
        fault = Fault.DEFERRED if task.deferrable else Fault.NOT_WORTH
    return Unserved(name, sentence(fault.code, facts), fault.code, min(earliest, default=None), tuple(facts.items()))


def _alone(table: Timetable, van: Van, bound: tuple[Visit, ...], name: str) -> Timed:
    added = table.ends(name)
    if name in table.tasks and f"{name}/fetch" in van.committed:
        added = added[1:]
    rests = tuple(Visit(StepKind.REST, rest.id) for rest in sorted(van.rests, key=lambda rest: rest.window.to_s))
    orders = [(*bound, *added)]
    if table.needs_loading(name, van.id):
        with_loading = [(*bound, Visit(StepKind.RELOAD, depot), *added) for depot in table.own_depots[van.id]]
        loads = any(visit.kind is StepKind.RELOAD for visit in bound)
        orders = [*with_loading, *(orders if loads else [])]
    orders += [order for plain in list(orders) for order in ((*plain, *rests), (*bound, *rests, *plain[len(bound) :]))]
    trials = (table.run(van, order) for order in orders)
    first = next(trials)
    return first if first.fault is None else next((trial for trial in trials if trial.fault is None), first)


def _soonest(table: Timetable, van: Van, bound: tuple[Visit, ...], name: str) -> int | None:
    """When the van could be at the door after what it must do, whatever the window says."""
    timed = table.run(van, bound)
    if timed.fault is not None:
        return None
    t = timed.depart[-1] if timed.depart else max(van.ready_s, van.shift.from_s)
    place = table.places(van, bound)[-1] if bound else van.place
    if table.needs_loading(name, van.id):
        depot = table.depots[van.depot]
        t = max(t + table.drive_s(place, depot.place), depot.open.from_s, table.stops[name].release_s) + depot.reload_s
        place = depot.place
    elif table.needs_fetch(name, van.id) and f"{name}/fetch" not in van.committed:
        fetch = table.stops[f"{name}/fetch"]
        t = max(t + table.drive_s(place, fetch.place), fetch.windows[0][0]) + fetch.service_s
        place = fetch.place
    door = table.stops[name if name in table.tasks else f"{name}/pickup"].place
    return t + table.drive_s(place, door)


def _lacks(table: Timetable, name: str, van: str, fault: Fault) -> str:
    """What this van lacks, as a key of `reasons.ABLE`."""
    if fault is Fault.SKILL:
        return "skill"
    if fault is Fault.DEPOT:
        return "depot"
    if fault is not Fault.CAPACITY:
        return ""
    needed = _needed(table, name)
    room = table.vans[van].capacity
    return next((key for key in COMPARTMENTS if needed.get(key, 0) > room.get(key, 0)), "")


def _needed(table: Timetable, name: str) -> dict[str, int]:
    task = table.tasks.get(name)
    if task is None:
        return {"seats": table.rides[name].seats}
    return {key: max(task.deliver.get(key, 0), task.collect.get(key, 0)) for key in COMPARTMENTS}


def _bound_elsewhere(table: Timetable, name: str, fault: Fault) -> Fault:
    """Goods in, or a lock on, a van that is out of service say more than what the other vans say."""
    holder = table.holder.get(name)
    if holder is not None and holder not in table.active:
        return Fault.ON_BOARD
    task = table.tasks.get(name)
    locked = task.locked_van if task is not None else table.rides[name].locked_van
    return Fault.LOCKED if locked is not None and locked not in table.active else fault


def _facts(table: Timetable, name: str, late_s: int) -> dict[str, str]:
    task, ride = table.tasks.get(name), table.rides.get(name)
    facts = {"load": ",".join(f"{key}={amount}" for key, amount in _needed(table, name).items() if amount)}
    if task is not None:
        van = table.holder.get(name) or task.locked_van
        limit, until = task.max_aboard_s, max(window.to_s for window in task.windows)
        facts |= {"skills": ", ".join(sorted(task.skills)), "depot": task.depot or ""}
    else:
        assert ride is not None
        van, limit, until = ride.aboard or ride.locked_van, ride.max_ride_s, ride.pickup.to_s
    facts |= {"van": van or "", "late": str(late_s), "limit": str(limit or 0)}
    facts["until"] = clock(until, table.problem.utc_offset_s)
    return {key: value for key, value in facts.items() if value}
