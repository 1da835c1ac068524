"""What is measured: a real broker, a real hub with as many gateways as one likes, and what they cost."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_gateway.contract.sealing import Seal, new_key
from edge_gateway.contract.topics import Address
from hub_backend.simulator.broker import find_server
from tests.conftest import ROOT

ORG, HUB = "buurenzo", "colmschate"
PATIENCE_S = 120.0
BROKER = """listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 100
persistence true
persistence_location {folder}/
log_dest none
{user}
"""


class MissingError(Exception):
    """Something that a measurement needs is not on this machine."""


@dataclass(frozen=True)
class Used:
    """What a process has used: processor seconds, and memory now, in 10^6 bytes."""

    cpu_s: float
    rss_mb: float


class Process:
    """A program that was started; `what` names it."""

    def __init__(self, what: str, command: Sequence[str], *, log: Path, **environment: str) -> None:
        self.what = what
        self.log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=sink, stderr=sink
            )
        self.pid = self._process.pid

    def used(self) -> Used:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        rss_kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return Used(cpu_s, rss_kib * 1024 / 1e6)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        if not self.ended:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@dataclass(frozen=True)
class Gateway:
    """A gateway as the hub knows it."""

    address: Address
    key: str
    seal: Seal


@dataclass(frozen=True)
class Hub:
    """A hub that runs."""

    process: Process
    port: int
    folder: Path

    def ask(self, path: str, body: object = None) -> Any:
        return ask(self.port, path, body)


def ask(port: int, path: str, body: object = None, *, timeout_s: float = 30.0) -> Any:
    """The answer of a program's own page. Raises `OSError`, or `RuntimeError` when it is not 2xx."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{path}: {response.status} {answer[:200]!r}")
        return json.loads(answer)
    finally:
        connection.close()


class Ports:
    """Free ports of loopback from `first` on, or any when `first` is 0."""

    def __init__(self, first: int) -> None:
        self._next = first

    def take(self) -> int:
        while True:
            with socket.socket() as probe, suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", self._next))
                port = int(probe.getsockname()[1])
                self._next += bool(self._next)
                return port
            self._next += 1


def need(program: str) -> str:
    """Where a program of this machine is. Raises `MissingError`."""
    found = find_server(program) or shutil.which(program)
    if found is None:
        raise MissingError(f"no {program} on this machine (Debian: mosquitto, mosquitto-clients)")
    return found


def wait_until(claim: Callable[[], object], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.02) -> None:
    """Raises `TimeoutError` saying what did not come."""
    ends_s = time.monotonic() + within_s
    while True:
        with suppress(OSError, http.client.HTTPException, RuntimeError):
            if claim():
                return
        if time.monotonic() > ends_s:
            raise TimeoutError(f"{what}: not within {within_s:.0f} s")
        time.sleep(every_s)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def broker(folder: Path, ports: Ports) -> Iterator[int]:
    """A mosquitto with the limits of `buurtrit provision`; its port. Raises `MissingError`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = ports.take()
    config = folder / "mosquitto.conf"
    user = "user root" if os.geteuid() == 0 else ""
    config.write_text(BROKER.format(port=port, folder=folder, user=user))
    process = Process("mosquitto", [need("mosquitto"), "-c", str(config)], log=folder / "mosquitto.log")
    try:
        wait_until(lambda: listens(port), "mosquitto")
        yield port
    finally:
        process.end()


def gateways(count: int) -> list[Gateway]:
    """Vans `van-1` to `van-{count}`, each with a key of its own."""
    keys = [new_key() for _ in range(count)]
    return [Gateway(Address(ORG, HUB, f"van-{i}"), key, Seal(key)) for i, key in enumerate(keys, 1)]


@contextmanager
def hub(folder: Path, ports: Ports, *, broker_port: int, known: Sequence[Gateway], more: str = "") -> Iterator[Hub]:
    """The hub's own process on an empty SQLite record, connected to the broker."""
    folder.mkdir(parents=True, exist_ok=True)
    port = ports.take()
    vans = "".join(
        f'[gateways.{one.address.gateway}]\nhub = "{HUB}"\nrole = "van"\nkey = "{one.key}"\n' for one in known
    )
    config = folder / "hub.toml"
    config.write_text(
        f'org = "{ORG}"\nhubs = ["{HUB}"]\ndatabase_url = "sqlite:///{folder / "hub.sqlite"}"\n'
        f"mqtt_port = {broker_port}\nhttp_port = {port}\n{more}\n{vans}"
    )
    command = [sys.executable, "-m", "hub_backend", "--config", str(config), "--log-level", "warning"]
    process = Process("hub", command, log=folder / "hub.log")
    made = Hub(process, port, folder)
    try:
        wait_until(lambda: process.ended or made.ask("/api/health")["broker_connected"], "the hub")
        if process.ended:
            raise RuntimeError(f"the hub ended: {process.log.read_text()[-500:]}")
        yield made
    finally:
        process.end()
