"""The van's own bus: profiles as data, a twin that says the same bytes, and a real adapter's text over a pty."""

import random
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway import vehicle_profile
from edge_gateway.contract.messages import Vehicle
from edge_gateway.vehicle import Dashboard, VehicleBus
from edge_gateway.vehicle_profile import Field
from edge_gateway.vehicle_twin import slcan
from tests.edge_gateway.rig import START_S, Parts, parts, serial_line, wait_until

PSA = vehicle_profile.load("psa-ecmp")


def dashboard() -> tuple[Dashboard, list[str]]:
    refused: list[str] = []
    return Dashboard(PSA, period_s=10, refuse=lambda field, _reason: refused.append(field)), refused


def test_every_profile_that_comes_with_the_gateway_is_in_order_and_names_its_source() -> None:
    assert "psa-ecmp" in vehicle_profile.names()
    for name in vehicle_profile.names():
        profile = vehicle_profile.load(name)
        assert profile.name == name and profile.source


@pytest.mark.parametrize(
    ("can_id", "data", "measures"),
    [
        (0x3A8, "00 00 00 54 80 00 00 00", {"soc_percent": 84.5}),
        (0x3A8, "00 06 00 54 80 00 00 00", {}),
        (0x3A8, "00 00 00 54", {}),
        (0x552, "00 00 00 00 01 E2 40 00", {"odometer_km": 12345.6}),
        (0x38D, "0E 10 00 00 00 00 00 00", {"speed_m_s": 10.0}),
        (0x4A2, "00 40 00 00 00 00 00 00", {"plugged": False}),
        (0x4A2, "00 00 00 00 00 00 00 00", {"plugged": True}),
        (0x123, "00 00 00 00 00 00 00 00", {}),
    ],
)
def test_frames_are_read_as_the_profile_says(can_id: int, data: str, measures: dict[str, float]) -> None:
    assert PSA.decode(can_id, bytes.fromhex(data)) == pytest.approx(measures)


@given(st.floats(0, 100), st.floats(0, 1_600_000), st.floats(0, 70), st.booleans())
def test_the_twin_says_what_the_profile_reads(soc: float, km: float, speed: float, plugged: bool) -> None:
    values: dict[Field, float | bool] = {
        "soc_percent": soc,
        "odometer_km": km,
        "speed_m_s": speed,
        "plugged": plugged,
    }
    read: dict[str, float | bool] = {}
    for can_id, data in PSA.encode(values).items():
        read.update(PSA.decode(can_id, data))
    assert read["soc_percent"] == pytest.approx(soc, abs=0.002)
    assert read["odometer_km"] == pytest.approx(km, abs=0.051)
    assert read["speed_m_s"] == pytest.approx(speed, abs=0.0014)
    assert read["plugged"] is plugged


def test_one_event_a_period_and_one_at_once_for_the_plug() -> None:
    panel, _refused = dashboard()
    told = []
    for second in range(31):
        for can_id, data in PSA.encode({"soc_percent": 80.0, "plugged": second >= 15}).items():
            panel.hear(can_id, data, START_S + second)
        event = panel.due(START_S + second, "van-1")
        if event is not None:
            told.append((second, event.plugged))
    assert told == [(0, False), (10, False), (15, True), (25, True)]


def test_a_measure_that_fell_silent_is_unknown_not_its_last_value() -> None:
    panel, _refused = dashboard()
    for can_id, data in PSA.encode({"soc_percent": 80.0, "speed_m_s": 0.0}).items():
        panel.hear(can_id, data, START_S)
    first = panel.due(START_S, "van-1")
    assert first is not None and first.speed_m_s == 0.0 and first.odometer_km is None
    panel.hear(0x3A8, PSA.encode({"soc_percent": 79.0})[0x3A8], START_S + 40)
    later = panel.due(START_S + 40, "van-1")
    assert later is not None and (later.soc_percent, later.speed_m_s) == (79.0, None)
    assert panel.due(START_S + 200, "van-1") is None, "nothing known, nothing said"


def test_a_measure_out_of_range_is_unknown_and_counted() -> None:
    panel, refused = dashboard()
    panel.hear(0x3A8, bytes([0, 0, 0, 200, 0, 0, 0, 0]), START_S)
    panel.hear(0x38D, bytes([0, 0, 0, 0]), START_S)
    event = panel.due(START_S, "van-1")
    assert event is not None and event.soc_percent is None
    assert refused == ["soc_percent"]


@pytest.mark.servers
def test_an_adapter_on_a_serial_port_may_say_rubbish_and_come_back(tmp_path: Path) -> None:
    with parts(tmp_path) as gateway, serial_line(tmp_path / "can") as line:
        bus = VehicleBus(
            f"slcan:{line.path}",
            PSA,
            source="van-1",
            period_s=10,
            intake=gateway.intake,
            rejects=gateway.rejects,
            time=gateway.time,
            random=random.Random(1),
            poll_s=0.01,
        )
        bus.start()
        try:
            heard = bytearray()
            wait_until(lambda: (heard.extend(line.receive()), b"L\r" in heard)[1])
            assert heard.startswith(b"C\rS6\r")
            assert b"O\r" not in heard, "listening only: nothing is ever sent to the van"
            line.send(b"\r\r\rt3A88\r")
            for number, rubbish in enumerate((b"tZZZ8\r", b"t3\r", b"\xff\xff\r"), start=1):
                line.send(rubbish)
                wait_until(partial(is_refused, gateway, number))
            line.send(slcan(PSA, {"soc_percent": 71.5, "odometer_km": 12345.6, "plugged": True}))
            wait_until(lambda: soc_of(gateway.events()) == 71.5)
            line.replace()
            heard.clear()
            wait_until(lambda: (heard.extend(line.receive()), b"L\r" in heard)[1])
            gateway.clock.t_s += 60
            line.send(slcan(PSA, {"soc_percent": 70.0}))
            wait_until(lambda: soc_of(gateway.events()) == 70.0)
        finally:
            bus.stop()


def is_refused(gateway: Parts, times: int) -> bool:
    return sum(count for (origin, _field), count in gateway.refusals().items() if origin == "vehicle") >= times


def soc_of(events: list[object]) -> float | None:
    vehicles = [event for event in events if isinstance(event, Vehicle)]
    return vehicles[-1].soc_percent if vehicles else None
