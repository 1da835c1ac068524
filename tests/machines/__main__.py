"""`python -m tests.machines`: the three installers on three Debian machines, as an operator runs them.

Broker, hub and a van's gateway are provisioned, copied, installed from a wheel and started by their own systemd; then
the services are killed, hung and installed again, and the van is revoked. Exit code 0 when all of it went as
docs/operations.md says, 1 when not, 2 when no machine can be booted here. Takes about six minutes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.free_port import free_ports
from tests.machines.debian import Machine, MachineError, fresh, missing

VAN = "van-1"
SOON_S = 60.0
WATCHDOG_S = 60.0  # as in the units
BUNDLE = "/opt/bundle"  # in the machine


def main() -> int:
    """Tell the story, a line a chapter."""
    options = _parser().parse_args()
    lacking = missing()
    if lacking:
        print(f"no machine can be booted here: {', '.join(lacking)} missing", file=sys.stderr)
        return 2
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        _story(options.folder.resolve())
    except (MachineError, AssertionError) as error:
        print(f"  not so: {error}", file=sys.stderr)
        return 1
    print("every installer did as it says")
    return 0


def _story(folder: Path) -> None:
    with _chapter("Debian as it comes"):
        base = fresh(folder / "debian")
    with _chapter("a wheel, and an organisation"):
        wheel = _wheel(folder)
        port = free_ports(3)
        hub_url, page_port = f"http://127.0.0.1:{port + 1}", port + 2
        office = folder / "office"
        shutil.rmtree(office, ignore_errors=True)
        _provision(office, "init", "--org", "buurenzo", "--hubs", "noord", "--broker", "127.0.0.1", "--port", str(port))
        _provision(office, "gateway", VAN, "--hub", "noord", "--role", "van", "--address", "127.0.0.1")
        _edit(office / "hub.backend/hub.toml", f"http_port = {port + 1}\n")
        _edit(office / VAN / "gateway.toml", "", old="http_port = 8801", new=f"http_port = {page_port}")
    with ExitStack() as machines:
        broker, hub, van = (
            machines.enter_context(Machine(base, folder / name, log=folder / f"{name}.log"))
            for name in ("broker", "hub", VAN)
        )
        with _chapter("the broker's installer"):
            _install(broker, office / "broker")
            assert broker.run("systemctl", "is-active", "mosquitto") == "active"
        with _chapter("the hub's installer"):
            _install(hub, office / "hub.backend", wheel)
            _wait("the hub answers", lambda: _get(f"{hub_url}/api/health") is not None)
        with _chapter("the van's installer"):
            _install(van, office / VAN, wheel)
            _wait("the hub sees the van", lambda: _online(hub_url))
        with _chapter("killed: systemd starts it again"):
            van.run("systemctl", "kill", "--signal=KILL", "buurtrit-gateway")
            _wait("a second start", lambda: _restarts(van, "buurtrit-gateway") >= 1)
            _wait("the hub sees the van again", lambda: _online(hub_url))
        with _chapter("hung: the watchdog ends it, systemd starts it again"):
            hub.run("systemctl", "kill", "--signal=STOP", "buurtrit-hub")
            _wait("a start after the watchdog", lambda: _restarts(hub, "buurtrit-hub") >= 1, WATCHDOG_S + 3 * SOON_S)
            _wait("the hub answers again", lambda: _get(f"{hub_url}/api/health") is not None)
            _wait("and sees the van", lambda: _online(hub_url))
        with _chapter("installed once more: what was edited stays, who may read it stays"):
            settings = van.folder / "etc/buurtrit/gateway.toml"
            settings.write_text(settings.read_text() + "# edited on the machine\n")
            _install(van, office / VAN, wheel)
            assert "# edited on the machine" in settings.read_text()
            listed = van.run("stat", "--format=%U %G %a", "/etc/buurtrit/key.pem", "/etc/buurtrit/identity.toml")
            assert listed == "root buurtrit 640\nroot buurtrit 640", listed
            _wait("the hub sees the van", lambda: _online(hub_url))
        with _chapter("revoked: it is out, and stays out"):
            _provision(office, "revoke", VAN, "--why", "stolen")
            _install(broker, office / "broker")
            _wait("the van is offline", lambda: not _online(hub_url))


def _install(machine: Machine, bundle: Path, wheel: Path | None = None) -> None:
    machine.take([*bundle.iterdir(), *([wheel] if wheel else [])], BUNDLE)
    machine.run("apt-get", "update", "-q")
    machine.run("sh", "install.sh", *([f"{BUNDLE}/{wheel.name}"] if wheel else []), folder=BUNDLE)


def _wheel(folder: Path) -> Path:
    """The wheel that a release would have."""
    wheels = folder / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={wheels}", str(ROOT)]
    subprocess.run(command, check=True)
    return next(wheels.glob("buurtrit-*.whl"))


def _provision(office: Path, *words: str) -> None:
    command = [Path(sys.executable).with_name("buurtrit"), "provision", *words, "--dir", str(office)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise MachineError(f"provision {words[0]}: {ended.stderr}")


def _edit(settings: Path, more: str, *, old: str = "", new: str = "") -> None:
    text = settings.read_text()
    assert old in text, f"{settings}: {old!r} is not there"
    settings.write_text(text.replace(old, new) + more if old else text + more)


def _restarts(machine: Machine, unit: str) -> int:
    return int(machine.run("systemctl", "show", "--property=NRestarts", "--value", unit) or 0)


def _get(url: str) -> Any:
    """None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return json.load(answer)
    except OSError:
        return None


def _online(hub_url: str) -> bool:
    gateways = _get(f"{hub_url}/api/gateways") or []
    return any(gateway["gateway"] == VAN and gateway["online"] for gateway in gateways)


def _wait(what: str, is_so: Callable[[], bool], patience_s: float = SOON_S) -> None:
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > deadline:
            raise MachineError(f"{what}: not within {patience_s:.0f} s")
        time.sleep(0.5)


@contextmanager
def _chapter(title: str) -> Iterator[None]:
    print(f"{title} ...", end=" ", flush=True)
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:.0f} s", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.machines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build/machines", help="where the machines live")
    return parser


if __name__ == "__main__":
    sys.exit(main())
