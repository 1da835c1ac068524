"""What comes back to a hub: when a van is home, its hub is told what it took along and has not handed over.

A manifest is made with a plan, and a plan is made before the vans are loaded. Comes in: a van's tour events. Goes out:
the hub's manifest, made anew.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, HubManifest, Tour, decode_downlink
from hub_backend.dispatching.compact import encoded
from hub_backend.kit import Kit
from hub_backend.projections.follower import CannotTakeError, Follower, Received
from hub_backend.record import DownlinkRow, OrderRow, ParcelRow, VanRow
from hub_backend.shown import Change
from hub_backend.stop_ref import is_depot_stop


class ComeBack(Follower):
    """The follower that keeps `HubManifest.out` true."""

    name = "come_back"
    kinds: frozenset[type[AnyEvent]] = frozenset({Tour})

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        event = received.event
        if not isinstance(event, Tour):
            raise CannotTakeError("kind", "not a tour")
        van = session.get(VanRow, received.gateway)
        if van is not None and _is_at_hub(event):
            for name, gateway in self._kit.settings.gateways.items():
                if gateway.role == "hub" and gateway.hub == van.hub:
                    self._tell(session, name)
        return []

    def _tell(self, session: Session, gateway: str) -> None:
        row = session.get(DownlinkRow, gateway)
        if row is None:
            return
        manifest = decode_downlink.decode(row.body.encode())
        if not isinstance(manifest, HubManifest):
            return
        out = _out(session, manifest)
        if out == manifest.out:
            return
        row.body = encoded(msgspec.structs.replace(manifest, out=out, made_s=self._kit.clock.now_s())).decode()
        row.sent_s = None


def _is_at_hub(tour: Tour) -> bool:
    at_depot = tour.phase == "arrived" and tour.stop is not None and is_depot_stop(tour.stop)
    return at_depot or tour.phase in ("back_at_hub", "ended")


def _out(session: Session, manifest: HubManifest) -> dict[str, float]:
    """Of the manifest's parcels, those in a van and since when."""
    of_this_hub = {parcel.code for parcel in manifest.parcels}
    loaded = (
        select(ParcelRow.code, ParcelRow.changed_s)
        .join(OrderRow, OrderRow.id == ParcelRow.order)
        .where(OrderRow.day == manifest.day, ParcelRow.direction == "deliver", ParcelRow.state == "loaded")
        .order_by(ParcelRow.code)
    )
    return {code: since_s for code, since_s in session.execute(loaded) if code in of_this_hub and since_s is not None}
