"""Where the vans are: the newest of each, whatever comes late; and no fix is no fix."""

import asyncio
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Position, Vehicle
from hub_backend import shown
from hub_backend.kit import Kit
from hub_backend.projections.fleet import Fleet, move
from hub_backend.projections.follower import Received
from hub_backend.projections.followers import Followers
from hub_backend.record import VanStateRow
from tests.hub_backend import made
from tests.hub_backend.made import T0, FakeClock, position, tour

VANS = frozenset({"van-1", "van-2"})


def follow(kit: Kit, *events: AnyEvent) -> VanStateRow:
    made.record(kit, *events)
    Followers(kit, [Fleet(VANS, ZoneInfo("Europe/Amsterdam"))]).catch_up()
    with kit.store.read() as session:
        return session.get_one(VanStateRow, "van-1")


def vehicle(seq: int, *, t_s: float, **more: float | bool | None) -> Vehicle:
    return Vehicle(source="van-1", boot=1, seq=seq, t_s=t_s, **more)  # type: ignore[arg-type]


def seen(session: Session, kit: Kit) -> shown.Van:
    found = shown.van(session, kit, "van-1")
    assert found is not None
    return found


def test_newest_position_stands_and_a_late_one_does_not_overwrite_it(any_kit: Kit) -> None:
    row = follow(any_kit, position(5), position(2), position(3))
    assert (row.fix_s, row.lat) == (T0 + 5, 52.25 + 5e-4)


def test_no_fix_is_no_fix_but_the_last_place_is_kept_with_its_time(kit: Kit) -> None:
    row = follow(kit, position(5), Position(source="van-1", boot=1, seq=6, t_s=T0 + 6, fix="none"))
    assert (row.fix, row.fix_s, row.lat, row.speed_m_s) == ("none", T0 + 5, 52.25 + 5e-4, None)
    assert follow(kit, position(4, boot=2)).fix == "none"  # a fix from before the loss does not undo it


def test_a_fix_is_stale_after_a_minute(kit: Kit, clock: FakeClock) -> None:
    follow(kit, position(0))
    for later_s, stale in ((60.0, False), (61.0, True)):
        clock.time_s = T0 + later_s
        with kit.store.read() as session:
            assert seen(session, kit).stale is stale


def test_odometer_of_the_day_begins_with_its_first_reading(kit: Kit) -> None:
    follow(kit, vehicle(0, t_s=T0 - 86400, odometer_km=900.0))
    row = follow(kit, vehicle(1, t_s=T0 + 60, odometer_km=1002.0), vehicle(2, t_s=T0, odometer_km=1000.0))
    assert (row.first_odometer_km, row.odometer_km, row.odometer_day) == (1000.0, 1002.0, made.DAY)
    with kit.store.read() as session:
        assert seen(session, kit).km_today == 2.0


def test_what_the_bus_does_not_say_now_does_not_erase_what_it_said(kit: Kit) -> None:
    row = follow(kit, vehicle(0, t_s=T0, soc_percent=80.0), vehicle(1, t_s=T0 + 10, odometer_km=5.0))
    assert (row.soc_percent, row.odometer_km) == (80.0, 5.0)


def test_tour_says_where_the_van_is_and_how_much_longer(kit: Kit) -> None:
    row = follow(kit, tour(0, "arrived", "s1", t_s=T0), tour(1, "longer", "s1", t_s=T0 + 60, extra_s=600.0))
    assert (row.phase, row.stop, row.arrived_s, row.extra_s) == ("longer", "s1", T0, 600.0)
    row = follow(kit, tour(2, "longer", t_s=T0 + 90, extra_s=300.0))
    assert (row.stop, row.extra_s) == ("s1", 900.0)
    row = follow(kit, tour(3, "under_way", "s2", t_s=T0 + 120), tour(4, "arrived", "s0", t_s=T0 - 600))
    assert (row.phase, row.stop, row.arrived_s, row.extra_s) == ("under_way", "s2", None, 0.0)


def test_a_hubs_gateway_is_no_van(kit: Kit) -> None:
    follow(kit, position(0, source="hub-colmschate"), position(1))
    with kit.store.read() as session:
        assert session.get(VanStateRow, "hub-colmschate") is None


def test_a_van_is_told_live_and_once_a_round(kit: Kit) -> None:
    async def listen() -> bytes:
        stream = kit.live.stream()
        await anext(stream)
        await asyncio.to_thread(follow, kit, position(0), position(1))
        told = await asyncio.wait_for(anext(stream), 5)
        await stream.aclose()
        return told

    told = asyncio.run(listen()).decode()
    assert told.count("event: van\n") == told.count("event: ") == 1


places = st.builds(
    lambda t_s, fix, lat: Position(source="van-1", boot=1, seq=0, t_s=T0 + t_s, fix=fix, lat=lat, lon=lat),
    st.integers(0, 5),
    st.sampled_from(["none", "3d"]),
    st.one_of(st.none(), st.integers(50, 53)),
)


@given(st.lists(st.tuples(st.sampled_from(["van-1", "van-2"]), places), max_size=12))
def test_what_is_not_needed_would_have_made_no_difference(told: list[tuple[str, Position]]) -> None:
    fleet = Fleet(VANS, ZoneInfo("Europe/Amsterdam"))
    events = [Received(number, van, place) for number, (van, place) in enumerate(told, 1)]

    def after(taken: Sequence[Received]) -> dict[str, tuple[object, ...]]:
        rows = {van: VanStateRow(van=van, fix="none", position_s=T0 + 2) for van in VANS}
        for received in taken:
            assert isinstance(received.event, Position)
            move(rows[received.gateway], received.event)
        return {van: (row.position_s, row.fix, row.fix_s, row.lat, row.speed_m_s) for van, row in rows.items()}

    assert after(fleet.needed(events)) == after(events)


def test_of_a_van_that_only_drives_one_position_is_needed() -> None:
    events = [Received(number, "van-1", position(number)) for number in range(1, 9)]
    assert list(Fleet(VANS, ZoneInfo("Europe/Amsterdam")).needed(events)) == events[-1:]
