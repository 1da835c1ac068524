"""Takes work from vans that have no time left and gives it to those that have: whole parts, then one by one.

PyVRP's costs are straight lines, so it cannot see that the last hour of a shift weighs more than the first; this can.
"""

from routing.draft import Draft, Visits, unit_of
from routing.live import Live
from routing.model import StepKind, Van
from routing.stops import NOBODY
from routing.workload import busy_s, price

MOST_TRIALS = 60


def balanced(live: Live, draft: Draft, most_trials: int = MOST_TRIALS) -> Draft:
    """The draft, or a better one by the same measure."""
    best = _shared(live, draft)
    worth = live.measure(best)
    trials = 0
    improved = True
    while improved and trials < most_trials:
        improved = False
        for saving_s, van_id, unit in _offers(live, best):
            if saving_s <= 0 or trials >= most_trials:
                break
            trials += 1
            candidate = _elsewhere(live, best, van_id, unit)
            if candidate is not None and (now := live.measure(candidate)) < worth:
                best, worth, improved = candidate, now, True
                break
    return best


def _shared(live: Live, draft: Draft) -> Draft:
    """With whole parts of the busiest van's sequence given to the idlest, as long as that helps.

    One stop alone is never worth the way of a van that stands still.
    """
    best, worth = draft, live.measure(draft)
    for _ in range(len(draft.visits)):
        loads = sorted(live.table.active.values(), key=lambda van: (_price(live, van, best.visits[van.id]), van.id))
        if len(loads) < 2 or not best.visits[loads[-1].id]:
            return best
        donor, receiver = loads[-1], loads[0]
        tried = [_with_part(live, best, donor, receiver.id, part) for part in _parts(live, donor, best)]
        better = min(((live.measure(one), index) for index, one in enumerate(tried) if one is not None), default=None)
        if better is None or better[0] >= worth:
            return best
        worth, found = better[0], tried[better[1]]
        assert found is not None
        best = found
    return best


def _parts(live: Live, van: Van, draft: Draft) -> list[list[str]]:
    """A quarter, a third and a half of what a van does, from its beginning and its end."""
    visits = draft.visits[van.id]
    free = [visit for visit in visits[live.table.frozen(van, visits) :] if visit.kind not in NOBODY]
    units = list(dict.fromkeys(unit_of(visit) for visit in free))
    sizes = sorted({len(units) // 4, len(units) // 3, len(units) // 2} - {0})
    return [part for size in sizes for part in (units[:size], units[-size:])]


def _with_part(live: Live, draft: Draft, donor: Van, receiver: str, units: list[str]) -> Draft | None:
    given = set(units)
    without = tuple(v for v in draft.visits[donor.id] if v.kind in NOBODY or unit_of(v) not in given)
    left = live.settle(donor, without)
    if {v.id for v in left if v.kind not in NOBODY} != {v.id for v in without if v.kind not in NOBODY}:
        return None
    found: Draft | None = draft.with_van(donor.id, left)
    for unit in units:
        found = None if found is None else live.insert(found, unit, only=receiver)
    return found


def _offers(live: Live, draft: Draft) -> list[tuple[int, str, str]]:
    """What taking a task or ride out of its van saves, less what its service costs in the idlest; the best first.

    Nothing is offered by the idlest itself.
    """
    prices = {van.id: _price(live, van, draft.visits[van.id]) for van in live.table.active.values()}
    if len(prices) < 2:
        return []
    idlest = min(prices, key=lambda van: (prices[van], van))
    least = prices[idlest]
    offers = []
    for van_id, visits in draft.visits.items():
        if van_id == idlest:
            continue
        van = live.table.vans[van_id]
        frozen = live.table.frozen(van, visits)
        home = live.table.depots[van.depot].place
        places = [van.place, *live.table.places(van, visits), home]
        for index in range(frozen, len(visits)):
            visit = visits[index]
            if visit.kind in NOBODY or visit.kind in (StepKind.DROPOFF, StepKind.FETCH):
                continue
            a, b, c = places[index : index + 3]
            drive_s = live.table.drive_s
            detour = drive_s(a, b) + drive_s(b, c) - drive_s(a, c)
            service_s = live.table.stops[visit.id].service_s
            saving = detour * prices[van_id] + service_s * (prices[van_id] - least)
            offers.append((round(saving + detour), van_id, unit_of(visit)))
    return sorted(offers, key=lambda offer: (-offer[0], offer[1], offer[2]))


def _price(live: Live, van: Van, visits: Visits) -> float:
    return price(busy_s(visits, live.table.run(van, visits)), live.worth.time_s[van.id])


def _elsewhere(live: Live, draft: Draft, van_id: str, unit: str) -> Draft | None:
    """The draft with this task or ride in whichever van is best for it."""
    van = live.table.vans[van_id]
    whole = draft.visits[van_id]
    without = tuple(visit for visit in whole if visit.kind in NOBODY or unit_of(visit) != unit)
    settled = live.settle(van, without)
    kept = {visit.id for visit in settled if visit.kind not in NOBODY}
    if kept != {visit.id for visit in without if visit.kind not in NOBODY}:
        return None
    return live.insert(draft.with_van(van_id, settled), unit)
