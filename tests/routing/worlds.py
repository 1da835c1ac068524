"""Random problems of the kinds that a day brings, for property tests: every field of the model is used."""

from dataclasses import replace
from random import Random

import numpy as np

from routing import Depot, Energy, Fetch, Problem, Rest, Ride, Task, Travel, Van, Window

HOUR = 3600
DAY = 1_795_420_800  # 2026-11-23 00:00 UTC
HUB, OTHER_HUB = 0, 1


def grid_travel(random: Random, size: int, *, holes: float = 0.0) -> Travel:
    """Points in a town of 3 km, 20 km/h as the crow flies, a little longer one way; with `holes` some ways are none."""
    points = np.array([(random.uniform(0, 3000), random.uniform(0, 3000)) for _ in range(size)])
    metres = np.abs(points[:, None, :] - points[None, :, :]).sum(axis=2)
    bias = np.array([[random.uniform(1.0, 1.15) for _ in range(size)] for _ in range(size)])
    distance = (metres * bias).astype(np.int64)
    duration = (distance / 6.0).astype(np.int64)
    for a in range(size):
        for b in range(size):
            if a != b and random.random() < holes:
                distance[a, b] = duration[a, b] = -1
    np.fill_diagonal(distance, 0)
    np.fill_diagonal(duration, 0)
    return Travel(duration, distance)


def random_problem(seed: int, *, tasks: int = 14, vans: int = 3, rides: int = 2) -> Problem:
    """A day that has begun (or not), with everything that can be going on."""
    random = Random(seed)
    size = 3 + vans + tasks + 2 * rides
    travel = grid_travel(random, size, holes=0.01 if random.random() < 0.2 else 0.0)
    now = DAY + random.choice([7, 9, 12]) * HOUR
    depots = [
        Depot("noord", HUB, Window(DAY + 7 * HOUR, DAY + 18 * HOUR), reload_s=random.choice([0, 300, 600])),
        Depot("zuid", OTHER_HUB, Window(DAY + 7 * HOUR, DAY + 18 * HOUR)),
    ]
    if random.random() < 0.25:  # the hub in the north moves at noon
        moved = DAY + 12 * HOUR
        depots[0] = replace(depots[0], open=Window(DAY + 7 * HOUR, moved))
        depots.append(Depot("noord-later", size - 1, Window(moved, DAY + 18 * HOUR), hub="noord"))
    for van in range(vans):  # a van can always get home, or the problem is refused
        for hub in (HUB, OTHER_HUB):
            for a, b in ((2 + van, hub), (hub, 2 + van)):
                if travel.duration_s[a, b] < 0:
                    travel.duration_s[a, b] = travel.distance_m[a, b] = 900
    names = [f"t{number}" for number in range(tasks)]
    fleet = _vans(random, vans, now, list(names))
    records = [_task(random, name, 2 + vans + number, now, vans) for number, name in enumerate(names)]
    journeys = [_ride(random, number, 2 + vans + tasks + 2 * number, now, vans) for number in range(rides)]
    for van in fleet:
        _connect(travel, van, {task.id: task.place for task in records}, journeys)
    bound = {name for van in fleet for name in (*van.committed, *van.on_board)}
    records = [
        replace(task, fetch=_fetch(random, task, size, now))
        if task.deliver and task.id not in bound and random.random() < 0.1
        else task
        for task in records
    ]
    return Problem(now, depots, fleet, records, travel, journeys)


def _fetch(random: Random, task: Task, size: int, now: int) -> Fetch:
    place = random.choice([task.place, random.randrange(2, size - 1)])
    return Fetch(place, Window(now, now + random.choice([1, 4]) * HOUR), random.choice([0, 90]))


def _vans(random: Random, count: int, now: int, free: list[str]) -> list[Van]:
    fleet = []
    random.shuffle(free)
    for number in range(count):
        at_depot = random.random() < 0.5
        hub = random.choice(["noord", "noord", "zuid"])
        committed = tuple(free.pop() for _ in range(random.choice([0, 0, 1, 2])) if free)
        on_board = {name for name in committed if random.random() < 0.7}
        if not at_depot:
            on_board |= {free.pop() for _ in range(random.choice([0, 1, 3])) if free}
        fleet.append(
            Van(
                f"van-{number + 1}",
                hub,
                (HUB if hub == "noord" else OTHER_HUB) if at_depot else 2 + number,
                now + random.choice([0, 0, 120, 900]),
                Window(DAY + 8 * HOUR, DAY + random.choice([13, 16, 17]) * HOUR),
                {
                    "chilled": random.choice([0, 4, 8]),
                    "hot": random.choice([2, 6]),
                    "ambient": 8,
                    "parcels": random.choice([3, 10]),
                    "laundry": 4,
                    "seats": random.choice([0, 1, 2]),
                },
                skills=frozenset({"medication"} if random.random() < 0.6 else ()),
                at_depot=at_depot,
                on_board=frozenset(on_board),
                committed=committed,
                soc_percent=random.choice([None, 15.0, 22.0, 30.0, 80.0]),
                battery_kwh=random.choice([8.0, 33.0]),
                charge_kw=random.choice([7.4, 22.0]),
                in_service=random.random() < 0.9,
                collected={"laundry": random.choice([0, 1])},
                energy=random.choice([Energy(), Energy(0.21, 0.0, 0.0, 0.0, 0.0, 1.0), Energy(0.2, 0.05, 0.05, 2.0)]),
                rests=_rests(random, now),
                partition=random.random() < 0.7,
            )
        )
    return fleet


def _rests(random: Random, now: int) -> tuple[Rest, ...]:
    lunch = DAY + random.choice([11, 12, 13]) * HOUR
    place = random.choice([None, None, HUB])
    rests = [Rest("lunch", Window(lunch, lunch + HOUR), 1800, place)]
    if random.random() < 0.2:
        rests.append(Rest("tea", Window(now + 2 * HOUR, now + 3 * HOUR), 600))
    return tuple(rests) if random.random() < 0.6 else ()


def _task(random: Random, name: str, place: int, now: int, vans: int) -> Task:
    windows = []
    for _ in range(random.choice([1, 1, 1, 2])):
        start = now + random.randint(-2, 6) * HOUR
        windows.append(Window(start, start + random.choice([900, HOUR, 3 * HOUR])))
    kind = random.choice(["chilled", "hot", "ambient", "parcels", "laundry", None, None])
    amount = random.choice([1, 1, 2])
    value = random.choice([60, 600, 3000]) if random.random() < 0.2 else None
    deliver = {kind: amount} if kind is not None and random.random() < 0.8 else {}
    return Task(
        name,
        place,
        tuple(windows),
        random.choice([60, 300, 1200]),
        depot=random.choice(["noord", "noord", "zuid", None]),
        deliver=deliver,
        collect={"laundry": 1} if random.random() < 0.25 else {},
        skills=frozenset({"medication"} if random.random() < 0.15 else ()),
        release_s=now + random.randint(-2, 3) * HOUR if random.random() < 0.4 else None,
        max_aboard_s=random.choice([1200, HOUR, 2 * HOUR]) if random.random() < 0.4 else None,
        value=value,
        deferrable=value is not None and random.random() < 0.5,
        familiar=frozenset({f"van-{random.randint(1, vans)}"} if random.random() < 0.3 else ()),
        locked_van=f"van-{random.randint(1, vans)}" if random.random() < 0.1 else None,
        aboard_since_s=now - random.choice([0, 1800]) if random.random() < 0.5 else None,
        talk_max_s=random.choice([0, 600, 1200]),
        contact_days=random.choice([None, 0, 5, 20]),
    )


def _ride(random: Random, number: int, place: int, now: int, vans: int) -> Ride:
    start = now + random.randint(0, 4) * HOUR
    aboard = f"van-{random.randint(1, vans)}" if random.random() < 0.2 else None
    return Ride(
        f"r{number}",
        place,
        place + 1,
        Window(start, start + HOUR),
        Window(start, start + 2 * HOUR),
        max_ride_s=random.choice([300, 900, 1800]),
        locked_van=f"van-{random.randint(1, vans)}" if random.random() < 0.1 else None,
        aboard=aboard,
    )


def _connect(travel: Travel, van: Van, places: dict[str, int], rides: list[Ride]) -> None:
    """What a van is bound to can be reached, or the problem is refused."""
    home = HUB if van.depot == "noord" else OTHER_HUB
    owed = [ride.dropoff_place for ride in rides if ride.aboard == van.id]
    way = [van.place, *(places[name] for name in van.committed), *owed]
    for a in (home, *way):
        for b in (home, *way):
            if travel.duration_s[a, b] < 0:
                travel.duration_s[a, b] = travel.distance_m[a, b] = 600
