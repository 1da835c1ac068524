"""What every part of the hub is handed: its settings, the world's clock, the record and the live stream."""

from dataclasses import dataclass, field
from typing import Protocol

from edge_gateway.contract.clock import Clock
from hub_backend.live import Live
from hub_backend.refused_requests import RefusedRequests
from hub_backend.settings import Settings
from hub_backend.store import Store


@dataclass(frozen=True)
class Kit:
    """The hub's shared things, made once by `app.build`."""

    settings: Settings
    clock: Clock
    store: Store
    live: Live
    refused: RefusedRequests = field(default_factory=RefusedRequests)


class Part(Protocol):
    """Something of the hub that runs beside the web server: ingest, followers, dispatch, downlink."""

    def start(self) -> None:
        """Starts its threads; must return at once."""
        ...

    def stop(self) -> None:
        """Stops them, within about two seconds."""
        ...
