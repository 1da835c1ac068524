"""What mosquitto is told: TLS, who may connect, who may say and hear what, and how much it keeps.

Rights are given by mosquitto's dynamic security plugin and not by an ACL file: the file answers a forbidden
subscription with "granted" and stays silent, the plugin answers "not authorized". Nobody holds the right to change them
while the broker runs: `access.json` is written here, and a restart makes it count. A restart also ends the connection
of whoever was revoked, which re-reading the list would leave open; gateways keep what they have and come back.
"""

import json
from collections.abc import Sequence
from typing import Any

from edge_gateway.contract import topics
from edge_gateway.contract.topics import CHANNELS, Address
from hub_backend.provisioning.register import HUB_BACKEND, Register

QUEUE_BYTES = 512_000_000  # what waits for a hub that is away: 30 vans for a week; gateways still hold it all
MESSAGE_BYTES = 65_536  # four times the largest batch


def configuration(register: Register, *, folder: str, plugin: str, bind: str | None = None) -> str:
    """`mosquitto.conf`: `folder` is where the bundle will lie on the broker's machine, `plugin` where the plugin is."""
    listener = f"listener {register.broker_port}" + (f" {bind}" if bind else "")
    return f"""# Written by buurtrit provision. For /etc/mosquitto/conf.d/; a change by hand is lost at the next run.
per_listener_settings false
{listener}
cafile {folder}/ca.pem
certfile {folder}/cert.pem
keyfile {folder}/key.pem
crlfile {folder}/revoked.pem
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {folder}/access.json
max_packet_size {MESSAGE_BYTES}
max_queued_messages 0
max_queued_bytes {QUEUE_BYTES}
max_inflight_messages 100
persistent_client_expiration 14d
persistence true
"""


def access(register: Register) -> str:
    """`access.json`: each gateway speaks and hears on its own topics alone; the backend hears them all, and answers."""
    up = [channel.leaf for channel in CHANNELS if channel.direction == "gateway to hub"]
    down = [channel.leaf for channel in CHANNELS if channel.direction == "hub to gateway"]
    clients: list[tuple[str, list[dict[str, Any]]]] = []
    for name, machine in register.gateways().items():
        address = Address(register.org, str(machine.hub), name)
        hears = [*_topics(address, down), topics.host(register.org)]
        clients.append((name, _rights(says=_topics(address, up), hears=hears)))
    everyone = [Address(register.org, hub, "+") for hub in register.hubs]
    says = [topic for address in everyone for topic in _topics(address, down)] + [topics.host(register.org)]
    hears = [topic for address in everyone for topic in _topics(address, up)]
    clients.append((HUB_BACKEND, _rights(says=says, hears=hears)))
    return json.dumps(
        {
            "defaultACLAccess": {
                "publishClientSend": False,
                "publishClientReceive": False,
                "subscribe": False,
                "unsubscribe": True,
            },
            "clients": [{"username": name, "roles": [{"rolename": name}]} for name, _ in clients],
            "groups": [],
            "roles": [{"rolename": name, "acls": rights} for name, rights in clients],
        },
        indent=1,
    )


def _topics(address: Address, leaves: Sequence[str]) -> list[str]:
    return [address.topic(leaf) for leaf in leaves]


def _rights(*, says: Sequence[str], hears: Sequence[str]) -> list[dict[str, Any]]:
    wanted = [("publishClientSend", topic) for topic in says]
    wanted += [(kind, topic) for topic in hears for kind in ("publishClientReceive", "subscribePattern")]
    return [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in wanted]
