"""The wheel installs and starts on its own, with the gateway's or the hub's dependencies and nothing else."""

import os
import re
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
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")

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
    wheel: Path, tmp_path: Path, extra: str, settings: str, absent: set[str]
) -> None:
    venv.create(tmp_path / "alone")
    pip = (sys.executable, "-m", "pip", "--python", str(tmp_path / "alone/bin/python"))
    lock = ROOT / "requirements.lock"
    quietly = ("--quiet", "--no-compile")  # compiling the solvers' packages takes longer than this whole test
    _run(*pip, "install", *quietly, "-c", str(lock), f"buurtrit[{extra}] @ file://{wheel}")
    listed = _run(*pip, "list", "--format", "freeze")
    installed = {canonicalize_name(line.split("==")[0]) for line in listed.splitlines()}
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
    python = str(tmp_path / "bare/bin/python")
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(wheel))
    done = subprocess.run(
        [tmp_path / "bare/bin/buurtrit", "hub", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is not installed" in done.stderr


def test_every_runtime_dependency_has_a_wheel_for_the_pi(tmp_path: Path) -> None:
    locked = [line for line in _runtime_lock() if canonicalize_name(re.split("[=;]", line)[0]) not in SOURCE_ONLY]
    (tmp_path / "runtime.txt").write_text("\n".join(locked))
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"),
        *("--target", str(tmp_path / "nowhere"), *platforms, "--python-version", "3.11", "--only-binary=:all:"),
        *("-r", str(tmp_path / "runtime.txt")),
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
    lock = {
        canonicalize_name(line.split("==")[0]): line
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [
        *extras["dependencies"],
        *extras["optional-dependencies"]["gateway"],
        *extras["optional-dependencies"]["hub"],
    ]
    wanted: set[str] = set()
    queue = [canonicalize_name(Requirement(text).name) for text in asked]
    while queue:
        name = queue.pop()
        if name in wanted or name not in lock:
            continue
        wanted.add(name)
        needs = (Requirement(text) for text in requires(name) or [])
        queue += [canonicalize_name(n.name) for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})]
    return [lock[name] for name in sorted(wanted)]


def _run(*command: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, env=clean, check=False, cwd="/")
    assert done.returncode == 0, (
        f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    )
    return done.stdout
