"""The places of one question: each snapped to its road once, in the order in which they were named."""

import logging
from contextlib import suppress

from hub_backend.dispatching.router.problem import DayProblem, DayVan
from routing.road_net import Snap
from routing.roads import OffMapError, RoadGraph

log = logging.getLogger(__name__)

KnownSnaps = dict[tuple[float, float, str], Snap]


class Spots:
    """Indices into the matrices of one question."""

    def __init__(self, graph: RoadGraph, known: KnownSnaps) -> None:
        self._graph = graph
        self._known = known
        self._index: dict[tuple[float, float, str], int] = {}
        self.snaps: list[Snap] = []

    def index(self, lat: float, lon: float, street: str = "") -> int:
        """The index of a place in the matrices. Raises `OffMapError` for a place without a road."""
        key = (round(lat, 6), round(lon, 6), street)
        if key not in self._index:
            if key not in self._known:
                self._known[key] = self._graph.snap(lat, lon, street=street or None)
            self._index[key] = len(self.snaps)
            self.snaps.append(self._known[key])
        return self._index[key]


def places_of(day: DayProblem, spots: Spots) -> dict[str, int]:
    """The place of each task and of both ends of each ride; what has no road near it is left out, a ride as a whole."""
    places: dict[str, int] = {}
    for task in day.tasks:
        with suppress(OffMapError):
            place = spots.index(task.lat, task.lon, task.street)
            if task.fetch is not None:
                places[f"{task.id}/fetch"] = spots.index(task.fetch.lat, task.fetch.lon)
            places[task.id] = place
    for ride in day.rides:
        with suppress(OffMapError):
            pickup = spots.index(ride.pickup_lat, ride.pickup_lon, "")
            dropoff = spots.index(ride.dropoff_lat, ride.dropoff_lon, "")
            places |= {ride.id: pickup, f"{ride.id}/pickup": pickup, f"{ride.id}/dropoff": dropoff}
    return places


def van_place(van: DayVan, day: DayProblem, spots: Spots) -> int:
    """Where the van is; a fix beside the map is no place, and then it is taken to be at its hub."""
    try:
        return spots.index(van.lat, van.lon)
    except OffMapError:
        hub = next(hub for hub in day.hubs if hub.id == van.hub)
        log.warning("van_off_map van=%s", van.id)
        return spots.index(hub.lat, hub.lon)
