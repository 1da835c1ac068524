"""The van's own bus: profiles as data, published values, real ISO-TP on a virtual bus, an adapter's text over a pty."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway import vehicle_profile as profiles
from edge_gateway.contract.messages import Vehicle
from edge_gateway.vehicle.bus import VehicleBus
from edge_gateway.vehicle.dashboard import Dashboard
from edge_gateway.vehicle.manners import LOOK_AGAIN_S, MISSED, REST_S, ROUND_S, SILENT_S, Manners
from edge_gateway.vehicle.read_ahead import ReadAhead
from edge_gateway.vehicle.shunt import Blocks, Shunt, measures
from edge_gateway.vehicle_profile import Correction, Field, Formula, Profile, Query
from tests.edge_gateway.rig import START_S, Parts, parts, serial_line, wait_until
from tests.edge_gateway.slcan_text import slcan
from tests.edge_gateway.units import Unit

PSA = profiles.load("psa-ecmp")
LEAF = profiles.load("nissan-leaf-2018")
ENV200 = profiles.load("nissan-env200")
KANGOO = profiles.load("renault-kangoo")


def dashboard() -> tuple[Dashboard, list[str]]:
    refused: list[str] = []
    return Dashboard(period_s=10, refuse=lambda field, _reason: refused.append(field)), refused


def answer(profile: Profile, response: str) -> dict[Field, float | bool]:
    """What a profile reads in a whole answer, whoever gives it."""
    found: dict[Field, float | bool] = {}
    for query in profile.queries:
        found |= query.decode(bytes.fromhex(response))
    return found


# ------------------------------------------------------------ profiles


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_is_in_order_says_its_source_and_only_reads(name: str) -> None:
    profile = profiles.load(name)
    assert profile.name == name and profile.source and profile.readings
    assert profile.corrected({}) == profile
    for query in profile.queries:
        assert query.ask[0] in (0x01, 0x21, 0x22), "read-only services alone"
        assert all(measure.by for measure in query.measures), "each formula says whose it is"


def test_there_is_a_profile_for_each_family_of_vans() -> None:
    assert {"nissan-env200", "renault-kangoo", "psa-ecmp", "obd2", "shunt"} <= set(profiles.names())


def test_a_profile_that_writes_is_refused() -> None:
    whole = {"request": "2E1234", "tx": 1, "rx": 2, "period_s": 9, "measures": [{"field": "plugged", "bits": [0, 8]}]}
    with pytest.raises(msgspec.ValidationError, match="request"):
        msgspec.convert(whole, Query)


# ------------------------------------------------------------ published values


@pytest.mark.parametrize(
    ("profile", "can_id", "data", "measures"),
    [
        (PSA, 0x3A8, "00 00 00 54 80 00 00 00", {"soc_percent": 84.5}),
        (PSA, 0x3A8, "00 06 00 54 80 00 00 00", {}),
        (PSA, 0x3A8, "00 00 00 54", {}),
        (PSA, 0x552, "00 00 00 00 01 E2 40 00", {"odometer_km": 12345.6}),
        (PSA, 0x38D, "0E 10 00 00 00 00 00 00", {"speed_m_s": 10.0}),
        (PSA, 0x4A2, "00 40 00 00 00 00 00 00", {"plugged": False}),
        (PSA, 0x4A2, "00 00 00 00 00 00 00 00", {"plugged": True}),
        (PSA, 0x123, "00 00 00 00 00 00 00 00", {}),
        (ENV200, 0x1DB, "FE 60 B4 40 64", {"pack_current_a": -6.5, "pack_voltage_v": 360.5}),
        (ENV200, 0x1DB, "01 60 BE 80 50", {"pack_current_a": 5.5, "pack_voltage_v": 381.0}),
        (ENV200, 0x55B, "C8 00 00 00 00 00 00 00", {"soc_percent": 80.0}),
        (ENV200, 0x55B, "FF C0 00 00 00 00 00 00", {}),
        (KANGOO, 0x654, "20 00 00 57 00 00 00 00", {"soc_percent": 87.0, "plugged": True}),
        (KANGOO, 0x654, "00 00 00 57 00 00 00 00", {"soc_percent": 87.0, "plugged": False}),
        (KANGOO, 0x5C5, "00 01 54 59 00 00 00 00", {"odometer_km": 87129.0}),
    ],
)
def test_frames_are_read_as_the_profile_says(
    profile: Profile, can_id: int, data: str, measures: dict[str, float]
) -> None:
    assert profile.hear(can_id, bytes.fromhex(data)) == pytest.approx(measures)


def test_the_published_answers_of_psa_and_renault_are_read_as_published(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "ev/psa_zoe_response_vectors.json").read_text())
    fields: dict[str, Field] = {
        "soc_pct": "soc_percent",
        "pack_V": "pack_voltage_v",
        "pack_A": "pack_current_a",
        "pack_A_charge_positive": "pack_current_a",
        "cell_min_V": "cell_min_v",
        "cell_max_V": "cell_max_v",
        "soh_pct": "soh_percent",
        "energy_kWh": "pack_energy_kwh",
        "outdoor_C": "outdoor_c",
        "odometer_km": "odometer_km",
    }
    read = 0
    for group, profile in (
        ("psa_ecmp_bms_6B4_694", PSA),
        ("psa_ecmp_vcu_6A2_682", PSA),
        ("renault_zoe_cluster_743", profiles.load("renault-zoe")),
        ("renault_kangoo_evc_7E4_7EC", KANGOO),
    ):
        for vector in vectors[group]:
            found = answer(profile, vector["resp"])
            if vector["signal"] == "speed_kmh":
                assert found["speed_m_s"] * 3.6 == pytest.approx(vector["value"], abs=1e-3)
            else:
                assert found[fields[vector["signal"]]] == pytest.approx(vector["value"], abs=1e-4), vector
            read += 1
            if "alt" in vector and isinstance(vector["alt"], dict):
                other = profile.corrected({"pack_current_a": Correction(by="OVMS")})
                assert answer(other, vector["resp"])["pack_current_a"] == pytest.approx(vector["alt"]["value"])
    assert read == 12


def leaf_2101(*, volt: float, soc: float, ah: float, current: float) -> str:
    """The 51 bytes after 61 01, with the published measures at the published places."""
    data = bytearray(51)
    for query in LEAF.queries:
        if query.request == "2101":
            values = {"pack_current_a": current, "pack_voltage_v": volt, "soc_percent": soc, "charge_ah": ah}
            for measure in query.measures:
                measure.encode(values[measure.field], data)
    return "6101" + data.hex()


@pytest.mark.parametrize(
    ("volt", "soc", "ah", "current"),
    [(362.40, 59.78107, 95.9652, 0.85), (362.90, 58.76105, 95.9652, 21.48), (334.68, 57.84652, 95.9652, -129.9)],
)
def test_the_leafs_battery_is_read_at_the_published_places(volt: float, soc: float, ah: float, current: float) -> None:
    response = bytes.fromhex(leaf_2101(volt=volt, soc=soc, ah=ah, current=current))
    assert len(response) == 53
    after = response[2:]  # independently of the code under test: volt at bit 144, SoC at 248, Ah at 280
    assert int.from_bytes(after[18:20], "big") / 100 == pytest.approx(volt)
    assert int.from_bytes(after[31:34], "big") / 8190 - 17 == pytest.approx(soc, abs=1e-4)
    assert int.from_bytes(after[35:38], "big") / 10000 == pytest.approx(ah)
    assert int.from_bytes(after[0:4], "big", signed=True) / 1024 == pytest.approx(current, abs=1e-3)
    read = answer(LEAF, response.hex())
    assert read["pack_voltage_v"] == pytest.approx(volt)
    assert read["soc_percent"] == pytest.approx(soc, abs=1e-4)
    assert read["charge_ah"] == pytest.approx(ah)
    assert read["pack_current_a"] == pytest.approx(current, abs=1e-3)


@pytest.mark.parametrize(
    ("response", "field", "value"),
    [
        ("620E010210CE", "odometer_km", 135374.0),
        ("62121A00A1", "speed_m_s", 16.1 / 3.6),
        ("62123402", "plugged", True),
        ("62123400", "plugged", False),
        ("6212360010", "charge_power_w", 1600.0),
        ("62114E02", "charge_level", 2),
        ("616100001BA0", "soh_percent", 70.72),
    ],
)
def test_the_leafs_other_answers_are_read_as_published(response: str, field: Field, value: float) -> None:
    assert answer(LEAF, response)[field] == pytest.approx(value)


@pytest.mark.parametrize(("data", "km"), [("000166DD", 358), ("000172FF", 370)])
def test_a_fraction_behind_the_number_is_no_part_of_it(data: str, km: int) -> None:
    distance = Formula(field="odometer_km", bits=(0, 24), unit="km")
    assert distance.decode(bytes.fromhex(data)) == km


@pytest.mark.parametrize(
    ("response", "field", "value"),
    [
        ("415B26", "soc_percent", 14.90196),
        ("415B28", "soc_percent", 15.68627),
        ("410D24", "speed_m_s", 10.0),
        ("41463C", "outdoor_c", 20.0),
        ("41A60001E240", "odometer_km", 12345.6),
    ],
)
def test_generic_obd_is_read_as_the_standard_says(response: str, field: Field, value: float) -> None:
    assert answer(profiles.load("obd2"), response)[field] == pytest.approx(value, abs=1e-5)


def test_sign_and_scale_are_the_operators_to_correct() -> None:
    plain = answer(PSA, "62D816000132D0")["pack_current_a"]
    assert plain == pytest.approx(-31.392)
    turned = PSA.corrected({"pack_current_a": Correction(sign=-1, scale=1.1)})
    assert answer(turned, "62D816000132D0")["pack_current_a"] == pytest.approx(31.392 * 1.1)
    with pytest.raises(ValueError, match="charge_ah"):
        PSA.corrected({"charge_ah": Correction()})
    with pytest.raises(ValueError, match=r"pack_current_a\.by"):
        PSA.corrected({"pack_current_a": Correction(by="hearsay")})


# ------------------------------------------------------------ formulas


@given(st.floats(0, 100), st.floats(0, 1_600_000), st.floats(0, 70), st.booleans())
def test_what_is_said_in_frames_is_what_is_read(soc: float, km: float, speed: float, plugged: bool) -> None:
    values: dict[Field, float | bool] = {
        "soc_percent": soc,
        "odometer_km": km,
        "speed_m_s": speed,
        "plugged": plugged,
    }
    read: dict[str, float | bool] = {}
    for can_id, data in PSA.say(values).items():
        read.update(PSA.hear(can_id, data))
    assert read["soc_percent"] == pytest.approx(soc, abs=0.002)
    assert read["odometer_km"] == pytest.approx(km, abs=0.051)
    assert read["speed_m_s"] == pytest.approx(speed, abs=0.0014)
    assert read["plugged"] is plugged


@given(st.binary(max_size=60), st.sampled_from(profiles.names()))
def test_any_answer_is_read_or_not_but_never_breaks_anything(data: bytes, name: str) -> None:
    profile = profiles.load(name)
    panel, refused = dashboard()
    for query in profile.queries:
        panel.take(query.decode(query.echo + data), START_S)
    for can_id in {signal.can_id for signal in profile.signals}:
        panel.take(profile.hear(can_id, data[:8]), START_S)
    event = panel.due(START_S, "van-1")
    assert event is None or msgspec.json.decode(msgspec.json.encode(event), type=Vehicle) == event
    assert all(field in profiles.FIELDS for field in refused)


# ------------------------------------------------------------ the dashboard


def test_one_event_a_period_and_one_at_once_for_the_plug() -> None:
    panel, _refused = dashboard()
    told = []
    for second in range(31):
        panel.take({"soc_percent": 80.0, "plugged": second >= 15}, START_S + second)
        event = panel.due(START_S + second, "van-1")
        if event is not None:
            told.append((second, event.plugged))
    assert told == [(0, False), (10, False), (15, True), (25, True)]


def test_a_measure_that_fell_silent_is_unknown_not_its_last_value() -> None:
    panel, _refused = dashboard()
    panel.take({"soc_percent": 80.0, "speed_m_s": 0.0}, START_S)
    panel.take({"pack_voltage_v": 380.0}, START_S, every_s=30)
    first = panel.due(START_S, "van-1")
    assert first is not None and first.speed_m_s == 0.0 and first.odometer_km is None
    panel.take({"soc_percent": 79.0}, START_S + 40)
    later = panel.due(START_S + 40, "van-1")
    assert later is not None and (later.soc_percent, later.speed_m_s) == (79.0, None)
    assert later.pack_voltage_v == 380.0, "asked for every 30 s only, so it lives longer"
    assert panel.due(START_S + 200, "van-1") is None, "nothing known, nothing said"


def test_a_measure_out_of_range_is_unknown_and_counted() -> None:
    panel, refused = dashboard()
    panel.take({"soc_percent": 200.0, "speed_m_s": 0.0}, START_S)
    event = panel.due(START_S, "van-1")
    assert event is not None and event.soc_percent is None
    assert refused == ["soc_percent"]


# ------------------------------------------------------------ manners


def test_nothing_is_asked_of_a_bus_that_is_silent() -> None:
    manners = Manners("traffic")
    assert not manners.may_ask(START_S)
    manners.heard(START_S)
    assert manners.may_ask(START_S + 1)
    assert not manners.may_ask(START_S + 1 + SILENT_S + 1)


def test_a_van_that_stands_is_left_alone_and_a_charging_one_is_not() -> None:
    for plugged in (False, True):
        manners = Manners("traffic")
        asked = []
        for second in range(7200):
            manners.heard(START_S + second)  # the bus stays awake, perhaps because of us
            manners.learned({"speed_m_s": 0.0, "plugged": plugged}, START_S + second)
            if manners.may_ask(START_S + second):
                asked.append(second)
        if plugged:
            assert len(asked) == 7200
        else:
            assert len(asked) <= REST_S + 4 * (ROUND_S + 1)
            silent = [later - earlier for earlier, later in pairwise(asked)]
            assert max(silent) >= LOOK_AGAIN_S - 1, "half an hour of peace, in which it may fall asleep"


def test_a_van_that_drives_off_is_asked_again_at_once() -> None:
    manners = Manners("answers")
    for second in range(600):
        manners.may_ask(START_S + second)
    assert not manners.may_ask(START_S + 601)
    manners.learned({}, START_S + 602, drives=True)  # the GPS says so; the bus is hidden
    assert manners.may_ask(START_S + 602)


def test_a_van_that_answers_nothing_is_taken_to_sleep() -> None:
    manners = Manners("answers")
    for _ in range(MISSED):
        assert manners.may_ask(START_S)
        manners.unanswered()
    assert not manners.may_ask(START_S + 1)
    assert manners.may_ask(START_S + 2 + LOOK_AGAIN_S)
    assert manners.may_ask(START_S - 10**6), "a clock that jumped back does not silence us for days"


# ------------------------------------------------------------ on a bus


@contextmanager
def driving(
    gateway: Parts, adapter: str, profile: Profile, *, asks: bool = True, drives: bool | None = None
) -> Iterator[VehicleBus]:
    bus = VehicleBus(
        adapter,
        profile,
        source="van-1",
        period_s=10,
        asks=asks,
        drives=lambda: drives,
        intake=gateway.intake,
        rejects=gateway.rejects,
        time=gateway.time,
        random=random.Random(1),
        poll_s=0.005,
    )
    bus.start()
    try:
        yield bus
    finally:
        bus.stop()


def newest(gateway: Parts) -> Vehicle | None:
    vehicles = [event for event in gateway.events() if isinstance(event, Vehicle)]
    return vehicles[-1] if vehicles else None


def passes(gateway: Parts, unit: Unit, seconds: float, *, frame: tuple[int, bytes] | None = None) -> None:
    gateway.clock.t_s += seconds
    if frame is not None:
        unit.say(*frame)


@pytest.mark.servers
def test_a_battery_is_asked_over_real_iso_tp_in_eight_frames(tmp_path: Path) -> None:
    response = leaf_2101(volt=362.40, soc=59.78107, ah=95.9652, current=0.85)
    unit = Unit("leaf", tx=0x79B, rx=0x7BB, answers={"2101": response, "2161": "616100001BA0"})
    with parts(tmp_path) as gateway, driving(gateway, "virtual:leaf", LEAF):
        try:

            def is_read() -> bool:
                passes(gateway, unit, 1, frame=(0x55B, bytes(8)))
                told = newest(gateway)
                return told is not None and told.charge_ah is not None and told.soh_percent is not None

            wait_until(is_read)
            told = newest(gateway)
            assert told is not None
            assert (told.pack_voltage_v, told.charge_ah, told.soh_percent) == (362.4, 95.965, 70.72)
        finally:
            unit.stop()


@pytest.mark.servers
def test_an_answer_counts_only_from_the_unit_that_was_asked(tmp_path: Path) -> None:
    """Both units answer the broadcast; the profile believes the one at DB."""
    unit = Unit("two", tx=0x18DB33F1, rx=0x18DAF1DB, answers={"015B": "415B28", "010D": "410D24"})
    other = Unit("two", tx=0x18DB33F1, rx=0x18DAF1DA, answers={"015B": "415B29"})
    with parts(tmp_path) as gateway, driving(gateway, "virtual:two", profiles.load("obd2-29bit"), drives=True):
        try:

            def is_read() -> bool:
                gateway.clock.t_s += 1
                told = newest(gateway)
                return told is not None and told.soc_percent is not None and len(other.asked) > 0

            wait_until(is_read)
            told = newest(gateway)
            assert told is not None and told.soc_percent == 15.686
        finally:
            unit.stop()
            other.stop()


@pytest.mark.servers
def test_refusals_are_counted_and_a_slow_unit_is_waited_for(tmp_path: Path) -> None:
    answers = {"22D410": ["7F2278", "62D410A90C"], "22D815": "7F2231", "22D865": "62D865"}
    unit = Unit("psa", tx=0x6B4, rx=0x694, answers=answers)
    with parts(tmp_path) as gateway, driving(gateway, "virtual:psa", PSA):
        try:

            def is_read() -> bool:
                passes(gateway, unit, 1, frame=(0x38D, bytes.fromhex("0E10000000000000")))
                return {"22D815", "22D865"} <= {field for _origin, field in gateway.refusals()}

            wait_until(is_read)
            wait_until(lambda: (told := newest(gateway)) is not None and told.soc_percent == 84.523)
            for _ in range(100):
                passes(gateway, unit, 5, frame=(0x38D, bytes.fromhex("0E10000000000000")))
            assert unit.asked.count("22D815") == 1, "what a van does not offer is not asked again"
        finally:
            unit.stop()


@pytest.mark.servers
def test_who_may_only_listen_never_asks(tmp_path: Path) -> None:
    unit = Unit("quiet", tx=0x6B4, rx=0x694, answers={"22D410": "62D410A90C"})
    with parts(tmp_path) as gateway, driving(gateway, "virtual:quiet", PSA, asks=False):
        try:

            def is_heard() -> bool:
                passes(gateway, unit, 10, frame=(0x3A8, PSA.say({"soc_percent": 60.0})[0x3A8]))
                told = newest(gateway)
                return told is not None and told.soc_percent == 60.0

            wait_until(is_heard)
            assert unit.asked == []
        finally:
            unit.stop()


def test_a_shunt_on_a_serial_port_stands_in_for_a_bus(tmp_path: Path) -> None:
    with parts(tmp_path) as gateway, serial_line(tmp_path / "shunt") as line:
        shunt = Shunt(
            f"vedirect:{line.path}",
            profiles.load("shunt"),
            source="van-1",
            period_s=10,
            intake=gateway.intake,
            rejects=gateway.rejects,
            time=gateway.time,
            random=random.Random(1),
            poll_s=0.01,
        )
        shunt.start()
        try:

            def is_read() -> bool:
                line.send(block(V="52800", I="-12500", SOC="876"))
                told = newest(gateway)
                return told is not None and told.soc_percent is not None

            wait_until(is_read)
            told = newest(gateway)
            assert told is not None
            assert (told.pack_voltage_v, told.pack_current_a, told.soc_percent) == (52.8, -12.5, 87.6)
            gateway.clock.t_s += 10
            wait_until(lambda: (line.send(block(V="52800", SOC="---")), newest(gateway))[1] != told)
        finally:
            shunt.stop()


def block(**fields: str) -> bytes:
    """A VE.Direct text block as a meter sends it."""
    text = "".join(f"\r\n{label}\t{value}" for label, value in fields.items()) + "\r\nChecksum\t"
    return text.encode() + bytes([-sum(text.encode()) % 256])


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(block(V="12800", I="-5"))), max_size=6))
def test_a_damaged_block_of_a_shunt_is_never_believed(pieces: list[bytes]) -> None:
    blocks = Blocks(lambda _field, _reason: None)
    for piece in pieces:
        for fields in blocks.feed(piece):
            assert fields == {"V": "12800", "I": "-5"} or b"Checksum\t" in b"".join(pieces)
            measures(profiles.load("shunt"), fields)


@pytest.mark.servers
def test_an_adapter_on_a_serial_port_may_say_rubbish_and_come_back(tmp_path: Path) -> None:
    with (
        parts(tmp_path) as gateway,
        serial_line(tmp_path / "can") as line,
        driving(gateway, f"slcan:{line.path}", PSA, asks=False),
    ):
        heard = bytearray()
        wait_until(lambda: (heard.extend(line.receive()), b"L\r" in heard)[1])
        assert heard.startswith(b"C\rS6\r")
        assert b"O\r" not in heard, "listening only: nothing is ever sent to the van"
        line.send(b"\r\r\rt3A88\r")
        for number, rubbish in enumerate((b"tZZZ8\r", b"t3\r", b"\xff\xff\r"), start=1):
            line.send(rubbish)
            wait_until(partial(is_refused, gateway, number))
        line.send(slcan(PSA, {"soc_percent": 71.5, "odometer_km": 12345.6, "plugged": True}))
        wait_until(lambda: (told := newest(gateway)) is not None and told.soc_percent == 71.5)
        line.replace()
        heard.clear()
        wait_until(lambda: (heard.extend(line.receive()), b"L\r" in heard)[1])
        gateway.clock.t_s += 60

        def is_heard() -> bool:
            line.send(slcan(PSA, {"soc_percent": 70.0}))  # as a van does, again and again
            told = newest(gateway)
            return told is not None and told.soc_percent == 70.0

        wait_until(is_heard)


@pytest.mark.servers
def test_an_adapter_that_asks_sends_single_frames_of_iso_tp(tmp_path: Path) -> None:
    with (
        parts(tmp_path) as gateway,
        serial_line(tmp_path / "can") as line,
        driving(gateway, f"slcan:{line.path}", PSA),
    ):
        heard = bytearray()
        wait_until(lambda: (heard.extend(line.receive()), b"O\r" in heard)[1])

        def is_asked() -> bool:
            line.send(slcan(PSA, {"speed_m_s": 10.0}))
            heard.extend(line.receive())
            return b"t6B4803" in heard

        wait_until(is_asked)
        assert b"t6B480322D4100000" in heard
        line.send(b"t694805" + b"62D410A90C" + b"0000\r")

        def is_read() -> bool:
            gateway.clock.t_s += 1
            told = newest(gateway)
            return told is not None and told.soc_percent == 84.523

        wait_until(is_read)


def is_refused(gateway: Parts, times: int) -> bool:
    return sum(count for (origin, _field), count in gateway.refusals().items() if origin == "vehicle") >= times


def test_a_port_that_is_read_ahead_gives_the_same_bytes(tmp_path: Path) -> None:
    with serial_line(tmp_path / "adapter") as line:
        port = ReadAhead(serial.Serial(str(line.path.resolve()), timeout=0.05))
        assert (port.in_waiting, port.read(1)) == (0, b""), "a silent port is waited for, and no longer"
        sent = bytes(range(1, 200)) * 10
        line.send(sent)
        got = b""
        while len(got) < len(sent):
            got += port.read(1 + len(got) % 7)
        assert got == sent
        line.send(b"old")
        wait_until(lambda: port.in_waiting == 3)
        assert port.read(1) == b"o"
        port.reset_input_buffer()
        assert port.in_waiting == 0
        port.close()
