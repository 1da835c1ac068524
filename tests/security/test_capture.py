"""Who taps the broker's traffic, even with TLS taken off, reads nothing of what lies behind a front door."""

import base64
import json
import uuid
from pathlib import Path

import pytest

from edge_gateway.contract.messages import Visit, encode
from edge_gateway.contract.topics import Address
from tests.edge_gateway.conftest import Mosquitto, running
from tests.edge_gateway.fake_hub import FakeHub
from tests.edge_gateway.rig import parcel, plan, stop, wait_until
from tests.edge_gateway.test_app import gateway
from tests.security.capture import captured, readable_in, texts_of

pytestmark = pytest.mark.servers

NAME, ADDRESS, HINT = "Mw. Janna Voorbeeld", "Verzonnenstraat 12", "achterom, sleutel bij nr 14"
BARCODE = "3SABCD1234567"


def test_a_visit_and_a_plan_leave_no_readable_trace_on_the_wire(tmp_path: Path) -> None:
    whole = plan(
        stop("s-7f3a", name=NAME, address=ADDRESS, hint=HINT, lat=52.2534, lon=6.1612, deliver=(parcel(BARCODE),))
    )
    with running(Mosquitto(tmp_path)) as broker, captured(broker.port) as wire:
        hub = FakeHub(wire.port, Address("buurenzo", "colmschate", "van-1")).wait_ready()
        with gateway(tmp_path, mqtt_port=wire.port) as van:
            hub.send_plan(whole)
            wait_until(lambda: van.get("/api/state")["next_stop"] == "s-7f3a")
            van.post("/api/scans", {"code": BARCODE, "purpose": "load"})
            visit = {"id": str(uuid.uuid4()), "kind": "visit", "stop": "s-7f3a", "outcome": "contact_inside", "step": 3}
            van.post("/api/records", [{**visit, "delivered": [BARCODE]}])
            wait_until(lambda: any(isinstance(event, Visit) for event in hub.events))
        hub.stop()
        seen = wire.seen
    kept = next(event for event in hub.events if isinstance(event, Visit))
    assert len(seen) > 2000, "nothing passed this line: the test proves nothing"
    assert b"buurtrit/v1/buurenzo/colmschate/van-1/up/events" in seen
    said = {text for message in (kept, whole) for text in texts_of(json.loads(encode(message)))}
    assert {NAME, ADDRESS, HINT, BARCODE, "s-7f3a"} <= said
    assert readable_in(seen, said - {"van-1", "events", "presence", "committed", "plan"}) == set()


@pytest.mark.parametrize(
    "sent", [NAME.upper(), ADDRESS.encode().hex(), base64.b64encode(b"xy" + HINT.encode()).decode(), "Zo\\u00eb Voorb."]
)
def test_what_is_readable_is_found(sent: str) -> None:
    noise = bytes(range(256)) * 8
    for on_the_wire in (sent.encode(), sent.encode("utf-16-le")):
        assert len(readable_in(noise + on_the_wire + noise, {NAME, ADDRESS, HINT, "Zoë Voorb."})) == 1
