from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hub_backend.simulator.nmea import Fix, checksum, epochs, fixes, sentences

MONDAY_S = 1795422600.0


@given(
    st.floats(-89.9, 89.9),
    st.floats(-179.9, 179.9),
    st.floats(0, 30),
    st.integers(0, 86_400_00).map(lambda centi: MONDAY_S + centi / 100),
)
def test_a_fix_comes_back_as_it_was_sent(lat: float, lon: float, speed_m_s: float, t_s: float) -> None:
    text = sentences(Fix(t_s, lat, lon, speed_m_s, 123.4)).decode()
    (fix,) = fixes(text.splitlines())
    assert abs(fix.lat - lat) < 2e-7
    assert abs(fix.lon - lon) < 2e-7
    assert abs(fix.speed_m_s - speed_m_s) < 0.01
    assert abs(fix.t_s - t_s) < 0.011
    assert fix.heading_deg == 123.4


def test_the_checksum_is_that_of_a_real_receiver() -> None:
    assert checksum("GPRMC,152505.00,A,5547.82113,N,02334.14130,E,0.253,,091209,,,A") == 0x7A


def test_a_sentence_with_a_wrong_checksum_is_no_fix() -> None:
    assert list(fixes(["$GPRMC,152505.00,A,5547.82113,N,02334.14130,E,0.253,,091209,,,A*7B"])) == []


def test_a_real_log_has_its_fixes_and_no_others(shared_data: Path) -> None:
    lines = (shared_data / "nmea" / "bt451.log").read_text(errors="replace").splitlines()
    found = list(fixes(lines))
    assert len(found) == sum(",A," in line for line in lines if line.startswith("$GPRMC"))
    assert abs(found[0].lat - 55.797018833) < 1e-6  # as gpsd's own regression file has it
    assert abs(found[0].lon - 23.569021667) < 1e-6


def test_a_real_log_is_cut_where_its_clock_moves(shared_data: Path) -> None:
    lines = (shared_data / "nmea" / "bt451.log").read_text(errors="replace").splitlines()
    cut = list(epochs(lines))
    assert [text for epoch in cut for text in epoch] == [line.strip() for line in lines if line.startswith("$")]
    assert max(len(list(fixes(epoch))) for epoch in cut) == 1
