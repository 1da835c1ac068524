"""The store of the gateway: everything lies here on disk before it is acknowledged, until the hub says "committed"."""

from edge_gateway.outbox.lanes import Depth, Identity
from edge_gateway.outbox.outbox import Outbox

__all__ = ["Depth", "Identity", "Outbox"]
