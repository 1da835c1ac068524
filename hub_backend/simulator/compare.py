"""The ledger of what was done against what the hub recorded, act by act. It must be able to fail.

Comes in: `Truth`, and the hub's events and projections as its API gives them. Goes out: what is lost (done, and not
recorded), doubled (done once, recorded more than once) and different (recorded otherwise, or never done).
"""

import bisect
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from edge_gateway.contract.messages import AnyEvent, Cooler, Lid, Position, Rejected, Scan, Span, Tour, Vehicle, Visit
from hub_backend.simulator.cooler import Moment
from hub_backend.simulator.driving import distance_m
from hub_backend.simulator.faults import Spell
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.truth import Scanned, Tapped, Truth, Visited

EXAMPLES = 8
TEMP_C = 0.02  # a node keeps hundredths
FIX_M = 0.5  # five decimals of a minute of arc are 2 cm
ODOMETER_KM = 0.4  # the dashboard shows tenths; the last reading may be a period and a step old, 15 s at 50 km/h

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold; `kind` is lost, doubled or different."""

    kind: str
    words: str


@dataclass
class Findings:
    """Counts, and the first examples of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Finding] = field(default_factory=list)

    def add(self, kind: str, words: str, count: int = 1) -> None:
        if count <= 0:
            return
        self.counts[kind] += count
        if sum(finding.kind == kind for finding in self.examples) < EXAMPLES:
            self.examples.append(Finding(kind, words))

    @property
    def total(self) -> int:
        return sum(self.counts[kind] for kind in ("lost", "doubled", "different"))


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a recorded time may lie from the act: the world runs on while bytes travel.

    `cooler_gap_s`: longest silence of a cooler; `track_gap_s`: of a van that moves; a receiver that says nothing for
    longer than `silent_s` is silent itself.
    """

    stamp_s: float = 60.0
    cooler_gap_s: float = 180.0
    track_gap_s: float = 120.0
    silent_s: float = 30.0
    whole_day: bool = True


def compare_events(truth: Truth, events: Sequence[AnyEvent], tolerance: Tolerance) -> Findings:
    """Every act against every event."""
    found = Findings()
    _identities(events, found)
    _order(events, tolerance, found)
    kinds: dict[type[object], list[AnyEvent]] = defaultdict(list)
    for event in events:
        kinds[type(event)].append(event)
    _by_record(truth.taps, [event for event in kinds[Tour] if isinstance(event, Tour)], _tap_differs, tolerance, found)
    _by_record(
        truth.visits, [event for event in kinds[Visit] if isinstance(event, Visit)], _visit_differs, tolerance, found
    )
    _in_order(
        truth.scans,
        [event for event in kinds[Scan] if isinstance(event, Scan)],
        found,
        key_of_act=lambda scan: (scan.source, scan.code),
        key_of_event=lambda event: (event.source, event.code),
        differs=_scan_differs,
        tolerance=tolerance,
    )
    _in_order(
        truth.lids,
        [event for event in kinds[Lid] if isinstance(event, Lid)],
        found,
        key_of_act=lambda lid: (lid.source, lid.open),
        key_of_event=lambda event: (event.source, event.open),
        differs=lambda _lid, _event: "",
        tolerance=tolerance,
        first_may_be_extra=True,
    )
    _coolers(truth, [event for event in kinds[Cooler] if isinstance(event, Cooler)], tolerance, found)
    _tracks(truth, [event for event in kinds[Position] if isinstance(event, Position)], tolerance, found)
    _odometers(truth, [event for event in kinds[Vehicle] if isinstance(event, Vehicle)], found)
    return found


# ---------------------------------------------------------------- identities


def _identities(events: Sequence[AnyEvent], found: Findings) -> None:
    """(source, boot, seq) once each, and no hole in the numbers of a source."""
    counts = Counter((event.source, event.boot, event.seq) for event in events)
    for (source, boot, seq), count in counts.items():
        found.add("doubled", f"{source} boot {boot} seq {seq}: {count} times in the record", count - 1)
    numbers: dict[tuple[str, int], set[int]] = defaultdict(set)
    for source, boot, seq in counts:
        numbers[source, boot].add(seq)
    for (source, boot), seqs in numbers.items():
        missing = max(seqs) + 1 - len(seqs)
        found.add("lost", f"{source} boot {boot}: {missing} numbers below {max(seqs)} are not in the record", missing)


def _order(events: Sequence[AnyEvent], tolerance: Tolerance, found: Findings) -> None:
    """What a source numbered later did not happen earlier, whatever its clock did meanwhile.

    (Refusals are counted for a while before they are told, so theirs is an earlier time.)
    """
    newest: dict[str, AnyEvent] = {}
    for event in sorted(events, key=lambda event: (event.source, event.boot, event.seq)):
        if isinstance(event, Rejected):
            continue
        before = newest.get(event.source)
        if before is not None and event.t_s < before.t_s - tolerance.stamp_s:
            found.add("different", f"out of order by {before.t_s - event.t_s:.0f} s: {event} comes after {before}")
        if before is None or event.t_s > before.t_s:
            newest[event.source] = event


# ---------------------------------------------------------------- taps and visits


def _by_record(
    acts: Iterable[A],
    events: Iterable[B],
    differs: Callable[[A, B], str],
    tolerance: Tolerance,
    found: Findings,
) -> None:
    """Acts with an id of their own."""
    recorded: dict[str, list[B]] = defaultdict(list)
    for event in events:
        recorded[str(getattr(event, "record", None))].append(event)
    for act in acts:
        matches = recorded.pop(str(getattr(act, "record", "")), [])
        if not matches:
            found.add("lost", f"{act}")
            continue
        found.add("doubled", f"{len(matches)} times: {act}", len(matches) - 1)
        words = differs(act, matches[0]) or _late(act, matches[0], tolerance)
        if words:
            found.add("different", f"{words}: {act} is {matches[0]}")
    for strangers in recorded.values():
        found.add("different", f"recorded, and nobody did it: {strangers[0]}", len(strangers))


def _tap_differs(tap: Tapped, event: Tour) -> str:
    pairs = {
        "source": (tap.source, event.source),
        "phase": (tap.phase, event.phase),
        "stop": (tap.stop, event.stop),
        "extra_s": (tap.extra_s, event.extra_s),
    }
    return _unequal(pairs)


def _visit_differs(visit: Visited, event: Visit) -> str:
    pairs: dict[str, tuple[object, object]] = {
        "source": (visit.source, event.source),
        "stop": (visit.stop, event.stop),
        "outcome": (visit.outcome, event.outcome),
        "step": (visit.step, event.step),
        "delivered": (visit.delivered, frozenset(event.delivered)),
        "collected": (visit.collected, frozenset(event.collected)),
        "chores_done": (visit.chores_done, frozenset(event.chores_done)),
    }
    return _unequal(pairs)


def _scan_differs(scan: Scanned, event: Scan) -> str:
    pairs: dict[str, tuple[object, object]] = {
        "purpose": (scan.purpose, event.purpose),
        "result": (scan.result, event.result),
    }
    if scan.stop is not None:
        pairs["stop"] = (scan.stop, event.stop)
    return _unequal(pairs)


def _unequal(pairs: Mapping[str, tuple[object, object]]) -> str:
    return ", ".join(f"{name} {one!r} became {other!r}" for name, (one, other) in pairs.items() if one != other)


def _late(act: object, event: object, tolerance: Tolerance) -> str:
    off_s = float(getattr(event, "t_s", 0.0)) - float(getattr(act, "t_s", 0.0))
    return f"stamped {off_s:+.0f} s off" if abs(off_s) > tolerance.stamp_s else ""


# ---------------------------------------------------------------- scans and lids


def _in_order(
    acts: Iterable[A],
    events: Iterable[B],
    found: Findings,
    *,
    key_of_act: Callable[[A], Hashable],
    key_of_event: Callable[[B], Hashable],
    differs: Callable[[A, B], str],
    tolerance: Tolerance,
    first_may_be_extra: bool = False,
) -> None:
    """Acts without an id: per key the first act is the first event, and so on.

    `first_may_be_extra`: a node tells how its lid stands when it starts, which is no act.
    """
    done: dict[Hashable, list[A]] = defaultdict(list)
    for act in acts:
        done[key_of_act(act)].append(act)
    recorded: dict[Hashable, list[B]] = defaultdict(list)
    for event in sorted(events, key=_numbered):
        recorded[key_of_event(event)].append(event)
    for key in {**done, **recorded}:
        mine, theirs = done.get(key, []), recorded.get(key, [])
        if first_may_be_extra and len(theirs) == len(mine) + 1:
            theirs = theirs[1:] if not mine or _late(mine[0], theirs[0], tolerance) else theirs
        for act, event in zip(mine, theirs, strict=False):
            words = differs(act, event) or _late(act, event, tolerance)
            if words:
                found.add("different", f"{words}: {act} is {event}")
        for act in mine[len(theirs) :]:
            found.add("lost", f"{act}")
        for event in theirs[len(mine) :]:
            if mine:
                found.add("doubled", f"once too often: {event}")
            else:
                found.add("different", f"recorded, and nobody did it: {event}")


def _numbered(event: object) -> tuple[int, int]:
    return int(getattr(event, "boot", 0)), int(getattr(event, "seq", 0))


# ---------------------------------------------------------------- coolers, tracks, odometers


def _coolers(truth: Truth, events: Iterable[Cooler], tolerance: Tolerance, found: Findings) -> None:
    """Each period's mean, lowest and highest lie in what the world had, and no time is without a period."""
    periods: dict[str, list[Cooler]] = defaultdict(list)
    for event in events:
        periods[event.source].append(event)
    for source in set(truth.coolers) | set(periods):
        moments = truth.coolers.get(source, [])
        mine = sorted(periods.get(source, []), key=lambda event: event.t_s)
        if not moments:
            found.add("different", f"{source}: readings of a cooler that is not there", len(mine))
            continue
        times = [moment.t_s for moment in moments]
        reached_s = times[0]
        for event in mine:
            if event.t_s - event.period_s - reached_s > tolerance.cooler_gap_s:
                found.add("lost", f"{source}: no period between {reached_s:.0f} and {event.t_s - event.period_s:.0f}")
            if reached_s - (event.t_s - event.period_s) > event.period_s + tolerance.stamp_s:
                found.add("doubled", f"{source}: a second period until {event.t_s:.0f}")
            reached_s = event.t_s
            broken = _broken(event, truth.broken_probes, tolerance)
            words = _period_differs(event, moments, times, tolerance, broken)
            if words:
                found.add("different", f"{source} until {event.t_s:.0f}: {words}")
        if times[-1] - reached_s > tolerance.cooler_gap_s:
            found.add("lost", f"{source}: no period after {reached_s:.0f}, the world went on to {times[-1]:.0f}")


def _broken(event: Cooler, probes: Iterable[Spell], tolerance: Tolerance) -> bool | None:
    """Whether the product probe was broken all through this period; None: for part of it, or who can tell."""
    began_s, ended_s = event.t_s - event.period_s, event.t_s
    mine = [probe for probe in probes if probe.who == event.source]
    for probe in mine:
        if probe.from_s + tolerance.stamp_s <= began_s and ended_s <= probe.to_s - tolerance.stamp_s:
            return True
        if probe.from_s - tolerance.stamp_s < ended_s and began_s < probe.to_s + tolerance.stamp_s:
            return None
    return False


def _period_differs(
    event: Cooler, moments: Sequence[Moment], times: Sequence[float], tolerance: Tolerance, broken: bool | None
) -> str:
    if broken and event.product != Span():
        return f"product {event.product.mean_c} C, and its probe was broken"
    first = bisect.bisect_left(times, event.t_s - event.period_s - tolerance.stamp_s)
    last = bisect.bisect_right(times, event.t_s + tolerance.stamp_s)
    window = moments[max(0, first - 1) : last]
    for name, span, values in (
        ("air", event.air, [moment.air_c for moment in window]),
        ("product", event.product, [moment.product_c for moment in window]),
    ):
        if name == "product" and broken is not False and span == Span():
            continue
        if span.mean_c is None or span.min_c is None or span.max_c is None or not values:
            return f"{name} is not known, and was"
        if span.min_c < min(values) - TEMP_C or span.max_c > max(values) + TEMP_C:
            return f"{name} {span.min_c:.2f}..{span.max_c:.2f} C, and was {min(values):.2f}..{max(values):.2f} C"
        if not span.min_c - TEMP_C <= span.mean_c <= span.max_c + TEMP_C:
            return f"{name} mean {span.mean_c:.2f} C outside its own bounds"
    return ""


def _tracks(truth: Truth, events: Iterable[Position], tolerance: Tolerance, found: Findings) -> None:
    """Each position is a fix that the receiver gave, at that time; a moving van is not out of sight for long."""
    tracks: dict[str, list[Position]] = defaultdict(list)
    for event in events:
        tracks[event.source].append(event)
    for van, fixes in truth.fixes.items():
        times = [fix.t_s for fix in fixes]
        track = sorted(tracks.pop(van, []), key=lambda event: event.t_s)
        for event in track:
            if event.fix == "none":
                continue
            if event.lat is None or event.lon is None or not _was_there(event, fixes, times, tolerance):
                found.add("different", f"{van}: was never at {event.lat}, {event.lon} around {event.t_s:.0f}")
        seen = [event.t_s for event in track if event.fix != "none"]
        blind = [spell for spell in truth.blind if spell.who == van]
        for gap_s, from_s in _unseen(fixes, seen, tolerance, blind):
            found.add("lost", f"{van}: moving, and without a position for {gap_s:.0f} s from {from_s:.0f}")
    for van, strangers in tracks.items():
        real = [event for event in strangers if event.fix != "none"]
        found.add("different", f"{van}: positions of a van that has no receiver", len(real))


def _was_there(event: Position, fixes: Sequence[Fix], times: Sequence[float], tolerance: Tolerance) -> bool:
    if event.lat is None or event.lon is None:
        return False
    place = (event.lat, event.lon)
    first = bisect.bisect_left(times, event.t_s - tolerance.stamp_s)
    last = bisect.bisect_right(times, event.t_s + tolerance.stamp_s)
    return any(distance_m(place, (fix.lat, fix.lon)) <= FIX_M for fix in fixes[first:last])


def _unseen(
    fixes: Sequence[Fix], seen: Sequence[float], tolerance: Tolerance, blind: Sequence[Spell]
) -> Iterable[tuple[float, float]]:
    """Stretches of a moving receiver without a recorded position that are too long.

    Not while the receiver itself was silent, nor while the gateway was dead.
    """
    moved_s = 0.0
    began_s: float | None = None
    place = 0
    for before, fix in itertools.pairwise(fixes):
        while place < len(seen) and seen[place] <= fix.t_s:
            place, moved_s, began_s = place + 1, 0.0, None
        is_silent = fix.t_s - before.t_s > tolerance.silent_s
        if is_silent or any(spell.covers(spell.who, fix.t_s) for spell in blind):
            moved_s, began_s = 0.0, None
            continue
        if fix.speed_m_s < 1.0:
            continue
        began_s = before.t_s if began_s is None else began_s
        moved_s += fix.t_s - before.t_s
        if moved_s > tolerance.track_gap_s:
            yield moved_s, began_s
            moved_s, began_s = 0.0, None


def _odometers(truth: Truth, events: Iterable[Vehicle], found: Findings) -> None:
    """The last odometer of each van, and that none ran back."""
    last: dict[str, float] = {}
    for event in sorted(events, key=lambda event: event.t_s):
        if event.odometer_km is None:
            continue
        if event.odometer_km < last.get(event.source, 0.0) - 0.05:
            found.add("different", f"{event.source}: odometer ran back to {event.odometer_km}")
        last[event.source] = event.odometer_km
    for van, km in truth.odometer_km.items():
        if van not in last:
            found.add("lost", f"{van}: no odometer in the record")
        elif abs(last[van] - km) > ODOMETER_KM:
            found.add("different", f"{van}: odometer {last[van]:.1f} km, and was {km:.1f} km")
