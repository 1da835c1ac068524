"""Refuses problems that cannot be meant, before anything is computed with them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isfinite

import numpy as np

from routing.model import COMPARTMENTS, Depot, Energy, Problem, ProblemError, Rest, Ride, Task, Travel, Van, Window

_Complain = Callable[[str, str], None]


def require_valid(problem: Problem) -> None:
    """Check all records.

    Raises:
        ProblemError: names every faulty record, its field and the reason, at most ten of them.
    """
    try:
        faults = _faults(problem)
    except (TypeError, AttributeError):  # asking first takes a millisecond, as long as a seventh of an insertion
        faults = list(_misfits(problem))
        if not faults:
            raise
    if faults:
        more = f" (and {len(faults) - 10} more)" if len(faults) > 10 else ""
        raise ProblemError("; ".join(faults[:10]) + more)


def _faults(problem: Problem) -> list[str]:
    faults: list[str] = []
    size = _travel(problem.travel, faults)
    _whole("problem", "now_s", problem.now_s, faults, least=0)
    _whole("problem", "utc_offset_s", problem.utc_offset_s, faults)
    for compartment, kg in problem.unit_kg.items():
        if compartment not in COMPARTMENTS:
            faults.append(f"problem: unit_kg has an unknown compartment {compartment!r}")
        _number("problem", f"unit_kg[{compartment}]", kg, faults, least=0)
    _unique("depot", [depot.id for depot in problem.depots], faults)
    _unique("van", [van.id for van in problem.vans], faults)
    for van in problem.vans:
        _unique(f"van {van.id}: rest", [rest.id for rest in van.rests], faults)
    _unique("task", [task.id for task in problem.tasks] + [ride.id for ride in problem.rides], faults)
    depots = {depot.id for depot in problem.depots}
    hubs = depots | {depot.hub for depot in problem.depots if depot.hub is not None}
    vans = {van.id for van in problem.vans}
    for depot in problem.depots:
        _depot(depot, size, faults)
    for van in problem.vans:
        _van(van, size, depots, faults)
    for task in problem.tasks:
        _task(task, size, hubs, vans, faults)
    for ride in problem.rides:
        _ride(ride, size, vans, faults)
    _bound_once(problem, faults)
    if not faults:
        for van in problem.vans:
            _way(problem, van, faults)
    return faults


_PARTS: Mapping[type, Mapping[str, type]] = {
    Problem: {"depots": Sequence, "vans": Sequence, "tasks": Sequence, "rides": Sequence, "travel": Travel},
    Depot: {"id": str, "open": Window},
    Van: {
        **{"id": str, "shift": Window, "capacity": Mapping, "collected": Mapping, "energy": Energy},
        **{"committed": Sequence, "rests": Sequence},
    },
    Task: {"id": str, "windows": Sequence, "deliver": Mapping, "collect": Mapping},
    Ride: {"id": str, "pickup": Window, "dropoff": Window},
}
"""What the fields are that hold more than a number."""


def _misfits(problem: Problem) -> Iterator[str]:
    """Fields that are missing, or of another kind than they must be."""
    yield from _misfits_of(problem, "problem")
    for kind in ("depots", "vans", "tasks", "rides"):
        records = getattr(problem, kind)
        for index, record in enumerate(records if isinstance(records, Sequence) else ()):
            yield from _misfits_of(record, f"{kind[:-1]} {getattr(record, 'id', index)}")


def _misfits_of(record: object, name: str) -> Iterator[str]:
    for field, kind in _PARTS.get(type(record), {}).items():
        value = getattr(record, field)
        if not isinstance(value, kind) or (isinstance(value, str) and kind is not str):
            yield f"{name}: {field} is {value!r}, not of the kind {kind.__name__}"


def _travel(travel: Travel, faults: list[str]) -> int:
    for field in ("duration_s", "distance_m"):
        matrix = getattr(travel, field)
        if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            faults.append(f"travel.{field}: not a square matrix")
            return 0
        if not np.issubdtype(matrix.dtype, np.integer):
            faults.append(f"travel.{field}: must hold whole numbers, holds {matrix.dtype}")
        elif len(matrix) and bool((np.diagonal(matrix) != 0).any()):
            faults.append(f"travel.{field}: the way from a place to itself is not 0")
    if travel.duration_s.shape != travel.distance_m.shape:
        faults.append("travel: duration_s and distance_m differ in size")
    elif bool(((travel.duration_s >= 0) & (travel.distance_m < 0)).any()):
        faults.append("travel.distance_m: less than 0 where duration_s is not")
    return int(travel.duration_s.shape[0])


def _whole(record: str, field: str, value: object, faults: list[str], *, least: int | None = None) -> None:
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        faults.append(f"{record}: {field} is {value!r}, not a whole number")
    elif least is not None and value < least:
        faults.append(f"{record}: {field} is {value}, less than {least}")


def _number(
    record: str, field: str, value: float, faults: list[str], *, above: float | None = None, least: float | None = None
) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        faults.append(f"{record}: {field} is {value!r}, not a number")
    elif above is not None and value <= above:
        faults.append(f"{record}: {field} is {value}, not above {above:g}")
    elif least is not None and value < least:
        faults.append(f"{record}: {field} is {value}, less than {least:g}")


def _unique(kind: str, ids: Iterable[str], faults: list[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if not name:
            faults.append(f"{kind}: id is empty")
        elif name.endswith(("/pickup", "/dropoff", "/fetch")):
            faults.append(f"{kind} {name}: id ends as the steps of a ride or a fetch do")
        elif name in seen:
            faults.append(f"{kind} {name}: id occurs twice")
        seen.add(name)


def _window(record: str, field: str, window: Window, faults: list[str]) -> None:
    if not isinstance(window, Window):
        faults.append(f"{record}: {field} is {window!r}, not of the kind Window")
        return
    before = len(faults)
    _whole(record, f"{field}.from_s", window.from_s, faults, least=0)
    _whole(record, f"{field}.to_s", window.to_s, faults, least=0)
    if len(faults) == before and window.to_s < window.from_s:
        faults.append(f"{record}: {field} ends ({window.to_s}) before it begins ({window.from_s})")


def _place(record: str, field: str, place: int, size: int, faults: list[str]) -> None:
    before = len(faults)
    _whole(record, field, place, faults)
    if len(faults) == before and not 0 <= place < size:
        faults.append(f"{record}: {field} is {place}, outside the travel matrix of {size} places")


def _names(record: str, field: str, names: object, faults: list[str]) -> None:
    if not isinstance(names, frozenset | set):  # a word is a row of letters, and would be taken for it
        faults.append(f"{record}: {field} is {names!r}, not a set of names")


def _loads(record: str, field: str, loads: Mapping[str, int], faults: list[str]) -> None:
    for compartment, amount in loads.items():
        if compartment not in COMPARTMENTS:
            faults.append(f"{record}: {field} has an unknown compartment {compartment!r}")
        _whole(record, f"{field}[{compartment}]", amount, faults, least=0)


def _depot(depot: Depot, size: int, faults: list[str]) -> None:
    record = f"depot {depot.id}"
    _place(record, "place", depot.place, size, faults)
    _window(record, "open", depot.open, faults)
    _whole(record, "reload_s", depot.reload_s, faults, least=0)


def _van(van: Van, size: int, depots: set[str], faults: list[str]) -> None:
    record = f"van {van.id}"
    _place(record, "place", van.place, size, faults)
    _whole(record, "ready_s", van.ready_s, faults, least=0)
    _window(record, "shift", van.shift, faults)
    _names(record, "skills", van.skills, faults)
    _names(record, "on_board", van.on_board, faults)
    _loads(record, "capacity", van.capacity, faults)
    _loads(record, "collected", van.collected, faults)
    if van.depot not in depots:
        faults.append(f"van {van.id}: depot {van.depot!r} is unknown")
    _number(record, "battery_kwh", van.battery_kwh, faults, above=0)
    _number(record, "charge_kw", van.charge_kw, faults, above=0)
    _energy(record, van.energy, faults)
    for field, value in (("soc_percent", van.soc_percent), ("min_soc_percent", van.min_soc_percent)):
        if value is None and field == "soc_percent":
            continue
        if not isinstance(value, int | float) or not (isfinite(value) and 0.0 <= value <= 100.0):
            faults.append(f"{record}: {field} is {value!r}, not from 0 to 100")
    for rest in van.rests:
        _rest(f"{record}: rest {rest.id}", rest, size, faults)
    seen: set[str] = set()
    for name in van.committed:
        if name in seen:
            faults.append(f"{record}: committed names {name!r} twice")
        seen.add(name)


def _energy(record: str, energy: Energy, faults: list[str]) -> None:
    _number(record, "energy.kwh_per_km", energy.kwh_per_km, faults, above=0)
    for field in ("kwh_per_km_tonne", "kwh_per_stop", "aux_kw", "cooler_kw"):
        _number(record, f"energy.{field}", getattr(energy, field), faults, least=0)
    _number(record, "energy.margin", energy.margin, faults, above=0)


def _rest(record: str, rest: Rest, size: int, faults: list[str]) -> None:
    _window(record, "window", rest.window, faults)
    _whole(record, "rest_s", rest.rest_s, faults, least=0)
    if rest.place is not None:
        _place(record, "place", rest.place, size, faults)


def _task(task: Task, size: int, depots: set[str], vans: set[str], faults: list[str]) -> None:
    record = f"task {task.id}"
    _place(record, "place", task.place, size, faults)
    if not task.windows:
        faults.append(f"{record}: windows is empty")
    for index, window in enumerate(task.windows):
        _window(record, f"windows[{index}]", window, faults)
    _whole(record, "service_s", task.service_s, faults, least=0)
    _names(record, "skills", task.skills, faults)
    _names(record, "familiar", task.familiar, faults)
    _loads(record, "deliver", task.deliver, faults)
    _loads(record, "collect", task.collect, faults)
    for field in ("release_s", "aboard_since_s", "told_s", "max_aboard_s", "value", "contact_days"):
        if getattr(task, field) is not None:
            _whole(record, field, getattr(task, field), faults, least=0)
    _whole(record, "talk_max_s", task.talk_max_s, faults, least=0)
    if task.deferrable and task.value is None:
        faults.append(f"{record}: deferrable, but without the value of bringing it today")
    if task.fetch is not None:
        _place(record, "fetch.place", task.fetch.place, size, faults)
        _window(record, "fetch.window", task.fetch.window, faults)
        _whole(record, "fetch.service_s", task.fetch.service_s, faults, least=0)
    if task.depot is not None and task.depot not in depots:
        faults.append(f"{record}: depot {task.depot!r} is unknown")
    if task.locked_van is not None and task.locked_van not in vans:
        faults.append(f"{record}: locked_van {task.locked_van!r} is unknown")


def _ride(ride: Ride, size: int, vans: set[str], faults: list[str]) -> None:
    record = f"ride {ride.id}"
    _place(record, "pickup_place", ride.pickup_place, size, faults)
    _place(record, "dropoff_place", ride.dropoff_place, size, faults)
    _window(record, "pickup", ride.pickup, faults)
    _window(record, "dropoff", ride.dropoff, faults)
    for field, least in (("pickup_s", 0), ("dropoff_s", 0), ("seats", 1), ("max_ride_s", 0)):
        _whole(record, field, getattr(ride, field), faults, least=least)
    if ride.told_s is not None:
        _whole(record, "told_s", ride.told_s, faults)
    for field in ("locked_van", "aboard"):
        van = getattr(ride, field)
        if van is not None and van not in vans:
            faults.append(f"{record}: {field} {van!r} is unknown")


def _bound_once(problem: Problem, faults: list[str]) -> None:
    """What is on board or committed exists, and is so in one van only."""
    tasks = {task.id for task in problem.tasks}
    steps = {f"{ride.id}/{end}" for ride in problem.rides for end in ("pickup", "dropoff")}
    steps |= {f"{task.id}/fetch" for task in problem.tasks if task.fetch is not None}
    for field, known in (("on_board", tasks), ("committed", tasks | steps)):
        holder: dict[str, str] = {}
        for van in problem.vans:
            for name in sorted(getattr(van, field)) if field == "on_board" else getattr(van, field):
                if name not in known:
                    faults.append(f"van {van.id}: {field} names {name!r}, which is no task of this problem")
                elif name in holder:
                    faults.append(f"van {van.id}: {field} names {name!r}, as van {holder[name]} does")
                holder[name] = van.id
    owner = {name: van.id for van in problem.vans for name in van.on_board}
    for task in problem.tasks:
        if task.fetch is not None and task.id in owner:
            faults.append(f"task {task.id}: fetch, but its goods are in van {owner[task.id]} already")
    for van in problem.vans:
        for name in van.committed:
            if owner.get(name, van.id) != van.id:
                faults.append(f"van {van.id}: committed names {name!r}, whose goods are in van {owner[name]}")


def _way(problem: Problem, van: Van, faults: list[str]) -> None:
    """A van can do what it is bound to: its committed steps are in order and, like its depot, can be reached."""
    places = {task.id: task.place for task in problem.tasks}
    places |= {f"{task.id}/fetch": task.fetch.place for task in problem.tasks if task.fetch is not None}
    aboard = {ride.id for ride in problem.rides if ride.aboard == van.id}
    owed: dict[str, None] = dict.fromkeys(sorted(aboard))
    for ride in problem.rides:
        places[f"{ride.id}/pickup"], places[f"{ride.id}/dropoff"] = ride.pickup_place, ride.dropoff_place
    unfetched = {task.id for task in problem.tasks if task.fetch is not None}
    at = van.place
    home = next(depot.place for depot in problem.depots if depot.id == van.depot)
    tasks = {task.id for task in problem.tasks}
    for name in van.committed:
        passenger, _, end = name.rpartition("/")
        if name in tasks or end == "fetch":
            if name in unfetched:
                faults.append(f"van {van.id}: committed names {name!r} before its fetch")
            unfetched.discard(passenger)
            continue
        if end == "pickup" and passenger in aboard:
            faults.append(f"van {van.id}: committed names {name!r}, but this passenger is aboard already")
        elif end == "pickup":
            owed[passenger] = None
        elif passenger not in owed:
            faults.append(f"van {van.id}: committed names {name!r}, but this passenger is not aboard by then")
        else:
            del owed[passenger]
    route = [*van.committed, *(f"{passenger}/dropoff" for passenger in owed)]
    for name in route:
        for a, b in ((at, places[name]), (places[name], home), (at, home), (home, places[name])):
            if problem.travel.duration_s[a, b] < 0:
                faults.append(f"van {van.id}: there is no way from place {a} to place {b}, needed for {name!r}")
                return
        at = places[name]
    if problem.travel.duration_s[van.place, home] < 0:
        faults.append(f"van {van.id}: there is no way from place {van.place} to its depot {van.depot!r}")
