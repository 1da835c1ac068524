"""The MQTT broker of the demo: Debian's mosquitto when it is there, else the one that pip installs. Loopback only."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

PLACES = (Path("/usr/sbin"), Path("/usr/local/sbin"))

MOSQUITTO = """# written by buurtrit demo: loopback, no persistence, and room for all that waits
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 100
log_dest stderr
log_type error
log_type warning
"""

IOTCORE = """id = 0

[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 500
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 262144
    max_inflight_count = 200
"""


@dataclass(frozen=True)
class Broker:
    """How to start the broker, and what to tell the reader about it."""

    command: tuple[str, ...]
    words: str


def find_server(name: str) -> str | None:
    """A server of this machine; Debian puts it where the path of an ordinary user does not look.

    None when there is none, or when `BUURTRIT_DEMO_SERVERS=none` asks to leave this machine's servers alone.
    """
    if os.environ.get("BUURTRIT_DEMO_SERVERS") == "none":
        return None
    return shutil.which(name) or next((str(place / name) for place in PLACES if (place / name).exists()), None)


def choose_broker(*, port: int, config_dir: Path, mosquitto: str | None) -> Broker:
    """Writes the broker's own configuration. `mosquitto` None: the embedded one."""
    if mosquitto is not None:
        config = config_dir / "mosquitto.conf"
        config.write_text(MOSQUITTO.format(port=port))
        return Broker((mosquitto, "-c", str(config)), f"Debian's mosquitto ({mosquitto})")
    config = config_dir / "iotcore.toml"
    config.write_text(IOTCORE.format(port=port))
    command = (sys.executable, "-P", "-m", "iotcore", "--config", str(config), "--log-level", "ERROR")
    return Broker(command, "the embedded broker (iotcore)")
