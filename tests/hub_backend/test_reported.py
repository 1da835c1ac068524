"""What gateways say of themselves: the newest word about a node, and what they refused, counted."""

from sqlalchemy import select

from edge_gateway.contract.messages import AnyEvent, NodeStatus, Rejected
from hub_backend.kit import Kit
from hub_backend.projections.followers import Followers
from hub_backend.projections.reported import Reported
from hub_backend.record import NodeRow, RejectRow
from tests.hub_backend import made
from tests.hub_backend.made import T0


def follow(kit: Kit, *events: AnyEvent) -> None:
    made.record(kit, *events)
    Followers(kit, [Reported()]).catch_up()


def said(seq: int, *, t_s: float, online: bool, dropped: int = 0) -> NodeStatus:
    return NodeStatus(source="van-1", boot=1, seq=seq, t_s=t_s, node="van-1/cooler", online=online, dropped=dropped)


def test_the_newest_word_about_a_node_stands_whatever_comes_late(any_kit: Kit) -> None:
    follow(any_kit, said(0, t_s=T0 + 10, online=False, dropped=3), said(1, t_s=T0, online=True))
    with any_kit.store.read() as session:
        row = session.scalars(select(NodeRow)).one()
    assert (row.node, row.gateway, row.online, row.dropped) == ("van-1/cooler", "van-1", False, 3)


def test_what_a_gateway_refused_is_counted_with_field_and_reason(any_kit: Kit) -> None:
    def refused(seq: int, count: int) -> Rejected:
        return Rejected(
            source="van-1", boot=1, seq=seq, t_s=T0, origin="gps", field="lat", reason="jumps 900 m", count=count
        )

    follow(any_kit, refused(0, 2))
    follow(any_kit, refused(1, 5))
    with any_kit.store.read() as session:
        row = session.scalars(select(RejectRow)).one()
    assert (row.origin, row.field, row.reason, row.count) == ("van-1 gps", "lat", "jumps 900 m", 7)
