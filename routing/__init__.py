"""A pure routing library: a problem in, a plan out; no network, no database, no clock of its own."""

from routing.check import check
from routing.explain import explain
from routing.model import (
    COMPARTMENTS,
    Change,
    Depot,
    Offer,
    Plan,
    Problem,
    ProblemError,
    Ride,
    Route,
    RoutingError,
    Step,
    StepKind,
    Task,
    Travel,
    Unserved,
    Van,
    Violation,
    Window,
)
from routing.planning import insert, plan, replan

__all__ = [
    "COMPARTMENTS",
    "Change",
    "Depot",
    "Offer",
    "Plan",
    "Problem",
    "ProblemError",
    "Ride",
    "Route",
    "RoutingError",
    "Step",
    "StepKind",
    "Task",
    "Travel",
    "Unserved",
    "Van",
    "Violation",
    "Window",
    "check",
    "explain",
    "insert",
    "plan",
    "replan",
]
