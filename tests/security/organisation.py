"""A provisioned organisation and its real broker, for tests: every machine of it lives in this folder, on loopback."""

import queue
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_gateway.contract import tls
from hub_backend.provisioning import bundles
from hub_backend.provisioning.office import Office
from tests.edge_gateway.rig import can_connect, end, wait_until
from tests.free_port import free_port

NOW = datetime.now(UTC)
PATIENCE_S = 5
CONNECTING = 0


@dataclass
class Organisation:
    """`office` is opened anew for each act, as the command does."""

    folder: Path
    port: int

    @property
    def office(self) -> Office:
        return Office.open(self.folder, now=datetime.now(UTC), passphrase=None)


def founded(folder: Path, *vans: str) -> Organisation:
    port = free_port()
    office = Office.found(
        folder,
        org="buurenzo",
        hubs=["colmschate"],
        broker_addresses=["127.0.0.1"],
        broker_port=port,
        now=NOW,
        passphrase=None,
    )
    for van in vans:
        office.add(van, hub="colmschate", role="van", addresses=["127.0.0.1"])
    return Organisation(folder, port)


@contextmanager
def broker(organisation: Organisation) -> Iterator[None]:
    """mosquitto with the very configuration of the bundle, but for where its files lie."""
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    plugin = next(Path("/usr/lib").rglob("mosquitto_dynamic_security.so"), None)
    if binary is None or plugin is None:
        pytest.skip("no mosquitto with its dynamic security plugin on this machine (Debian: mosquitto)")
    bundle = organisation.folder / "broker"
    written = (bundle / "buurtrit.conf").read_text()
    here = written.replace(bundles.BROKER_INSTALLED, str(bundle)).replace(bundles.PLUGIN, str(plugin))
    file = bundle / "here.conf"
    file.write_text(f"{here}persistence_location {organisation.folder}/\nuser root\n")
    with subprocess.Popen([binary, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: can_connect(organisation.port))
            yield
        finally:
            end(process)


@dataclass
class Peer:
    """A client with the files of one bundle, that asks and says what the broker answered."""

    organisation: Organisation
    bundle: str
    received: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder = self.organisation.folder / self.bundle
        self._answers: queue.Queue[tuple[int, ReasonCode]] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{self.bundle}", protocol=paho.MQTTv5)
        context = tls.client_context(folder / "ca.pem", cert_file=folder / "cert.pem", key_file=folder / "key.pem")
        self.client.tls_set_context(context)
        self.client.on_connect = lambda _c, _d, _f, reason, _p: self._answers.put((CONNECTING, reason))
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self._answers.put((mid, reason))
        self.client.on_subscribe = lambda _c, _d, mid, reasons, _p: self._answers.put((mid, reasons[0]))
        self.client.on_disconnect = lambda _c, _d, _f, reason, _p: self._answers.put((CONNECTING, reason))
        self.client.on_message = lambda _c, _d, message: self.received.append(message.topic)

    def __enter__(self) -> "Peer":
        self.client.connect("127.0.0.1", self.organisation.port)
        self.client.loop_start()
        try:
            refused = self._answer(CONNECTING).is_failure
        except queue.Empty:
            refused = True
        if refused:
            self.client.loop_stop()
            raise ConnectionRefusedError(f"the broker does not let in {self.bundle}")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publishes(self, topic: str) -> str:
        """The broker's reason."""
        return str(self._answer(self.client.publish(topic, b"sealed", qos=1).mid))

    def subscribes(self, topic: str) -> str:
        """The broker's reason."""
        _, mid = self.client.subscribe([(topic, SubscribeOptions(qos=1))])
        assert mid is not None
        return str(self._answer(mid))

    def _answer(self, mid: int) -> ReasonCode:
        while True:
            answered, reason = self._answers.get(timeout=PATIENCE_S)
            if answered == mid:
                return reason
