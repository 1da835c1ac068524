"""What cannot be meant is refused with its field and reason; nothing falls over, and the next request is served."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_backend.api.refusals import MOST_BYTES
from tests.hub_dispatch.world import DAY, World, clock

pytestmark = pytest.mark.whole

GOOD: dict[str, Any] = {
    "supplier": "keuken",
    "resident": "k1",
    "goods": "chilled_meal",
    "from_s": clock("11:00"),
    "to_s": clock("13:00"),
}
NAN, HALF = float("nan"), "\ud800"


def post(world: World, path: str, body: str | bytes) -> Any:
    """As a stranger's program would send it; a server's own error is an answer here."""
    asked = TestClient(world.http.app, raise_server_exceptions=False)
    content = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return asked.post(path, content=content, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (
            {"supplier": "y", "resident": "k77", "goods": "z", "to_s": clock("10:00")},
            ["supplier", "resident", "to_s", "goods"],
        ),
        ({"from_s": NAN, "to_s": -1, "quantity": 0}, ["quantity", "from_s", "to_s"]),
        ({"release_s": NAN}, ["release_s"]),
        ({"release_s": -5}, ["release_s"]),
        ({"quantity": 1e400}, ["quantity"]),
        ({"id": "a\x00b"}, ["id"]),
        ({"id": HALF, "name": "\x1b[31m"}, ["id", "name"]),
        ({HALF: 1}, ["order"]),
    ],
)
def test_every_fault_of_an_order_is_told_at_once(world: World, change: dict[str, Any], fields: list[str]) -> None:
    answer = post(world, "/api/orders", json.dumps({"orders": [GOOD | change]}))
    assert answer.status_code == 422, answer.text
    rejected = answer.json()["rejected"]
    assert [one["field"] for one in rejected] == fields
    assert all(one["reason"] for one in rejected)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/orders", "{", 422),
        ("/api/orders", "[" * 100_000, 400),
        ("/api/orders", b"\xff", 400),
        ("/api/orders", '{"orders": NaN}', 422),
        ("/api/orders", '{"\\ud800": 1}', 422),
        ("/api/shipments", '{"supplier": "keuken", "hub": "colmschate", "t_s": NaN}', 422),
        ("/api/shipments", '{"supplier": "\\ud800", "hub": "colmschate", "t_s": 1.8e9}', 422),
        ("/api/shipments", '{"supplier": "keuken", "hub": "colmschate", "t_s": 1.8e9, "id": "\\u0000"}', 422),
        ("/api/vans/van-1/service", '{"in_service": true, "reason": "\\ud800"}', 422),
        ("/api/stops/x/lock", '{"locked": true, "van": "\\ud800"}', 422),
        (f"/api/days/{DAY}/plan", '{"reason": "\\ud800"}', 422),
        ("/api/days/9999-12-31/plan", "{}", 422),
        ("/api/days/0001-01-01/plan", "{}", 422),
        ("/api/stops/%00/lock", '{"locked": true}', 404),
    ],
)
def test_a_request_that_cannot_be_meant_is_no_fault_of_the_server(
    world: World, path: str, body: str | bytes, status: int
) -> None:
    answer = post(world, path, body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert world.order("k0")["stop"], "the next one is served"


def test_a_days_figures_are_asked_of_a_real_day(world: World) -> None:
    assert world.http.get("/api/days/9999-12-31/figures").status_code == 422


def test_a_body_beyond_the_limit_is_refused_unread(world: World) -> None:
    answer = post(world, "/api/orders", b" " * (MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (413, "body")


def test_a_body_that_does_not_say_its_length_is_refused_when_it_has_grown(world: World) -> None:
    answer = world.http.post("/api/orders", content=(b" " * 65536 for _ in range(MOST_BYTES // 65536 + 2)))
    assert answer.status_code == 413


def test_a_van_holds_what_a_van_can_hold(world: World) -> None:
    van = {"id": "van-9", "hub": "colmschate", "concierge": "C", "capacity": {"parcels": 10**23, "chilled": -1}}
    taken = world.post("/api/directory", {"vans": [van]}, status=200)
    assert [one["field"] for one in taken["rejected"]] == ["capacity.parcels", "capacity.chilled"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([GOOD, "k1", DAY]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "id", "kind", "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from([*GOOD, "id", "day", "kind", "chores", "to_lat", "name"]), JSON))
def test_whatever_an_order_holds_it_is_taken_or_refused_and_the_day_is_planned(
    world: World, changes: dict[str, Any]
) -> None:
    answer = post(world, "/api/orders", json.dumps({"orders": [GOOD | changes]}))
    assert answer.status_code in (201, 422), answer.text
    told = answer.json()
    assert (len(told["accepted"]) == 1) != bool(told["rejected"])
    world.post(f"/api/days/{DAY}/plan", {"reason": "proef"}, status=202)
    assert world.dispatch.step()
