"""How much slower the streets are than their tags say, by class of road and hour, learned from what vans drove.

Comes in: ways driven (`map_matching`). Goes out: factors on a road's time, and how far off the times of trips were
before and after, on trips that were not learned from.

Each trip gives one observation for every class and hour it touched: the logarithm of observed over expected seconds,
weighed by the seconds. A class's factor is their robust mean (Huber), drawn towards 1 by as much as few trips say
little; an hour's factor is drawn towards its class's in the same way. What nobody drove stays as it was.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from random import Random

import numpy as np
from numpy.typing import NDArray

from routing.map_matching import Driven
from routing.road_rules import CLASSES
from routing.roads import RoadGraph

PRIOR_TRIPS = 4.0
"""So many trips' worth of faith in what was known before: the tags for a class, the class for an hour."""
HUBER = 1.5
"""In standard deviations: what lies further off counts less (a chat at the kerb, a wrong turn)."""
SPREAD = 0.15
"""The least spread of a trip's logarithm that is believed, so that two equal trips are no certainty."""
LEAST_EXPECTED_S = 5.0
"""A class that a trip touched for less is not heard."""
ODD = log(4.0)
"""Four times slower or faster than expected is no driving on that road."""

HourOf = Callable[[float], int]
"""The local hour (0..23) of a moment in UTC seconds."""


@dataclass(frozen=True)
class DrivenTrip:
    """A matched trip."""

    van: str
    ways: tuple[Driven, ...]

    @property
    def seconds(self) -> float:
        return sum(way.seconds for way in self.ways)


@dataclass(frozen=True)
class SpeedFactors:
    """Times on a road's seconds: `of_class` for any hour, `of_hour` by class and local hour where that is known."""

    of_class: Mapping[str, float]
    of_hour: Mapping[str, Mapping[int, float]]

    def factor(self, road_class: str, hour: int) -> float:
        """The factor for a class of road at an hour; 1 where nothing was learned."""
        return self.of_hour.get(road_class, {}).get(hour, self.of_class.get(road_class, 1.0))

    def column(self, hours: Sequence[int]) -> list[float]:
        """The mean factor over some hours, for each of `CLASSES`: what `RoadGraph.paced` takes."""
        return [sum(self.factor(name, hour) for hour in hours) / len(hours) for name in CLASSES]


UNKNOWN = SpeedFactors({}, {})


@dataclass(frozen=True)
class Error:
    """How far off the expected seconds of trips were: mean absolute error in percent, and its sign (bias)."""

    mean_percent: float
    bias_percent: float


@dataclass(frozen=True)
class Learned:
    """Factors from all trips, and the error on the trips held out while factors were learned from the others."""

    factors: SpeedFactors
    trips: int
    held_out: int
    before: Error
    after: Error


@dataclass(frozen=True)
class _Seen:
    """What one trip says of a class and hour: log(observed / expected), and the expected seconds it stands on."""

    ratio: float
    expected_s: float


def learn(roads: RoadGraph, trips: Sequence[DrivenTrip], hour_of: HourOf, *, seed: int, share: float = 0.25) -> Learned:
    """Factors from trips; `share` of them are held out to say what the factors are worth.

    Raises:
        ValueError: fewer than eight trips; nothing could be said of the error.
    """
    if len(trips) < 8:
        raise ValueError(f"{len(trips)} trips on the roads of this map; at least 8 are needed")
    shuffled = Random(seed).sample(list(trips), len(trips))
    held = shuffled[: max(2, round(len(trips) * share))]
    factors = _fit(roads, shuffled[len(held) :], hour_of)
    return Learned(
        _fit(roads, trips, hour_of),
        trips=len(trips),
        held_out=len(held),
        before=error_of(roads, held, UNKNOWN, hour_of),
        after=error_of(roads, held, factors, hour_of),
    )


def error_of(roads: RoadGraph, trips: Iterable[DrivenTrip], factors: SpeedFactors, hour_of: HourOf) -> Error:
    """How far expected seconds with these factors are from the observed, in percent of the observed."""
    off = []
    for trip in trips:
        expected = sum(
            seconds * factors.factor(name, hour)
            for way in trip.ways
            for name, hour, seconds in _expected(roads, way, hour_of)
        )
        off.append((expected - trip.seconds) / trip.seconds * 100.0)
    return Error(float(np.mean(np.abs(off))), float(np.mean(off)))


def _expected(roads: RoadGraph, way: Driven, hour_of: HourOf) -> list[tuple[str, int, float]]:
    """Class, hour and expected seconds of each leg."""
    hour = hour_of(way.start_s)
    return [(CLASSES[int(roads.edges.road_class[leg.edge])], hour, leg.seconds) for leg in way.path.legs]


def _fit(roads: RoadGraph, trips: Iterable[DrivenTrip], hour_of: HourOf) -> SpeedFactors:
    of_hour: defaultdict[tuple[str, int], list[_Seen]] = defaultdict(list)
    of_class: defaultdict[str, list[_Seen]] = defaultdict(list)
    for trip in trips:
        for (name, hour), seen in _observations(roads, trip, hour_of).items():
            of_hour[name, hour].append(seen)
            of_class[name].append(seen)
    known = {name: _drawn(seen, towards=0.0) for name, seen in of_class.items()}
    hours: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for (name, hour), in_hour in sorted(of_hour.items()):
        hours[name][hour] = exp(_drawn(in_hour, towards=known[name]))
    return SpeedFactors({name: exp(value) for name, value in sorted(known.items())}, dict(hours))


def _observations(roads: RoadGraph, trip: DrivenTrip, hour_of: HourOf) -> dict[tuple[str, int], _Seen]:
    """A way over several classes shares its seconds by what was expected of each."""
    expected: defaultdict[tuple[str, int], float] = defaultdict(float)
    observed: defaultdict[tuple[str, int], float] = defaultdict(float)
    for way in trip.ways:
        legs = _expected(roads, way, hour_of)
        whole = sum(seconds for _, _, seconds in legs)
        if whole <= 0.0:
            continue
        for name, hour, seconds in legs:
            expected[name, hour] += seconds
            observed[name, hour] += way.seconds * seconds / whole
    return {
        key: _Seen(log(observed[key] / seconds), seconds)
        for key, seconds in expected.items()
        if seconds >= LEAST_EXPECTED_S and observed[key] > 0.0 and abs(log(observed[key] / seconds)) < ODD
    }


def _drawn(seen: Sequence[_Seen], *, towards: float) -> float:
    """The robust mean of log ratios, drawn to `towards` by `PRIOR_TRIPS`."""
    ratio = np.array([one.ratio for one in seen])
    weight = np.array([one.expected_s for one in seen])
    mean = _huber_mean(ratio, weight)
    trips = float(weight.sum() ** 2 / (weight**2).sum())  # how many trips of equal length say as much
    return (trips * mean + PRIOR_TRIPS * towards) / (trips + PRIOR_TRIPS)


def _huber_mean(value: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    order = np.argsort(value)
    middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2.0)
    mean = float(value[order][middle])
    spread = max(SPREAD, 1.4826 * float(np.median(np.abs(value - mean))))
    for _ in range(20):
        off = np.maximum(np.abs(value - mean) / spread, 1e-9)
        heard = weight * np.minimum(1.0, HUBER / off)
        mean = float((heard * value).sum() / heard.sum())
    return mean
