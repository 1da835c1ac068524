"""Settings report all their faults at once, and never show a key."""

from pathlib import Path

import pytest

from hub_backend.settings import Settings, SettingsError
from tests.hub_backend.made import KEYS

GOOD = f"""
org = "buurenzo"
hubs = ["colmschate"]
[gateways.van-1]
hub = "colmschate"
role = "van"
key = "{KEYS["van-1"]}"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "hub.toml"
    file.write_text(text)
    return file


def test_good_settings_load_with_their_defaults(tmp_path: Path) -> None:
    settings = Settings.load(written(tmp_path, GOOD))
    assert settings.series == "sql"
    assert settings.gateways["van-1"].role == "van"
    assert KEYS["van-1"] not in repr(settings)


def test_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUURTRIT_HUB_HTTP_PORT", "9000")
    assert Settings.load(written(tmp_path, GOOD)).http_port == 9000


def test_all_faults_come_at_once_each_with_its_field(tmp_path: Path) -> None:
    bad = GOOD.replace('role = "van"', 'role = "boat"').replace('hub = "colmschate"', 'hub = "elsewhere"')
    bad = bad.replace(KEYS["van-1"], "c2hvcnQ=")
    bad = (
        'mqtt_port = 99999\nseries = "influx"\ntimezone = "Mars/Olympus"\ntypo = 1\ndatabase_url = "mysql://u:geheim@h/d"\n'
        + bad
    )
    with pytest.raises(SettingsError) as found:
        Settings.load(written(tmp_path, bad))
    words = str(found.value)
    for field in (
        "mqtt_port",
        "gateways.van-1.role",
        "gateways.van-1.key: 5 bytes, must be 32",
        "gateways.van-1.hub: 'elsewhere' is not among hubs",
        "timezone",
        "typo",
        "influx_url",
        "database_url: mysql: the record lives in sqlite",
        "influx_token",
    ):
        assert field in words
    assert "c2hvcnQ=" not in words
    assert "geheim" not in words


INFLUX = 'series = "influx"\ninflux_url = "http://localhost:8086"\ninflux_org = "o"\ninflux_bucket = "b"\n'


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (INFLUX + 'influx_token = "my-super-secret-auth-token"\n', "influx_token"),
        (INFLUX + 'influx_token = "Admin"\n', "influx_token"),
        ('database_url = "postgresql+psycopg://hub:postgres@db.example/hub"\n', "database_url"),
        ('database_url = "postgresql+psycopg://eenhub:eenhub@db.example/hub"\n', "database_url"),
    ],
)
def test_a_secret_that_everybody_knows_is_refused_and_not_repeated(tmp_path: Path, line: str, field: str) -> None:
    with pytest.raises(SettingsError) as found:
        Settings.load(written(tmp_path, line + GOOD))
    assert f"{field}: " in str(found.value) and "everybody knows" in str(found.value)
    assert "auth-token" not in str(found.value) and "eenhub" not in str(found.value)


@pytest.mark.parametrize(
    "line", [INFLUX + 'influx_token = "Zx81-k7Lq0zT"\n', 'database_url = "postgresql://hub@/hub"\n']
)
def test_a_secret_of_ones_own_is_taken(tmp_path: Path, line: str) -> None:
    name, _, value = line.splitlines()[-1].partition(" = ")
    taken = getattr(Settings.load(written(tmp_path, line + GOOD)), name)
    assert (taken.get_secret_value() if hasattr(taken, "get_secret_value") else taken) == value.strip('"')


@pytest.mark.parametrize("text", ["org = ", "\x00", "= 3"])
def test_what_is_no_toml_is_refused_with_the_file_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"hub\.toml"):
        Settings.load(written(tmp_path, text))


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        Settings.load(tmp_path / "absent.toml")
