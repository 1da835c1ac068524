"""The rules of the cold chain: when a cooler is too warm or too cold for too long, and when nobody knows.

Pure: readings in, changes out; the memory between readings is a `Watch` that JSON can hold. Rules and delays are the
defaults of domain.md 1.1. Judged is the product temperature: air swings at every opening of the lid.

- Between two readings the temperature is a straight line, and time outside a limit is measured from the crossing.
- An episode begins at the crossing and ends only `HYSTERESIS_C` inside the limit; time outside adds up in between.
- Longer than two periods without a reading is a gap: that time is unknown, counted neither as outside nor as right.
- A probe that says nothing is a lost sensor: a warning after 5 minutes, an alarm after 15.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Struct

HYSTERESIS_C = 0.5
GAP_PERIODS = 2.0
UNVERIFIED_S = 900.0  # a longer gap leaves the cooler unverified, whatever its ends say
LOST_WARN_S = 300.0
LOST_ALARM_S = 900.0
GAPS_KEPT = 20

Side = Literal["above", "below"]
State = Literal["ok", "warn", "alarm", "unknown"]


@dataclass(frozen=True)
class Rule:
    """More than `delay_s` above (or below) `limit_c` is a warning or an alarm; `inclusive`: the limit itself counts."""

    name: str
    side: Side
    limit_c: float
    delay_s: float
    level: Literal["warn", "alarm"]
    inclusive: bool = False

    def excess_c(self, temp_c: float) -> float:
        """How far outside; negative is inside."""
        return temp_c - self.limit_c if self.side == "above" else self.limit_c - temp_c

    def broken_by(self, temp_c: float) -> bool:
        excess = self.excess_c(temp_c)
        return excess >= 0 if self.inclusive else excess > 0


RULES: dict[str, tuple[Rule, ...]] = {
    "chilled": (
        Rule("warm_7_warning", "above", 7.0, 300, "warn"),
        Rule("warm_7", "above", 7.0, 900, "alarm"),
        Rule("warm_10", "above", 10.0, 300, "alarm"),
    ),
    "hot": (
        Rule("cold_63_warning", "below", 63.0, 0, "warn"),
        Rule("cold_60", "below", 60.0, 600, "alarm"),
    ),
    "fridge": (
        Rule("warm_7.5_warning", "above", 7.5, 300, "warn"),
        Rule("cold_2.5_warning", "below", 2.5, 300, "warn"),
        Rule("warm_8", "above", 8.0, 900, "alarm"),
        Rule("cold_2", "below", 2.0, 120, "alarm"),
        Rule("freezing", "below", 0.0, 0, "alarm", inclusive=True),
    ),
    "ambient": (
        Rule("warm_25", "above", 25.0, 3600, "alarm"),
        Rule("warm_30", "above", 30.0, 600, "alarm"),
        Rule("cold_15", "below", 15.0, 3600, "alarm"),
    ),
}
"""By what a cooler holds: chilled food, hot food, fridge medication (label "KK"), medication at room temperature."""


@dataclass(frozen=True)
class Reading:
    """The product's mean over a period that ended at `t_s`; None when the probe said nothing good."""

    t_s: float
    period_s: float
    product_c: float | None


class Episode(Struct):
    """Time outside one rule's limit, so far."""

    began_s: float
    outside_s: float
    extreme_c: float
    due: bool = False  # outside for longer than the rule's delay


class Standing(Struct):
    """An excursion that has not recovered."""

    id_s: float
    rule: str
    extreme_c: float | None


class Watch(Struct):
    """What the rules remember of one cooler."""

    seen_s: float | None = None  # the newest reading, good or not
    period_s: float = 60.0
    good_s: float | None = None  # the newest good reading
    good_c: float | None = None
    lost_since_s: float | None = None
    episodes: dict[str, Episode] = {}
    standing: dict[str, Standing] = {}  # by side, or "lost"
    unknown_s: float = 0.0
    gaps: list[tuple[float, float]] = []  # the newest few, (from_s, to_s)

    @classmethod
    def of(cls, memory: dict[str, Any]) -> "Watch":
        return msgspec.convert(memory, cls)

    def memory(self) -> dict[str, Any]:
        found = msgspec.to_builtins(self)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class Opened:
    """An excursion of a side (or "lost"): the rule, when the limit was crossed and when that had lasted too long."""

    key: str
    rule: str
    limit_c: float | None
    began_s: float
    opened_s: float
    extreme_c: float | None


@dataclass(frozen=True)
class Worsened:
    """The excursion `opened_s` of this cooler has a new extreme."""

    key: str
    opened_s: float
    extreme_c: float


@dataclass(frozen=True)
class Recovered:
    """The excursion `opened_s` of this cooler is over; its closing is a person's."""

    key: str
    opened_s: float
    recovered_s: float


Change = Opened | Worsened | Recovered


def advance(rules: Sequence[Rule], watch: Watch, reading: Reading) -> list[Change]:
    """Takes the next reading into `watch`. Raises `ValueError` when it is not newer than the one before."""
    if watch.seen_s is not None and reading.t_s <= watch.seen_s:
        raise ValueError(f"t_s: {reading.t_s} is not after {watch.seen_s}")
    watch.period_s = reading.period_s or watch.period_s
    changes = [*_lose(watch, reading)] if reading.product_c is None else [*_judge(rules, watch, reading)]
    watch.seen_s = reading.t_s
    return changes


def evaluate(rules: Sequence[Rule], readings: Sequence[Reading]) -> tuple[Watch, list[Change]]:
    """All of it from the start; the readings in order of time, one for each time."""
    watch = Watch()
    return watch, [change for reading in readings for change in advance(rules, watch, reading)]


def state(rules: Sequence[Rule], watch: Watch, *, now_s: float) -> State:
    """How the cooler stands: a cooler that has been silent for two periods is unknown, never ok."""
    due = {rule.level for rule in rules if rule.name in watch.episodes and watch.episodes[rule.name].due}
    lost_s = 0.0 if watch.lost_since_s is None else now_s - watch.lost_since_s
    if "alarm" in due or lost_s >= LOST_ALARM_S:
        return "alarm"
    if lost_s >= LOST_WARN_S:
        return "warn"
    if watch.seen_s is None or watch.lost_since_s is not None or now_s - watch.seen_s > GAP_PERIODS * watch.period_s:
        return "unknown"
    return "warn" if due else "ok"


def _lose(watch: Watch, reading: Reading) -> Iterator[Change]:
    if watch.lost_since_s is None:
        watch.lost_since_s = watch.good_s if watch.good_s is not None else reading.t_s - reading.period_s
    opened_s = watch.lost_since_s + LOST_ALARM_S
    if reading.t_s >= opened_s and "lost" not in watch.standing:
        watch.standing["lost"] = Standing(opened_s, "sensor_lost", None)
        yield Opened("lost", "sensor_lost", None, watch.lost_since_s, opened_s, None)


def _judge(rules: Sequence[Rule], watch: Watch, reading: Reading) -> Iterator[Change]:
    assert reading.product_c is not None
    watch.lost_since_s = None
    lost = watch.standing.pop("lost", None)
    if lost is not None:
        yield Recovered("lost", lost.id_s, reading.t_s)
    here = _Point(reading.t_s, reading.product_c)
    there = _joined_to(watch, reading) or here
    watch.good_s, watch.good_c = reading.t_s, reading.product_c
    steps = [step for rule in rules if (step := _follow(rule, watch.episodes, there, here)) is not None]
    yield from _stand(watch, here, [step for step in steps if step.rule.level == "alarm"])


def _joined_to(watch: Watch, reading: Reading) -> "_Point | None":
    """The good reading before this one, unless there is none or a gap lies between: then the gap is remembered."""
    if watch.good_s is None or watch.good_c is None:
        return None
    if reading.t_s - watch.good_s <= GAP_PERIODS * watch.period_s:
        return _Point(watch.good_s, watch.good_c)
    watch.unknown_s += reading.t_s - watch.good_s
    watch.gaps = [*watch.gaps, (watch.good_s, reading.t_s)][-GAPS_KEPT:]
    return None


@dataclass(frozen=True)
class _Point:
    t_s: float
    temp_c: float


@dataclass(frozen=True)
class _Step:
    """What one straight line meant for one rule's episode: when it fell due and when it ended, if it did."""

    rule: Rule
    episode: Episode
    due_s: float | None
    ended_s: float | None


def _follow(rule: Rule, episodes: dict[str, Episode], there: _Point, here: _Point) -> _Step | None:
    """One rule along one straight line; None when it has no episode there."""
    from_s, to_s = _outside(rule, there, here)
    episode = episodes.get(rule.name)
    if episode is None:
        if not rule.broken_by(here.temp_c):
            return None
        episode = episodes[rule.name] = Episode(from_s, 0.0, here.temp_c)
    if rule.excess_c(here.temp_c) > rule.excess_c(episode.extreme_c):
        episode.extreme_c = here.temp_c
    due_s = None
    if to_s >= from_s:
        if not episode.due and episode.outside_s + to_s - from_s >= rule.delay_s:
            episode.due, due_s = True, from_s + rule.delay_s - episode.outside_s
        episode.outside_s += to_s - from_s
    if rule.excess_c(here.temp_c) > -HYSTERESIS_C:
        return _Step(rule, episode, due_s, None)
    del episodes[rule.name]
    ended_s = _crossing(there, here, rule.excess_c(there.temp_c), rule.excess_c(here.temp_c), -HYSTERESIS_C)
    return _Step(rule, episode, due_s, ended_s)


def _outside(rule: Rule, there: _Point, here: _Point) -> tuple[float, float]:
    """From when to when the line lies outside the limit; nothing when the second lies before the first."""
    first, last = rule.excess_c(there.temp_c), rule.excess_c(here.temp_c)
    if not rule.broken_by(there.temp_c) and not rule.broken_by(here.temp_c):
        return here.t_s, there.t_s - 1.0
    from_s = there.t_s if first >= 0 else _crossing(there, here, first, last, 0.0)
    to_s = here.t_s if last >= 0 else _crossing(there, here, first, last, 0.0)
    return from_s, to_s


def _crossing(there: _Point, here: _Point, first: float, last: float, level: float) -> float:
    if first == last:
        return here.t_s
    share = min(1.0, max(0.0, (level - first) / (last - first)))
    return there.t_s + share * (here.t_s - there.t_s)


def _stand(watch: Watch, here: _Point, steps: Sequence[_Step]) -> Iterator[Change]:
    """One excursion a side at a time: opened by the first alarm that falls due, over when no alarm is left."""
    for step in sorted(steps, key=lambda one: one.due_s or 0.0):
        side, rule, episode = step.rule.side, step.rule, step.episode
        if step.due_s is not None and side not in watch.standing:
            watch.standing[side] = Standing(step.due_s, rule.name, episode.extreme_c)
            yield Opened(side, rule.name, rule.limit_c, episode.began_s, step.due_s, episode.extreme_c)
    for side in ("above", "below"):
        standing = watch.standing.get(side)
        if standing is None or standing.extreme_c is None:
            continue
        if here.temp_c > standing.extreme_c if side == "above" else here.temp_c < standing.extreme_c:
            standing.extreme_c = here.temp_c
            yield Worsened(side, standing.id_s, here.temp_c)
        ends = [step.ended_s for step in steps if step.rule.side == side]
        if None not in ends:
            del watch.standing[side]
            yield Recovered(side, standing.id_s, max((end for end in ends if end is not None), default=here.t_s))
