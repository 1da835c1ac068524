"""The other routers, side by side with ours on the same numbers: PyVRP with its defaults, and OR-Tools' own router."""

import time
import warnings

import numpy as np
import pyvrp
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.stop import MaxIterations, MaxRuntime, StoppingCriterion

from routing.answer import Answer, rounds_of
from routing.engine import NEVER, Budget
from routing.instances import Instance

_LONGEST_WAIT = 100
"""So many seconds of wall time a CPU second takes at most on a machine that is busy."""


def pyvrp_data(instance: Instance) -> pyvrp.ProblemData:
    """The instance as PyVRP's model."""
    rounds = rounds_of(instance)
    places = instance.places or [(0, 0)] * len(rounds.demand)

    never = np.iinfo(np.int64).max  # PyVRP's own word for no end
    late = [int(never) if moment is None else moment for moment in instance.late]
    fleet = pyvrp.VehicleType(
        rounds.vehicles,
        capacity=[rounds.capacity],
        tw_early=rounds.early[0],
        tw_late=late[0],
        reload_depots=[] if rounds.max_trips == 1 else [0],
        max_reloads=int(never) if rounds.max_trips is None else rounds.max_trips - 1,
    )
    clients = [
        pyvrp.Client(
            place,
            delivery=[rounds.demand[place]],
            service_duration=rounds.service[place],
            tw_early=rounds.early[place],
            tw_late=late[place],
            release_time=rounds.release[place],
        )
        for place in instance.customers
    ]
    travel = np.array(instance.travel, dtype=np.int64)
    return pyvrp.ProblemData(
        [pyvrp.Location(float(x), float(y)) for x, y in places],
        clients,
        [pyvrp.Depot(0)],
        [fleet],
        [travel],  # type: ignore[list-item] # pyvrp's stub says np.ndarray[int]
        [travel],  # type: ignore[list-item]
    )


class MaxCpu:
    """PyVRP's criterion for CPU seconds of this thread."""

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    def __call__(self, best_cost: float) -> bool:
        return time.thread_time() >= self._end


def pyvrp_answer(instance: Instance, budget: Budget, *, seed: int) -> Answer:
    """Plain PyVRP: one seed, its own parameters, nothing of ours."""
    data = pyvrp_data(instance)
    if budget.iterations is not None:
        stop: StoppingCriterion = MaxIterations(budget.iterations)
    elif budget.cpu_s is not None:
        stop = MaxCpu(budget.cpu_s)
    else:
        stop = MaxRuntime(max(0.01, (budget.until or 0.0) - time.monotonic()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        result = pyvrp.solve(data, stop, seed=seed, collect_stats=False)
    routes = []
    for route in result.best.routes():
        activities = list(route.schedule())[1:-1]
        routes.append(tuple(0 if activity.is_depot() else activity.idx + 1 for activity in activities))
    method = f"pyvrp {pyvrp.__version__}" if hasattr(pyvrp, "__version__") else "pyvrp"
    return Answer(tuple(routes), int(result.best.distance()), instance.scale, method, result.num_iterations)


def ortools_answer(instance: Instance, *, seconds: float, of_cpu: bool = False) -> Answer | None:
    """OR-Tools' router: cheapest insertion, guided local search; None for several trips, for which it has no word.

    `of_cpu`: the seconds are CPU seconds of this thread, for a machine that is busy with other work.
    """
    if instance.max_reloads != 0 or any(instance.release):
        return None
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    rounds = rounds_of(instance)
    size = len(rounds.demand)
    manager = pywrapcp.RoutingIndexManager(size, rounds.vehicles, 0)
    model = pywrapcp.RoutingModel(manager)
    cost = model.RegisterTransitMatrix([list(row) for row in instance.travel])
    model.SetArcCostEvaluatorOfAllVehicles(cost)
    load = model.RegisterUnaryTransitVector(list(rounds.demand))
    model.AddDimension(load, 0, rounds.capacity, True, "load")
    if instance.has_windows:
        serving = [[instance.travel[i][j] + rounds.service[i] * (i > 0) for j in range(size)] for i in range(size)]
        horizon = min(NEVER, max(rounds.late))
        model.AddDimension(model.RegisterTransitMatrix(serving), horizon, horizon, False, "time")
        time = model.GetDimensionOrDie("time")
        for place in instance.customers:
            time.CumulVar(manager.NodeToIndex(place)).SetRange(rounds.early[place], min(horizon, rounds.late[place]))
        for vehicle in range(rounds.vehicles):
            time.CumulVar(model.Start(vehicle)).SetRange(rounds.early[0], min(horizon, rounds.late[0]))
            time.CumulVar(model.End(vehicle)).SetRange(rounds.early[0], min(horizon, rounds.late[0]))
    options = pywrapcp.DefaultRoutingSearchParameters()
    options.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    options.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    if of_cpu:
        stop = MaxCpu(seconds)
        model.AddSearchMonitor(model.solver().CustomLimit(lambda: stop(0.0)))
    wall_s = _LONGEST_WAIT * seconds if of_cpu else seconds  # guided local search wants an end in any case
    options.time_limit.FromMilliseconds(int(wall_s * 1000))
    solution = model.SolveWithParameters(options)
    if solution is None:
        return None
    routes = []
    for vehicle in range(rounds.vehicles):
        index, route = solution.Value(model.NextVar(model.Start(vehicle))), list[int]()
        while not model.IsEnd(index):
            route.append(manager.IndexToNode(index))
            index = solution.Value(model.NextVar(index))
        if route:
            routes.append(tuple(route))
    return Answer(tuple(routes), solution.ObjectiveValue(), instance.scale, "or-tools", 0)
