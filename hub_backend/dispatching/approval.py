"""Which plans wait for the planner and which are adopted at once: a rule, without I/O.

Three ways, by the setting `approval`: `automatic` adopts every plan; `moves` asks about a plan that sends another van
to an address, or nobody; `all` asks about every plan but the day's first. Whatever the setting, nobody is asked about a
plan that a person has asked for himself, nor where goods or a van cannot wait.
"""

from collections.abc import Collection, Iterable

from hub_backend.dispatching.router.problem import Changed
from hub_backend.settings import Approval

NEVER_WAITS = frozenset({"morning", "manual", "accepted", "van_out", "van_back", "warm_cooler", "low_battery"})
DECISIONS = frozenset({"moved", "dropped"})
"""Changes that are somebody's choice; times only follow from what happened."""


def needs_approval(approval: Approval, kinds: Collection[str], changes: Iterable[Changed], *, is_first: bool) -> bool:
    """Whether a planner decides. `kinds`: of the triggers that the plan answers; none for one that was only bettered.

    `changes`: what the router changed, without what it was not asked any more.
    """
    if is_first or approval == "automatic" or NEVER_WAITS & set(kinds):
        return False
    return approval == "all" or any(change.kind in DECISIONS for change in changes)
