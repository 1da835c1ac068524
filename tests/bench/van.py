"""A real gateway with serial lines for its inputs, as it sits in a van."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub_backend.simulator.ptys import Line
from tests.bench.world import HUB, ORG, Gateway, Ports, Process, ask, wait_until


@dataclass(frozen=True)
class Van:
    """A gateway that runs; `lines` by the name of what hangs on them: gps, can, scanner, cooler."""

    process: Process
    port: int
    lines: dict[str, Line]

    def ask(self, path: str, body: object = None) -> object:
        return ask(self.port, path, body)


@contextmanager
def van(folder: Path, ports: Ports, *, broker_port: int, who: Gateway, inputs: tuple[str, ...]) -> Iterator[Van]:
    """Started, and connected to the broker."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = {name: Line(folder / "tty" / name) for name in inputs}
    port = ports.take()
    settings = {
        "gps": 'gps = "nmea:{}"\n',
        "can": 'vehicle_can = "slcan:{}"\n',
        "scanner": '[[scanners]]\nname = "hand"\ndevice = "serial:{}"\n',
        "cooler": '[[nodes]]\nname = "cooler"\nkind = "cooler"\nport = "{}"\n',
    }
    config = folder / "gateway.toml"
    config.write_text(
        f'org = "{ORG}"\nhub = "{HUB}"\ngateway = "{who.address.gateway}"\nrole = "van"\nkey = "{who.key}"\n'
        f'mqtt_host = "127.0.0.1"\nmqtt_port = {broker_port}\nhttp_port = {port}\ndata_dir = "{folder}"\n'
        + "".join(words.format(lines[name].path) for name, words in settings.items() if name in lines)
    )
    process = Process("gateway", [sys.executable, "-m", "edge_gateway", "--config", str(config)], log=folder / "log")
    made = Van(process, port, lines)
    try:
        wait_until(lambda: process.ended or ask(port, "/api/health")["hub_connected"], "the gateway")
        if process.ended:
            raise RuntimeError(f"the gateway ended: {process.log.read_text()[-500:]}")
        yield made
    finally:
        process.end()
        for line in lines.values():
            line.close()


def send(line: Line, data: bytes) -> None:
    """All of it, waiting for a reader that is behind."""
    os.set_blocking(line.device, True)
    try:
        os.write(line.device, data)
    finally:
        os.set_blocking(line.device, False)
