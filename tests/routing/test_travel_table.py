"""Travel times that are remembered: the same as asked anew, at the price of a row and a column."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from routing.model import Travel
from routing.places import MapError
from routing.road_build import build
from routing.road_net import Snap
from routing.roads import RoadGraph
from routing.travel_table import TravelTable
from tests.routing.towns import at, square


class Counting:
    """Own roads that count the pairs they were asked for, and can be told to fail."""

    def __init__(self, roads: RoadGraph) -> None:
        self._roads = roads
        self.pairs = 0
        self.broken = False

    def between(self, origins: Sequence[Snap], destinations: Sequence[Snap]) -> Travel:
        if self.broken:
            raise MapError("closed")
        self.pairs += len(origins) * len(destinations)
        return self._roads.between(origins, destinations)


@pytest.fixture
def roads() -> RoadGraph:
    return build(square(oneway="yes")).graph


def some(roads: RoadGraph, number: int, seed: int = 1) -> list[Snap]:
    random = Random(seed)
    return [roads.snap(*at(random.uniform(0, 200), random.uniform(-100, 0))) for _ in range(number)]


def test_new_place_costs_one_row_and_one_column(roads: RoadGraph) -> None:
    source, places = Counting(roads), some(roads, 12)
    table = TravelTable(source)
    table.matrix(places[:11])
    source.pairs = 0
    assert np.array_equal(table.matrix(places).duration_s, roads.matrix(places).duration_s)
    assert source.pairs == 12 + 11
    table.matrix(places[::-1])
    assert source.pairs == 12 + 11


def test_table_says_what_the_roads_say_in_whatever_order_places_come(roads: RoadGraph) -> None:
    random, places = Random(3), some(roads, 20)
    table = TravelTable(roads, most=10)
    for _ in range(30):
        asked = random.choices(places, k=random.randrange(1, 9))
        said, true = table.matrix(asked), roads.matrix(asked)
        assert np.array_equal(said.duration_s, true.duration_s)
        assert np.array_equal(said.distance_m, true.distance_m)


def test_source_that_fails_leaves_the_table_as_it_was(roads: RoadGraph) -> None:
    source, places = Counting(roads), some(roads, 6)
    table = TravelTable(source)
    before = table.matrix(places[:5])
    source.broken = True
    with pytest.raises(MapError):
        table.matrix(places)
    assert np.array_equal(table.matrix(places[:5]).duration_s, before.duration_s)
