"""A pure routing library: a problem in, a plan out; no network, no database, no clock of its own.

What it offers is loaded when it is first asked for, so that `python -m routing` and the road graph do not wait for
libraries that they do not use.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routing.background import Adoption, background
    from routing.check import check
    from routing.events import (
        BatteryLow,
        Cancelled,
        CoolerFailed,
        Delayed,
        Event,
        Ill,
        NotAtHome,
        Ordered,
        RoadsChanged,
        Stranded,
        after,
    )
    from routing.explain import explain
    from routing.model import (
        COMPARTMENTS,
        Change,
        Depot,
        Energy,
        Fetch,
        Offer,
        Plan,
        Problem,
        ProblemError,
        Rest,
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
    "Adoption",
    "BatteryLow",
    "Cancelled",
    "Change",
    "CoolerFailed",
    "Delayed",
    "Depot",
    "Energy",
    "Event",
    "Fetch",
    "Ill",
    "NotAtHome",
    "Offer",
    "Ordered",
    "Plan",
    "Problem",
    "ProblemError",
    "Rest",
    "Ride",
    "RoadsChanged",
    "Route",
    "RoutingError",
    "Step",
    "StepKind",
    "Stranded",
    "Task",
    "Travel",
    "Unserved",
    "Van",
    "Violation",
    "Window",
    "after",
    "background",
    "check",
    "explain",
    "insert",
    "plan",
    "replan",
]

_EVENTS = (
    "BatteryLow",
    "Cancelled",
    "CoolerFailed",
    "Delayed",
    "Event",
    "Ill",
    "NotAtHome",
    "Ordered",
    "RoadsChanged",
    "Stranded",
    "after",
)
_HOMES = {
    "Adoption": "background",
    "background": "background",
    "check": "check",
    "explain": "explain",
    "insert": "planning",
    "plan": "planning",
    "replan": "planning",
    **dict.fromkeys(_EVENTS, "events"),
}


class _Package(ModuleType):
    """This package, whose names are found in their modules.

    Properties, because two functions have the name of their module: the import system sets the module as the package's
    attribute, which a property can turn down.
    """


def _found(name: str) -> property:
    def get(package: ModuleType) -> object:
        return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'model')}"), name)

    def turn_down(package: ModuleType, module: object) -> None:
        pass

    return property(get, turn_down)


for _name in __all__:
    setattr(_Package, _name, _found(_name))
sys.modules[__name__].__class__ = _Package
