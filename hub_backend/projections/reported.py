"""The follower of what gateways say of themselves: how their nodes are, and what they refused."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, NodeStatus, Rejected
from hub_backend.projections.follower import Follower, Received
from hub_backend.record import NodeRow
from hub_backend.rejects import Refusal, set_aside
from hub_backend.shown import Change
from hub_backend.store import row_of


class Reported(Follower):
    """Writes `nodes`, and counts what a gateway refused beside what the hub itself set aside."""

    name = "reported"
    kinds: frozenset[type[AnyEvent]] = frozenset({NodeStatus, Rejected})

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        match received.event:
            case NodeStatus() as status:
                _keep(session, received.gateway, status)
            case Rejected() as refused:
                origin = f"{received.gateway} {refused.origin}"
                refusal = Refusal(origin, refused.field, refused.reason, comes_again=True, count=refused.count)
                return [("reject", str(*set_aside(session, refusal, now_s=refused.t_s)))]
            case _:
                pass
        return []


def _keep(session: Session, gateway: str, status: NodeStatus) -> None:
    """The newest word about a node; an older one that comes late changes nothing."""
    row = row_of(session, NodeRow, status.node)
    if row is None:
        row = NodeRow(node=status.node)
        session.add(row)
    elif status.t_s < row.t_s:
        return
    row.gateway, row.t_s, row.online = gateway, status.t_s, status.online
    row.dropped, row.rejected_frames, row.firmware = status.dropped, status.rejected_frames, status.firmware
