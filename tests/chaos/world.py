"""The world that is broken: a broker, the hub, vans with a scanner node each, and relays between all of them."""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.sealing import new_key
from hub_backend.simulator.node import HEAP, twin_program
from tests.chaos.disk import Disks
from tests.chaos.relay import Relay
from tests.chaos.serial_relay import SerialRelay
from tests.conftest import ROOT
from tests.edge_gateway.conftest import Mosquitto
from tests.edge_gateway.rig import START_S
from tests.free_port import free_port

VANS = ("van-1", "van-2")
VAN_MB = 48
START_PATIENCE_S = 90.0  # machine, when both cores are busy
NEVER_S = START_S + 30 * 86400


@dataclass
class Program:
    """A process that can be killed and started again on the same files. `kills` counts SIGKILLs."""

    name: str
    command: Sequence[str]
    port: int
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    kills: int = 0

    def start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(self.command, cwd=ROOT, env=os.environ, stdout=sink, stderr=sink)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.kills += 1

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def ask(self, path: str, body: object = None, *, timeout_s: float = 5.0) -> Any:
        """Raises `OSError`, or `http.client.HTTPException`, when there is no answer, `Refused` when it is a no."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            data = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status >= 300:
                raise RefusedError(f"{self.name} {path}: {response.status} {answer[:200]!r}")
            return json.loads(answer)
        finally:
            connection.close()

    def is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class RefusedError(Exception):
    """An answer that is not 2xx."""


@dataclass
class Node:
    """A scanner node on real MicroPython, with its flash in a file. Ticks count from when it was started."""

    command: Sequence[str]
    line: SerialRelay
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    began_s: float = 0.0
    kills: int = 0

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, stdin=subprocess.PIPE, stdout=sink, stderr=sink, pass_fds=[self.line.node]
            )
        self.began_s = time.monotonic()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.kills += 1

    end = kill

    def scan(self, code: str) -> None:
        """Raises `OSError` when the node is dead."""
        self._say(f"scan={(']C1' + code).encode().hex()}")

    def _say(self, surroundings: str) -> None:
        process = self.process
        if process is None or process.stdin is None:
            raise BrokenPipeError
        ticks_ms = round((time.monotonic() - self.began_s) * 1000)
        process.stdin.write(f"{ticks_ms} {surroundings}".rstrip().encode() + b"\n")
        process.stdin.flush()


@dataclass
class Van:
    """A gateway, its node, its clock, its line to the broker, and its disk."""

    name: str
    gateway: Program
    node: Node
    clock: ClockPage
    uplink: Relay
    disk: Path


@dataclass
class World:
    """All of it. `folder` holds every file and log."""

    folder: Path
    broker: Mosquitto
    hub: Program
    hub_clock: ClockPage
    hub_line: Relay
    vans: list[Van]
    random: random.Random
    database: "Database"
    broker_kills: int = 0
    started_s: float = field(default_factory=time.monotonic)

    def kill_broker(self) -> None:
        self.broker.kill()
        self.broker_kills += 1

    def start_broker(self) -> None:
        if not self.broker.is_running:
            self.broker.start()

    @property
    def kills(self) -> int:
        programs = [self.hub, *(van.gateway for van in self.vans), *(van.node for van in self.vans)]
        return sum(one.kills for one in programs) + self.broker_kills + self.database.kills

    def pause(self, pause_s: float) -> None:
        time.sleep(pause_s)

    def say(self, words: str) -> None:
        print(f"  {time.monotonic() - self.started_s:6.1f} s  {words}", flush=True)  # noqa: T201 - progress


class Database:
    """Where the record is: a SQLite file, which has no process to kill. All its files are on `disk`."""

    kills = 0

    def __init__(self, url: str, disk: Path) -> None:
        self.url = url
        self.disk = disk

    @property
    def is_server(self) -> bool:
        return False

    def kill(self) -> None:
        """Nothing to kill."""

    def start(self) -> None:
        """Nothing to start."""

    def is_up(self) -> bool:
        return True


@contextmanager
def sqlite(disk: Path) -> Iterator[Database]:
    """A SQLite file on this disk."""
    disk.mkdir(parents=True, exist_ok=True)
    yield Database(f"sqlite:///{disk / 'hub.sqlite'}", disk)


def wait_until(claim: Callable[[], object], what: str, *, within_s: float = START_PATIENCE_S) -> None:
    """Raises `TimeoutError` saying what did not come."""
    ends_s = time.monotonic() + within_s
    while True:
        with suppress(OSError, http.client.HTTPException, RefusedError):
            if claim():
                return
        if time.monotonic() > ends_s:
            raise TimeoutError(f"{what}: not within {within_s:.0f} s")
        time.sleep(0.05)


@contextmanager
def world(
    folder: Path,
    *,
    seed: int,
    database: Database,
    gateway_program: Sequence[str] = ("-m", "edge_gateway"),
    hub_program: Sequence[str] = ("-m", "hub_backend"),
    disks: Disks | None = None,
) -> Iterator[World]:
    """Everything started and connected. The programs are what Python runs: a mutant's is a script."""
    choice = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    broker = Mosquitto(folder)
    broker.start()
    hub_line = Relay(broker.port)
    keys = {name: new_key() for name in VANS}
    hub_clock = _clock(folder / "hub.clock")
    hub = _hub(folder, hub_program, hub_line.port, keys, database.url)
    vans = [
        _van(
            folder,
            name,
            program=gateway_program,
            broker_port=broker.port,
            key=keys[name],
            disks=disks,
            noise=random.Random(choice.random()),
        )
        for name in VANS
    ]
    made = World(folder, broker, hub, hub_clock, hub_line, vans, choice, database)
    try:
        hub.start()
        for van in vans:
            van.gateway.start()
            van.node.start()
        wait_until(hub.is_up, "the hub's door")
        for van in vans:
            wait_until(lambda van=van: van.gateway.ask("/api/health")["hub_connected"], f"{van.name}'s line")  # type: ignore[misc]
        yield made
    finally:
        for program in [hub, *(van.gateway for van in vans), *(van.node for van in vans)]:
            program.end()
        for van in vans:
            van.uplink.close()
            van.node.line.close()
        hub_line.close()
        broker.stop()


def _clock(page: Path) -> ClockPage:
    """Shows the machine's own time until it is stepped."""
    clock = ClockPage(page, start_s=START_S)
    clock.run(world_s=time.time(), rate=1.0, limit_s=NEVER_S + 10 * 365 * 86400)
    return clock


def _hub(folder: Path, program: Sequence[str], mqtt_port: int, keys: dict[str, str], url: str) -> Program:
    port = free_port()
    gateways = "".join(
        f'[gateways.{name}]\nhub = "colmschate"\nrole = "van"\nkey = "{key}"\n' for name, key in keys.items()
    )
    config = folder / "hub.toml"
    config.write_text(
        f'org = "buurenzo"\nhubs = ["colmschate"]\ndatabase_url = "{url}"\nmqtt_port = {mqtt_port}\n'
        f'http_port = {port}\nclock_page = "{folder / "hub.clock"}"\n{gateways}'
    )
    command = [sys.executable, *program, "--config", str(config), "--log-level", "warning"]
    return Program("hub", command, port, folder / "hub.log")


def _van(
    folder: Path,
    name: str,
    *,
    program: Sequence[str],
    broker_port: int,
    key: str,
    disks: Disks | None,
    noise: random.Random,
) -> Van:
    port, uplink = free_port(), Relay(broker_port)
    disk = folder / name
    disk.mkdir()
    if disks is not None:
        disks(disk, size_mb=VAN_MB)
    page = folder / f"{name}.clock"
    clock = _clock(page)
    line = SerialRelay(folder / f"{name}-scanner", random=noise)
    config = folder / f"{name}.toml"
    config.write_text(
        f'org = "buurenzo"\nhub = "colmschate"\ngateway = "{name}"\nrole = "van"\nkey = "{key}"\n'
        f'mqtt_host = "127.0.0.1"\nmqtt_port = {uplink.port}\nhttp_port = {port}\ndata_dir = "{disk}"\n'
        f'clock_page = "{page}"\ntelemetry_commit_s = 0.2\ncommitted_timeout_s = 1.0\nnode_silence_s = 2.0\n'
        f'[[nodes]]\nname = "scanner"\nkind = "scanner"\nport = "{line.path}"\n'
    )
    gateway = Program(name, [sys.executable, *program, "--config", str(config)], port, folder / f"{name}.log")
    settings = folder / f"{name}-scanner.json"
    settings.write_text(json.dumps({"name": "scanner", "kind": "scanner"}))
    command = [sys.executable, "-m", "micropython_unix", "-X", HEAP, str(twin_program()), "--uart-fd", str(line.node)]
    command += ["--flash", str(folder / f"{name}-scanner.flash"), "--config", str(settings)]
    return Van(name, gateway, Node(command, line, folder / f"{name}-scanner.log"), clock, uplink, disk)
