"""Series: an event's values over time, and the same after a replay."""

from sqlalchemy import select

from edge_gateway.contract.messages import Cooler, Position, Span, Vehicle
from hub_backend.kit import Kit
from hub_backend.projections.followers import Followers
from hub_backend.projections.series import Point, SeriesFollower, SqlSeries, forget, points_of
from hub_backend.record import SeriesRow
from tests.hub_backend import made
from tests.hub_backend.made import T0, cooler, position

FIELDS = ("lat", "lon", "speed_m_s", "air_mean_c", "product_mean_c", "product_max_c", "lid_open_s")


def test_an_event_becomes_points_with_its_own_time() -> None:
    event = Vehicle(source="van-1", boot=1, seq=0, t_s=T0, soc_percent=80.0, plugged=True)
    assert [(point.field, point.t_s, point.value) for point in points_of(event)] == [
        ("soc_percent", T0, 80.0),
        ("odometer_km", T0, None),
        ("speed_m_s", T0, None),
        ("plugged", T0, 1.0),
    ]


def test_no_fix_gives_no_point_and_a_bad_probe_gives_none_never_zero() -> None:
    assert list(points_of(Position(source="van-1", boot=1, seq=0, t_s=T0, fix="none"))) == []
    event = Cooler(source="van-1/cooler", boot=1, seq=0, t_s=T0, period_s=60, air=Span(mean_c=4.0), product=Span())
    values = {point.field: point.value for point in points_of(event)}
    assert values["air_mean_c"] == 4.0
    assert values["product_mean_c"] is None


def test_writing_again_changes_nothing_and_a_correction_overwrites(any_kit: Kit) -> None:
    series = SqlSeries(any_kit.store)
    for value in (1.0, 1.0, 2.0):
        with any_kit.store.write() as session:
            series.store(session, [Point("a", "x", T0, value), Point("a", "y", T0, None), Point("a", "x", T0, value)])
    assert series.read("a", ["x", "y"], from_s=T0, to_s=T0) == [Point("a", "x", T0, 2.0), Point("a", "y", T0, None)]


def test_reading_is_bounded_by_source_field_and_time(kit: Kit) -> None:
    series = SqlSeries(kit.store)
    with kit.store.write() as session:
        series.store(session, [Point(source, "x", T0 + n, n) for source in "ab" for n in range(5)])
    assert [point.t_s - T0 for point in series.read("a", ["x"], from_s=T0 + 1, to_s=T0 + 3)] == [1, 2, 3]


def test_dropped_and_replayed_it_is_what_it_was(any_kit: Kit) -> None:
    made.record(any_kit, *(position(seq) for seq in range(5)), *(cooler(seq, 4.0 + seq) for seq in range(5)))
    series = SqlSeries(any_kit.store)

    def all_points() -> list[tuple[str, str, float, float | None]]:
        with any_kit.store.read() as session:
            rows = session.scalars(select(SeriesRow).order_by(SeriesRow.source, SeriesRow.field, SeriesRow.t_s))
            return [(row.source, row.field, row.t_s, row.value) for row in rows]

    Followers(any_kit, [SeriesFollower(series)]).catch_up()
    before = all_points()
    assert len(before) == 5 * 3 + 5 * 7
    forget(any_kit, series)
    assert all_points() == []
    Followers(any_kit, [SeriesFollower(series)]).catch_up()
    assert all_points() == before


def test_however_it_came_in_a_replay_gives_the_same(any_kit: Kit) -> None:
    """Late, by two sources at one moment, and one that says another thing of a moment that was told before."""
    series = SqlSeries(any_kit.store)
    followers = Followers(any_kit, [SeriesFollower(series)])

    def said() -> list[Point]:
        return [
            point
            for source in ("van-1", "van-2", "van-1/cooler")
            for point in series.read(source, FIELDS, from_s=0.0, to_s=1e10)
        ]

    for part in (
        [position(5), cooler(3, 4.0)],
        [position(1), position(6, source="van-2", t_s=T0 + 5)],
        [position(7, t_s=T0 + 5), cooler(1, 9.0), cooler(9, None)],
    ):
        made.record(any_kit, *part)
        followers.catch_up()
    before = said()
    assert Point("van-1", "lat", T0 + 5, position(7).lat) in before, "the later word about a moment stands"
    forget(any_kit, series)
    assert said() == []
    Followers(any_kit, [SeriesFollower(series)]).catch_up()
    assert said() == before
