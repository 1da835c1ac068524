"""The demo's installation: settings written, broker, nodes, receivers, hub and gateways started as they are in service.

Everything is a process of its own on loopback. Comes in: where to run, which ports, which map, which clock. Goes out:
the addresses of the pages and the handles of what the world may touch.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from edge_gateway.contract.sealing import new_key
from hub_backend.simulator.broker import choose_broker, find_server
from hub_backend.simulator.errors import DemoError
from hub_backend.simulator.node import Kind, Node, start_node
from hub_backend.simulator.processes import Processes
from hub_backend.simulator.ptys import Line
from hub_backend.simulator.receiver import Receiver, start_receiver
from hub_backend.simulator.relay import Relay

ORG = "buurenzo"
NODES: Mapping[str, Sequence[tuple[str, Kind]]] = {
    "van": (("cooler", "cooler"), ("scanner", "scanner"), ("shunt", "shunt")),
    "hub": (("fridge", "cooler"), ("scanner", "scanner")),
}
READY_S = 60.0  # machine
CONNECTED_S = 30.0  # machine


@dataclass(frozen=True)
class Blueprint:
    """What is to be installed. `vans`: van to hub. `fix_timeout_s` and `poll_s` go with how fast the world runs.

    `own_clocks`: gateways with a clock page of their own. `relayed`: gateways whose line to the broker can be cut.
    """

    run_dir: Path
    port: int
    hubs: tuple[str, ...]
    vans: Mapping[str, str]
    clock_page: Path
    began_s: float
    map_dir: Path | None
    fix_timeout_s: float
    position_period_s: float = 5.0
    standing_period_s: float = 30.0
    nodes: bool = True
    own_clocks: Mapping[str, Path] = field(default_factory=dict)
    relayed: frozenset[str] = frozenset()
    mosquitto: str | None = field(default_factory=lambda: find_server("mosquitto"))
    gpsd: str | None = field(default_factory=lambda: find_server("gpsd"))


@dataclass
class Installation:
    """What runs. `pages` are base URLs by gateway."""

    processes: Processes
    hub_url: str
    pages: dict[str, str]
    nodes: dict[str, Node]
    receivers: dict[str, Receiver]
    buses: dict[str, Line]
    words: list[str]
    keys: dict[str, str] = field(default_factory=dict)
    hubs: dict[str, str] = field(default_factory=dict)
    """Each gateway's hub."""
    relays: dict[str, Relay] = field(default_factory=dict)
    mqtt_port: int = 0

    async def close(self) -> None:
        for relay in self.relays.values():
            await relay.close()

    def behind(self) -> int:
        """Bytes that somebody has still to read."""
        nodes = sum(node.behind() for node in self.nodes.values())
        receivers = sum(receiver.behind() for receiver in self.receivers.values())
        return nodes + receivers + sum(bus.unread() for bus in self.buses.values())

    def who_is_behind(self) -> str:
        unread = {name: node.behind() for name, node in self.nodes.items()}
        unread |= {f"{name} gps": receiver.behind() for name, receiver in self.receivers.items()}
        unread |= {f"{name} bus": bus.unread() for name, bus in self.buses.items()}
        return ", ".join(f"{name} {count} B" for name, count in unread.items() if count) or "nobody"

    def flush(self) -> None:
        for node in self.nodes.values():
            node.flush()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_ports(ports: Iterable[int]) -> None:
    """Raises `DemoError` naming every port that is taken."""
    taken = []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(str(port))
    if taken:
        raise DemoError(f"port {', '.join(taken)} in use: stop what runs there, or take others with --port")


def toml(table: Mapping[str, object]) -> str:
    """A flat table as TOML, sub-tables and arrays of tables at the end; None is left out."""
    plain, nested = [], []
    for key, value in table.items():
        if isinstance(value, Mapping):
            nested += [f"[{key}.{json.dumps(name)}]\n{toml(sub)}" for name, sub in value.items()]
        elif isinstance(value, list):
            nested += [f"[[{key}]]\n{toml(entry)}" for entry in value]
        elif value is not None:
            text = str(value) if isinstance(value, Path) else value
            plain.append(f"{key} = {json.dumps(text, ensure_ascii=False)}\n")
    return "".join([*plain, *nested])


def gateways_of(blueprint: Blueprint) -> dict[str, tuple[str, str, int]]:
    """Each gateway's hub, role and page port: the vans first, from the port after the hub's."""
    named = [(van, hub, "van") for van, hub in blueprint.vans.items()]
    if blueprint.nodes:
        named += [(f"hub-{hub}", hub, "hub") for hub in blueprint.hubs]
    return {name: (hub, role, blueprint.port + 1 + place) for place, (name, hub, role) in enumerate(named)}


async def install(blueprint: Blueprint, processes: Processes) -> Installation:
    """Start everything and wait until all of it answers. Raises `DemoError`."""
    gateways = gateways_of(blueprint)
    check_ports([blueprint.port, *(port for _, _, port in gateways.values())])
    run = blueprint.run_dir
    mqtt_port = free_port()
    broker = choose_broker(port=mqtt_port, config_dir=run, mosquitto=blueprint.mosquitto)
    gps = f"Debian's gpsd ({blueprint.gpsd})" if blueprint.gpsd else "NMEA straight to the gateways (no gpsd here)"
    processes.start("broker", broker.command)
    await _listening("broker", mqtt_port, processes)
    keys = {name: new_key() for name in gateways}
    done = Installation(
        processes,
        f"http://127.0.0.1:{blueprint.port}",
        {name: f"http://127.0.0.1:{port}" for name, (_, _, port) in gateways.items()},
        {},
        {},
        {},
        [f"broker: {broker.words}", f"positions: {gps}", "record and series: SQLite"],
        keys=keys,
        hubs={name: hub for name, (hub, _, _) in gateways.items()},
        mqtt_port=mqtt_port,
    )
    for name in sorted(blueprint.relayed & gateways.keys()):
        done.relays[name] = Relay(mqtt_port)
        await done.relays[name].start()
    _start_hub(blueprint, processes, gateways, keys, mqtt_port)
    for name, (hub, role, port) in gateways.items():
        _start_inputs(blueprint, done, name, role)
        settings = _gateway_settings(blueprint, done, name, role)
        line = done.relays[name].port if name in done.relays else mqtt_port
        settings |= {"hub": hub, "http_port": port, "mqtt_port": line, "key": keys[name]}
        config = run / f"{name}.toml"
        config.write_text(toml(settings))
        processes.start(name, [sys.executable, "-m", "edge_gateway", "--config", str(config)])
    await _all_ready(done)
    return done


def _start_hub(
    blueprint: Blueprint,
    processes: Processes,
    gateways: Mapping[str, tuple[str, str, int]],
    keys: Mapping[str, str],
    mqtt_port: int,
) -> None:
    run = blueprint.run_dir
    settings: dict[str, object] = {
        "org": ORG,
        "hubs": None,
        "database_url": f"sqlite:///{run / 'hub.sqlite'}",
        "mqtt_port": mqtt_port,
        "http_port": blueprint.port,
        "clock_page": blueprint.clock_page,
        "map_dir": blueprint.map_dir,
        "poll_s": 0.05,
        "gateways": {name: {"hub": hub, "role": role, "key": keys[name]} for name, (hub, role, _) in gateways.items()},
    }
    config = run / "hub.toml"
    config.write_text(f"hubs = {json.dumps(list(blueprint.hubs))}\n" + toml(settings))
    processes.start("hub", [sys.executable, "-m", "hub_backend", "--config", str(config)])


def _start_inputs(blueprint: Blueprint, done: Installation, name: str, role: str) -> None:
    run = blueprint.run_dir
    if blueprint.nodes:
        for node, kind in NODES[role]:
            started = start_node(
                done.processes, name=node, kind=kind, gateway=name, run_dir=run, began_s=blueprint.began_s
            )
            done.nodes[started.source] = started
    if role == "van":
        done.receivers[name] = start_receiver(
            done.processes, van=name, run_dir=run, gpsd=blueprint.gpsd, port=free_port()
        )
        if blueprint.nodes:
            done.buses[name] = Line(run / "tty" / f"{name}-can")


def _gateway_settings(blueprint: Blueprint, done: Installation, name: str, role: str) -> dict[str, object]:
    data_dir = blueprint.run_dir / name
    data_dir.mkdir(exist_ok=True)
    bus = done.buses.get(name)
    receiver = done.receivers.get(name)
    return {
        "org": ORG,
        "gateway": name,
        "role": role,
        "mqtt_host": "127.0.0.1",
        "data_dir": data_dir,
        "clock_page": blueprint.own_clocks.get(name, blueprint.clock_page),
        "gps": None if receiver is None else receiver.url,
        "fix_timeout_s": blueprint.fix_timeout_s,
        "position_period_s": blueprint.position_period_s,
        "standing_period_s": blueprint.standing_period_s,
        "vehicle_can": None if bus is None else f"slcan:{bus.path}",
        "vehicle_asks": bus is not None,
        "nodes": [
            {"name": node.name, "port": str(node.line.path), "kind": node.kind}
            for node in done.nodes.values()
            if node.gateway == name
        ],
    }


async def _listening(name: str, port: int, processes: Processes) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        processes.check()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise DemoError(f"{name}: does not listen on port {port} after {READY_S:.0f} s")


async def _all_ready(done: Installation) -> None:
    async with httpx.AsyncClient(timeout=5.0) as client:
        urls = {"hub": done.hub_url, **done.pages}
        deadline = time.monotonic() + READY_S
        for name, url in urls.items():
            while not await _answers(client, f"{url}/api/health"):
                done.processes.check()
                if time.monotonic() > deadline:
                    raise DemoError(f"{name}: no answer on {url}/api/health after {READY_S:.0f} s, see its log")
                await asyncio.sleep(0.1)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False
