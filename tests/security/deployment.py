"""The hub's backend and gateways as processes with the very files of their bundles, on this machine."""

import http.client
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from hub_backend.provisioning import bundles
from tests.conftest import ROOT
from tests.edge_gateway.rig import can_connect, end, wait_until
from tests.free_port import free_port
from tests.security.organisation import Organisation


@dataclass
class Served:
    """A process and the door of its pages; `context` None for plain HTTP."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    context: ssl.SSLContext | None = None

    def ask(self, path: str, body: object = None) -> Any:
        if self.context is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.context)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def hub(organisation: Organisation, work: Path) -> Iterator[Served]:
    """The backend; its record stays in `work` from one start to the next."""
    bundle = organisation.folder / "hub.backend"
    port = free_port()
    settings = (bundle / "hub.toml").read_text().replace(bundles.INSTALLED, str(bundle))
    settings = settings.replace("sqlite:////var/lib/buurtrit/", f"sqlite:///{work}/")
    (bundle / "here.toml").write_text(f"{settings}http_port = {port}\n")
    with _served("hub_backend", bundle / "here.toml", port, work) as process:
        yield process


@contextmanager
def gateway(
    organisation: Organisation, name: str, work: Path, *, tablet: str | None = None, changes: str = ""
) -> Iterator[Served]:
    """A gateway, its page over HTTPS as that tablet sees it; its outbox stays in `work`."""
    bundle = organisation.folder / name
    port = free_port()
    installed = (bundle / "identity.toml").read_text().replace(bundles.INSTALLED, str(bundle))
    (bundle / "here-identity.toml").write_text(installed)
    (bundle / "here.toml").write_text(
        f'identity_file = "here-identity.toml"\ndata_dir = "{work}/{name}"\nhttp_port = {port}\nhttp_host = "0.0.0.0"\n'
        f"telemetry_commit_s = 0.05\ncommitted_timeout_s = 1.0\n{changes}"
    )
    (work / name).mkdir(exist_ok=True)
    with _served("edge_gateway", bundle / "here.toml", port, work) as process:
        process.context = None if tablet is None else tablet_context(organisation, tablet, work)
        yield process


def tablet_context(organisation: Organisation, tablet: str, work: Path) -> ssl.SSLContext:
    """A browser that has imported the tablet's file."""
    folder = organisation.folder / tablet
    password = (folder / "password.txt").read_text().strip().encode()
    key, certificate, _ = pkcs12.load_key_and_certificates((folder / "tablet.p12").read_bytes(), password)
    assert key is not None and certificate is not None
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    file = work / f"{tablet}.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(organisation.folder / "ca.pem")
    context.load_cert_chain(file)
    return context


@contextmanager
def _served(module: str, config: Path, port: int, work: Path) -> Iterator[Served]:
    log = work / f"{module}-{port}.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--config", str(config)],
            cwd=ROOT,
            env=os.environ,
            stdout=lines,
            stderr=lines,
        )
    try:
        wait_until(lambda: process.poll() is not None or can_connect(port), within_s=60)
        assert process.poll() is None, log.read_text()
        yield Served(process, port, log)
    finally:
        end(process)
