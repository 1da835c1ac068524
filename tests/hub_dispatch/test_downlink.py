"""What goes down the wire is small and comes out as it went in."""

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.contract import messages
from edge_gateway.contract.messages import HubManifest, PlannedParcel, PlannedStop, VanPlan
from hub_backend.dispatching.compact import MOST_BYTES, encoded

TEXT = st.text(max_size=20)
TIMES = st.floats(1.7e9, 1.9e9)
CODES = st.text("ABCDEFGH0123456789", min_size=1, max_size=13)
PARCELS = st.builds(
    PlannedParcel,
    code=CODES,
    goods=TEXT,
    temp_class=st.sampled_from(["chilled", "hot", "fridge", "ambient"]),
    supplier=st.just("keuken"),
    latest_s=st.none() | TIMES,
)
STOPS = st.builds(
    PlannedStop,
    stop=CODES,
    kind=st.sampled_from(["visit", "ride_pickup", "ride_dropoff", "reload", "charge"]),
    name=TEXT,
    address=TEXT,
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    arrive_s=TIMES,
    depart_s=TIMES,
    window_from_s=st.none() | TIMES,
    window_to_s=st.none() | TIMES,
    service_s=st.floats(0, 3600),
    usual_step=st.none() | st.integers(0, 3),
    letterbox_allowed=st.booleans(),
    hint=TEXT,
    chores=st.lists(TEXT, max_size=2).map(tuple),
    deliver=st.lists(PARCELS, max_size=3).map(tuple),
    collect=st.lists(PARCELS, max_size=2).map(tuple),
    done=st.booleans(),
    locked=st.booleans(),
)
PLANS = st.builds(
    VanPlan,
    plan=CODES,
    revision=st.integers(0, 99),
    made_s=TIMES,
    day=st.just("2026-11-23"),
    van=st.just("van-1"),
    concierge=TEXT,
    reason=TEXT,
    changes=st.lists(TEXT, max_size=3).map(tuple),
    stops=st.lists(STOPS, max_size=3).map(tuple),
    elsewhere=st.dictionaries(CODES, st.just("van-2"), max_size=3),
)


@given(PLANS)
def test_a_van_plan_comes_out_as_it_went_in(plan: VanPlan) -> None:
    assert messages.decode_downlink.decode(encoded(plan)) == plan


@given(st.lists(PARCELS, max_size=4))
def test_a_manifest_comes_out_as_it_went_in(parcels: list[PlannedParcel]) -> None:
    manifest = HubManifest(plan="p", revision=0, made_s=1.8e9, day="2026-11-23", parcels=tuple(parcels))
    assert messages.decode_downlink.decode(encoded(manifest)) == manifest


def a_stop(number: int, *, done: bool) -> PlannedStop:
    parcel = PlannedParcel(code=f"BZ1{number:010d}", goods="chilled_meal", temp_class="chilled", supplier="keuken")
    return PlannedStop(
        stop=f"stop{number:08d}",
        kind="visit",
        name="Mevrouw van der Proefpersoon",
        address="Burgemeester Voorbeeldlaan 123",
        lat=52.2612345,
        lon=6.2212345,
        arrive_s=1.8e9,
        depart_s=1.8e9,
        window_from_s=1.8e9,
        window_to_s=1.8e9,
        service_s=300,
        hint="achterom, bel doet het niet",
        deliver=(parcel, parcel),
        done=done,
    )


def test_a_long_day_still_fits_the_wire() -> None:
    stops = tuple(a_stop(n, done=n < 20) for n in range(40))
    plan = VanPlan(
        plan="p", revision=9, made_s=1.8e9, day="2026-11-23", van="van-1", concierge="Ans", stops=stops,
        elsewhere={f"BZ1{n:010d}": "van-2" for n in range(200)},
    )  # fmt: skip
    body = encoded(plan)
    assert len(body) <= MOST_BYTES
    kept = messages.decode_downlink.decode(body)
    assert isinstance(kept, VanPlan)
    assert [stop.stop for stop in kept.stops] == [stop.stop for stop in stops]
    assert all(stop.deliver for stop in kept.stops if not stop.done)
