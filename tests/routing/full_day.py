"""A working day of six vans with everything in it, of about 130 tasks, and events that strike it; for the bench."""

from dataclasses import replace
from random import Random

from routing import Cancelled, Depot, Energy, Event, Ordered, Plan, Problem, Rest, Ride, StepKind, Task, Van, Window
from tests.routing.worlds import DAY, HOUR, HUB, OTHER_HUB, grid_travel

SPARE_PLACES = 40


def full_day(seed: int, *, tasks: int = 126, vans: int = 6, rides: int = 4, from_h: int = 8) -> Problem:
    """At `from_h` o'clock, all vans at their hub."""
    random = Random(seed)
    size = 2 + tasks + 2 * rides + SPARE_PLACES
    travel = grid_travel(random, size)
    now = DAY + from_h * HOUR
    depots = [
        Depot(name, place, Window(DAY + 7 * HOUR, DAY + 18 * HOUR))
        for name, place in (("noord", HUB), ("zuid", OTHER_HUB))
    ]
    fleet = [_van(random, number, now) for number in range(vans)]
    journeys = []
    for number in range(rides):
        start = now + random.randint(0, 5) * HOUR
        place = 2 + tasks + 2 * number
        spans = Window(start, start + HOUR), Window(start, start + 2 * HOUR)
        journeys.append(Ride(f"r{number}", place, place + 1, *spans))
    records = [task_of(random, f"t{number}", 2 + number, now, vans) for number in range(tasks)]
    return Problem(now, depots, fleet, records, travel, journeys, utc_offset_s=3600)


def _van(random: Random, number: int, now: int) -> Van:
    lunch = Rest("lunch", Window(DAY + (11 * 60 + 30 + 15 * (number % 3)) * 60, DAY + 13 * HOUR), 1800)
    return Van(
        f"van-{number + 1}",
        "noord" if number % 2 == 0 else "zuid",
        HUB if number % 2 == 0 else OTHER_HUB,
        now,
        Window(DAY + 8 * HOUR, DAY + 17 * HOUR),
        {"chilled": 12, "hot": 12, "ambient": 20, "parcels": 20, "laundry": 10, "seats": 2},
        skills=frozenset({"medication"} if number < 3 else ()),
        soc_percent=float(random.choice([60, 75, 90])),
        energy=Energy(),
        rests=(lunch,),
        partition=number % 3 != 2,
    )


def task_of(random: Random, name: str, place: int, now: int, vans: int) -> Task:
    """One resident's stop: goods of some kind, a chore or a visit."""
    start = max(now, DAY + random.choice([8, 9, 10, 11, 13, 14]) * HOUR)
    kind = random.choice(["hot", "chilled", "ambient", "parcels", "parcels", "laundry", None])
    value = random.choice([300, 900]) if random.random() < 0.08 else None
    return Task(
        name,
        place,
        (Window(start, start + random.choice([2, 3, 4]) * HOUR),),
        random.choice([240, 360, 480, 720]),
        depot=("noord" if random.random() < 0.5 else "zuid") if kind else None,
        deliver={kind: 1} if kind else {},
        collect={"laundry": 1} if random.random() < 0.1 else {},
        skills=frozenset({"medication"} if random.random() < 0.08 else ()),
        release_s=start - HOUR if kind == "hot" else None,
        max_aboard_s={"hot": 5400, "chilled": 7200}.get(kind or ""),
        value=value,
        familiar=frozenset({f"van-{random.randint(1, vans)}"} if random.random() < 0.4 else ()),
        talk_max_s=900,
        contact_days=random.choice([None, 0, 2, 4, 8, 20]),
    )


def struck(seed: int, problem: Problem) -> list[Event]:
    """Five new orders and three cancellations."""
    random = Random(seed + 7)
    size = len(problem.travel.duration_s)
    fresh = [task_of(random, f"new{n}", size - 1 - n, problem.now_s, len(problem.vans)) for n in range(5)]
    gone = random.sample([task.id for task in problem.tasks], 3)
    return [*(Ordered(task) for task in fresh), *(Cancelled(name) for name in gone)]


def played(  # noqa: PLR0912 - a step of each kind
    problem: Problem, plan: Plan, to_s: int, lasts: "dict[str, float] | None" = None
) -> tuple[Problem, int]:
    """The day as it stands at `to_s` when the vans have done what the plan says, and the seconds they drove.

    A van sets out in time for when a step begins, not before; what is under way is done to its end. `lasts`: by task,
    what its service takes as a part of what was planned.
    """
    factors = lasts or {}
    tasks = {task.id: task for task in problem.tasks}
    rides = {ride.id: ride for ride in problem.rides}
    vans = {van.id: van for van in problem.vans}
    driven = 0
    travel = problem.travel
    for route in plan.routes:
        van = vans[route.van]
        place, t = van.place, max(van.ready_s, route.start_s)
        on_board, collected, rests = set(van.on_board), dict(van.collected), list(van.rests)
        soc = van.soc_percent
        for index, step in enumerate(route.steps):
            seconds, metres = int(travel.duration_s[place, step.place]), int(travel.distance_m[place, step.place])
            if max(t, step.start_s - seconds) >= to_s:
                break
            service = (step.depart_s - step.start_s - step.talk_s) * factors.get(step.task, 1.0) + step.talk_s
            t = max(t + seconds, step.start_s) + int(service)
            driven += seconds
            place = step.place
            if soc is not None:
                soc = max(21.0, soc - metres / 1000 * 0.2 / van.battery_kwh * 100)
            if step.kind is StepKind.RELOAD:
                collected = {}
                for later in route.steps[index + 1 :]:
                    if later.kind is StepKind.RELOAD:
                        break
                    one = tasks.get(later.task) if later.kind is StepKind.TASK else None
                    if one is not None and one.fetch is None and any(one.deliver.values()) and one.id not in on_board:
                        on_board.add(one.id)
                        tasks[one.id] = replace(one, aboard_since_s=t)
            elif step.kind is StepKind.CHARGE and soc is not None:
                soc = min(100.0, soc + (step.depart_s - step.start_s) / 3600 * van.charge_kw / van.battery_kwh * 100)
            elif step.kind is StepKind.REST:
                rests = [rest for rest in rests if rest.id != step.task]
            elif step.kind is StepKind.TASK:
                done = tasks.pop(step.task)
                on_board.discard(step.task)
                for key, amount in done.collect.items():
                    collected[key] = collected.get(key, 0) + amount
            elif step.kind is StepKind.FETCH:
                name = step.task.rpartition("/")[0]
                tasks[name] = replace(tasks[name], fetch=None)
                on_board.add(name)
            elif step.kind is StepKind.PICKUP:
                name = step.task.rpartition("/")[0]
                rides[name] = replace(rides[name], aboard=van.id)
            elif step.kind is StepKind.DROPOFF:
                rides.pop(step.task.rpartition("/")[0])
        home = HUB if van.depot == "noord" else OTHER_HUB
        vans[van.id] = replace(
            van,
            place=place,
            ready_s=max(t, van.ready_s),
            on_board=frozenset(on_board),
            collected=collected,
            rests=tuple(rests),
            soc_percent=soc,
            at_depot=place == home,
        )
    left = replace(
        problem,
        now_s=max(to_s, problem.now_s),
        vans=[replace(van, ready_s=max(van.ready_s, to_s)) for van in vans.values()],
        tasks=list(tasks.values()),
        rides=list(rides.values()),
    )
    return left, driven
