"""Plans as a person would write them down, without roads and without a router."""

from collections.abc import Sequence

from hub_backend.dispatching.router.problem import (
    DayFetch,
    DayVan,
    Left,
    PlanAnswer,
    PlannedRoute,
    PlannedStep,
    PlanRequest,
)


def by_hand(request: PlanRequest) -> PlanAnswer:
    """A plan as a person would write it down: each stop to the first van that may take it, in order of the window.

    It keeps what may not move (locks, loads, what is under way) and knows no roads: every drive takes three minutes.
    """
    problem = request.problem
    lists: dict[str, list[PlannedStep]] = {van.id: [] for van in problem.vans}
    at_s = {van.id: van.ready_s for van in problem.vans}
    left = []
    first = {task: van.id for van in problem.vans for task in van.committed}
    for task in problem.tasks:  # goods from another van all by the first, and before anything else
        if task.fetch is not None and problem.vans:
            van = problem.vans[0]
            first[task.id] = van.id
            lists[van.id].append(_fetch(task.id, task.fetch, at_s[van.id] + 180))
            at_s[van.id] = lists[van.id][-1].depart_s
    for task in sorted(problem.tasks, key=lambda task: (task.id not in first, task.window, task.id)):
        aboard = [van.id for van in problem.vans if task.id in van.on_board]
        owners = [owner for owner in (first.get(task.id), task.locked_van, *aboard) if owner is not None]
        allowed = [van for van in problem.vans if _may(van, task.skills) and set(owners) <= {van.id}]
        if not allowed:
            left.append(Left(task=task.id, reason="geen busje dat dit mag"))
            continue
        van = min(allowed, key=lambda van: (at_s[van.id], van.id))
        arrive_s = at_s[van.id] + 180
        start_s = max(arrive_s, task.window[0])
        step = PlannedStep(
            kind="task",
            task=task.id,
            lat=task.lat,
            lon=task.lon,
            arrive_s=arrive_s,
            start_s=start_s,
            depart_s=start_s + task.service_s,
        )
        lists[van.id].append(step)
        at_s[van.id] = step.depart_s
    routes = tuple(
        PlannedRoute(
            van=van.id,
            start_s=van.ready_s,
            end_s=at_s[van.id] + 180,
            distance_m=1000 * len(lists[van.id]),
            drive_s=180 * len(lists[van.id]),
            soc_end_percent=None,
            steps=tuple(lists[van.id]),
        )
        for van in problem.vans
    )
    return PlanAnswer(
        routes=routes,
        unserved=tuple(left),
        cost_s=0,
        engine="by hand",
        seed=request.seed,
        solve_s=0.0,
        broken=(),
        changes=(),
    )


def _fetch(task: str, fetch: DayFetch, arrive_s: int) -> PlannedStep:
    return PlannedStep(
        kind="fetch",
        task=f"{task}/fetch",
        lat=fetch.lat,
        lon=fetch.lon,
        arrive_s=arrive_s,
        start_s=arrive_s,
        depart_s=arrive_s + fetch.service_s,
    )


def _may(van: DayVan, skills: Sequence[str]) -> bool:
    return set(skills) <= set(van.skills)
