"""The MQTT topics between gateways and their hub: `buurtrit/v1/{org}/{hub}/{gateway}/{leaf}`.

Organisation and hub come first, so that hubs are the shards of a large broker and an ACL is one prefix a gateway.
"""

from dataclasses import dataclass
from typing import Self

ROOT = "buurtrit/v1"

EVENTS = "up/events"  # gateway -> hub, QoS 1: an EventBatch
PRESENCE = "up/presence"  # gateway -> hub, QoS 1, retained, also the last will: a Presence
COMMITTED = "down/committed"  # hub -> gateway, QoS 1: a Committed
PLAN = "down/plan"  # hub -> gateway, QoS 1, retained: a VanPlan or a HubManifest


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
