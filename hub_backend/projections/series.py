"""Series: values over time of one field of one source, a projection of the events that can be dropped and replayed.

`Series` is the interface. By default the points lie in the record's own database; `influx` has the other one. A point
carries its event's own time, and writing it again changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple, Protocol

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Battery, Cooler, Lid, Position, Span, Vehicle
from hub_backend.kit import Kit
from hub_backend.projections.follower import Follower, Received
from hub_backend.record import CursorRow, SeriesRow
from hub_backend.shown import Change
from hub_backend.store import Bulk, Store

FOLLOWER = "series"
KEY = itemgetter(0, 1, 2)


class Point(NamedTuple):
    """One value of one field; units are in the field's name. None: it was measured and not known.

    A tuple, and so a row of `series` as it is: there are more of them than of anything else.
    """

    source: str
    field: str
    t_s: float
    value: float | None


class Series(Protocol):
    """Where points are kept: in the record (`store`), or elsewhere (`send`)."""

    def send(self, points: Iterable[Point]) -> None:
        """Writes them elsewhere, with no transaction of the record open. Raises `AwayError`."""
        return

    def store(self, session: Session, points: Iterable[Point]) -> None:
        """Writes them in the record, as part of its transaction."""
        return

    def drop(self) -> None:
        """Forgets all points. Raises `AwayError`."""
        ...

    def read(self, source: str, fields: Sequence[str], *, from_s: float, to_s: float) -> list[Point]:
        """The points from `from_s` up to and including `to_s`, in order of time. Raises `AwayError`."""
        ...


class SqlSeries(Series):
    """Points in the record's own database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._upsert = _upsert(store)

    def store(self, session: Session, points: Iterable[Point]) -> None:
        self._upsert.write(session.connection(), sorted(points, key=KEY))  # in the table's order: a third of the time

    def drop(self) -> None:
        with self._store.write() as session:
            session.execute(delete(SeriesRow))

    def read(self, source: str, fields: Sequence[str], *, from_s: float, to_s: float) -> list[Point]:
        wanted = (
            select(SeriesRow.source, SeriesRow.field, SeriesRow.t_s, SeriesRow.value)
            .where(SeriesRow.source == source, SeriesRow.field.in_(fields))
            .where(SeriesRow.t_s >= from_s, SeriesRow.t_s <= to_s)
            .order_by(SeriesRow.t_s, SeriesRow.field)
        )
        with self._store.read() as session:
            return [Point(*row) for row in session.execute(wanted)]


def _upsert(store: Store) -> Bulk:
    insert = store.insert(SeriesRow)
    statement = insert.on_conflict_do_update(
        index_elements=["source", "field", "t_s"], set_={"value": insert.excluded.value}
    )
    return store.bulk(statement, Point._fields)


class SeriesFollower(Follower):
    """Turns events into points."""

    name = FOLLOWER
    kinds: frozenset[type[AnyEvent]] = frozenset({Position, Vehicle, Battery, Cooler, Lid})

    def __init__(self, series: Series) -> None:
        self._series = series

    def send(self, events: Sequence[Received]) -> None:
        self._series.send(_points(events))

    def needed(self, events: Sequence[Received]) -> Sequence[Received]:
        return []  # all of them are written together

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        return []

    def finish(self, session: Session, events: Sequence[Received]) -> None:
        self._series.store(session, _points(events))


def _points(events: Sequence[Received]) -> Iterator[Point]:
    return chain.from_iterable(points_of(received.event) for received in events)


def points_of(event: AnyEvent) -> list[Point]:
    """What an event says as points; a position without a fix gives none."""
    source, t_s = event.source, event.t_s
    return [Point(source, field, t_s, value) for field, value in _fields(event)]


def _fields(event: AnyEvent) -> Iterable[tuple[str, float | None]]:
    match event:
        case Position() if event.fix != "none":
            yield from (("lat", event.lat), ("lon", event.lon), ("speed_m_s", event.speed_m_s))
        case Vehicle():
            yield from (("soc_percent", event.soc_percent), ("odometer_km", event.odometer_km))
            yield from (("speed_m_s", event.speed_m_s), ("plugged", _number(event.plugged)))
        case Battery():
            yield from (("voltage_v", event.voltage_v), ("current_a", event.current_a))
            yield "charge_ah", event.charge_ah
        case Cooler():
            yield from _span("air", event.air)
            yield from _span("product", event.product)
            yield "lid_open_s", event.lid_open_s
        case Lid():
            yield "lid_open", _number(event.open)
        case _:
            return


def _span(name: str, span: Span) -> Iterator[tuple[str, float | None]]:
    yield from ((f"{name}_mean_c", span.mean_c), (f"{name}_min_c", span.min_c), (f"{name}_max_c", span.max_c))


def _number(claim: bool | None) -> float | None:
    return None if claim is None else float(claim)


def forget(kit: Kit, series: Series) -> None:
    """Drops the points and the follower's cursor: it will write all of them anew. The hub must not be running."""
    with kit.store.write() as session:
        session.execute(delete(CursorRow).where(CursorRow.follower == FOLLOWER))
    series.drop()
