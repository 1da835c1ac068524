"""Messages of the contract as they were once sent: accepted for ever, every field with its meaning.

A gateway in a van may be a year older than its hub. To add a kind run
`python -m tests.edge_gateway.test_golden_messages` and commit what it appends; what stands in the file never changes.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_gateway.contract import messages as m
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "messages.json"
T_S = 1_795_417_200.0
STAMP: dict[str, Any] = {
    "source": "van-1/cooler",
    "boot": 1_795_417_200,
    "seq": 7,
    "t_s": T_S,
    "clock": m.ClockQuality.GPS,
}
PARCEL = m.PlannedParcel(code="BZ1000000001", goods="meal", temp_class="chilled", supplier="keuken", latest_s=T_S)
DECODERS: dict[str, Any] = {
    "event": m.AnyEvent,
    "batch": m.EventBatch,
    "committed": m.Committed,
    "presence": m.Presence,
    "downlink": m.Downlink,
    "host": m.HostState,
}


def examples() -> dict[str, tuple[str, msgspec.Struct]]:
    """One of each message of today, with every field set: by name, with the decoder that reads it."""
    span, thinned = m.Span(4.0, 3.0, 5.0), m.Thinned(count=10, from_s=T_S - 600, spreads={"x": m.Spread(2.0, 1.0, 3.0)})
    stop = m.PlannedStop(
        stop="s1",
        kind="visit",
        name="Mw. Voorbeeld",
        address="Dorpsstraat 1",
        lat=52.25,
        lon=6.16,
        arrive_s=T_S,
        depart_s=T_S + 300,
        window_from_s=T_S,
        window_to_s=T_S + 3600,
        service_s=300,
        usual_step=2,
        letterbox_allowed=True,
        hint="achterom",
        chores=("vuilnis",),
        deliver=(PARCEL,),
        collect=(PARCEL,),
        done=True,
        locked=True,
    )
    rest = m.PlannedStop(
        stop="rest.lunch",
        kind="rest",
        name="",
        address="",
        lat=52.25,
        lon=6.16,
        arrive_s=T_S,
        depart_s=T_S + 1800,
        service_s=1800,
    )
    fetch = msgspec.structs.replace(rest, stop="fetch.1", kind="fetch", name="bus 2", address="bus 2", service_s=180)
    plan: dict[str, Any] = {"plan": "p1", "revision": 3, "made_s": T_S, "day": "2026-11-23"}
    return {
        "position": (
            "event",
            m.Position(**STAMP, fix="3d", lat=52.25, lon=6.16, speed_m_s=8.0, heading_deg=90.0, accuracy_m=4.0),
        ),
        "position thinned": ("event", m.Position(**STAMP, fix="none", thinned=thinned)),
        "vehicle": (
            "event",
            m.Vehicle(
                **STAMP, soc_percent=80.5, odometer_km=12345.6, speed_m_s=8.0, plugged=False, pack_voltage_v=372.25
            ),
        ),
        "battery": ("event", m.Battery(**STAMP, voltage_v=12.8, current_a=-1.5, charge_ah=40.0)),
        "cooler": ("event", m.Cooler(**STAMP, period_s=60, air=span, product=span, lid_open_s=2.0)),
        "lid": ("event", m.Lid(**STAMP, open=True)),
        "alarm": ("event", m.Alarm(**STAMP, reason="too_warm", value=9.5)),
        "alarm that is over": ("event", m.Alarm(**STAMP, reason="too_warm_over", value=6.4)),
        "scan": (
            "event",
            m.Scan(
                **STAMP,
                code="BZ1000000001",
                symbology="]C1",
                purpose=m.ScanPurpose.DOOR,
                result=m.ScanResult.RIGHT,
                stop="s1",
            ),
        ),
        "tour": ("event", m.Tour(**STAMP, phase="longer", stop="s1", extra_s=300.0, record="r1")),
        "visit": (
            "event",
            m.Visit(
                **STAMP,
                stop="s1",
                outcome=m.Outcome.CONTACT_INSIDE,
                step=3,
                delivered=("BZ1000000001",),
                collected=("BZ1000000002",),
                chores_done=("vuilnis",),
                began_s=T_S - 60,
                distance_m=12.5,
                record="r2",
            ),
        ),
        "plan received": ("event", m.PlanReceived(**STAMP, plan="p1", revision=3)),
        "node status": (
            "event",
            m.NodeStatus(**STAMP, node="van-1/cooler", online=True, dropped=1, rejected_frames=2, firmware="1.0"),
        ),
        "rejected": ("event", m.Rejected(**STAMP, origin="gps", field="lat", reason="jump", count=4)),
        "batch": (
            "batch",
            m.EventBatch(
                outbox="o1", lane=m.Lane.BUSINESS, base_n=5, first_n=7, events=(msgspec.Raw(b'{"kind":"lid"}'),)
            ),
        ),
        "batch of a lane with more": (
            "batch",
            m.EventBatch(
                outbox="o1",
                lane=m.Lane.TELEMETRY,
                base_n=5,
                first_n=7,
                newest_n=900,
                events=(msgspec.Raw(b'{"kind":"lid"}'),),
            ),
        ),
        "committed": ("committed", m.Committed(outbox="o1", lane=m.Lane.TELEMETRY, n=12)),
        "presence": ("presence", m.Presence(online=True, boot=1_795_417_200, t_s=T_S, software="buurtrit 0.1")),
        "host state": ("host", m.HostState(online=False, session="s1")),
        "van plan": (
            "downlink",
            m.VanPlan(
                **plan,
                van="van-1",
                concierge="Sam",
                reason="dagbegin",
                changes=("stop erbij",),
                stops=(stop,),
                elsewhere={"BZ1000000003": "van-2"},
            ),
        ),
        "van plan with a talk and a rest": (
            "downlink",
            m.VanPlan(
                **plan,
                van="van-1",
                concierge="Sam",
                reason="dagbegin",
                reason_en="start of the day",
                changes=("stop erbij",),
                changes_en=("a stop more",),
                stops=(msgspec.structs.replace(stop, talk_s=240), rest),
            ),
        ),
        "van plan with goods to fetch": (
            "downlink",
            m.VanPlan(**plan, van="van-1", concierge="Sam", stops=(fetch, stop)),
        ),
        "van plan with a passenger to fetch": (
            "downlink",
            m.VanPlan(
                **plan,
                van="van-1",
                concierge="Sam",
                stops=(msgspec.structs.replace(stop, kind="ride_pickup", address="bus 2", from_van="van-2"),),
            ),
        ),
        "tour resting": ("event", m.Tour(**STAMP, phase="resting", stop="rest.lunch", record="r3")),
        "hub manifest": ("downlink", m.HubManifest(**plan, parcels=(PARCEL,), vans={"BZ1000000001": "van-1"})),
    }


def golden() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(GOLDEN.read_text())
    return held


@pytest.mark.parametrize("name", sorted(golden()))
def test_what_was_once_sent_is_still_read_and_means_the_same(name: str) -> None:
    entry = golden()[name]
    read = msgspec.json.decode(json.dumps(entry["message"]), type=DECODERS[entry["decoder"]])
    again = json.loads(msgspec.json.encode(read))
    assert _held_by(entry["message"], again) == entry["message"], "no field lost or changed"


def _held_by(sent: Any, again: Any) -> Any:
    """What of `again` was sent, at every depth: what is read may have gained fields since."""
    if isinstance(sent, dict) and isinstance(again, dict):
        return {field: _held_by(value, again.get(field)) for field, value in sent.items()}
    if isinstance(sent, list) and isinstance(again, list) and len(sent) == len(again):
        return [_held_by(one, other) for one, other in zip(sent, again, strict=True)]
    return again


@pytest.mark.parametrize("name", sorted(golden()))
def test_a_message_with_fields_of_tomorrow_is_read_without_them(name: str) -> None:
    entry = golden()[name]
    newer = {**entry["message"], "field_of_tomorrow": {"a": [1, 2]}}
    read = msgspec.json.decode(json.dumps(newer), type=DECODERS[entry["decoder"]])
    assert read == msgspec.json.decode(json.dumps(entry["message"]), type=DECODERS[entry["decoder"]])


def test_a_flipped_bit_in_a_text_is_a_refusal_and_no_crash() -> None:
    """msgspec raises a UnicodeDecodeError for a text with a pattern: the fuzzer found that it ended the ingest."""
    flipped = msgspec.json.encode(m.Lid(**STAMP, open=True)).replace(b"cooler", b"co\x92ler")
    with pytest.raises(msgspec.DecodeError, match="UTF-8"):
        m.decode_event.decode(flipped)


def test_every_kind_of_message_has_its_golden_one() -> None:
    held = {entry["message"].get("kind") for entry in golden().values()}
    kinds = {str(kind.__struct_config__.tag) for kind in (*m.LANES, m.VanPlan, m.HubManifest)}
    assert kinds <= held
    assert {entry["decoder"] for entry in golden().values()} == set(DECODERS)


def append(file: Path) -> None:
    """Adds today's form of what the file does not have yet; never touches what it has."""
    held = json.loads(file.read_text()) if file.exists() else {}
    for name, (decoder, message) in examples().items():
        held.setdefault(name, {"decoder": decoder, "message": json.loads(msgspec.json.encode(message))})
    file.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    append(GOLDEN)
