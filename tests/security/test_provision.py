"""`buurtrit provision`: what it writes, for whose eyes, and what it refuses."""

import json
import shutil
import stat
import subprocess
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from edge_gateway import settings as gateway_settings
from edge_gateway.contract.sealing import Seal
from edge_gateway.errors import SettingsError
from hub_backend.provisioning import bundles
from hub_backend.provisioning.authority import CERTIFICATE_DAYS
from hub_backend.provisioning.command import main
from hub_backend.provisioning.office import Office
from hub_backend.provisioning.register import Register
from hub_backend.settings import Settings as HubSettings
from tests.security.organisation import founded

NOW = datetime.now(UTC)
UNITS = Path(bundles.__file__).parent / "install"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded(tmp_path_factory.mktemp("office"), "van-1", "van-2").folder


def test_secrets_are_for_their_owner_alone(office: Path) -> None:
    private = [path for path in office.rglob("*") if path.name.endswith(("key.pem", ".key", "identity.toml"))]
    private += [office / "private" / "register.json", office / "hub.backend" / "gateways.toml"]
    assert len(private) >= 8
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((office / "private").stat().st_mode) == 0o700


def test_a_bundle_holds_nothing_of_another_machine(office: Path) -> None:
    keys = {name: machine.key for name, machine in Register.load(office).gateways().items()}
    assert len(set(keys.values())) == 2
    for name, other in (("van-1", "van-2"), ("van-2", "van-1")):
        content = b"".join(path.read_bytes() for path in (office / name).iterdir())
        assert str(keys[name]).encode() in content
        assert str(keys[other]).encode() not in content
    assert b"PRIVATE KEY" not in (office / "van-1" / "ca.pem").read_bytes()


def test_a_certificate_names_its_machine_and_lasts_as_long_as_tablets_take(office: Path) -> None:
    for bundle, file, name in (("van-1", "cert", "van-1"), ("broker", "cert", "broker"), ("van-1", "page", "van-1")):
        certificate = x509.load_pem_x509_certificate((office / bundle / f"{file}.pem").read_bytes())
        [common] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert common.value == name
        assert certificate.not_valid_before_utc < NOW - timedelta(hours=1), "a Pi wakes up in the past"
        assert timedelta(days=CERTIFICATE_DAYS - 2) < certificate.not_valid_after_utc - NOW < timedelta(days=825)


def test_both_halves_start_from_what_was_written(office: Path) -> None:
    bundle = office / "van-1"
    here = bundle / "here-identity.toml"
    here.write_text((bundle / "identity.toml").read_text().replace(bundles.INSTALLED, str(bundle)))
    own = (bundle / "gateway.toml").read_text().replace("identity.toml", here.name)
    (bundle / "here.toml").write_text(own)
    van = gateway_settings.load(bundle / "here.toml")
    assert (van.gateway, van.hub, van.http_host) == ("van-1", "colmschate", "0.0.0.0")

    bundle = office / "hub.backend"
    (bundle / "here.toml").write_text((bundle / "hub.toml").read_text().replace(bundles.INSTALLED, str(bundle)))
    hub = HubSettings.load(bundle / "here.toml")
    assert set(hub.gateways) == {"van-1", "van-2"}
    sealed = Seal(van.key).close(b"a word", topic="t")
    assert hub.gateways["van-1"].seal().open(sealed, topic="t") == b"a word"


def test_what_the_operator_wrote_stays(office: Path) -> None:
    mine = office / "van-1" / "gateway.toml"
    mine.write_text(mine.read_text() + 'vehicle_can = "socketcan:can0"\n')
    Office.open(office, now=NOW, passphrase=None).renew(["van-1"], within=timedelta(0))
    assert "socketcan:can0" in mine.read_text()


def test_the_hub_answers_in_the_key_that_the_gateway_used_last() -> None:
    old, new = ("sdy7yM5C0FZh0iqc432ibW6WTcjtkicyZqsEUoj43VE=", "eSvo5tJ5+5/z8YjcQgUCNsyNUXz95KeXvqAlhvyWVI4=")
    hub = Seal(new, previous_key=old, follows=True)
    before, after = Seal(old), Seal(new, previous_key=old)
    assert hub.open(before.close(b"up", topic="t"), topic="t") == b"up"
    assert before.open(hub.close(b"down", topic="t"), topic="t") == b"down"
    assert hub.open(after.close(b"up", topic="t"), topic="t") == b"up"
    assert Seal(new).open(hub.close(b"down", topic="t"), topic="t") == b"down"
    assert after.open(before.close(b"retained", topic="t"), topic="t") == b"retained"
    assert Seal(new).open(after.close(b"up", topic="t"), topic="t") == b"up", "a gateway does not go back"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gateway", "Van 1", "--hub", "colmschate", "--role", "van"], "name:"),
        (["gateway", "van-1", "--hub", "colmschate", "--role", "van"], "name: 'van-1' is there already"),
        (["gateway", "van-9", "--hub", "elsewhere", "--role", "van"], "hub: no 'elsewhere'; there are: colmschate"),
        (["gateway", "van-9", "--hub", "colmschate", "--role", "van", "--address", "a b"], "addresses"),
        (["renew", "van-9"], "name: no 'van-9'"),
        (["revoke", "broker", "--why", "lost"], "name: no gateway or tablet 'broker'"),
        (["rotate-key", "van-9"], "name: no gateway 'van-9'; there are: van-1, van-2"),
        (["forget-key", "van-1"], "van-1: has no previous key"),
        (["init", "--org", "other", "--hubs", "a", "--broker", "b"], "there is an authority already"),
        (["renew", "--passphrase-file", "/nowhere"], "--passphrase-file"),
    ],
)
def test_a_bad_act_is_refused_by_name_and_changes_nothing(
    office: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    before = (office / "private" / "register.json").read_bytes()
    assert main([*arguments, "--dir", str(office)]) == 2
    assert words in capsys.readouterr().err
    assert (office / "private" / "register.json").read_bytes() == before


@pytest.mark.parametrize("field", ["--org=Buur & Zo", "--hubs=Colmschate", "--port=99999", "--broker=a b"])
def test_a_new_organisation_with_a_bad_field_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    good = {"--org": "buurenzo", "--hubs": "colmschate", "--port": "8883", "--broker": "hub.example"}
    name, _, value = field.partition("=")
    words = [f"{key}={text}" for key, text in {**good, name: value}.items()]
    assert main(["init", *words, "--dir", str(tmp_path / "office")]) == 2
    assert "buurtrit provision: " in capsys.readouterr().err
    assert not (tmp_path / "office").exists()


def test_the_authoritys_key_opens_only_with_its_passphrase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret, folder = tmp_path / "passphrase", str(tmp_path / "office")
    secret.write_text("a long walk on the dike\n")
    new = ["init", "--org", "buurenzo", "--hubs", "colmschate", "--broker", "hub.example", "--dir", folder]
    assert main([*new, "--passphrase-file", str(secret)]) == 0
    assert b"ENCRYPTED" in (tmp_path / "office/private/ca.key").read_bytes()
    assert main(["renew", "--dir", folder]) == 2
    assert "passphrase" in capsys.readouterr().err
    assert main(["renew", "--dir", folder, "--passphrase-file", str(secret)]) == 0


def test_status_tells_a_program_and_a_person_what_ends_soon(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--dir", str(office)]) == 0
    assert "van-1" in capsys.readouterr().out
    assert main(["status", "--dir", str(office), "--days", "800", "--json"]) == 1
    machines = {row["name"]: row for row in json.loads(capsys.readouterr().out)["machines"]}
    assert machines["van-1"]["soon"] and machines["van-1"]["revoked"] is None


def test_a_line_beyond_this_machine_must_be_tls_and_a_page_must_ask_for_a_certificate(tmp_path: Path) -> None:
    open_line = tmp_path / "gateway.toml"
    open_line.write_text(
        'org = "o"\nhub = "h"\ngateway = "van-1"\nrole = "van"\nkey = "eSvo5tJ5+5/z8YjcQgUCNsyNUXz95KeXvqAlhvyWVI4="\n'
        'mqtt_host = "hub.example"\nmqtt_port = 1883\nhttp_port = 8801\nhttp_host = "0.0.0.0"\ndata_dir = "/nowhere"\n'
    )
    with pytest.raises(SettingsError) as caught:
        gateway_settings.load(open_line)
    for field in ("mqtt_ca_file", "http_cert_file", "http_key_file", "http_client_ca_file"):
        assert f"{field}: missing" in str(caught.value)


@pytest.mark.parametrize("unit", ["buurtrit-gateway.service", "buurtrit-hub.service"])
def test_a_service_is_hardened_watched_and_understood_by_systemd(unit: str, tmp_path: Path) -> None:
    lines = (UNITS / unit).read_text()
    assert "Type=notify" in lines and "WatchdogSec=" in lines and "Restart=always" in lines
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    here = tmp_path / unit
    here.write_text(lines.replace("/opt/buurtrit/bin/buurtrit", "/bin/true"))
    checked = subprocess.run([analyze, "verify", "--man=no", str(here)], capture_output=True, text=True, check=False)
    assert unit not in checked.stderr, checked.stderr
    scored = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=25", "--no-pager", str(here)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert scored.returncode == 0, scored.stdout[-2000:]


@pytest.mark.parametrize("bundle", ["van-1", "hub.backend", "broker"])
def test_an_installer_takes_every_file_of_its_bundle(bundle: str, office: Path) -> None:
    script = office / bundle / "install.sh"
    subprocess.run(["sh", "-n", str(script)], check=True)
    conf = office / bundle / "install.conf"
    text = script.read_text() + (conf.read_text() if conf.exists() else "")
    units = {"buurtrit-hub.service", "buurtrit-gateway.service"}  # named by role
    unused = {"install.sh", *units} | ({"revoked.pem"} if bundle == "hub.backend" else set())
    for path in (office / bundle).iterdir():
        if not path.name.startswith("here") and path.name not in unused:
            assert path.name in text, f"{bundle}: install.sh leaves {path.name} behind"
    tomllib.loads((office / "hub.backend" / "gateways.toml").read_text())
