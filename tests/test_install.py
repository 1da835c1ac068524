"""The wheel installs and starts on its own, with the gateway's or the hub's dependencies and nothing else."""

import os
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge_gateway.contract.sealing import new_key
from tests.conftest import ROOT
from tests.free_port import free_ports

SOURCE_ONLY = {"gpsd-py3"}  # pure Python, published as source only
UV = (sys.executable, "-m", "uv", "--system-certs", "pip")  # as pip trusts whom the system trusts

GATEWAY = """
org = "buurenzo"
hub = "colmschate"
gateway = "van-1"
role = "van"
key = "{key}"
mqtt_host = "127.0.0.1"
mqtt_port = {nobody}
http_port = {port}
data_dir = "{folder}/van-1"
"""
HUB = """
org = "buurenzo"
hubs = ["colmschate"]
database_url = "sqlite:///{folder}/hub.sqlite"
mqtt_port = {nobody}
http_port = {port}
[gateways.van-1]
hub = "colmschate"
role = "van"
key = "{key}"
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as a release is, but with the tools that this environment has.

    That `build-system` names them all was seen when the environment was made: unpacking them costs twenty seconds.
    """
    folder = tmp_path_factory.mktemp("wheel")
    here = ("--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", *here)
    return next(folder.glob("buurtrit-*.whl"))


def test_wheel_carries_the_built_pages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "hub_backend/pages/index.html" in names
    assert "edge_gateway/page/index.html" in names
    assert not [name for name in names if "node_modules" in name or name.startswith("tests/")]


@pytest.mark.parametrize(
    ("extra", "settings", "absent"),
    [
        ("gateway", GATEWAY, {"sqlalchemy", "fastapi", "pyvrp", "ortools", "numpy", "scipy"}),
        ("hub", HUB, {"pyserial", "python-can", "gpsd-py3"}),
    ],
)
def test_each_half_installs_and_starts_alone(
    wheel: Path, tmp_path: Path, *, extra: str, settings: str, absent: set[str]
) -> None:
    """In an environment of its own, from the index, as whoever installs it does: by uv, in a third of pip's time."""
    venv.create(tmp_path / "alone")
    at = ("--quiet", "--python", str(tmp_path / "alone/bin/python"))
    _run(*UV, "install", *at, "-c", str(ROOT / "requirements.lock"), f"buurtrit[{extra}] @ file://{wheel}")
    _run(*UV, "check", *at)  # nothing that is needed is missing
    listed = _run(*UV, "freeze", *at)
    installed = {canonicalize_name(line.split("==")[0].split(" @ ")[0]) for line in listed.splitlines()}
    assert "buurtrit" in installed
    assert not installed & absent
    assert "usage" in _run(str(tmp_path / "alone/bin/buurtrit"), extra, "--help")
    port = free_ports(1)
    config = tmp_path / "settings.toml"
    config.write_text(settings.format(port=port, nobody=free_ports(1), folder=tmp_path, key=new_key()))
    command = [tmp_path / "alone/bin/buurtrit", extra, "--config", config]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path) as started,
    ):
        try:
            assert b"<html" in _page(f"http://127.0.0.1:{port}/", started, tmp_path / "log")
        finally:
            started.terminate()


def test_the_other_half_is_refused_with_the_reason(tmp_path: Path, wheel: Path) -> None:
    venv.create(tmp_path / "bare")
    _run(*UV, "install", "--quiet", "--python", str(tmp_path / "bare/bin/python"), "--no-deps", str(wheel))
    done = subprocess.run(
        [tmp_path / "bare/bin/buurtrit", "hub", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is not installed" in done.stderr


@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
def test_every_runtime_dependency_has_a_wheel_for_a_pi_and_for_a_server(tmp_path: Path, machine: str) -> None:
    """By uv, which reads what the index says of each; pip would fetch all of them to say the same."""
    (tmp_path / "runtime.txt").write_text("\n".join(_runtime_lock()))
    _run(
        *(*UV, "compile", "--quiet", "--no-deps", "--python-platform", f"{machine}-manylinux_2_28"),
        *("--python-version", "3.11", "--only-binary", ":all:"),
        *(word for name in SOURCE_ONLY for word in ("--no-binary", name)),
        str(tmp_path / "runtime.txt"),
    )


def _page(url: str, server: subprocess.Popen[bytes], log: Path) -> bytes:
    """The page, once the server answers; no broker is there, and none is needed to start."""
    ends_s = time.monotonic() + 120  # a fresh environment compiles all that it imports, on cores that others use, too
    while time.monotonic() < ends_s and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                page: bytes = answer.read()
                return page
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no page from {server.args!r}:\n{log.read_text()[-3000:]}")


def _runtime_lock() -> list[str]:
    """The lines of the lock that [gateway] and [hub] need, directly or not."""
    needed = _needed_by("gateway", "hub")
    return [line for name, line in _lock().items() if name in needed]


def _lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {canonicalize_name(line.split("==")[0]): line for line in lines if "==" in line}


def _needed_by(*extras: str) -> set[str]:
    """The packages that these need, directly or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    queue = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    lock, wanted = _lock(), set[str]()
    while queue:
        need = Requirement(queue.pop())
        name = canonicalize_name(need.name)
        if name not in wanted and name in lock and (need.marker is None or need.marker.evaluate({"extra": ""})):
            wanted.add(name)
            queue += requires(name) or []
    return wanted


def _run(*command: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, env=clean, check=False, cwd="/")
    assert done.returncode == 0, (
        f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    )
    return done.stdout
