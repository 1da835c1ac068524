"""Who taps the broker's traffic, even with TLS taken off, reads nothing of what lies behind a front door."""

import base64
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.contract.messages import VanPlan, Visit, encode
from edge_gateway.contract.topics import Address
from tests.edge_gateway.conftest import Mosquitto, running
from tests.edge_gateway.fake_hub import FakeHub
from tests.edge_gateway.rig import parcel, plan, stop, wait_until
from tests.edge_gateway.test_app import gateway
from tests.security.capture import captured

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
    for secret in {NAME, ADDRESS, HINT, BARCODE, "s-7f3a", *_texts(kept), *_texts(whole)}:
        assert not _is_readable(secret, seen), f"{secret!r} is on the wire"


def _texts(message: Visit | VanPlan) -> set[str]:
    """Every text and every coordinate of a message as it is before it is sealed, and the names of its fields."""
    found: set[str] = set()

    def walk(part: Any) -> None:
        match part:
            case dict():
                found.update(key for key in part if len(key) > 3)
                for each in part.values():
                    walk(each)
            case list():
                for each in part:
                    walk(each)
            case str() if len(part) > 5:
                found.add(part)
            case float():
                found.add(repr(part))

    walk(json.loads(encode(message)))
    return found - {"van-1", "events", "presence", "committed", "plan"}


def _is_readable(secret: str, seen: bytes) -> bool:
    """In clear, in capitals, in base64 at any of its three offsets, in hexadecimal, or compressed away as JSON."""
    text = secret.encode()
    forms = {text, text.hex().encode(), json.dumps(secret)[1:-1].encode(), secret.encode("utf-16-le")}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + text).rstrip(b"=")
        forms.add(coded[4 if offset else 0 : -2])
    return any(len(form) > 3 and re.search(re.escape(form), seen, re.IGNORECASE) for form in forms)
