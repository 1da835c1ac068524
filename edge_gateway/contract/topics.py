"""The MQTT topics between gateways and their hub: `buurtrit/v1/{org}/{hub}/{gateway}/{leaf}`.

Organisation and hub come first, so that hubs are the shards of a large broker and an ACL is one prefix a gateway.
"""

from dataclasses import dataclass
from typing import Literal, Self

from edge_gateway.contract import messages

ROOT = "buurtrit/v1"

EVENTS = "up/events"
PRESENCE = "up/presence"
COMMITTED = "down/committed"
PLAN = "down/plan"


@dataclass(frozen=True)
class Channel:
    """What one leaf carries, and how."""

    leaf: str
    direction: Literal["gateway to hub", "hub to gateway"]
    messages: tuple[type, ...]
    retain: bool
    purpose: str
    qos: int = 1


CHANNELS = (
    Channel(EVENTS, "gateway to hub", (messages.EventBatch,), retain=False, purpose="up to 50 events of one lane"),
    Channel(
        PRESENCE,
        "gateway to hub",
        (messages.Presence,),
        retain=True,
        purpose="the gateway is there; as its last will: it is not",
    ),
    Channel(
        COMMITTED,
        "hub to gateway",
        (messages.Committed,),
        retain=False,
        purpose="the only word on which a gateway deletes; is one lost, the batch comes again and so does the word",
        qos=0,
    ),
    Channel(
        PLAN,
        "hub to gateway",
        (messages.VanPlan, messages.HubManifest),
        retain=True,
        purpose="the day as it now stands; the gateway answers with a `plan_received` event",
    ),
)

HOST = Channel(
    "host",
    "hub to gateway",
    (messages.HostState,),
    retain=True,
    purpose="the backend is there; as its last will: it is not. One for an organisation, and the only one not sealed",
)


def host(org: str) -> str:
    """The organisation's `HOST` channel."""
    return f"{ROOT}/{org}/{HOST.leaf}"


@dataclass(frozen=True)
class Address:
    """Where a gateway lives: organisation, hub and its own name (`[a-z0-9-]+`)."""

    org: str
    hub: str
    gateway: str

    def topic(self, leaf: str) -> str:
        return f"{ROOT}/{self.org}/{self.hub}/{self.gateway}/{leaf}"

    @classmethod
    def of_topic(cls, topic: str) -> tuple[Self, str]:
        """The address and the leaf of a topic. Raises `ValueError` for a topic that is not ours."""
        parts = topic.split("/", 5)
        if len(parts) != 6 or "/".join(parts[:2]) != ROOT:
            raise ValueError(f"topic: {topic!r} is not {ROOT}/org/hub/gateway/leaf")
        return cls(*parts[2:5]), parts[5]


def every(leaf: str, *, org: str = "+", hub: str = "+") -> str:
    """The subscription to `leaf` of every gateway."""
    return f"{ROOT}/{org}/{hub}/+/{leaf}"
