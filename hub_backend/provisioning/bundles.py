"""The folders that are copied to machines: one a machine, with all it needs to be let in and nothing of another's."""

import secrets
import shutil
from importlib.resources import files
from pathlib import Path

from edge_gateway.contract.topics import Address
from hub_backend.provisioning import broker
from hub_backend.provisioning.authority import Issued, Use
from hub_backend.provisioning.files import write
from hub_backend.provisioning.register import BROKER, HUB_BACKEND, Kind, Machine, Register

INSTALLED = "/etc/buurtrit"
BROKER_INSTALLED = "/etc/mosquitto/buurtrit"
PLUGIN = "/usr/lib/mosquitto_dynamic_security.so"  # install.sh links Debian's, whose folder differs by processor


def write_certificate(bundle: Path, kind: Kind, use: Use, issued: Issued) -> None:
    """A tablet's comes as PKCS #12, which is what Android and Windows take, under a password of its own."""
    if kind == "tablet":
        password = secrets.token_urlsafe(12)
        write(bundle / "tablet.p12", issued.pkcs12(bundle.name, password.encode()), secret=True)
        write(bundle / "password.txt", password + "\n", secret=True)
        return
    name, key = ("page", "page-key") if (kind, use) == ("gateway", "server") else ("cert", "key")
    write(bundle / f"{name}.pem", issued.certificate, secret=False)
    write(bundle / f"{key}.pem", issued.key, secret=True)


def write_all(folder: Path, register: Register) -> None:
    """Every bundle as the register has it, but for certificates, written when issued; a revoked machine's goes."""
    _broker(folder, register)
    _backend(folder, register)
    for name, machine in register.machines.items():
        if machine.revoked is not None:
            shutil.rmtree(folder / name, ignore_errors=True)
        elif machine.kind == "gateway":
            _gateway(folder, name, machine, register)


def _broker(folder: Path, register: Register) -> None:
    bundle = folder / BROKER
    _trust(folder, bundle)
    write(
        bundle / "buurtrit.conf", broker.configuration(register, folder=BROKER_INSTALLED, plugin=PLUGIN), secret=False
    )
    write(bundle / "access.json", broker.access(register), secret=True)
    _installer(bundle, "broker.sh")


def _backend(folder: Path, register: Register) -> None:
    bundle = folder / HUB_BACKEND
    _trust(folder, bundle)
    lines = ["# Written by buurtrit provision: who may speak, and the keys that seal what they say."]
    for name, machine in register.gateways().items():
        lines += ["", f"[{name}]", f'hub = "{machine.hub}"', f'role = "{machine.role}"', f'key = "{machine.key}"']
        lines += [f'previous_key = "{machine.previous_key}"'] if machine.previous_key else []
    write(bundle / "gateways.toml", "\n".join([*lines, ""]), secret=True)
    if not (bundle / "hub.toml").exists():  # the operator's from then on
        write(bundle / "hub.toml", _hub_settings(register), secret=True)
    _installer(bundle, "machine.sh", conf="hub.conf", unit="buurtrit-hub.service")


def _gateway(folder: Path, name: str, machine: Machine, register: Register) -> None:
    bundle = folder / name
    _trust(folder, bundle)
    address = Address(register.org, str(machine.hub), name)
    previous = f'previous_key = "{machine.previous_key}"\n' if machine.previous_key else ""
    identity = f"""# Written by buurtrit provision: who this gateway is. Secret.
org = "{address.org}"
hub = "{address.hub}"
gateway = "{address.gateway}"
role = "{machine.role}"
key = "{machine.key}"
{previous}mqtt_host = "{register.broker.addresses[0]}"
mqtt_port = {register.broker_port}
mqtt_ca_file = "{INSTALLED}/ca.pem"
mqtt_cert_file = "{INSTALLED}/cert.pem"
mqtt_key_file = "{INSTALLED}/key.pem"
http_cert_file = "{INSTALLED}/page.pem"
http_key_file = "{INSTALLED}/page-key.pem"
http_client_ca_file = "{INSTALLED}/ca.pem"
"""
    write(bundle / "identity.toml", identity, secret=True)
    if not (bundle / "gateway.toml").exists():
        write(bundle / "gateway.toml", _gateway_settings(), secret=True)
    _installer(bundle, "machine.sh", conf="gateway.conf", unit="buurtrit-gateway.service")


def _trust(folder: Path, bundle: Path) -> None:
    for name in ("ca.pem", "revoked.pem"):
        write(bundle / name, (folder / name).read_bytes(), secret=False)


def _installer(bundle: Path, script: str, *, conf: str | None = None, unit: str | None = None) -> None:
    ours = files(__package__) / "install"
    write(bundle / "install.sh", (ours / script).read_bytes(), secret=False)
    if conf is not None:
        write(bundle / "install.conf", (ours / conf).read_bytes(), secret=False)
    if unit is not None:
        write(bundle / unit, (ours / unit).read_bytes(), secret=False)


def _hub_settings(register: Register) -> str:
    hubs = ", ".join(f'"{hub}"' for hub in register.hubs)
    return f"""# The hub's settings. Yours: `buurtrit provision` writes them once and never again.
org = "{register.org}"
hubs = [{hubs}]
gateways_file = "gateways.toml"
mqtt_host = "{register.broker.addresses[0]}"
mqtt_port = {register.broker_port}
mqtt_ca_file = "{INSTALLED}/ca.pem"
mqtt_cert_file = "{INSTALLED}/cert.pem"
mqtt_key_file = "{INSTALLED}/key.pem"
database_url = "sqlite:////var/lib/buurtrit/hub.sqlite"
# map_dir = "/var/lib/buurtrit/maps/deventer"   # made by `buurtrit map import`
"""


def _gateway_settings() -> str:
    return """# The gateway's settings. Yours: `buurtrit provision` writes them once and never again.
identity_file = "identity.toml"
data_dir = "/var/lib/buurtrit"
http_host = "0.0.0.0"
http_port = 8801
gps = "gpsd://127.0.0.1:2947"
# vehicle_can = "socketcan:can0"
# vehicle_profile = "psa-ecmp"

# [[nodes]]
# name = "cooler"
# kind = "cooler"
# port = "/dev/serial/by-id/..."
"""
