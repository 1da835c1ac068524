"""The API as the screens use it, on the application itself."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from msgspec.structs import replace

from edge_gateway.contract.messages import Alarm, NodeStatus
from edge_gateway.contract.topics import Address
from hub_backend.api.refusals import MOST_BYTES
from hub_backend.app import Hub, build
from hub_backend.intake.ledger import Ledger
from hub_backend.projections.followers import Followers
from hub_backend.rejects import Refusal
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.made import T0, FakeClock, batch, cooler, position, read

pytestmark = pytest.mark.whole

VAN_1 = Address("buurenzo", "colmschate", "van-1")


@pytest.fixture
def hub(sqlite_url: str, clock: FakeClock) -> Iterator[Hub]:
    """A hub that is built and not started: no broker, no threads."""
    hub = build(made.settings(sqlite_url, mqtt_port=free_port()), clock=clock)
    yield hub
    hub.kit.store.close()


@pytest.fixture
def client(hub: Hub) -> TestClient:
    return TestClient(hub.web)


def catch_up(hub: Hub) -> None:
    (followers,) = [part for part in hub.parts if isinstance(part, Followers)]
    followers.catch_up()


def fill(hub: Hub) -> None:
    made.record(hub.kit, *(position(seq) for seq in range(4)), *(cooler(seq, 9.0) for seq in range(20)))
    catch_up(hub)


def test_health_says_what_stands(hub: Hub, client: TestClient) -> None:
    fill(hub)
    health = client.get("/api/health").json()
    assert health["status"] == "degraded"  # there is no broker
    assert health["events"] == 24
    assert health["rejected"] == 0
    assert health["now_s"] == T0
    assert set(health["followers"].values()) == {0}
    assert {"fleet", "proof", "coldchain", "triggers", "series"} <= set(health["followers"])
    waiting = {"alive": True, "waiting_triggers": 1, "solving": False, "restarts": 0}
    waiting |= {"failure": "", "failure_en": ""}
    assert health["dispatch"] == waiting  # the warm cooler's
    assert 20 < health["rss_mb"] < 1000


def test_events_come_in_order_by_pages(hub: Hub, client: TestClient) -> None:
    fill(hub)
    first = client.get("/api/events", params={"limit": 3}).json()
    assert [one["id"] for one in first] == [1, 2, 3]
    assert first[0]["event"]["lat"] == 52.25
    then = client.get("/api/events", params={"after_id": 3, "kind": ["position"]}).json()
    assert [(one["id"], one["kind"]) for one in then] == [(4, "position")]
    assert client.get("/api/events", params={"source": "van-1/cooler"}).json()[0]["kind"] == "cooler"
    assert client.get("/api/events", params={"limit": 0}).status_code == 422


def test_gateways_show_lanes_gaps_and_nodes(hub: Hub, client: TestClient) -> None:
    status = NodeStatus(source="van-1", boot=1, seq=5, t_s=T0, node="van-1/cooler", online=True, dropped=2)
    ledger = Ledger(hub.kit.store)
    ledger.write([read(VAN_1, batch([position(0), position(3), status], base_n=3, first_n=3))], now_s=T0)
    catch_up(hub)
    by_name = {one["gateway"]: one for one in client.get("/api/gateways").json()}
    assert set(by_name) == {"van-1", "van-2", "hub-colmschate"}
    van = by_name["van-1"]
    assert van["online"] is None
    assert van["lanes"] == [{"outbox": "box", "lane": "telemetry", "committed_n": 5, "missing": 2, "waiting": None}]
    assert (van["heard_s"], van["clock"]) == (T0 + 3, "ntp")
    assert (by_name["van-2"]["heard_s"], by_name["van-2"]["clock"]) == (None, None)
    assert [(one["source"], one["received"], one["gap"]) for one in van["sources"]] == [("van-1", 3, 3)]
    assert [(one["node"], one["online"], one["dropped"]) for one in van["nodes"]] == [("van-1/cooler", True, 2)]


def test_gateways_show_what_waits_in_them(hub: Hub, client: TestClient) -> None:
    ledger = Ledger(hub.kit.store)
    for first_n, newest_n in ((1, 900), (3, 900)):
        sent = replace(batch([position(first_n), position(first_n + 1)], first_n=first_n), newest_n=newest_n)
        ledger.write([read(VAN_1, sent)], now_s=T0)
    van = next(one for one in client.get("/api/gateways?gaps_only=true").json() if one["gateway"] == "van-1")
    assert [(lane["committed_n"], lane["waiting"]) for lane in van["lanes"]] == [(4, 896)]
    assert [one["gap"] for one in van["sources"]] == [1]  # seq begins at 0, and was 1 here
    ledger.write([read(VAN_1, batch([position(0)], outbox="new box"))], now_s=T0)
    van = next(one for one in client.get("/api/gateways?gaps_only=true").json() if one["gateway"] == "van-1")
    told = {lane["outbox"]: lane["waiting"] for lane in van["lanes"]}
    assert told == {"box": None, "new box": None}, "a file that was set aside sends no more; this one does not tell"
    assert van["sources"] == []


def test_another_sites_page_may_not_write(client: TestClient) -> None:
    cancel = "/api/orders/o-1/cancel"  # no body: a browser asks nobody before it sends that
    assert client.post(cancel, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post(cancel, headers={"Origin": "http://testserver"}).status_code == 404


def test_what_is_refused_over_http_is_counted_by_route_and_kind(client: TestClient) -> None:
    cancel = "/api/orders/o-1/cancel"
    client.post(cancel, headers={"Origin": "http://evil.example"})
    client.post(cancel)
    client.post("/api/orders/o-2/cancel")
    client.post("/api/shipments", json={"supplier": "x", "hub": "y", "t_s": "now"})
    client.post("/api/orders", content=b" " * (MOST_BYTES + 1))
    client.get("/api/nowhere/secret-7")  # who looks for what is not there was refused nothing
    client.post("/no-page-either")
    client.request("BREW", "/api/orders")
    figures = client.get("/metrics").text
    counted = re.findall(r'refused_requests_total{reason="(\w+)",route="([^"]*)"} (\d+)', figures)
    assert counted == [
        ("method", "/api/orders", "1"),
        ("too_large", "/api/orders", "1"),
        ("other_site", "/api/orders/{order_id}/cancel", "1"),
        ("unknown", "/api/orders/{order_id}/cancel", "2"),
        ("not_valid", "/api/shipments", "1"),
        ("method", "other", "1"),
    ]


def test_a_refused_record_is_counted_beside_those_that_were_taken(client: TestClient) -> None:
    hubs = [{"id": "h", "name": "Hub", "lat": 52.25, "lon": 6.2}, {"id": "i", "name": "Hub", "lat": 95, "lon": 6.2}]
    taken = client.post("/api/directory", json={"hubs": hubs}).json()
    assert (taken["taken"]["hubs"], len(taken["rejected"])) == (1, 1)
    assert 'refused_requests_total{reason="record",route="/api/directory"} 1.0' in client.get("/metrics").text
    (shown,) = client.get("/api/rejects/requests").json()
    assert (shown["place"], shown["kind"], shown["count"], shown["field"]) == ("/api/directory", "record", 1, "lat")
    assert shown["t_s"] == T0


def test_vans_and_their_track(hub: Hub, client: TestClient) -> None:
    fill(hub)
    (van,) = client.get("/api/vans").json()
    assert (van["id"], van["fix"], van["stale"], van["online"]) == ("van-1", "3d", False, None)
    track = client.get("/api/vans/van-1/track", params={"from_s": T0 + 1, "to_s": T0 + 2}).json()
    assert [(one["t_s"] - T0, one["lon"]) for one in track] == [(1, 6.2), (2, 6.2)]
    assert client.get("/api/vans/van-1/track", params={"from_s": T0, "to_s": T0 - 1}).status_code == 422


def test_coolers_their_series_and_the_excursion_that_a_person_closes(
    hub: Hub, client: TestClient, clock: FakeClock
) -> None:
    fill(hub)
    clock.time_s = T0 + 60 * 20
    (state,) = client.get("/api/coolers").json()
    assert (state["source"], state["state"], state["holds"], state["product_c"]) == (
        "van-1/cooler",
        "alarm",
        "chilled",
        9.0,
    )
    series = client.get("/api/coolers/van-1/cooler/series", params={"from_s": T0, "to_s": T0 + 60}).json()
    assert [(one["t_s"] - T0, one["product_mean_c"]) for one in series] == [(0, 9.0), (60, 9.0)]
    (excursion,) = client.get("/api/excursions", params={"open_only": True}).json()
    assert (excursion["rule"], excursion["limit_c"], excursion["closed_s"]) == ("warm_7", 7.0, None)
    address = f"/api/excursions/{excursion['id']}/close"
    good = {"by": "Jo", "comment": "deksel stond open", "disposition": "destroyed"}
    for bad in ({"by": " "}, {"comment": ""}, {"disposition": "eaten"}):
        assert client.post(address, json={**good, **bad}).status_code == 422
    closed = client.post(address, json=good)
    assert closed.status_code == 200
    assert (closed.json()["closed_s"], closed.json()["closed_by"]) == (clock.time_s, "Jo")
    assert client.post(address, json=good).status_code == 409
    assert client.post("/api/excursions/van-9/cooler@1/close", json=good).status_code == 404
    assert client.get("/api/excursions", params={"open_only": True}).json() == []


def test_a_closed_excursion_stays_closed_when_the_cooler_recovers(hub: Hub, client: TestClient) -> None:
    fill(hub)
    (excursion,) = client.get("/api/excursions").json()
    good = {"by": "Jo", "comment": "goed", "disposition": "released"}
    client.post(f"/api/excursions/{excursion['id']}/close", json=good)
    made.record(hub.kit, *(cooler(seq, 4.0) for seq in range(20, 25)))
    catch_up(hub)
    (after,) = client.get("/api/excursions").json()
    assert after["closed_by"] == "Jo"
    assert after["recovered_s"] is not None


def test_rejects_show_field_and_reason_and_no_payload(hub: Hub, client: TestClient) -> None:
    Ledger(hub.kit.store).write([read(VAN_1, batch([b'{"kind":"lid"}']))], now_s=T0)
    (reject,) = client.get("/api/rejects").json()
    assert reject["field"] == "source"
    assert "missing" in reject["reason"]
    assert set(reject) == {"id", "received_s", "origin", "field", "reason", "count"}
    assert client.get("/api/health").json()["rejected"] == 1


def test_what_was_set_aside_and_is_alike_is_told_together(hub: Hub, client: TestClient) -> None:
    ledger = Ledger(hub.kit.store)
    ledger.write([read(VAN_1, batch([b'{"kind":"lid"}', b'{"kind":"lid"}']))], now_s=T0)
    ledger.write([read(VAN_1, batch([b'{"kind":"lid"}'], first_n=3))], now_s=T0 + 60)
    page = Refusal("van-2 page", "step", "Expected `int` <= 3", comes_again=True, count=4)
    ledger.write([page, page, Refusal("buurtrit/x/y/van-9/up", "topic", "unknown gateway 'van-9'", b"?")], now_s=T0)
    told = {one["origin"]: one for one in client.get("/api/rejects/kinds").json()}
    lids, taps, stranger = told["van-1"], told["van-2 page"], told["buurtrit/x/y/van-9/up"]
    assert (lids["gateway"], lids["count"], lids["kept"], lids["t_s"]) == ("van-1", 3, 3, T0 + 60)
    assert (taps["gateway"], taps["count"], taps["kept"]) == ("van-2", 8, 0)
    assert (stranger["gateway"], stranger["field"], stranger["kept"]) == (None, "topic", 1)


def test_a_nodes_own_alarm_is_shown(hub: Hub, client: TestClient) -> None:
    made.record(hub.kit, Alarm(source="van-1/cooler", boot=1, seq=0, t_s=T0, reason="lid_open"))
    catch_up(hub)
    (state,) = client.get("/api/coolers").json()
    assert (state["node_alarm"], state["state"]) == ("lid_open", "unknown")


def test_the_api_is_described_for_the_screens(hub: Hub) -> None:
    described = hub.web.openapi()
    assert "/api/coolers/{gateway}/{node}/series" in described["paths"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), f"{method} {path}"
    assert isinstance(hub.web, FastAPI)


def test_prometheus_is_told_what_was_set_aside_by_field_and_what_is_missing(hub: Hub, client: TestClient) -> None:
    lost = batch([position(0), position(3)], base_n=3, first_n=3)
    refused = Refusal("van-1 page", "step", "must be at most 3", payload=b"{}")
    Ledger(hub.kit.store).write([read(VAN_1, lost), refused], now_s=T0)
    figures = client.get("/metrics").text
    assert 'buurtrit_hub_rejected_total{field="step"} 1.0' in figures
    assert 'buurtrit_hub_missing_events_total{gateway="van-1",lane="telemetry"} 2.0' in figures
    assert 'buurtrit_hub_gap_events{source="van-1"} 2.0' in figures
    assert "buurtrit_hub_events_total 2.0" in figures and "buurtrit_hub_broker_connected 0.0" in figures
    assert 'online{gateway="van-2"}' not in figures, "one that was never heard is not away"
