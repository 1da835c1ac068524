"""What goes down to the gateways: for each van its day, for each hub what it takes in.

Comes in: how the day stands and the plan that holds. Goes out: one message a gateway, kept in the record until that
gateway has said that it holds it, sent retained so that a gateway which was away finds it.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Downlink, PlanReceived
from edge_gateway.contract.topics import PLAN
from hub_backend.dispatching.compact import encoded
from hub_backend.dispatching.day.standing import Standing
from hub_backend.dispatching.plan_messages import hub_manifest, van_plan
from hub_backend.dispatching.plans import PlanBody
from hub_backend.kit import Kit
from hub_backend.projections.follower import CannotTakeError, Follower, Received
from hub_backend.record import DownlinkRow, PlanRow, SupplierRow, VisitRow
from hub_backend.shown import Change

ALL = select(DownlinkRow).order_by(DownlinkRow.gateway)
UNSENT = ALL.where(DownlinkRow.sent_s.is_(None))


class Sender(Protocol):
    """Sends one sealed message to one gateway, QoS 1: `mqtt.Mqtt`."""

    def send(self, gateway: str, leaf: str, payload: bytes, *, retain: bool = False) -> None: ...


class Downlinks:
    """Keeps the newest message for each gateway and sends it until the gateway says that it holds it."""

    def __init__(self, kit: Kit, sender: Sender) -> None:
        self._kit = kit
        self._sender = sender

    def write(self, session: Session, standing: Standing, row: PlanRow, body: PlanBody) -> list[str]:
        """Keep what this plan means for each gateway; gives the gateways' names."""
        visits = session.scalars(select(VisitRow).where(VisitRow.day == row.day).order_by(VisitRow.t_s)).all()
        suppliers = {supplier.id: supplier.name for supplier in session.scalars(select(SupplierRow))}
        written = []
        for name, gateway in self._kit.settings.gateways.items():
            message: Downlink
            if gateway.role == "hub":
                message = hub_manifest(standing, row, gateway.hub, suppliers)
            elif name in standing.vans:
                message = van_plan(standing, row, body, standing.vans[name], visits)
            else:
                continue
            before = session.get(DownlinkRow, name)
            session.merge(
                DownlinkRow(
                    gateway=name,
                    plan=row.id,
                    revision=row.revision,
                    body=encoded(message).decode(),
                    sent_s=None,
                    acknowledged_revision=before.acknowledged_revision if before else None,
                    acknowledged_s=before.acknowledged_s if before else None,
                )
            )
            written.append(name)
        return written

    def send(self, *, everything: bool = False) -> int:
        """Send what was not sent yet, or (at the hub's start, after the broker's) everything. Gives how many."""
        with self._kit.store.read() as session:
            rows = session.scalars(ALL if everything else UNSENT).all()
        for row in rows:
            if row.gateway in self._kit.settings.gateways:
                self._sender.send(row.gateway, PLAN, row.body.encode(), retain=True)
        if rows:
            self._mark_sent({row.gateway: row.plan for row in rows})
        return len(rows)

    def _mark_sent(self, plans: Mapping[str, str]) -> None:
        now_s = self._kit.clock.now_s()
        with self._kit.store.write() as session:
            for gateway, plan in plans.items():
                row = session.get(DownlinkRow, gateway)
                if row is not None and row.plan == plan:  # a newer plan may have come between
                    row.sent_s = now_s


class Acknowledged(Follower):
    """The follower that writes down which gateway holds which plan."""

    name = "acknowledged"
    kinds: frozenset[type[AnyEvent]] = frozenset({PlanReceived})

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        event = received.event
        if not isinstance(event, PlanReceived):
            raise CannotTakeError("kind", "not a plan_received")
        row = session.get(DownlinkRow, received.gateway)
        if row is None:
            raise CannotTakeError("plan", f"no plan was ever sent to {received.gateway}")
        if row.plan == event.plan:
            row.acknowledged_revision, row.acknowledged_s = event.revision, event.t_s
        return [("plan", event.plan)] if row.plan == event.plan else []
