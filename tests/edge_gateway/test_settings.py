import base64
from pathlib import Path

import pytest

from edge_gateway.__main__ import main
from edge_gateway.errors import SettingsError
from edge_gateway.settings import load, of_table
from tests.edge_gateway.rig import table


def faults(**changes: object) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        of_table(table(**changes))
    return raised.value.faults


def test_settings_in_order_are_taken() -> None:
    settings = of_table(
        table(gps="gpsd://127.0.0.1:2947", nodes=[{"name": "cooler", "kind": "cooler", "port": "/dev/a"}])
    )
    assert settings.nodes[0].name == "cooler"
    assert settings.address.topic("up/events") == "buurtrit/v1/buurenzo/colmschate/van-1/up/events"


def test_all_faults_are_told_at_once_and_each_names_its_field() -> None:
    told = faults(
        org="Buur & Zo",
        hub=None,
        role="boat",
        key="AAAA",
        mqtt_port=0,
        gps="usb",
        vehicle_can="ttyUSB0",
        vehicle_profile="tesla",
        clock_page="/no/such/page",
        mqtt_password="x",
        colour="blue",
        nodes=[
            {"name": "cooler", "kind": "fridge", "port": "/dev/a"},
            {"name": "a", "kind": "cooler", "port": "/dev/b"},
            {"name": "a", "kind": "shunt", "port": "/dev/b"},
        ],
    )
    fields = [
        *("org:", "hub: missing", "role:", "key:", "mqtt_port:", "gps:", "vehicle_can:", "vehicle_profile:"),
        *("clock_page:", "mqtt_username:", "colour: no such setting", "nodes[0].kind:"),
        *("nodes: two with the name 'a'", "nodes: two with the port '/dev/b'"),
    ]
    for field in fields:
        assert any(fault.startswith(field) for fault in told), (field, told)


TYPED = base64.b64encode(b"the key of van 1, do not tell it").decode()


@pytest.mark.parametrize("key", ["", "no base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", TYPED])
def test_a_key_that_is_no_secret_is_refused(key: str) -> None:
    assert any("key" in fault for fault in faults(key=key))


@pytest.mark.parametrize("password", ["Mosquitto", "van-1"])
def test_a_password_that_everybody_knows_is_refused(password: str) -> None:
    assert faults(mqtt_username="van-1", mqtt_password=password) == [
        "mqtt_password: is one that everybody knows; make another at the broker"
    ]
    of_table(table(mqtt_username="van-1", mqtt_password="k7#Lq0zT"))


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "van.toml"
    file.write_text("org = buurenzo")
    with pytest.raises(SettingsError, match="line 1"):
        load(file)


def test_the_command_ends_with_2_and_prints_the_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "van.toml"
    file.write_text('org = "X"\nnodes = 3')
    assert main(["--config", str(file)]) == 2
    printed = capsys.readouterr().err
    assert "org:" in printed and "mqtt_host: missing" in printed and "nodes:" in printed


def test_a_profile_that_must_ask_a_shunt_and_a_correction_are_checked_together() -> None:
    assert any("vehicle_asks" in fault for fault in faults(vehicle_can="slcan:/dev/a", vehicle_profile="obd2"))
    assert any("vehicle_can" in fault for fault in faults(vehicle_can="slcan:/dev/a", vehicle_profile="shunt"))
    assert any("vehicle_can" in fault for fault in faults(vehicle_can="vedirect:/dev/a"))
    wrong = faults(vehicle_corrections={"charge_ah": {"sign": -1}})
    assert any(fault.startswith("vehicle_corrections.charge_ah") for fault in wrong)
    of_table(
        table(
            vehicle_can="slcan:/dev/a",
            vehicle_asks=True,
            vehicle_corrections={"pack_current_a": {"by": "OVMS", "sign": -1, "scale": 1.02}},
        )
    )
