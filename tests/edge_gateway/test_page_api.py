"""The page's API: idempotent, each record by itself, 2xx only when it is on disk."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from edge_gateway.contract.messages import Scan, Tour, Visit, encode
from edge_gateway.page_api import LARGEST_BODY, PageApi
from edge_gateway.page_messages import PagePosition, PageState
from edge_gateway.page_schema import openapi
from tests.edge_gateway.rig import START_S, Parts, parcel, parts, plan, stop

PLAN = plan(stop("s1", deliver=(parcel("3SABCD1234567"),)), stop("s2"), elsewhere={"3SABCD7654321": "van-2"})


@dataclass
class Page:
    client: TestClient
    gateway: Parts

    def records(self, *records: dict[str, object]) -> dict[str, list[object]]:
        answer = self.client.post("/api/records", json=list(records))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refusals(self) -> list[str]:
        return [reject.reason for reject in self.gateway.rejects.shown()]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Page]:
    with parts(tmp_path, page_dir=str(tmp_path / "page")) as gateway:
        api = PageApi(
            gateway.settings,
            outbox=gateway.outbox,
            intake=gateway.intake,
            state=gateway.state,
            rejects=gateway.rejects,
            time=gateway.time,
            resent=lambda: 3,
            stopping=lambda: False,
        )
        gateway.intake.plan(PLAN, encode(PLAN))
        yield Page(TestClient(api.app(), base_url="http://localhost"), gateway)


def visit(**more: object) -> dict[str, object]:
    return {"id": str(uuid.uuid4()), "kind": "visit", "stop": "s1", "outcome": "contact_inside", "step": 3, **more}


def test_a_record_is_stored_once_however_often_it_is_sent(served: Page) -> None:
    record = visit(t_s=START_S - 60, delivered=["3SABCD1234567"])
    for _ in range(3):
        assert served.records(record) == {"stored": [record["id"]], "refused": []}
    [kept] = [event for event in served.gateway.events() if isinstance(event, Visit)]
    assert (kept.record, kept.t_s, kept.step) == (record["id"], START_S - 60, 3)


def test_one_bad_record_names_its_field_and_holds_up_no_other(served: Page) -> None:
    good, bad, strange = visit(), visit(step=4), visit(colour="blue")
    answer = served.records(bad, {"id": "x"}, good, strange)
    assert answer["stored"] == [good["id"]]
    refused = [msgspec.convert(entry, dict[str, str]) for entry in answer["refused"]]
    assert [(entry["id"], entry["field"]) for entry in refused] == [
        (bad["id"], "step"),
        ("x", "kind"),
        (strange["id"], "colour"),
    ]
    assert all(entry["reason"] for entry in refused)
    assert served.gateway.rejects.total == 3


def test_what_is_no_list_of_records_is_refused(served: Page) -> None:
    for body in (b"", b"{}", b"[", b"\xff"):
        answer = served.client.post("/api/records", content=body)
        assert answer.status_code == 422
        assert answer.json()["field"] and answer.json()["reason"]


def test_a_tablet_whose_clock_is_ahead_is_not_believed(served: Page) -> None:
    served.records({"id": "tour-0001", "kind": "tour", "phase": "started", "t_s": START_S + 86400})
    [kept] = [event for event in served.gateway.events() if isinstance(event, Tour)]
    assert kept.t_s == START_S
    assert served.gateway.refusals() == {("van-1 page", "t_s"): 1}


def test_a_visit_knows_how_far_the_van_was(served: Page) -> None:
    served.gateway.state.show_position(PagePosition(t_s=START_S, fix="3d", lat=52.251, lon=6.2))
    served.records(visit())
    served.gateway.state.show_position(PagePosition(t_s=START_S, fix="none"))
    served.records(visit(stop="s2"))
    near, unknown = (event.distance_m for event in served.gateway.events() if isinstance(event, Visit))
    assert near == pytest.approx(111, abs=1)
    assert unknown is None


def test_a_disk_that_refuses_is_no_2xx_and_the_record_can_come_again(served: Page, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)
    served.gateway.outbox._file.connection.execute("pragma busy_timeout = 10")
    other.execute("begin immediate")
    record = visit()
    answer = served.client.post("/api/records", json=[record])
    assert answer.status_code == 503 and answer.json()["field"] == "outbox"
    answer = served.client.post("/api/scans", json={"code": "3SABCD1234567"})
    assert answer.status_code == 503
    other.execute("rollback")
    other.close()
    assert served.records(record)["stored"] == [record["id"]]


def test_a_scan_is_answered_in_words_and_counts_once(served: Page) -> None:
    asked = {"code": "3SABCD1234567\r\n", "symbology": "]C1", "purpose": "load", "id": str(uuid.uuid4())}
    first = served.client.post("/api/scans", json=asked).json()
    assert (first["result"], first["stop"]) == ("right", "s1")
    served.gateway.clock.t_s += 60
    assert served.client.post("/api/scans", json=asked).json() == first
    again = served.client.post("/api/scans", json={**asked, "id": str(uuid.uuid4())}).json()
    assert again["result"] == "already_scanned"
    wrong = served.client.post("/api/scans", json={"code": "3SABCD7654321"}).json()
    assert (wrong["result"], wrong["van"]) == ("wrong_van", "van-2")
    scans = [event for event in served.gateway.events() if isinstance(event, Scan)]
    assert [scan.result for scan in scans] == ["right", "already_scanned", "wrong_van"]
    state = served.client.get("/api/state").json()
    assert state["loaded"] == ["3SABCD1234567"]
    assert state["last_scan"]["result"] == "wrong_van"


def test_a_stuttering_scanner_counts_once(served: Page) -> None:
    asked = {"code": "3SABCD1234567", "purpose": "load"}
    served.client.post("/api/scans", json=asked)
    served.gateway.clock.t_s += 1.9
    answer = served.client.post("/api/scans", json=asked).json()
    assert (answer["result"], answer["repeated"]) == ("right", True)
    assert len([event for event in served.gateway.events() if isinstance(event, Scan)]) == 1


def test_a_citizen_service_number_is_refused_and_nowhere_kept(served: Page, tmp_path: Path) -> None:
    answer = served.client.post("/api/scans", json={"code": "111222333"}).json()
    assert answer["result"] is None and "burgerservicenummer" in answer["words"]
    assert served.gateway.refusals() == {("van-1 scan", "code"): 1}
    served.gateway.outbox.flush()
    for file in tmp_path.glob("outbox.sqlite*"):
        assert b"111222333" not in file.read_bytes()


def test_the_state_says_all_that_the_page_shows(served: Page) -> None:
    served.records({"id": "tour-0001", "kind": "tour", "phase": "arrived", "stop": "s1"}, visit())
    answer = served.client.get("/api/state")
    state = msgspec.json.decode(answer.content, type=PageState)
    assert (state.gateway, state.role, state.at_stop, state.next_stop) == ("van-1", "van", "s1", "s2")
    assert state.pending.business == 3 and not state.hub_connected
    assert state.visits[0].outcome == "contact_inside"
    assert state.driving is None
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_driving_is_faster_than_5_km_h(served: Page) -> None:
    for speed, driving in ((1.0, False), (1.5, True), (None, None)):
        served.gateway.state.show_position(PagePosition(t_s=START_S, fix="3d", lat=52.0, lon=6.0, speed_m_s=speed))
        assert served.client.get("/api/state").json()["driving"] is driving


def test_health_says_how_it_goes(served: Page) -> None:
    health = served.client.get("/api/health").json()
    assert health["status"] == "ok" and health["plan_revision"] == 1
    assert health["outbox"] == {"business": 1, "telemetry": 0, "dropped": 0, "thinned": 0}
    assert health["rss_mb"] > 1


def test_another_sites_page_may_not_write(served: Page) -> None:
    answer = served.client.post("/api/records", json=[], headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert served.refusals() == ["another site's page may not write here"]
    answer = served.client.post("/api/records", json=[], headers={"Origin": "http://localhost"})
    assert answer.status_code == 200


def test_an_endless_body_is_refused(served: Page) -> None:
    assert served.client.post("/api/records", content=b" " * (LARGEST_BODY + 1)).status_code == 413
    assert served.refusals() == ["more than 256000 bytes: send fewer records at a time"]
    assert 'rejected_total{field="request",origin="van-1 page"} 1.0' in served.client.get("/metrics").text


def test_without_the_built_page_the_answer_is_clear(served: Page, tmp_path: Path) -> None:
    answer = served.client.get("/")
    assert answer.status_code == 404 and "/api/" in answer.text
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Buurtrit</h1>")
    (folder / "assets/app.js").write_text("1")
    answer = served.client.get("/")
    assert "Buurtrit" in answer.text and "default-src 'self'" in answer.headers["content-security-policy"]
    assert served.client.get("/assets/app.js").status_code == 200
    assert served.client.get("/../outbox.sqlite").status_code == 404


def test_the_schema_names_every_message_and_answers_are_whole() -> None:
    document = json.loads(msgspec.json.encode(openapi()))
    schemas = document["components"]["schemas"]
    assert {"PageState", "TourRecord", "VisitRecord", "ScanAnswer", "Health", "VanPlan"} <= set(schemas)
    assert "plan" in schemas["PageState"]["required"]
    assert "t_s" not in schemas["VisitRecord"]["required"]


def test_a_refusal_is_counted_for_prometheus_with_its_field_and_without_its_value(served: Page) -> None:
    served.records(visit(step=4), visit(step=9))
    served.records(visit())
    figures = served.client.get("/metrics").text
    assert 'buurtrit_gateway_rejected_total{field="step",origin="van-1 page"} 2.0' in figures
    assert 'buurtrit_gateway_outbox_events{lane="business"}' in figures
    assert "buurtrit_gateway_resent_batches_total 3.0" in figures
    assert "buurtrit_gateway_thinned_telemetry_total 0.0" in figures
    assert "# TYPE buurtrit_gateway_node_missing_readings gauge" in figures
