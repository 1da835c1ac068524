"""The report of a day: one value for the JSON, and the same as a table for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from hub_backend.simulator.compare import Findings


@dataclass(frozen=True, kw_only=True)
class Report:
    """One day. None is not known. `lost`, `doubled` and `different` are 0 or the day failed."""

    day: str
    replay: bool = False
    seed: int = 0
    map: str = ""
    lost: int
    doubled: int
    different: int
    events: int
    stops: int = 0
    deliveries: int = 0
    """Orders of which something was handed over (domain.md K1); `parcels` is how many things."""
    parcels: int = 0
    contact: int = 0
    letterbox: int = 0
    nobody_at_home: int = 0
    contact_share: float | None = None
    contact_planned_min: int = 0
    """Minutes that the plans handed out for talks, and minutes that were spent beyond the tasks, as the hub counts."""
    contact_spent_min: int = 0
    lunches: int = 0
    replans: int = 0
    excursions: int = 0
    rides: int = 0
    km: float
    vehicle_movements: int | None = None
    bulk_trips: int | None = None
    vehicle_movements_baseline: int | None = None
    co2e_saved_kg: float | None = None
    kwh_per_km: float | None = None
    """Of all vans, out of the pack, as measured."""
    primary_share: float | None = None
    """Of all emissions compared, by measurement; `own_primary_share`: of what was really driven."""
    own_primary_share: float | None = None
    gateway_rss_mb: float | None = None
    hub_rss_mb: float | None = None
    wall_s: float
    world_s: float
    speed: float
    broker: str
    positions: str
    cpu_s: dict[str, float] = field(default_factory=dict)
    spent_s: dict[str, float] = field(default_factory=dict)
    happened: dict[str, int] = field(default_factory=dict)
    faults: dict[str, dict[str, int | str]] = field(default_factory=dict)
    """By fault: how often it was injected, how often the record tells it, and what it tells.

    `cut_short`: how often the day ended before it was due to be told; that counts neither as told nor as lost.
    """
    promises: dict[str, dict[str, float | str | None]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.lost + self.doubled + self.different == 0

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    def as_table(self) -> str:
        what = ("log", self.day) if self.replay else ("day", f"{self.day}, seed {self.seed}, map {self.map}")
        rows = [
            what,
            ("lost / doubled / different", f"{self.lost} / {self.doubled} / {self.different}"),
            ("events in the record", f"{self.events}"),
            ("driven", f"{self.km:.1f} km"),
            *([] if self.replay else self._day_rows()),
            ("time", f"{self.wall_s:.0f} s for {self.world_s / 3600:.2g} h ({self.speed:.0f} times as fast)"),
        ]
        width = max(len(name) for name, _ in rows)
        lines = [f"  {name:<{width}}  {value}" for name, value in rows]
        return "\n".join([*lines, *(f"  ! {example}" for example in self.examples)])

    def _day_rows(self) -> list[tuple[str, str]]:
        return [
            ("stops visited", f"{self.stops} ({self.rides} rides, {self.nobody_at_home} times nobody at home)"),
            ("deliveries", f"{self.deliveries} ({self.parcels} parcels)"),
            ("contact / letterbox", f"{self.contact} / {self.letterbox} ({_percent(self.contact_share)} contact)"),
            (
                "time for people",
                f"{self.contact_planned_min} min planned, {self.contact_spent_min} min spent; {self.lunches} lunches",
            ),
            ("new plans during the day", f"{self.replans}"),
            ("cooler excursions", f"{self.excursions}"),
            (
                "vehicles from door to door",
                f"{_known(self.vehicle_movements)}, and {_known(self.bulk_trips)} bulk trips",
            ),
            ("if each supplier drove", _known(self.vehicle_movements_baseline)),
            ("CO2e saved, WTW", f"{_known(self.co2e_saved_kg)} kg"),
            ("energy, as measured", f"{_known(_short(self.kwh_per_km))} kWh/km"),
            (
                "rests on primary data",
                f"{_percent(self.primary_share)} of all emissions, {_percent(self.own_primary_share)} of our own",
            ),
            ("largest gateway", f"{_known(self.gateway_rss_mb)} MB resident"),
            ("hub with its router", f"{_known(self.hub_rss_mb)} MB resident"),
            (
                "what went otherwise",
                ", ".join(f"{name} {count}" for name, count in sorted(self.happened.items()) if count),
            ),
            *(("every day has" if not place else "", words) for place, words in enumerate(_lines(self.kept))),
            *((f"fault {name.replace('_', ' ')}", met_words(met)) for name, met in self.faults.items()),
        ]


def met_words(met: Mapping[str, int | str]) -> str:
    """What became of one fault, in a line."""
    left_out = f", {met['cut_short']} cut short before it was due" if met.get("cut_short") else ""
    return f"{met['injected']} times, told {met['seen']} times{left_out}: {met['told']}"


def _lines(words: Sequence[str], *, width: int = 90) -> list[str]:
    """As many on a line as fit."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= width:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return lines


def example_lines(findings: Sequence[Findings]) -> tuple[str, ...]:
    """The first examples of each kind, as lines."""
    return tuple(f"{example.kind}: {example.words}" for found in findings for example in found.examples)


def _known(value: float | None) -> str:
    return "not known" if value is None else f"{value:g}"


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _percent(share: float | None) -> str:
    return "no" if share is None else f"{share:.0%}"
