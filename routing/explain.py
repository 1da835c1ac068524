"""What changed from one plan to the next, for whom and why, in words that a planner reads."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from routing.model import Change, Plan, Step, StepKind
from routing.reasons import minutes

LEAST_SHIFT_S = 300
"""A time that moves by less than five minutes is not a change that anybody was told of."""


class _Planned(NamedTuple):
    van: str
    start_s: int


def explain(previous: Plan | None, plan: Plan, names: Mapping[str, str] | None = None) -> list[Change]:
    """The differences, the weightiest first: dropped, moved, added, later, earlier.

    `names` gives the words for a task, ride or van (an address, a concierge); without, their ids are used. A task that
    is in neither plan, or was done in between, is no change. `shift_s` is later (positive) or earlier (negative).
    """
    words = names or {}
    before = _planned(previous) if previous is not None else {}
    after = _planned(plan)
    reasons = {row.task: row.reason for row in plan.unserved}
    old_reasons = {row.task: row.reason for row in previous.unserved} if previous is not None else {}
    found = [
        *_dropped(before, after, reasons, old_reasons, words),
        *_moved(before, after, words),
        *_added(before, after, words),
        *_shifted(before, after, words),
    ]
    order = {kind: index for index, kind in enumerate(("dropped", "moved", "added", "later", "earlier"))}
    return sorted(found, key=lambda change: (order[change.kind], -abs(change.shift_s or 0), change.task))


def _planned(plan: Plan) -> dict[str, _Planned]:
    """By task; a ride counts once, at its pickup, or at its drop-off when the passenger is aboard."""
    found: dict[str, _Planned] = {}
    for route in plan.routes:
        for step in route.steps:
            name = _name(step)
            if name is not None and name not in found:
                found[name] = _Planned(route.van, step.start_s)
    return found


def _name(step: Step) -> str | None:
    if step.kind in (StepKind.RELOAD, StepKind.CHARGE):
        return None
    return step.task if step.kind is StepKind.TASK else step.task.rpartition("/")[0]


def _word(name: str, words: Mapping[str, str]) -> str:
    return words.get(name, name)


def _dropped(
    before: Mapping[str, _Planned],
    after: Mapping[str, _Planned],
    reasons: Mapping[str, str],
    old_reasons: Mapping[str, str],
    words: Mapping[str, str],
) -> Iterator[Change]:
    for task, reason in reasons.items():
        was = before.get(task)
        if was is None and task in old_reasons:
            continue  # nobody came before, nobody comes now
        verb = "vervalt" if was is not None else "kan niet worden ingepland"
        text = f"{_word(task, words)} {verb}: {reason}."
        yield Change(task, "dropped", was.van if was is not None else None, None, None, text)


def _moved(before: Mapping[str, _Planned], after: Mapping[str, _Planned], words: Mapping[str, str]) -> Iterator[Change]:
    for task, now in after.items():
        was = before.get(task)
        if was is None or was.van == now.van:
            continue
        shift = now.start_s - was.start_s
        text = f"{_word(task, words)} gaat van {_word(was.van, words)} naar {_word(now.van, words)}{_when(shift)}."
        yield Change(task, "moved", was.van, now.van, shift, text)


def _added(before: Mapping[str, _Planned], after: Mapping[str, _Planned], words: Mapping[str, str]) -> Iterator[Change]:
    for task, now in after.items():
        if task not in before:
            text = f"{_word(task, words)} komt erbij in de rit van {_word(now.van, words)}."
            yield Change(task, "added", None, now.van, None, text)


def _shifted(
    before: Mapping[str, _Planned], after: Mapping[str, _Planned], words: Mapping[str, str]
) -> Iterator[Change]:
    for task, now in after.items():
        was = before.get(task)
        if was is None or was.van != now.van:
            continue
        shift = now.start_s - was.start_s
        if abs(shift) >= LEAST_SHIFT_S:
            kind = "later" if shift > 0 else "earlier"
            dutch = "later" if shift > 0 else "eerder"
            text = f"{_word(task, words)} wordt {minutes(abs(shift))} {dutch} ({_word(now.van, words)})."
            yield Change(task, kind, was.van, now.van, shift, text)


def _when(shift_s: int) -> str:
    if abs(shift_s) < LEAST_SHIFT_S:
        return ", op dezelfde tijd"
    return f", {minutes(abs(shift_s))} {'later' if shift_s > 0 else 'eerder'}"
