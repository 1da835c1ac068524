from hub_backend.simulator.slcan import Dashboard, answers, frame, frames


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
    assert answers(b"C\rS6\rO\r") == b"\r\r\r"
