"""What changed from one plan to the next, for whom, why and at what saving, in words that a planner reads."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from routing.counterfactual import Counterfactual
from routing.model import Change, Plan, Problem, Step
from routing.reasons import Fault, Language, minutes, sentence
from routing.stops import NOBODY

LEAST_SHIFT_S = 300
"""A time that moves by less than five minutes is not a change that anybody was told of."""

MOST_ASKED = 12
"""So many moved stops are asked what staying would have cost: some milliseconds each."""

SAYINGS: dict[Language, dict[str, str]] = {
    "nl": {
        "dropped": "{task} vervalt: {why}.",
        "not_planned": "{task} kan niet worden ingepland: {why}.",
        "moved": "{task} gaat van {before} naar {after}{when}{because}.",
        "added": "{task} komt erbij in de rit van {after}.",
        "later": "{task} komt {shift} later aan de beurt ({after}){because}.",
        "earlier": "{task} komt {shift} eerder aan de beurt ({after}){because}.",
        "same_time": ", op dezelfde tijd",
        "when_later": ", {shift} later",
        "when_earlier": ", {shift} eerder",
        "out": "{before} is niet in dienst",
        "full": "past niet meer in de rit van {before}",
        "never": "kan niet met {before}",
        "saves": "scheelt {saving} rijden",
        "comes_first": "{other} gaat nu voor",
        "no_longer": "{other} gaat niet meer voor",
    },
    "en": {
        "dropped": "{task} is dropped: {why}.",
        "not_planned": "{task} cannot be planned: {why}.",
        "moved": "{task} goes from {before} to {after}{when}{because}.",
        "added": "{task} is added to the round of {after}.",
        "later": "{task} is {shift} later ({after}){because}.",
        "earlier": "{task} is {shift} earlier ({after}){because}.",
        "same_time": ", at the same time",
        "when_later": ", {shift} later",
        "when_earlier": ", {shift} earlier",
        "out": "{before} is not in service",
        "full": "no longer fits in the round of {before}",
        "never": "cannot be done with {before}",
        "saves": "saves {saving} of driving",
        "comes_first": "{other} now comes before it",
        "no_longer": "{other} no longer comes before it",
    },
}


class _Planned(NamedTuple):
    van: str
    start_s: int
    before: tuple[str, ...]
    """What the van does before it."""


def explain(
    previous: Plan | None,
    plan: Plan,
    names: Mapping[str, str] | None = None,
    *,
    problem: Problem | None = None,
    language: Language = "nl",
) -> list[Change]:
    """The differences, the weightiest first: dropped, moved, added, later, earlier.

    `names` gives the words for a task, ride or van (an address, a concierge); without, their ids are used. A task that
    is in neither plan, or was done in between, is no change. `shift_s` is later (positive) or earlier (negative). With
    the `problem` that `plan` answers, a moved stop says why it could not stay or what moving it saves.
    """
    return explained(previous, plan, {language: names or {}}, problem=problem)[language]


def explained(
    previous: Plan | None,
    plan: Plan,
    names: Mapping[Language, Mapping[str, str]],
    *,
    problem: Problem | None = None,
) -> dict[Language, list[Change]]:
    """The same in each language of `names`, in the same order; what staying would have cost is asked only once."""
    what_if = None if problem is None else Counterfactual(problem, plan)
    return {
        language: _Explained(previous, plan, words, what_if, language).changes() for language, words in names.items()
    }


class _Explained:
    def __init__(
        self,
        previous: Plan | None,
        plan: Plan,
        names: Mapping[str, str],
        what_if: Counterfactual | None,
        language: Language,
    ) -> None:
        self._names, self._language = names, language
        self._say = SAYINGS[language]
        self._before = _planned(previous) if previous is not None else {}
        self._after = _planned(plan)
        self._plan, self._previous = plan, previous
        self._what_if = what_if
        self._asked = 0

    def changes(self) -> list[Change]:
        order = {kind: index for index, kind in enumerate(("dropped", "moved", "added", "later", "earlier"))}
        found = [*self._dropped(), *self._others()]
        return sorted(found, key=lambda change: (order[change.kind], -abs(change.shift_s or 0), change.task))

    def _word(self, name: str) -> str:
        return self._names.get(name, name)

    def _dropped(self) -> Iterator[Change]:
        left_before = {row.task for row in self._previous.unserved} if self._previous is not None else set()
        for row in self._plan.unserved:
            was = self._before.get(row.task)
            if was is None and row.task in left_before:
                continue  # nobody came before, nobody comes now
            why = sentence(row.code, dict(row.facts), self._language, self._names) if row.code else row.reason
            saying = self._say["not_planned" if was is None else "dropped"]
            words = saying.format(task=self._word(row.task), why=why)
            yield Change(row.task, "dropped", None if was is None else was.van, None, None, words, why)

    def _others(self) -> Iterator[Change]:
        for task, now in self._after.items():
            was = self._before.get(task)
            if was is None:
                words = self._say["added"].format(task=self._word(task), after=self._word(now.van))
                yield Change(task, "added", None, now.van, None, words)
            elif was.van != now.van:
                yield self._moved(task, was, now)
            elif abs(now.start_s - was.start_s) >= LEAST_SHIFT_S:
                yield self._shifted(task, was, now)

    def _moved(self, task: str, was: _Planned, now: _Planned) -> Change:
        shift = now.start_s - was.start_s
        kind = "same_time" if abs(shift) < LEAST_SHIFT_S else "when_later" if shift > 0 else "when_earlier"
        why, saving_s = self._why_moved(task, was.van, now.van)
        words = self._say["moved"].format(
            task=self._word(task),
            before=self._word(was.van),
            after=self._word(now.van),
            when=self._say[kind].format(shift=minutes(abs(shift), self._language)),
            because=f": {why}" if why else "",
        )
        return Change(task, "moved", was.van, now.van, shift, words, why, saving_s)

    def _why_moved(self, task: str, before: str, after: str) -> tuple[str, int | None]:
        if self._what_if is None or self._asked >= MOST_ASKED:
            return "", None
        self._asked += 1
        stayed = self._what_if.stayed(task, before, after)
        if stayed.fault is not None:
            key = {Fault.NO_VAN: "out", Fault.FULL: "full"}.get(stayed.fault, "never")
            return self._say[key].format(before=self._word(before)), None
        if stayed.saving_s is None or stayed.saving_s < 60:
            return "", stayed.saving_s
        return self._say["saves"].format(saving=minutes(stayed.saving_s, self._language)), stayed.saving_s

    def _shifted(self, task: str, was: _Planned, now: _Planned) -> Change:
        shift = now.start_s - was.start_s
        kind = "later" if shift > 0 else "earlier"
        why = self._why_shifted(was, now, later=shift > 0)
        words = self._say[kind].format(
            task=self._word(task),
            shift=minutes(abs(shift), self._language),
            after=self._word(now.van),
            because=f": {why}" if why else "",
        )
        return Change(task, kind, was.van, now.van, shift, words, why)

    def _why_shifted(self, was: _Planned, now: _Planned, *, later: bool) -> str:
        """Who comes before it now and did not, or the other way round; nobody where its own window moved."""
        if later:
            others = [name for name in now.before if name not in was.before]
        else:
            still = {row.task for row in self._plan.unserved} | self._after.keys()
            others = [name for name in was.before if name not in now.before and name in still]
        if not others:
            return ""
        return self._say["comes_first" if later else "no_longer"].format(other=self._word(others[-1]))


def _planned(plan: Plan) -> dict[str, _Planned]:
    """By task; a ride counts once, at its pickup, or at its drop-off when the passenger is aboard."""
    found: dict[str, _Planned] = {}
    for route in plan.routes:
        before: list[str] = []
        for step in route.steps:
            name = _name(step)
            if name is not None and name not in found:
                found[name] = _Planned(route.van, step.start_s, tuple(before))
                before.append(name)
    return found


def _name(step: Step) -> str | None:
    if step.kind in NOBODY or step.kind.value == "fetch":
        return None
    return step.task if step.kind.value == "task" else step.task.rpartition("/")[0]
