"""How telemetry is thinned when the outbox is full: many readings become one that keeps mean, lowest and highest.

Pure rules. Consecutive readings of one source, kind and start are put together, `GROUP` at a time; the last of them
stays. Readings that differ in what must not be blurred (a fix and none, plugged and not) are kept apart.
"""

from collections.abc import Hashable, Iterable, Sequence

import msgspec

from edge_gateway.contract.messages import (
    AnyEvent,
    Battery,
    Cooler,
    NodeStatus,
    Position,
    Rejected,
    Span,
    Spread,
    Thinned,
    Vehicle,
)

GROUP = 10
DAY_S = 86_400.0
MEASURES: dict[type[AnyEvent], tuple[str, ...]] = {
    Position: ("speed_m_s", "accuracy_m"),
    Vehicle: (
        *("soc_percent", "speed_m_s", "pack_voltage_v", "pack_current_a", "pack_energy_kwh", "soh_percent"),
        *("cell_min_v", "cell_max_v", "outdoor_c", "charge_ah", "charge_power_w"),
    ),
    Battery: ("voltage_v", "current_a", "charge_ah"),
    Cooler: (),
}


def thin(events: Iterable[AnyEvent]) -> list[AnyEvent]:
    """The same telemetry as fewer events, each at the time of the last that it stands for."""
    open_groups: dict[Hashable, list[AnyEvent]] = {}
    done: list[AnyEvent] = []
    for event in events:
        group = open_groups.setdefault(_key(event), [])
        if len(group) == GROUP or (group and not _belongs(group, event)):
            done.append(_together(group))
            group.clear()
        group.append(event)
    done += [_together(group) for group in open_groups.values()]
    return sorted(done, key=lambda event: event.t_s)


def _key(event: AnyEvent) -> Hashable:
    whole: tuple[Hashable, ...] = (type(event), event.source, event.boot)
    match event:
        case Position():
            return (*whole, event.fix == "none")
        case Vehicle():
            return (*whole, event.plugged)
        case NodeStatus():
            return (*whole, event.node, event.online)
        case Rejected():
            return (*whole, event.origin, event.field, event.reason)
        case Battery() | Cooler():
            return whole
        case _:
            return (*whole, event.seq)  # nothing else is telemetry


def _belongs(group: Sequence[AnyEvent], event: AnyEvent) -> bool:
    """A group never spans more than a day, so that a long outage stays a course and is no single number."""
    return 0 <= event.t_s - _from_s(group[0]) <= DAY_S


def _together(group: Sequence[AnyEvent]) -> AnyEvent:
    last = group[-1]
    if len(group) == 1 or isinstance(last, NodeStatus):
        return last
    if isinstance(last, Rejected):
        count = sum(event.count for event in group if isinstance(event, Rejected))
        return msgspec.structs.replace(last, count=count)
    spreads = {name: spread for name in MEASURES[type(last)] if (spread := _spread(group, name)) is not None}
    thinned = Thinned(count=sum(map(_count, group)), from_s=_from_s(group[0]), spreads=spreads)
    if isinstance(last, Cooler):
        return _coolers([event for event in group if isinstance(event, Cooler)], thinned)
    assert isinstance(last, Position | Vehicle | Battery)
    return msgspec.structs.replace(last, thinned=thinned)


def _coolers(group: Sequence[Cooler], thinned: Thinned) -> Cooler:
    lids = [event.lid_open_s for event in group if event.lid_open_s is not None]
    return msgspec.structs.replace(
        group[-1],
        period_s=min(sum(event.period_s for event in group), DAY_S),
        air=_span([(event.air, event.period_s) for event in group]),
        product=_span([(event.product, event.period_s) for event in group]),
        lid_open_s=min(sum(lids), DAY_S) if lids else None,
        thinned=thinned,
    )


def _span(spans: Sequence[tuple[Span, float]]) -> Span:
    means = [(span.mean_c, period_s) for span, period_s in spans if span.mean_c is not None]
    total_s = sum(period_s for _mean_c, period_s in means)
    lows = [span.min_c for span, _period_s in spans if span.min_c is not None]
    highs = [span.max_c for span, _period_s in spans if span.max_c is not None]
    return Span(
        mean_c=sum(mean_c * period_s for mean_c, period_s in means) / total_s if total_s else None,
        min_c=min(lows, default=None),
        max_c=max(highs, default=None),
    )


def _spread(group: Sequence[AnyEvent], name: str) -> Spread | None:
    known: list[tuple[Spread, int]] = []
    for event in group:
        thinned = _thinned(event)
        value = getattr(event, name)
        if thinned is not None and name in thinned.spreads:
            known.append((thinned.spreads[name], thinned.count))
        elif value is not None:
            known.append((Spread(value, value, value), 1))
    if not known:
        return None
    total = sum(count for _spread, count in known)
    return Spread(
        mean=round(sum(spread.mean * count for spread, count in known) / total, 6),
        min=min(spread.min for spread, _count in known),
        max=max(spread.max for spread, _count in known),
    )


def _thinned(event: AnyEvent) -> Thinned | None:
    return event.thinned if isinstance(event, Position | Vehicle | Battery | Cooler) else None


def _count(event: AnyEvent) -> int:
    thinned = _thinned(event)
    return 1 if thinned is None else thinned.count


def _from_s(event: AnyEvent) -> float:
    thinned = _thinned(event)
    if thinned is not None:
        return thinned.from_s
    return event.t_s - event.period_s if isinstance(event, Cooler) else event.t_s
