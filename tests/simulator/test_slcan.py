from hub_backend.simulator.slcan import Adapter, Dashboard, frame, frames


def test_a_frame_is_slcan_text() -> None:
    assert frame(0x3A8, bytes([0, 1, 0, 80, 128, 0, 0, 0])) == b"t3A88000100508000" + b"0000\r"


def test_the_dashboard_is_in_the_profile_s_bytes() -> None:
    lines = frames(Dashboard(soc_percent=80.5, odometer_km=12345.6, speed_m_s=10.0, plugged=False)).split(b"\r")
    said = {line[1:4]: bytes.fromhex(line[5:].decode()) for line in lines if line}
    assert said[b"3A8"][3] + said[b"3A8"][4] / 256 == 80.5
    assert said[b"3A8"][1] != 0x06
    assert int.from_bytes(said[b"552"][4:7], "big") == 123456
    assert int.from_bytes(said[b"38D"][:2], "big") == 3600
    assert said[b"4A2"][1] & 0x40


def test_each_command_of_the_host_is_answered_once() -> None:
    adapter = Adapter()
    assert adapter.answers(b"C\rS6\rO\rt6B", None) == b"\r\r\r"
    assert adapter.answers(b"480322D41000000000\r", None) == b"\r", "a van that sleeps answers nothing"


def test_the_units_answer_what_they_are_asked_and_refuse_the_rest() -> None:
    shown = Dashboard(soc_percent=84.5234375, odometer_km=1.0, speed_m_s=0.0, plugged=False)
    adapter = Adapter()
    assert adapter.answers(b"t6B480322D41000000000\r", shown) == b"\rt69480562D410A90C0000\r"
    assert adapter.answers(b"t6B480322123400000000\r", shown) == b"\rt694803" + b"7F223100000000\r"
    assert adapter.answers(b"t12380322D41000000000\r", shown) == b"\r"
    still = adapter.answers(b"t6B480322D81600000000\r", shown)
    assert bytes.fromhex(still[6:-1].decode())[4:8] == (76_800).to_bytes(4, "big"), "no current: 76800 by evDash"
