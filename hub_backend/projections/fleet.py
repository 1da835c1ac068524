"""The follower that knows where each van is and how it does: the newest of each, whatever arrives late."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Position, Tour, Vehicle
from hub_backend.projections.follower import Follower, Received
from hub_backend.record import VanStateRow
from hub_backend.shown import Change
from hub_backend.store import hold_rows


class Fleet(Follower):
    """Writes `van_states`. `vans` are the gateways that sit in a van; others are passed over."""

    name = "fleet"
    kinds: frozenset[type[AnyEvent]] = frozenset({Position, Vehicle, Tour})

    def __init__(self, vans: frozenset[str], zone: ZoneInfo) -> None:
        self._vans = vans
        self._zone = zone
        self._rows: dict[object, VanStateRow] = {}  # of the page that is being taken

    def needed(self, events: Sequence[Received]) -> Sequence[Received]:
        """Without positions that the van's next one makes as if they had never been."""
        overtaken: set[int] = set()
        last: dict[str, tuple[int, float]] = {}
        for received in events:
            match received.event:
                case Position() as position:
                    before, before_s = last.get(received.gateway, (0, 0.0))
                    if position.t_s >= before_s and _has_place(position):
                        overtaken.add(before)
                    last[received.gateway] = received.id, position.t_s
                case _:
                    pass
        return [received for received in events if received.id not in overtaken]

    def begin(self, session: Session, events: Sequence[Received]) -> None:
        """Reads the rows of all vans, and makes those that are not there, at once: a tenth of the time."""
        vans = {received.gateway for received in events} & self._vans
        known = hold_rows(session, VanStateRow, vans)
        new = [VanStateRow(van=van, fix="none", phase="", odometer_day="", extra_s=0.0) for van in vans - known.keys()]
        session.add_all(new)
        session.flush()
        self._rows = known | {row.van: row for row in new}

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        if received.gateway not in self._vans:
            return []
        row = self._rows[received.gateway]
        match received.event:
            case Position() as position:
                move(row, position)
            case Vehicle() as vehicle:
                self._read_vehicle(row, vehicle)
            case Tour() as tour:
                _go_on(row, tour)
            case _:
                return []
        return [("van", row.van)]

    def _read_vehicle(self, row: VanStateRow, vehicle: Vehicle) -> None:
        day = datetime.fromtimestamp(vehicle.t_s, UTC).astimezone(self._zone).date().isoformat()
        self._begin_odometer(row, vehicle, day)
        if row.vehicle_s is not None and vehicle.t_s < row.vehicle_s:
            return
        row.vehicle_s = vehicle.t_s
        row.plugged = vehicle.plugged
        if vehicle.soc_percent is not None:
            row.soc_percent = vehicle.soc_percent
        if vehicle.odometer_km is not None:
            row.odometer_km = vehicle.odometer_km

    def _begin_odometer(self, row: VanStateRow, vehicle: Vehicle, day: str) -> None:
        """The day's first reading; one that comes late but is lower was earlier, for an odometer never turns back."""
        if vehicle.odometer_km is None or day < row.odometer_day:
            return
        if day > row.odometer_day or row.first_odometer_km is None:
            row.odometer_day, row.first_odometer_km = day, vehicle.odometer_km
        row.first_odometer_km = min(row.first_odometer_km, vehicle.odometer_km)


def move(row: VanStateRow, position: Position) -> None:
    """The row after one more position."""
    if row.position_s is not None and position.t_s < row.position_s:
        return
    row.position_s = position.t_s
    row.fix = position.fix
    row.speed_m_s, row.heading_deg = position.speed_m_s, position.heading_deg
    if _has_place(position):
        row.fix_s, row.lat, row.lon = position.t_s, position.lat, position.lon


def _has_place(position: Position) -> bool:
    return position.fix != "none" and position.lat is not None and position.lon is not None


def _go_on(row: VanStateRow, tour: Tour) -> None:
    if row.phase_s is not None and tour.t_s < row.phase_s:
        return
    if tour.phase == "longer":
        row.extra_s += tour.extra_s or 0.0
    else:
        row.extra_s = 0.0
        row.arrived_s = tour.t_s if tour.phase == "arrived" else None
    if tour.phase != "longer" or tour.stop is not None:
        row.stop = tour.stop
    row.phase, row.phase_s = tour.phase, tour.t_s
